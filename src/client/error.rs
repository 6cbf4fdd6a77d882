//! Why a request failed, and the questions callers ask about it.
//!
//! A controller meets the same few answers over and over: not there, there already, changed
//! meanwhile, too old, too busy. Each is spelled in several ways by several servers, so the spelling
//! is known here and nowhere else; callers ask [`is_not_found`](Error::is_not_found). The server's
//! `Status` is kept whole for those who show it to a person.
//!
//! # Invariants
//! - The text of an [`Error`] names the operation and its object; it never holds a request's body,
//!   an answer's object, or a credential.
//! - A reason the server gives decides; the HTTP code speaks only when there is no known reason.
//!
//! # Example
//! ```
//! use bitcoin_controller::api::meta::Status;
//! use bitcoin_controller::client::Error;
//!
//! let status = Status { reason: "Expired".into(), code: 410, ..Status::default() };
//! let error = Error::refused("watch pods", status);
//! assert!(error.is_gone() && !error.is_not_found());
//! assert_eq!(error.to_string(), "failed to watch pods: the server answered 410 Expired");
//! ```
//!
//! # Source
//! apimachinery `pkg/api/errors/errors.go`; client-go `rest/request.go` (`transformResponse`).

use std::fmt;
use std::time::Duration;

use hyper::Method;

use crate::api::meta::{Status, StatusDetails};
use crate::base::json;
use crate::client::credentials;
use crate::http;

/// Why a request failed. `operation` reads like ``get pod `default/alpha` ``.
#[derive(Debug)]
pub enum Error {
    /// The server refused; its `Status` says why.
    Refused {
        /// What was tried, on what.
        operation: String,
        /// What the server said, or what its code means if it did not say it in a `Status`.
        status: Box<Status>,
    },
    /// No connection, or it broke.
    Connection {
        /// What was tried, on what.
        operation: String,
        /// What the network said.
        source: http::Error,
    },
    /// No whole answer in time.
    Deadline {
        /// What was tried, on what.
        operation: String,
        /// How long we waited.
        after: Duration,
    },
    /// The answer is not of the shape that was expected.
    Decode {
        /// What was tried, on what.
        operation: String,
        /// Where and how; never the value.
        source: json::Error,
    },
    /// The answer breaks a rule: too large, of another kind, no upgrade.
    Protocol {
        /// What was tried, on what.
        operation: String,
        /// Which rule.
        what: String,
    },
    /// The request makes no sense and was not sent.
    Request {
        /// What was tried, on what.
        operation: String,
        /// What is wrong with it.
        what: String,
    },
    /// We cannot say who we are; nothing was sent.
    Credentials {
        /// What was tried, on what.
        operation: String,
        /// Why.
        source: credentials::Error,
    },
}

impl Error {
    /// The error for a `Status` of the server: from an answer, or from within a watch.
    pub fn refused(operation: impl Into<String>, status: Status) -> Self {
        Error::Refused {
            operation: operation.into(),
            status: Box::new(status),
        }
    }

    /// What the server said, if it was the server that refused.
    pub fn status(&self) -> Option<&Status> {
        match self {
            Error::Refused { status, .. } => Some(status),
            _ => None,
        }
    }

    /// How long the server asks to wait, if it does.
    pub fn retry_after(&self) -> Option<Duration> {
        let seconds = self.status()?.details.retry_after_seconds;
        (seconds > 0).then(|| Duration::from_secs(seconds))
    }

    /// There is no such object (or no such kind of object).
    pub fn is_not_found(&self) -> bool {
        self.is("NotFound", 404)
    }

    /// Somebody changed the object, a precondition does not hold, or a field is owned by another.
    pub fn is_conflict(&self) -> bool {
        self.is("Conflict", 409)
    }

    /// An object of this name exists.
    pub fn is_already_exists(&self) -> bool {
        self.is("AlreadyExists", 0)
    }

    /// The resource version or continue token is too old for the server: list anew.
    pub fn is_gone(&self) -> bool {
        self.is("Expired", 410) || self.is("Gone", 410)
    }

    /// The resource version is newer than the server's cache: wait, or list without one.
    ///
    /// Three generations of servers say it in three ways.
    pub fn is_too_large_resource_version(&self) -> bool {
        const TEXT: &str = "Too large resource version";
        self.status().is_some_and(|status| {
            let causes = &status.details.causes;
            let is_timeout = reason_of(status) == "Timeout";
            causes
                .iter()
                .any(|cause| cause.reason == "ResourceVersionTooLarge")
                || is_timeout && causes.iter().any(|cause| cause.message.contains(TEXT))
                || is_timeout && status.message.contains(TEXT)
        })
    }

    /// The server does not understand the question, or not this way of asking it.
    pub fn is_bad_request(&self) -> bool {
        self.is("BadRequest", 400) || self.is_invalid()
    }

    /// The object breaks a rule of its kind: trying again without a change is of no use.
    pub fn is_invalid(&self) -> bool {
        self.is("Invalid", 422)
    }

    /// The object does not have the form of its kind: a list where a text belongs, a field that is not there.
    ///
    /// An apply is refused so, and the server takes it for a mistake of its own: only the text tells.
    pub fn is_malformed(&self) -> bool {
        let message = self.status().map_or("", |status| status.message.as_str());
        let beginnings = [
            "failed to create typed patch object",
            "failed to convert new object",
        ];
        beginnings
            .iter()
            .any(|beginning| message.starts_with(beginning))
    }

    /// We may not do this.
    pub fn is_forbidden(&self) -> bool {
        self.is("Forbidden", 403)
    }

    /// The server does not know who we are.
    pub fn is_unauthorized(&self) -> bool {
        self.is("Unauthorized", 401)
    }

    /// The server is too busy for us.
    pub fn is_too_many_requests(&self) -> bool {
        self.is("TooManyRequests", 429)
    }

    /// The namespace is going away: nothing new can be made in it.
    pub fn is_namespace_terminating(&self) -> bool {
        let is_cause = |status: &Status| {
            let mut causes = status.details.causes.iter();
            causes.any(|cause| cause.reason == "NamespaceTerminating")
        };
        self.is_forbidden() && self.status().is_some_and(is_cause)
    }

    /// Nothing listens at the server's address.
    pub fn is_connection_refused(&self) -> bool {
        matches!(self, Error::Connection { source, .. } if source.is_connection_refused())
    }

    /// No answer in time: ours ran out, or the server's.
    pub fn is_timeout(&self) -> bool {
        matches!(self, Error::Deadline { .. })
            || self.is("Timeout", 504)
            || self.is("ServerTimeout", 0)
    }

    /// The paths of the applied fields that the server's schema does not have, as `.status.links`; none
    /// if something else went wrong.
    ///
    /// From any other write a server drops such fields; an apply it refuses as a whole, and all it says
    /// of the reason is in the text.
    pub fn undeclared_fields(&self) -> Vec<&str> {
        let message = self.status().map_or("", |status| status.message.as_str());
        let fields = message
            .lines()
            .filter_map(|line| line.strip_suffix(": field not declared in schema"));
        fields
            .map(|text| text.rsplit(' ').next().unwrap_or(text))
            .filter(|path| path.starts_with('.'))
            .collect()
    }

    /// The same request may well succeed a little later.
    pub fn is_transient(&self) -> bool {
        match self {
            Error::Connection { .. } | Error::Deadline { .. } | Error::Credentials { .. } => true,
            Error::Refused { status, .. } => {
                self.is_too_many_requests() || self.is_timeout() || status.code >= 500
            }
            Error::Decode { .. } | Error::Protocol { .. } | Error::Request { .. } => false,
        }
    }

    fn is(&self, reason: &str, code: u16) -> bool {
        self.status().is_some_and(|status| {
            let said = reason_of(status);
            said == reason || (code != 0 && said.is_empty() && status.code == code)
        })
    }

    fn operation(&self) -> &str {
        match self {
            Error::Refused { operation, .. }
            | Error::Connection { operation, .. }
            | Error::Deadline { operation, .. }
            | Error::Decode { operation, .. }
            | Error::Protocol { operation, .. }
            | Error::Request { operation, .. }
            | Error::Credentials { operation, .. } => operation,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "failed to {}", self.operation())?;
        match self {
            Error::Refused { status, .. } => {
                write!(f, ": the server answered {}", status.code)?;
                if !status.reason.is_empty() {
                    write!(f, " {}", status.reason)?;
                }
                if !status.message.is_empty() {
                    write!(f, ": {}", status.message)?;
                }
                Ok(())
            }
            Error::Deadline { after, .. } => write!(f, ": no whole answer within {after:?}"),
            Error::Protocol { what, .. } | Error::Request { what, .. } => write!(f, ": {what}"),
            Error::Credentials { .. } => f.write_str(": we cannot say who we are"),
            Error::Connection { .. } | Error::Decode { .. } => Ok(()),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Connection { source, .. } => Some(source),
            Error::Decode { source, .. } => Some(source),
            Error::Credentials { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// The reason, if it is one we know; an unknown one counts as none, so that the code can speak.
fn reason_of(status: &Status) -> &str {
    let known = KNOWN_REASONS.contains(&status.reason.as_str());
    if known { &status.reason } else { "" }
}

/// The reasons of apimachinery `pkg/apis/meta/v1/types.go`.
const KNOWN_REASONS: [&str; 19] = [
    "Unauthorized",
    "Forbidden",
    "NotFound",
    "AlreadyExists",
    "Conflict",
    "Gone",
    "Invalid",
    "ServerTimeout",
    "StoreReadError",
    "Timeout",
    "TooManyRequests",
    "BadRequest",
    "MethodNotAllowed",
    "NotAcceptable",
    "RequestEntityTooLarge",
    "UnsupportedMediaType",
    "InternalError",
    "Expired",
    "ServiceUnavailable",
];

/// The `Status` of an answer that is not a success: the body if it is one, else what the code means.
pub(crate) fn status_from_answer(
    method: &Method,
    code: u16,
    retry_after: Option<Duration>,
    body: &[u8],
) -> Status {
    #[derive(serde::Deserialize)]
    struct Kind {
        kind: String,
    }
    let is_status = json::from_slice::<Kind>(body).is_ok_and(|read| read.kind == "Status");
    let said = is_status.then(|| json::from_slice::<Status>(body).ok());
    let mut status = match said.flatten().filter(|said| said.status != "Success") {
        Some(said) => said,
        None => Status {
            status: "Failure".to_owned(),
            reason: generic_reason(method, code).to_owned(),
            message: server_text(body),
            details: StatusDetails::default(),
            code,
        },
    };
    if status.code == 0 {
        status.code = code;
    }
    if let Some(retry_after) = retry_after {
        status.details.retry_after_seconds = retry_after.as_secs();
    }
    status
}

fn generic_reason(method: &Method, code: u16) -> &'static str {
    match code {
        400 => "BadRequest",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "NotFound",
        405 => "MethodNotAllowed",
        406 => "NotAcceptable",
        409 if method == Method::POST => "AlreadyExists",
        409 => "Conflict",
        410 => "Gone",
        413 => "RequestEntityTooLarge",
        415 => "UnsupportedMediaType",
        422 => "Invalid",
        429 => "TooManyRequests",
        503 => "ServiceUnavailable",
        504 => "Timeout",
        500.. => "InternalError",
        _ => "",
    }
}

/// What a server (or something in front of it) wrote instead of a `Status`, made harmless: cut, on
/// one line, and marked as not ours.
fn server_text(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(4 * TEXT_LENGTH)]);
    let spaced = |character: char| {
        if character.is_control() {
            ' '
        } else {
            character
        }
    };
    let text: String = text.chars().map(spaced).take(TEXT_LENGTH).collect();
    let text = text.trim();
    if text.is_empty() {
        return String::new();
    }
    format!("not a Status, but the text \"{text}\"")
}

/// How much of a foreign text is kept, in characters; as client-go does.
const TEXT_LENGTH: usize = 2_048;
