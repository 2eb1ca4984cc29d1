//! Numbers of JSON.

/// A number at the beginning of a text.
#[derive(Debug, PartialEq)]
pub(super) enum Number {
    /// Its value.
    Known(f64),
    /// It has more digits than this file reads.
    Long,
}

/// No number of so many digits is rounded, and no two of them are the same value.
const DIGITS: usize = 15;

/// Powers of ten, which are not rounded.
const POWERS: [f64; 16] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

/// The most digits behind the point that are written here.
const FRACTION: usize = 6;

/// A number at the beginning of the text, and how long it is. `None` if there is none that JSON allows.
pub(super) fn read(text: &[u8]) -> Option<(Number, usize)> {
    let start = usize::from(text.first() == Some(&b'-'));
    let mut sum = 0;
    let whole = digits(text, start, &mut sum);
    if whole == 0 || (whole > 1 && text.get(start) == Some(&b'0')) {
        return None;
    }
    let mut end = start + whole;
    let mut fraction = 0;
    if text.get(end) == Some(&b'.') {
        fraction = digits(text, end + 1, &mut sum);
        if fraction == 0 {
            return None;
        }
        end += 1 + fraction;
    }
    let mut is_long = whole + fraction > DIGITS;
    if matches!(text.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(text.get(end + 1), Some(b'+' | b'-')));
        let exponent = digits(text, end + 1 + sign, &mut sum);
        if exponent == 0 {
            return None;
        }
        end += 1 + sign + exponent;
        is_long = true;
    }
    if is_long {
        return Some((Number::Long, end));
    }
    #[expect(clippy::cast_precision_loss, reason = "there are 15 digits at most")]
    let size = sum as f64;
    // One division of two numbers that are not rounded is rounded as the whole number is.
    let size = if fraction == 0 { size } else { POWERS.get(fraction).map_or(size, |power| size / power) };
    Some((Number::Known(if start == 1 { -size } else { size }), end))
}

/// How many digits there are, which are added to the sum. Of a longer number the sum means nothing.
fn digits(text: &[u8], from: usize, sum: &mut u64) -> usize {
    let mut at = from;
    while let Some(digit) = text.get(at).map(|byte| byte.wrapping_sub(b'0')).filter(|digit| *digit < 10) {
        *sum = sum.wrapping_mul(10).wrapping_add(u64::from(digit));
        at += 1;
    }
    at - from
}

/// Writes a number as JavaScript does, if it has 15 digits at most, 6 of them behind the point. False if it has more.
pub(super) fn write(out: &mut Vec<u8>, value: f64) -> bool {
    let size = value.abs();
    for (fraction, power) in POWERS.iter().enumerate().take(FRACTION + 1) {
        let whole = (size * power).round_ties_even();
        if whole >= 1e15 || whole.is_nan() {
            return false;
        }
        if whole / power == size {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is an integer")]
            write_digits(out, value < 0.0, whole as u64, fraction);
            return true;
        }
    }
    false
}

/// Writes an integer.
pub(super) fn write_integer(out: &mut Vec<u8>, integer: i32) {
    write_digits(out, integer < 0, integer.unsigned_abs().into(), 0);
}

/// Writes digits, so many of them behind the point.
fn write_digits(out: &mut Vec<u8>, is_negative: bool, mut rest: u64, fraction: usize) {
    let mut digits = [0; 24];
    let mut at = digits.len();
    let mut put = |byte| {
        at -= 1;
        digits[at] = byte;
        at
    };
    let mut count = 0;
    while rest > 0 || count <= fraction {
        if count == fraction && fraction > 0 {
            put(b'.');
        }
        put(b'0' + u8::try_from(rest % 10).unwrap_or(0));
        rest /= 10;
        count += 1;
    }
    if is_negative {
        put(b'-');
    }
    out.extend_from_slice(&digits[at..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_json() {
        for (text, value, length) in [
            ("0", 0.0, 1),
            ("-0", -0.0, 2),
            ("17,", 17.0, 2),
            ("0.99]", 0.99, 4),
            ("-1.5", -1.5, 4),
            ("123456789012345", 123_456_789_012_345.0, 15),
            ("0.00000000000001", 1e-14, 16),
        ] {
            assert_eq!(read(text.as_bytes()), Some((Number::Known(value), length)), "{text}");
        }
        let Some((Number::Known(zero), _)) = read(b"-0") else { panic!() };
        assert!(zero.is_sign_negative());
        for text in ["1E-2", "-1.5e3", "9007199254740993", "1e400", "0.000000000000001", "1234567890.1234567"]
        {
            assert_eq!(read(format!("{text},").as_bytes()), Some((Number::Long, text.len())), "{text}");
        }
        for text in ["", "-", "01", "1.", "1.e1", "1e", "1e+", "+1", ".5", "NaN", "-Infinity"] {
            assert_eq!(read(text.as_bytes()), None, "{text}");
        }
    }

    fn written(value: f64) -> Option<String> {
        let mut out = Vec::new();
        write(&mut out, value).then(|| String::from_utf8(out).unwrap())
    }

    #[test]
    fn short_numbers_are_written() {
        for (value, text) in [
            (0.0, "0"),
            (-0.0, "0"),
            (0.99, "0.99"),
            (12.5, "12.5"),
            (-0.000_001, "-0.000001"),
            (100.0, "100"),
            (1_700_000_000_123.0, "1700000000123"),
            (999_999_999.999_999, "999999999.999999"),
        ] {
            assert_eq!(written(value).as_deref(), Some(text));
        }
        for value in [1e15, 1e-7, 0.1 + 0.2, 1.0 / 3.0, f64::NAN, f64::INFINITY, f64::MIN_POSITIVE] {
            assert_eq!(written(value), None, "{value}");
        }
        let mut out = Vec::new();
        [0, 7, -10, i32::MIN, i32::MAX].iter().for_each(|integer| write_integer(&mut out, *integer));
        assert_eq!(String::from_utf8_lossy(&out), "07-10-21474836482147483647");
    }

    #[test]
    fn what_is_written_is_what_rust_writes() {
        let mut seed: u64 = 1;
        let mut count = 0;
        for _ in 0..200_000 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            #[expect(clippy::cast_precision_loss, reason = "it is any number")]
            let near = (seed >> 20) as f64 / POWERS[(seed >> 8) as usize % 16];
            for value in [f64::from_bits(seed), near, near.trunc()] {
                if let Some(text) = written(value) {
                    assert_eq!(text, if value == 0.0 { "0".to_owned() } else { value.to_string() });
                    count += 1;
                }
            }
        }
        assert!(count > 100_000, "{count}");
    }
}
