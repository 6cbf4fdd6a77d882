//! One request and its answer: headers, deadline, and when to try again.
//!
//! The server says when it wants to be asked again: 429 or 5xx with a `Retry-After`. Then the request
//! was not carried out, and sending it again is right for every verb. Without that header nobody
//! knows, and only a GET whose connection broke is sent again. Everything else is the caller's to
//! decide: a reconcile loop tries again anyway, and better informed. One `Retry-After` is not heard: a
//! version that is too new for the server (it says so after 3 s, with "again in 1 s"): listing without
//! that version is better than asking eleven times, and the reflector does.
//!
//! There is no limit on our side to how many requests a second we make (client-go's 5 would make a
//! network of thirty nodes wait). Sharing the server among its clients is the server's work: its
//! priority and fairness sees all clients, and answers 429 with a `Retry-After`, which is honoured.
//!
//! # Invariants
//! - Each attempt has a deadline, which also holds for reading its answer. Waiting for a plugin that says
//!   who we are comes before it, and has a deadline of its own.
//! - Each attempt is made of the same bytes, with the credentials of that moment.
//! - Bodies and credentials are never logged; a record has verb, path, code and duration.
//!
//! # Source
//! client-go `rest/request.go`, `rest/with_retry.go`. What differs: no limiter; a wait of more than
//! [`LONGEST_WAIT`] is left to the caller, who has other things to do meanwhile; a watch is never
//! retried here but in the reflector, which has the backoff; earlier errors are logged, not appended.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
    RETRY_AFTER, USER_AGENT,
};
use hyper::{Method, Request, Response, StatusCode};
use tokio::time::{Instant, timeout_at};

use crate::client::answer::Answer;
use crate::client::config::{self, Config};
use crate::client::connections::{Connections, WatchBody};
use crate::client::error::{Error, status_from_answer};
use crate::client::warnings::{self, WarningHandler};
use crate::http::{Body, Transport};

/// How long one attempt may take, its answer included. An admission webhook may take 30 s, and the
/// server answers for it a little later.
pub const DEADLINE: Duration = Duration::from_secs(35);

/// How long a page of a list may take: the server itself gives up after 60 s, and should be heard.
pub const LIST_DEADLINE: Duration = Duration::from_secs(70);

/// How often a request is sent again at most, as in client-go.
pub const MAX_RETRIES: u32 = 10;

/// The longest `Retry-After` that is waited for within a request.
pub const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// How long to wait after a lost connection, for which nobody names a time; as in client-go.
const WAIT_AFTER_LOSS: Duration = Duration::from_secs(1);

/// How much of a refusal is read, in bytes; a `Status` with a thousand causes is smaller.
const MAX_REFUSAL: usize = 1 << 20;

/// One request that was made, for tests and metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestRecord {
    /// `get`, `list`, `watch`, `create`, `apply`, `patch`, `delete`, `portforward`.
    pub verb: &'static str,
    /// Path and query.
    pub path: String,
    /// The HTTP code; `None` if no answer came.
    pub status: Option<u16>,
    /// Until the head of the answer.
    pub duration: Duration,
}

/// Is told of every attempt, on the task that made it: it must be quick.
pub type Observer = Arc<dyn Fn(&RequestRecord) + Send + Sync>;

/// A request, to be sent as often as it takes.
#[derive(Clone)]
pub(crate) struct Call {
    /// For errors, such as ``get pod `default/alpha` ``.
    pub(crate) operation: String,
    /// For records.
    pub(crate) verb: &'static str,
    pub(crate) method: Method,
    /// Path and query.
    pub(crate) path: String,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) body: Bytes,
    pub(crate) deadline: Duration,
    pub(crate) max_retries: u32,
    /// The body holds a secret: a refusal might quote it.
    pub(crate) is_secret: bool,
}

impl Call {
    /// A call without a body.
    pub(crate) fn new(operation: String, verb: &'static str, method: Method, path: String) -> Self {
        Call {
            operation,
            verb,
            method,
            path,
            headers: Vec::new(),
            body: Bytes::new(),
            deadline: DEADLINE,
            max_retries: MAX_RETRIES,
            is_secret: false,
        }
    }

    /// A watch is listened to for minutes, on connections that look after themselves.
    fn is_watch(&self) -> bool {
        self.verb == "watch"
    }

    /// Only what can be large is. A watch is small, and compressing it would hold events back.
    fn may_be_compressed(&self) -> bool {
        matches!(self.verb, "get" | "list")
    }

    pub(crate) fn with_body(mut self, content_type: &'static str, body: Vec<u8>) -> Self {
        let content_type = HeaderValue::from_static(content_type);
        self.headers.push((CONTENT_TYPE, content_type));
        self.body = Bytes::from(body);
        self
    }
}

/// A failed attempt, and how long to wait before another one makes sense. `None`: none does.
struct Failure {
    error: Error,
    retry: Option<Duration>,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure { error, retry: None }
    }
}

/// A server, and how to talk to it. Clones share connections.
#[derive(Clone)]
pub(crate) struct Exchange {
    connections: Arc<Connections>,
    config: Arc<Config>,
    observer: Option<Observer>,
    warning_handler: WarningHandler,
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange")
            .field("server", &self.config.server)
            .finish_non_exhaustive()
    }
}

impl Exchange {
    pub(crate) fn new(
        config: Config,
        transport: Arc<dyn Transport>,
    ) -> Result<Self, config::Error> {
        let connections = Connections::new(&config, transport)?;
        Ok(Exchange {
            connections: Arc::new(connections),
            config: Arc::new(config),
            observer: None,
            warning_handler: warnings::log_once(),
        })
    }

    pub(crate) fn observed_by(mut self, observer: Observer) -> Self {
        self.observer = Some(observer);
        self
    }

    pub(crate) fn warning(mut self, handler: WarningHandler) -> Self {
        self.warning_handler = handler;
        self
    }

    /// Makes `call`, which is a watch, and hands out what it brings.
    pub(crate) async fn watch(&self, call: &Call) -> Result<Box<WatchBody>, Error> {
        let answer = self.send(call).await?;
        let (body, connections) = (answer.response.into_body(), Arc::clone(&self.connections));
        Ok(Box::new(WatchBody::new(body, answer.lane, connections)))
    }

    /// Makes `call`, again if need be, until there is an answer that is worth reading.
    pub(crate) async fn send(&self, call: &Call) -> Result<Answer, Error> {
        let mut retries = 0;
        loop {
            let failure = match self.attempt(call).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            let wait = failure.retry.filter(|wait| *wait <= LONGEST_WAIT);
            let (Some(wait), true) = (wait, retries < call.max_retries) else {
                return Err(failure.error);
            };
            tracing::debug!(error = %failure.error, ?wait, "request is sent again");
            tokio::time::sleep(wait).await;
            retries += 1;
        }
    }

    async fn attempt(&self, call: &Call) -> Result<Answer, Failure> {
        let request = self.request(call).await?;
        let credentials = request.headers().get(AUTHORIZATION).cloned();
        // After the credentials, which may bring a certificate.
        let lane = if call.is_watch() {
            self.connections.for_watches()
        } else {
            self.connections.for_requests()
        };
        let started = Instant::now();
        let deadline = started + call.deadline;
        let outcome = timeout_at(deadline, lane.http.send(request)).await;
        let response = outcome.as_ref().ok().and_then(|sent| sent.as_ref().ok());
        let code = response.map(Response::status);
        self.observe(call, code, started.elapsed());
        if let Some(response) = response {
            warnings::tell(response.headers(), &self.warning_handler);
        }
        if code == Some(StatusCode::UNAUTHORIZED) {
            self.config.credentials.refused(credentials.as_ref());
        }
        let operation = call.operation.clone();
        match outcome {
            Err(_) => Err(Failure::from(Error::Deadline {
                operation,
                after: call.deadline,
            })),
            Ok(Err(source)) => {
                let is_worth_it = call.method == Method::GET && source.is_connection_lost();
                Err(Failure {
                    error: Error::Connection { operation, source },
                    retry: is_worth_it.then_some(WAIT_AFTER_LOSS),
                })
            }
            Ok(Ok(response)) => {
                let is_good = is_good(response.status());
                let answer = Answer::new(operation, response, lane, deadline, call.deadline);
                if is_good {
                    Ok(answer)
                } else {
                    Err(refusal(call, answer).await)
                }
            }
        }
    }

    async fn request(&self, call: &Call) -> Result<Request<Body>, Error> {
        let invalid = |_| Error::Request {
            operation: call.operation.clone(),
            what: "the path is no part of a URL".to_owned(),
        };
        let mut request = Request::builder()
            .method(call.method.clone())
            .uri(format!("{}{}", self.config.server, call.path))
            .header(ACCEPT, "application/json")
            .header(USER_AGENT, &self.config.user_agent)
            .body(Body::new(call.body.clone()))
            .map_err(invalid)?;
        if call.may_be_compressed() && !self.config.disable_compression {
            let headers = request.headers_mut();
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        }
        let authorization = self.config.credentials.authorization().await;
        let authorization = authorization.map_err(|source| Error::Credentials {
            operation: call.operation.clone(),
            source,
        })?;
        let headers = request.headers_mut();
        if let Some(value) = authorization {
            headers.insert(AUTHORIZATION, value);
        }
        for (name, value) in &self.config.impersonation {
            headers.append(name, value.clone());
        }
        for (name, value) in &call.headers {
            headers.insert(name, value.clone());
        }
        Ok(request)
    }

    fn observe(&self, call: &Call, code: Option<StatusCode>, duration: Duration) {
        let status = code.map(|code| code.as_u16());
        let (verb, path) = (call.verb, &call.path);
        tracing::debug!(verb, path, status, ?duration, "request");
        if let Some(observer) = &self.observer {
            observer(&RequestRecord {
                verb,
                path: path.clone(),
                status,
                duration,
            });
        }
    }
}

/// An answer to be read, or a connection that is ours from now on.
fn is_good(code: StatusCode) -> bool {
    code.is_success() || code == StatusCode::SWITCHING_PROTOCOLS
}

async fn refusal(call: &Call, mut answer: Answer) -> Failure {
    let code = answer.response.status();
    let retry_after = retry_after(answer.response.headers());
    // Without its text a refusal is still one.
    let body = answer.bytes(MAX_REFUSAL).await.unwrap_or_default();
    let mut status = status_from_answer(&call.method, code.as_u16(), retry_after, &body);
    if call.is_secret && !HARMLESS.contains(&code.as_u16()) {
        status.message = "(withheld: it may quote the secret)".to_owned();
        status.details.causes.clear();
    }
    let asks_to_retry = code == StatusCode::TOO_MANY_REQUESTS || code.is_server_error();
    let error = Error::refused(call.operation.clone(), status);
    let is_futile = error.is_too_large_resource_version();
    Failure {
        error,
        retry: retry_after.filter(|_| asks_to_retry && !is_futile),
    }
}

/// Codes whose text names objects and fields, and quotes no value.
const HARMLESS: [u16; 4] = [403, 404, 409, 429];

/// The header in whole seconds; its other form, a date, no API server sends.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?;
    text.trim().parse().ok().map(Duration::from_secs)
}
