//! What a probe is told: all is well, or what is not, in the words of Kubernetes' own components.
//!
//! ```text
//!   [+]ping ok
//!   [-]pods failed: the first list is not in the cache yet
//!   readyz check failed
//! ```
//!
//! # Invariants
//! - The answer is 200 exactly if every check is.
//! - A failure is always told in full: whoever probes by hand need not know of `?verbose`.
//!
//! # Example
//! ```
//! use bitcoin_controller::serve::{Check, checks};
//!
//! let all = [Check::new("ping", Ok(())), Check::new("pods", Err("not listed yet".to_owned()))];
//! assert_eq!(checks::answer("readyz", "", &all[..1]).body, "ok");
//! assert_eq!(checks::answer("readyz", "", &all).status, 503);
//! ```
//!
//! # Source
//! apiserver `pkg/server/healthz/healthz.go`. What differs: 503 instead of 500, since nothing is broken;
//! the reason is told, as it holds no secret and only the cluster asks; no `?exclude`, no path for each check.

use std::fmt::Write;

use crate::serve::pages::Answer;

/// One thing that must be so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    name: String,
    outcome: Result<(), String>,
}

impl Check {
    /// A check called `name`, and how it went: why not, if it did not.
    pub fn new(name: impl Into<String>, outcome: Result<(), String>) -> Self {
        Check {
            name: name.into(),
            outcome,
        }
    }
}

/// The answer on the page `name`, such as `readyz`.
pub fn answer(name: &str, query: &str, checks: &[Check]) -> Answer {
    let is_verbose = query.split('&').any(|part| {
        let parameter = part.split('=').next();
        parameter == Some("verbose")
    });
    let is_well = checks.iter().all(|check| check.outcome.is_ok());
    if is_well && !is_verbose {
        return Answer::text(200, "ok");
    }
    let mut text = String::new();
    for Check { name, outcome } in checks {
        let line = match outcome {
            Ok(()) => writeln!(text, "[+]{name} ok"),
            Err(why) => writeln!(text, "[-]{name} failed: {why}"),
        };
        line.expect("a String takes everything");
    }
    let (status, verdict) = if is_well {
        (200, "passed")
    } else {
        (503, "failed")
    };
    Answer::text(status, format!("{text}{name} check {verdict}\n"))
}
