//! Short names for long contents: SHA-256 over parts, each with its length before it.
//!
//! # Invariants
//! - Different lists of parts have different contents to hash: `["a", "b"]` is not `["ab"]`.
//! - The result is lower-case hex of 64 characters; take as many as the use needs.
//!
//! # Example
//! ```
//! use bitcoin_controller::controller::digest;
//! assert_eq!(digest::of(&["a", "b"]), digest::of(&["a", "b"]));
//! assert_ne!(digest::of(&["a", "b"]), digest::of(&["ab", ""]));
//! ```

use rust_bitcoin::hashes::{Hash, HashEngine, Hmac, HmacEngine, sha256};

/// The hash of `parts`.
pub fn of(parts: &[&str]) -> String {
    let mut engine = sha256::Hash::engine();
    feed(&mut engine, parts);
    sha256::Hash::from_engine(engine).to_string()
}

/// The hash of `parts` that only who knows `key` can compute.
pub fn keyed(key: &str, parts: &[&str]) -> String {
    let mut engine = HmacEngine::<sha256::Hash>::new(key.as_bytes());
    feed(&mut engine, parts);
    Hmac::from_engine(engine).to_string()
}

fn feed(engine: &mut impl HashEngine, parts: &[&str]) {
    for part in parts {
        engine.input(&(part.len() as u64).to_le_bytes());
        engine.input(part.as_bytes());
    }
}
