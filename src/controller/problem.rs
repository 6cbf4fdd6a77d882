//! What keeps a network from being what it should be: a thing to tell, or a thing to try again.
//!
//! # Invariants
//! - [`Problem::Blocked`] is a state of the world: it becomes a condition and an event, and is looked at
//!   again slowly. Trying at once would find the same.
//! - [`Problem::Failed`] is an attempt that did not work: it is tried again with backoff, and is only
//!   logged.

use std::fmt;

use crate::api::ObjectKey;
use crate::client;
use crate::controller::reasons;

/// Why a step could not be taken.
#[derive(Debug)]
pub enum Problem {
    /// Somebody has to change something.
    Blocked {
        /// One of [`reasons`].
        reason: &'static str,
        /// For the person who has to.
        message: String,
    },
    /// The API server could not be asked or did not do it.
    Failed(client::Error),
}

impl Problem {
    /// A state of the world that somebody has to change.
    pub fn blocked(reason: &'static str, message: impl Into<String>) -> Self {
        Problem::Blocked {
            reason,
            message: message.into(),
        }
    }

    /// The name is somebody else's.
    pub fn conflict(kind: &str, key: &ObjectKey, owner: &str) -> Self {
        let message = format!("{kind} `{key}` exists and belongs to {owner}; it is left alone");
        Problem::blocked(reasons::NAME_CONFLICT, message)
    }

    /// The name will be free.
    pub fn terminating(kind: &str, key: &ObjectKey) -> Self {
        let message = format!("waiting until the previous {kind} `{key}` is gone");
        Problem::blocked(reasons::TERMINATING, message)
    }
}

/// What the server will refuse again is told; everything else is tried again.
impl From<client::Error> for Problem {
    fn from(error: client::Error) -> Self {
        match () {
            () if error.is_invalid() || error.is_malformed() => {
                Problem::blocked(reasons::REFUSED, error.to_string())
            }
            () if error.is_forbidden() && !error.is_namespace_terminating() => {
                Problem::blocked(reasons::REFUSED, error.to_string())
            }
            () => Problem::Failed(error),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Blocked { reason, message } => write!(f, "{reason}: {message}"),
            Problem::Failed(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for Problem {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Problem::Blocked { .. } => None,
            Problem::Failed(error) => std::error::Error::source(error),
        }
    }
}
