//! What a reflector does next, decided from what has just happened.
//!
//! A reflector knows three steps: get the whole state (as initial events or by a list), get it by
//! a list, watch. After each there is one question: which step next, and must we wait first? The
//! answers are a table, and this chapter is the table; the one who acts is
//! [`reflector`](crate::cache::reflector).
//!
//! | what happened | next | wait first |
//! |---|---|---|
//! | the whole state came, as initial events | go on with the same stream | |
//! | … their version is gone, or not reached | state, as of now | if it was as of now |
//! | … too many requests, connection refused | state | yes |
//! | … they ended or broke before they were whole | state, [three times](MAX_UNFINISHED); then list | yes |
//! | … they ended without any, went silent, were refused, cannot be read | list | |
//! | list done | watch | |
//! | list failed | state | yes |
//! | watch ended, after a new version or after a second | watch, from the last version | |
//! | watch ended at once, at the version it began with | state | yes |
//! | … gone, as the answer to the watch or within it | state, as of now | only if it was so the last time |
//! | … too many requests, connection refused | watch, from the last version | yes |
//! | … anything else, an event nobody can read among it | state | yes |
//!
//! The state is asked for as initial events, unless this server has shown that it does not have
//! them: it called the question bad, or it never said that they were whole. Then it is a list, for
//! good: asking again each time would only cost a request. Any other failure is one of that moment.
//!
//! # Invariants
//! - Two attempts at most that bring nothing follow each other without a wait, except that a list
//!   may stand in for initial events at once.
//! - A server that never ends its initial events is asked for them a bounded number of times.
//!
//! # Example
//! ```
//! use bitcoin_controller::api::meta::Status;
//! use bitcoin_controller::cache::next_step::{Course, Step};
//! use bitcoin_controller::client::Error;
//!
//! let gone = Error::refused("watch pods", Status { code: 410, ..Status::default() });
//! let mut course = Course::new(true);
//! let next = course.after_watch(Err(&gone), false, false);
//! assert_eq!((next.step, next.wait), (Step::State, None));
//! let again = course.after_watch(Err(&gone), false, false);
//! assert!(again.wait.is_some());
//! ```
//!
//! # Source
//! client-go `tools/cache/reflector.go`. What differs:
//! - Streams without an end of their initial events are bounded, in number and in time; theirs are
//!   tried for ever.
//! - Gone leads to a state as of now at once; theirs waits and asks for the lost version first. That
//!   holds for both forms of it, and a second Gone in a row waits.
//! - A watch that ends at once after events of the version it began with (a bookmark, say) has brought
//!   nothing; theirs is asked again without a wait, for ever.
//! - No window in which internal errors within a watch are retried: theirs is zero by default.

use std::mem;
use std::time::Duration;

use crate::cache::initial_events::Unfinished;
use crate::client::Error;

/// How many streams in a row may end before their initial events are whole; then this server is
/// asked for lists.
pub const MAX_UNFINISHED: u32 = 3;

/// What a reflector does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Get the whole state, whichever way this server has.
    State,
    /// Get it by a list.
    List,
    /// Watch from the last version.
    Watch,
}

/// The next step, and how long to wait first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Next {
    /// The step.
    pub step: Step,
    /// `None`: not at all. Otherwise as long as the backoff says, and at least this.
    pub wait: Option<Duration>,
}

impl Next {
    fn at_once(step: Step) -> Self {
        Next { step, wait: None }
    }

    fn after_backoff(step: Step) -> Self {
        Next {
            step,
            wait: Some(Duration::ZERO),
        }
    }

    /// After as long as the server asks for, if that is longer.
    fn after_retry(step: Step, error: &Error) -> Self {
        Next {
            step,
            wait: Some(error.retry_after().unwrap_or_default()),
        }
    }
}

/// What is known of the server so far that bears on the next step.
#[derive(Clone, Debug)]
pub struct Course {
    /// Whether it can be asked for initial events, as far as is known.
    has_initial_events: bool,
    /// How many streams in a row ended before their initial events were whole.
    n_unfinished: u32,
    /// It has lost the last version, or has not reached it.
    is_version_unavailable: bool,
    /// The last watch was Gone before it brought anything.
    was_gone_at_once: bool,
}

impl Course {
    /// Nothing is known yet; `initial_events`: whether to ask for them at all.
    pub fn new(initial_events: bool) -> Self {
        Course {
            has_initial_events: initial_events,
            n_unfinished: 0,
            is_version_unavailable: false,
            was_gone_at_once: false,
        }
    }

    /// Whether to ask for the state as initial events.
    pub fn has_initial_events(&self) -> bool {
        self.has_initial_events
    }

    /// Whether to ask for the state as of now instead of for the last version.
    pub fn is_version_unavailable(&self) -> bool {
        self.is_version_unavailable
    }

    /// The whole state has come, as initial events.
    pub fn after_initial_events(&mut self) {
        self.n_unfinished = 0;
        self.is_version_unavailable = false;
    }

    /// It has not; `was_as_of_now`: it was not asked for at a version.
    pub fn after_unfinished(&mut self, unfinished: &Unfinished, was_as_of_now: bool) -> Next {
        match unfinished {
            Unfinished::Failed(error) if is_version_unavailable(error) => {
                self.is_version_unavailable = true;
                match was_as_of_now {
                    false => Next::at_once(Step::State),
                    true => Next::after_backoff(Step::State),
                }
            }
            Unfinished::Failed(error) if is_to_be_tried_again(error) => {
                Next::after_retry(Step::State, error)
            }
            Unfinished::Failed(error) => {
                self.has_initial_events &= !error.is_bad_request();
                Next::at_once(Step::List)
            }
            Unfinished::Silent => {
                self.has_initial_events = false;
                Next::at_once(Step::List)
            }
            Unfinished::Ended { n_events } => {
                self.n_unfinished += 1;
                self.has_initial_events &= self.n_unfinished < MAX_UNFINISHED;
                match n_events {
                    0 => Next::at_once(Step::List),
                    _ => Next::after_backoff(Step::State),
                }
            }
        }
    }

    /// A list at a version has failed. Returns whether to list once more at once, as of now.
    pub fn lists_again_after(&mut self, error: &Error) -> bool {
        self.is_version_unavailable |= is_version_unavailable(error);
        self.is_version_unavailable
    }

    /// A list has ended; `is_whole`: with the whole state.
    pub fn after_list(&mut self, is_whole: bool) -> Next {
        self.is_version_unavailable &= !is_whole;
        match is_whole {
            true => Next::at_once(Step::Watch),
            false => Next::after_backoff(Step::State),
        }
    }

    /// A watch has ended. `has_brought_something`: a new version, or it has lasted. `has_state`: it has
    /// brought the whole state before.
    pub fn after_watch(
        &mut self,
        ended: Result<(), &Error>,
        has_brought_something: bool,
        has_state: bool,
    ) -> Next {
        self.was_gone_at_once &= !has_brought_something;
        match ended {
            Ok(()) if has_brought_something || has_state => Next::at_once(Step::Watch),
            Ok(()) => Next::after_backoff(Step::State),
            Err(error) if error.is_gone() => {
                self.is_version_unavailable = true;
                match mem::replace(&mut self.was_gone_at_once, true) {
                    false => Next::at_once(Step::State),
                    true => Next::after_backoff(Step::State),
                }
            }
            Err(error) if is_to_be_tried_again(error) => Next::after_retry(Step::Watch, error),
            Err(_) => Next::after_backoff(Step::State),
        }
    }
}

/// The server has lost the version, or has not reached it.
fn is_version_unavailable(error: &Error) -> bool {
    error.is_gone() || error.is_too_large_resource_version()
}

/// The server, or what is in front of it, cannot answer just now: asking for less would not help.
fn is_to_be_tried_again(error: &Error) -> bool {
    error.is_too_many_requests() || error.is_connection_refused()
}
