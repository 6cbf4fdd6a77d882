//! Chance, as a value that is handed in.
//!
//! Jitter, topologies, peers to try first: each needs numbers nobody can predict in production and
//! everybody can repeat in a test. A [`Random`] is one or the other. Parts that must not disturb
//! each other's sequence take a [`fork`](Random::fork) under a name of their own: then one more
//! draw here changes nothing there, and a seed replays a run even after the code has grown.
//!
//! # Invariants
//! - Two seeded generators with the same seed and the same forks give the same numbers.
//! - [`Random::os`] reads the operating system's generator on every draw; only it is fit for secrets.
//!
//! # Example
//! ```
//! use bitcoin_controller::base::Random;
//! let (a, b) = (Random::seeded(7).fork("links"), Random::seeded(7).fork("links"));
//! assert_eq!(a.next_u64(), b.next_u64());
//! assert!(a.below(10) < 10);
//! ```
//!
//! # Source
//! The seeded generator is SplitMix64 (Steele, Lea and Flood, 2014): one addition and a mix.

use std::sync::{Arc, Mutex};

use crate::base::hash::fnv1a;

/// A source of random numbers. Clones share one sequence; [`fork`](Random::fork) starts another.
#[derive(Clone, Debug)]
pub struct Random(Source);

#[derive(Clone, Debug)]
enum Source {
    Os,
    Seeded { seed: u64, state: Arc<Mutex<u64>> },
}

impl Random {
    /// The operating system's generator: for secrets, and for production.
    pub fn os() -> Self {
        Random(Source::Os)
    }

    /// A repeatable sequence: for tests and for topologies that a seed must determine.
    pub fn seeded(seed: u64) -> Self {
        Random(Source::Seeded {
            seed,
            state: Arc::new(Mutex::new(seed)),
        })
    }

    /// A generator of its own for the part called `name`. Forking draws nothing from `self`.
    pub fn fork(&self, name: &str) -> Self {
        match &self.0 {
            Source::Os => Random::os(),
            Source::Seeded { seed, .. } => {
                let hash = fnv1a(name.as_bytes());
                Random::seeded(mix(seed.wrapping_add(hash)))
            }
        }
    }

    /// 64 random bits.
    pub fn next_u64(&self) -> u64 {
        match &self.0 {
            Source::Os => getrandom::u64()
                .expect("the operating system always has random numbers once it has booted"),
            Source::Seeded { state, .. } => {
                let mut state = state
                    .lock()
                    .expect("no draw panics while it holds the state");
                *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
                mix(*state)
            }
        }
    }

    /// A number from 0 to `bound - 1`, each as likely (to one part in 2^64); 0 if `bound` is 0.
    pub fn below(&self, bound: u64) -> u64 {
        let wide = u128::from(self.next_u64()) * u128::from(bound);
        u64::try_from(wide >> 64).expect("the high half of a 128-bit number has 64 bits")
    }

    /// A number from 0.0 up to, not including, 1.0.
    pub fn unit(&self) -> f64 {
        // 53 bits are what a double holds exactly.
        (self.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Fills `bytes`.
    pub fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.next_u64().to_le_bytes()[..chunk.len()]);
        }
    }

    /// 128 random bits in the form of a UUID, version 4.
    pub fn uuid(&self) -> String {
        let (high, low) = (self.next_u64(), self.next_u64());
        format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xfff,
            0x8000 | ((low >> 48) & 0x3fff),
            low & 0xffff_ffff_ffff,
        )
    }

    /// Brings `items` into a random order (Fisher-Yates).
    pub fn shuffle<T>(&self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = self.below(last as u64 + 1) as usize;
            items.swap(last, other);
        }
    }
}

fn mix(seed: u64) -> u64 {
    let seed = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let seed = (seed ^ (seed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    seed ^ (seed >> 31)
}
