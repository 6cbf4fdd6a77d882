//! When the next block is due, and who mines it: functions of a seed and a number, so that asking again
//! draws the same.
//!
//! On the real network the time until the next block is random: each hash is a new try, so what has
//! passed does not count, and the waiting times are exponential. A test network may want that, or a block
//! every ten seconds. Either way a program that is started anew must not draw again, or an impatient
//! restart would change the outcome. So nothing is drawn from a running generator: the seed is the
//! network's own, and the *turn* (how many blocks there are) says which draw it is.
//!
//! # Invariants
//! - The same seed and turn give the same wait and the same miner.
//! - A miner of weight 0 is never chosen; over many turns each is chosen in proportion to its weight.
//!
//! # Example
//! ```
//! use bitcoin_controller::bitcoin::pace::{Miners, Pace};
//! use std::time::Duration;
//!
//! let pace = Pace::Poisson(Duration::from_secs(600));
//! assert_eq!(pace.wait(7, 101), pace.wait(7, 101));
//! let miners = Miners::new([(0, 3), (1, 1), (2, 0)]);
//! assert_ne!(miners.choose(7, 101), Some(2));
//! ```

use std::time::Duration;

use crate::base::Random;

/// How blocks follow one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// One in each such time.
    Every(Duration),
    /// At random, with this mean.
    Poisson(Duration),
}

impl Pace {
    /// The time between two blocks, on average.
    pub fn mean(self) -> Duration {
        match self {
            Pace::Every(time) | Pace::Poisson(time) => time,
        }
    }

    /// How long after the block before it the block of this turn is due.
    pub fn wait(self, seed: u64, turn: u64) -> Duration {
        match self {
            Pace::Every(time) => time,
            Pace::Poisson(mean) => {
                // From 0.0 up to, not including, 1.0: the logarithm is of no zero.
                let chance = draw(seed, "wait", turn).unit();
                mean.mul_f64(-(1.0 - chance).ln())
            }
        }
    }
}

/// Nodes that mine, each with a weight above 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Miners(Vec<(i32, u32)>);

impl Miners {
    /// Miners by ordinal and weight; those without weight are left out, and weights of one node are summed.
    pub fn new(weights: impl IntoIterator<Item = (i32, u32)>) -> Self {
        let mut miners: Vec<(i32, u32)> = weights
            .into_iter()
            .filter(|(_, weight)| *weight > 0)
            .collect();
        miners.sort_unstable();
        miners.dedup_by(|again, first| {
            let is_same = again.0 == first.0;
            if is_same {
                first.1 = first.1.saturating_add(again.1);
            }
            is_same
        });
        Miners(miners)
    }

    /// Those that `may`.
    #[must_use]
    pub fn among(&self, may: impl Fn(i32) -> bool) -> Self {
        let chosen = self.0.iter().filter(|(ordinal, _)| may(*ordinal));
        Miners(chosen.copied().collect())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Who has this turn; `None` if there is nobody.
    pub fn choose(&self, seed: u64, turn: u64) -> Option<i32> {
        let total = self.0.iter().map(|(_, weight)| u64::from(*weight)).sum();
        let mut drawn = draw(seed, "miner", turn).below(total);
        for (ordinal, weight) in &self.0 {
            match drawn.checked_sub(u64::from(*weight)) {
                Some(left) => drawn = left,
                None => return Some(*ordinal),
            }
        }
        None
    }
}

/// A generator for one draw.
fn draw(seed: u64, what: &str, turn: u64) -> Random {
    Random::seeded(seed).fork(&format!("{what} {turn}"))
}
