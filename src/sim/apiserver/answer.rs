//! Answers: whole ones, and streams of lines that last.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Frame};
use hyper::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};
use serde_json::Value;
use tokio::sync::mpsc;

use crate::sim::refusal::Refusal;

/// An answer to a request.
pub(crate) type Answer = Response<AnswerBody>;

/// The body of an answer.
pub(crate) enum AnswerBody {
    /// All of it.
    Whole(Full<Bytes>),
    /// As it comes; an error breaks the connection off.
    Lines(mpsc::Receiver<io::Result<Bytes>>),
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match self.get_mut() {
            AnswerBody::Whole(whole) => Pin::new(whole)
                .poll_frame(context)
                .map(|frame| frame.map(|frame| frame.map_err(|never| match never {}))),
            AnswerBody::Lines(lines) => lines
                .poll_recv(context)
                .map(|line| line.map(|line| line.map(Frame::data))),
        }
    }
}

/// An answer of JSON.
pub(crate) fn json(code: u16, value: &Value) -> Answer {
    typed(code, "application/json", value.to_string())
}

/// An answer of any type.
pub(crate) fn typed(code: u16, content_type: &str, text: String) -> Answer {
    let mut answer = Response::new(AnswerBody::Whole(Full::new(Bytes::from(text))));
    *answer.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if let Ok(content_type) = HeaderValue::from_str(content_type) {
        answer.headers_mut().insert(CONTENT_TYPE, content_type);
    }
    answer
}

/// What stands in front of a server that is not there says: no JSON.
pub(crate) fn garbled() -> Answer {
    typed(502, "text/html", "<html>Bad Gateway</html>".to_owned())
}

/// A stream of JSON values, one a line.
pub(crate) fn lines(lines: mpsc::Receiver<io::Result<Bytes>>) -> Answer {
    let mut answer = Response::new(AnswerBody::Lines(lines));
    let content_type = HeaderValue::from_static("application/json");
    answer.headers_mut().insert(CONTENT_TYPE, content_type);
    answer
}

/// A refusal, as a Status.
pub(crate) fn refused(refusal: &Refusal) -> Answer {
    let mut answer = json(refusal.code, &refusal.to_status());
    if let Some(seconds) = refusal.details["retryAfterSeconds"].as_u64() {
        answer
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    answer
}
