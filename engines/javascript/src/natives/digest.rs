//! The digests of `crypto.subtle`.

#![expect(clippy::needless_pass_by_value, reason = "rquickjs passes values")]

use rquickjs::{Ctx, Result, Value};
use sha2::{Digest as _, Sha256, Sha384, Sha512};

use super::bytes;

pub(super) fn digest<'js>(ctx: Ctx<'js>, name: String, input: Value<'js>) -> Result<Value<'js>> {
    let input = bytes::of(&ctx, &input)?;
    bytes::new(&ctx, &sum(&name, &[&input]))
}

pub(super) fn hmac<'js>(
    ctx: Ctx<'js>,
    name: String,
    key: Value<'js>,
    input: Value<'js>,
) -> Result<Value<'js>> {
    let (key, input) = (bytes::of(&ctx, &key)?, bytes::of(&ctx, &input)?);
    bytes::new(&ctx, &code(&name, &key, &input))
}

/// RFC 2104.
fn code(name: &str, key: &[u8], input: &[u8]) -> Vec<u8> {
    let block = if matches!(name, "SHA-384" | "SHA-512") { 128 } else { 64 };
    let mut key = if key.len() > block { sum(name, &[key]) } else { key.to_vec() };
    key.resize(block, 0);
    let pad = |with: u8| key.iter().map(|byte| byte ^ with).collect::<Vec<u8>>();
    sum(name, &[&pad(0x5c), &sum(name, &[&pad(0x36), input])])
}

/// The digest of several pieces. The prelude has checked the name.
fn sum(name: &str, pieces: &[&[u8]]) -> Vec<u8> {
    macro_rules! with {
        ($digest:ty) => {{
            let mut digest = <$digest>::new();
            pieces.iter().for_each(|piece| digest.update(piece));
            digest.finalize().to_vec()
        }};
    }
    match name {
        "SHA-384" => with!(Sha384),
        "SHA-512" => with!(Sha512),
        "SHA-1" => sha_1(&pieces.concat()).to_vec(),
        _ => with!(Sha256),
    }
}

/// SHA-1, which is for webhooks and caches of others, and protects nothing any more.
fn sha_1(input: &[u8]) -> [u8; 20] {
    let mut state: [u32; 5] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];
    let mut padded = input.to_vec();
    padded.push(0x80);
    padded.resize(padded.len().next_multiple_of(64), 0);
    if padded.len() - input.len() < 9 {
        padded.resize(padded.len() + 64, 0);
    }
    let end = padded.len() - 8;
    padded[end..].copy_from_slice(&(input.len() as u64 * 8).to_be_bytes());
    for block in padded.as_chunks::<64>().0 {
        let mut words = [0_u32; 80];
        for (word, bytes) in words.iter_mut().zip(block.as_chunks::<4>().0) {
            *word = u32::from_be_bytes(*bytes);
        }
        for at in 16..80 {
            words[at] = (words[at - 3] ^ words[at - 8] ^ words[at - 14] ^ words[at - 16]).rotate_left(1);
        }
        let [mut a, mut b, mut c, mut d, mut e] = state;
        for (at, word) in words.iter().enumerate() {
            let (f, k) = match at {
                0..20 => ((b & c) | (!b & d), 0x5a82_7999),
                20..40 => (b ^ c ^ d, 0x6ed9_eba1),
                40..60 => ((b & c) | (b & d) | (c & d), 0x8f1b_bcdc),
                _ => (b ^ c ^ d, 0xca62_c1d6_u32),
            };
            let next = a.rotate_left(5).wrapping_add(f).wrapping_add(e).wrapping_add(k).wrapping_add(*word);
            (e, d, c, b, a) = (d, c, b.rotate_left(30), a, next);
        }
        for (sum, add) in state.iter_mut().zip([a, b, c, d, e]) {
            *sum = sum.wrapping_add(add);
        }
    }
    let mut out = [0; 20];
    for (bytes, word) in out.as_chunks_mut::<4>().0.iter_mut().zip(state) {
        *bytes = word.to_be_bytes();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn digests_of_the_standards() {
        assert_eq!(hex(&sum("SHA-1", &[b"abc"])), "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert_eq!(hex(&sum("SHA-1", &[b""])), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
        let long = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
        assert_eq!(hex(&sum("SHA-1", &[long.as_bytes()])), "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
        assert!(hex(&sum("SHA-256", &[b"a", b"bc"])).starts_with("ba7816bf8f01cfea414140de5dae2223"));
        assert_eq!((sum("SHA-384", &[]).len(), sum("SHA-512", &[]).len()), (48, 64));
    }

    #[test]
    fn codes_of_the_standard() {
        let quick = b"The quick brown fox jumps over the lazy dog";
        assert_eq!(hex(&code("SHA-1", b"key", quick)), "de7c9b85b8b78aa6bc8a7a36f70a90701c9db4d9");
        assert!(hex(&code("SHA-256", b"key", quick)).starts_with("f7bc83f430538424b13298e6aa6fb143"));
        assert!(hex(&code("SHA-512", &[7; 200], quick)).len() == 128);
    }
}
