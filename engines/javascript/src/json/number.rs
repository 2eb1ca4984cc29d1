//! Numbers of JSON.

/// A number at the beginning of the text, and how long it is. `None` if there is none that JSON allows.
pub(super) fn read(text: &str) -> Option<(f64, usize)> {
    let bytes = text.as_bytes();
    let mut end = usize::from(bytes.first() == Some(&b'-'));
    let digits = |from: usize| bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let whole = digits(end);
    if whole == 0 || (whole > 1 && bytes[end] == b'0') {
        return None;
    }
    end += whole;
    let is_integer = !matches!(bytes.get(end), Some(b'.' | b'e' | b'E'));
    // No number of 15 digits is rounded.
    if is_integer && whole <= 15 {
        let start = end - whole;
        let value = bytes[start..end].iter().fold(0_i64, |sum, digit| sum * 10 + i64::from(digit - b'0'));
        #[expect(clippy::cast_precision_loss, reason = "there are 15 digits at most")]
        let value = value as f64;
        return Some((if start == 1 { -value } else { value }, end));
    }
    if bytes.get(end) == Some(&b'.') {
        let fraction = digits(end + 1);
        if fraction == 0 {
            return None;
        }
        end += 1 + fraction;
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        let exponent = digits(end + 1 + sign);
        if exponent == 0 {
            return None;
        }
        end += 1 + sign + exponent;
    }
    Some((text[..end].parse().ok()?, end))
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn numbers_of_json() {
        for (text, value, length) in [
            ("0", 0.0, 1),
            ("-0", -0.0, 2),
            ("17,", 17.0, 2),
            ("-1.5e3]", -1500.0, 6),
            ("1E-2", 0.01, 4),
            ("9007199254740993", 9_007_199_254_740_992.0, 16),
            ("123456789012345", 123_456_789_012_345.0, 15),
            ("1e400", f64::INFINITY, 5),
        ] {
            assert_eq!(read(text), Some((value, length)), "{text}");
        }
        assert!(read("-0").unwrap().0.is_sign_negative());
        for text in ["", "-", "01", "1.", "1.e1", "1e", "1e+", "+1", ".5", "NaN", "-Infinity"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
