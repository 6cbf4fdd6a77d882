//! What can be wrong with an API server, on request.
//!
//! A [`Rule`] says which requests, how often, and what happens to them. A test adds rules one by one,
//! or lets a seed choose ([`Faults::at_random`]); either way the world is told what went wrong by the
//! same bytes that a real server, or a real network, would send.
//!
//! # Invariants
//! - Without rules nothing is wrong.
//! - A rule with `times` is used up after so many requests.
//!
//! # Example
//! ```
//! use bitcoin_controller::sim::faults::{Effect, Faults, Rule};
//!
//! let faults = Faults::default();
//! faults.add(Rule::new("apply", "statefulsets.apps", Effect::conflict()).once());
//! assert!(faults.effect("apply", "statefulsets.apps").is_some());
//! assert!(faults.effect("apply", "statefulsets.apps").is_none());
//! ```

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::base::Random;
use crate::sim::refusal::Refusal;

/// The faults of one server. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    rules: Vec<Rule>,
    chance: Option<Chance>,
    /// Cancelled when the watches of now are to break off.
    cut: CancellationToken,
}

#[derive(Debug)]
struct Chance {
    random: Random,
    /// One request in so many goes wrong.
    one_in: u64,
}

/// Which requests go wrong, and how.
#[derive(Clone, Debug)]
pub struct Rule {
    /// `get`, `list`, `watch`, `create`, `apply`, …; empty: all.
    pub verb: String,
    /// `pods`, `statefulsets.apps`, …; empty: all.
    pub resource: String,
    /// How many requests; `None`: until the rules are cleared.
    pub times: Option<u32>,
    /// What happens to them.
    pub effect: Effect,
}

/// What happens to a request.
#[derive(Clone, Debug)]
pub enum Effect {
    /// It is refused, and nothing is done.
    Refuse(Refusal),
    /// It is answered after this time.
    Delay(Duration),
    /// The connection breaks before anything is done.
    Drop,
    /// It is done, but the connection breaks before the answer.
    LoseAnswer,
    /// It is answered with 502 and something that is not JSON.
    Garble,
}

impl Rule {
    /// For every such request from now on.
    pub fn new(verb: &str, resource: &str, effect: Effect) -> Self {
        Rule {
            verb: verb.to_owned(),
            resource: resource.to_owned(),
            times: None,
            effect,
        }
    }

    /// For the next such request only.
    #[must_use]
    pub fn once(self) -> Self {
        self.times(1)
    }

    /// For the next such requests.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }
}

impl Effect {
    /// 409: somebody else was faster.
    pub fn conflict() -> Self {
        let message = "the object has been modified; please apply your changes to the latest version and try again";
        Effect::Refuse(Refusal::new(409, "Conflict", message))
    }

    /// 429, with the time to wait in seconds.
    pub fn too_many_requests(retry_after_seconds: u64) -> Self {
        let message =
            "the server has received too many requests and has asked us to try again later";
        let mut refusal = Refusal::new(429, "TooManyRequests", message);
        refusal.details = json!({"retryAfterSeconds": retry_after_seconds});
        Effect::Refuse(refusal)
    }

    /// 500.
    pub fn internal_error() -> Self {
        Effect::Refuse(Refusal::new(
            500,
            "InternalError",
            "Internal error occurred",
        ))
    }

    /// 410: the history does not go back so far.
    pub fn gone() -> Self {
        Effect::Refuse(Refusal::expired(1, 2))
    }
}

impl Faults {
    /// Adds a rule; the first that fits a request counts.
    pub fn add(&self, rule: Rule) {
        self.lock().rules.push(rule);
    }

    /// Lets one request in `one_in` go wrong, in a way that the seed chooses, until cleared.
    pub fn at_random(&self, random: Random, one_in: u64) {
        self.lock().chance = Some(Chance { random, one_in });
    }

    /// Nothing is wrong from now on.
    pub fn clear(&self) {
        let mut state = self.lock();
        state.rules.clear();
        state.chance = None;
    }

    /// Breaks off every watch that runs now.
    pub fn cut_watches(&self) {
        std::mem::take(&mut self.lock().cut).cancel();
    }

    /// What happens to a request; asking uses it up.
    pub fn effect(&self, verb: &str, resource: &str) -> Option<Effect> {
        let mut state = self.lock();
        let fits = |rule: &Rule| {
            (rule.verb.is_empty() || rule.verb == verb)
                && (rule.resource.is_empty() || rule.resource == resource)
                && rule.times != Some(0)
        };
        if let Some(rule) = state.rules.iter_mut().find(|rule| fits(rule)) {
            rule.times = rule.times.map(|times| times - 1);
            return Some(rule.effect.clone());
        }
        let Chance { random, one_in } = state.chance.as_ref()?;
        if random.below((*one_in).max(1)) != 0 {
            return None;
        }
        Some(match random.below(8) {
            0 => Effect::conflict(),
            1 => Effect::too_many_requests(random.below(3)),
            2 => Effect::internal_error(),
            3 if verb == "watch" || verb == "list" => Effect::gone(),
            3 | 4 => Effect::Drop,
            5 => Effect::LoseAnswer,
            6 => Effect::Garble,
            _ => Effect::Delay(Duration::from_millis(random.below(5_000))),
        })
    }

    /// Is cancelled when watches that begin now are to break off.
    pub(super) fn cut(&self) -> CancellationToken {
        self.lock().cut.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no holder of the faults panics")
    }
}
