//! A small hash that is the same in every process: for names of things, never for secrets.
//!
//! # Example
//! ```
//! use bitcoin_controller::base::hash::fnv1a;
//! assert_eq!(fnv1a(b"a"), 0xaf63_dc4c_8601_ec8c);
//! ```
//!
//! # Source
//! FNV-1a, 64 bits (Fowler, Noll, Vo).

/// The hash of `bytes`. Whoever chooses them can make two that agree.
pub fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
