//! What a server says when it does not do what it was asked: a `Status`.

use serde_json::{Value, json};

use crate::http::Answer;

/// A request that was not done, and why.
#[derive(Debug)]
pub struct Refusal {
    code: u16,
    reason: &'static str,
    message: String,
    retry_after: Option<u64>,
}

impl Refusal {
    fn new(code: u16, reason: &'static str, message: String) -> Self {
        Refusal {
            code,
            reason,
            message,
            retry_after: None,
        }
    }

    pub fn bad_request(message: String) -> Self {
        Refusal::new(400, "BadRequest", message)
    }

    pub fn not_found() -> Self {
        let message = "the server could not find the requested resource";
        Refusal::new(404, "NotFound", message.to_owned())
    }

    pub fn too_old(version: u64, oldest: u64) -> Self {
        let message = format!("too old resource version: {version} ({oldest})");
        Refusal::new(410, "Expired", message)
    }

    pub fn old_token() -> Self {
        let message =
            "The provided continue parameter is too old to display a consistent list result.";
        Refusal::new(410, "Expired", message.to_owned())
    }

    pub fn too_many(seconds: u64) -> Self {
        let message = "too many requests, please try again later";
        Refusal {
            retry_after: Some(seconds),
            ..Refusal::new(429, "TooManyRequests", message.to_owned())
        }
    }

    pub fn status(&self) -> Value {
        let mut status = json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.code,
        });
        if let Some(seconds) = self.retry_after {
            status["details"] = json!({"retryAfterSeconds": seconds});
        }
        status
    }

    pub fn answer(&self) -> Answer {
        Answer {
            retry_after: self.retry_after,
            ..Answer::json(self.code, &self.status())
        }
    }
}
