//! Numbers that stand for settings, in the annotations of Secrets.

/// FNV-1a: short, and the same for ever, which the standard library's hash does not promise.
pub fn digest(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
