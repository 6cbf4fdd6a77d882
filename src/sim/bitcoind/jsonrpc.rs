//! JSON-RPC as bitcoind speaks it: two dialects on one port, and HTTP codes that carry meaning.
//!
//! A request that says `"jsonrpc":"2.0"` is answered in that dialect, any other in the old one. They
//! differ in what an error looks like from outside, and a client must be ready for both:
//!
//! | case | old dialect | 2.0 |
//! |---|---|---|
//! | success | 200, `result` and `error: null` | 200, `result` only |
//! | method error | **500** | **200**, `error` only |
//! | unknown method | **404** | **200** |
//! | malformed request | 400 | 400 |
//! | no `id` | answered without one | 204, no body |
//!
//! This page is pure: bytes to [`Request`], a result to [`Answer`]. Who runs the methods is no
//! concern of it.
//!
//! # Invariants
//! - An answer in the 2.0 dialect has either `result` or `error`; in the old one both, one of them null.
//! - The order of keys, the codes and the bodies are those of bitcoind 29, byte for byte.
//!
//! # Example
//! ```
//! use bitcoin_controller::sim::bitcoind::jsonrpc::{Answer, Request};
//! let call = Request::read(br#"{"method": "uptime", "id": 7}"#, true).into_single().unwrap();
//! let answer = Answer::to(&call, Ok(serde_json::json!(60)));
//! assert_eq!(answer.body, "{\"result\":60,\"error\":null,\"id\":7}\n");
//! ```
//!
//! # Source
//! Bitcoin Core `src/rpc/request.cpp` and `src/httprpc.cpp`, tag v29.0; every row was measured.

use serde::Serialize;
use serde_json::Value;

/// What a body asks for.
#[derive(Debug)]
pub enum Request {
    /// One call, or why it is none.
    Single(Result<Call, Refusal>),
    /// Several in an array.
    Batch(Vec<Result<Call, Refusal>>),
}

/// One method to run.
#[derive(Clone, Debug)]
pub struct Call {
    /// The method's name.
    pub method: String,
    /// Its arguments: null, an array or an object.
    pub params: Value,
    id: Option<Value>,
    is_2_0: bool,
}

/// A request that names no method we could run, and how to answer it.
#[derive(Debug)]
pub struct Refusal {
    error: RpcError,
    id: Option<Value>,
    is_2_0: bool,
}

/// An error of a method: bitcoind's code and message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RpcError {
    /// Such as -28 (warming up) or -32601 (no such method).
    pub code: i64,
    /// What it says.
    pub message: String,
}

impl RpcError {
    /// An error from its parts.
    pub fn new(code: i64, message: impl Into<String>) -> Self {
        RpcError {
            code,
            message: message.into(),
        }
    }
}

impl Request {
    /// Reads a body. `knows_2_0` is false for versions before 28, which answer in the old dialect.
    pub fn read(body: &[u8], knows_2_0: bool) -> Request {
        match serde_json::from_slice(body) {
            Ok(Value::Array(elements)) => Request::Batch(
                elements
                    .into_iter()
                    .map(|element| Call::read(element, knows_2_0))
                    .collect(),
            ),
            Ok(element @ Value::Object(_)) => Request::Single(Call::read(element, knows_2_0)),
            Ok(_) => Request::Single(Err(Refusal::of_the_body("Top-level object parse error"))),
            Err(_) => Request::Single(Err(Refusal::of_the_body("Parse error"))),
        }
    }

    /// The one call, if it is one and well formed.
    pub fn into_single(self) -> Option<Call> {
        match self {
            Request::Single(call) => call.ok(),
            Request::Batch(_) => None,
        }
    }
}

impl Call {
    fn read(element: Value, knows_2_0: bool) -> Result<Call, Refusal> {
        let Value::Object(mut fields) = element else {
            return Err(Refusal {
                error: RpcError::new(INVALID_REQUEST, "Invalid Request object"),
                id: Some(Value::Null),
                is_2_0: false,
            });
        };
        let id = fields.remove("id");
        let is_2_0 = knows_2_0 && fields.get("jsonrpc") == Some(&Value::from("2.0"));
        let params = fields.remove("params").unwrap_or_default();
        let complaint = match fields.remove("method") {
            None | Some(Value::Null) => "Missing method",
            Some(Value::String(_))
                if !matches!(params, Value::Null | Value::Array(_) | Value::Object(_)) =>
            {
                "Params must be an array or object"
            }
            Some(Value::String(method)) => {
                return Ok(Call {
                    method,
                    params,
                    id,
                    is_2_0,
                });
            }
            Some(_) => "Method must be a string",
        };
        let error = RpcError::new(INVALID_REQUEST, complaint);
        Err(Refusal { error, id, is_2_0 })
    }
}

impl Refusal {
    fn of_the_body(message: &str) -> Refusal {
        Refusal {
            error: RpcError::new(PARSE_ERROR, message),
            id: Some(Value::Null),
            is_2_0: false,
        }
    }
}

/// An HTTP status and a body; the body is JSON and a line feed, or nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// 200, 204, 400, 404 or 500.
    pub status: u16,
    /// What follows the head.
    pub body: String,
}

impl Answer {
    /// The answer to one call.
    pub fn to(call: &Call, result: Result<Value, RpcError>) -> Answer {
        let status = match &result {
            _ if call.is_2_0 && call.id.is_none() => return Answer::nothing(),
            Ok(_) => 200,
            Err(_) if call.is_2_0 => 200,
            Err(error) => status_of(error),
        };
        Answer {
            status,
            body: element(result, call.id.clone(), call.is_2_0) + "\n",
        }
    }

    /// The answer to what is no call.
    pub fn refusing(refusal: Refusal) -> Answer {
        Answer {
            status: status_of(&refusal.error),
            body: element(Err(refusal.error), refusal.id, refusal.is_2_0) + "\n",
        }
    }

    /// The answer to a batch: the results in its order, without those of 2.0 notifications.
    pub fn to_all(results: Vec<(Result<Call, Refusal>, Result<Value, RpcError>)>) -> Answer {
        let asked_for_something = results.is_empty();
        let elements: Vec<String> = results
            .into_iter()
            .filter_map(|(call, result)| match call {
                Ok(call) if call.is_2_0 && call.id.is_none() => None,
                Ok(call) => Some(element(result, call.id, call.is_2_0)),
                Err(refusal) => Some(element(Err(refusal.error), refusal.id, refusal.is_2_0)),
            })
            .collect();
        if elements.is_empty() && !asked_for_something {
            return Answer::nothing();
        }
        Answer {
            status: 200,
            body: format!("[{}]\n", elements.join(",")),
        }
    }

    fn nothing() -> Answer {
        Answer {
            status: 204,
            body: String::new(),
        }
    }
}

fn status_of(error: &RpcError) -> u16 {
    match error.code {
        INVALID_REQUEST => 400,
        METHOD_NOT_FOUND => 404,
        _ => 500,
    }
}

/// The keys in bitcoind's order; a key that is `None` is left out.
#[derive(Serialize)]
struct Element {
    #[serde(skip_serializing_if = "Option::is_none")]
    jsonrpc: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Option<RpcError>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Value>,
}

fn element(result: Result<Value, RpcError>, id: Option<Value>, is_2_0: bool) -> String {
    let (result, error) = match (result, is_2_0) {
        (Ok(value), true) => (Some(value), None),
        (Ok(value), false) => (Some(value), Some(None)),
        (Err(error), true) => (None, Some(Some(error))),
        (Err(error), false) => (Some(Value::Null), Some(Some(error))),
    };
    let jsonrpc = is_2_0.then_some("2.0");
    let element = Element {
        jsonrpc,
        result,
        error,
        id,
    };
    serde_json::to_string(&element).expect("values and texts are always JSON")
}

/// The method does not exist.
pub const METHOD_NOT_FOUND: i64 = -32_601;
const INVALID_REQUEST: i64 = -32_600;
const PARSE_ERROR: i64 = -32_700;
