//! What can go wrong between a reflector and a server.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use bitcoin_controller::api::meta::{Status, StatusCause, StatusDetails};
use bitcoin_controller::client::{Client, Config, Error};
use bitcoin_controller::http::MemoryNetwork;

/// What goes wrong.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// The server refuses, with this code and reason.
    Status(u16, &'static str),
    /// The server refuses after a second.
    Late(u16, &'static str),
    /// The server refuses, in these words.
    Refused(Status),
    /// Nobody listens.
    NobodyListens,
    /// No answer in time.
    Deadline,
    /// An answer that never comes.
    Hang,
}

impl Fault {
    pub(crate) async fn happen(self) -> Error {
        match self {
            Fault::Status(code, reason) => Error::refused("test", status(code, reason)),
            Fault::Late(code, reason) => {
                tokio::time::sleep(Duration::from_secs(1)).await;
                Error::refused("test", status(code, reason))
            }
            Fault::Refused(status) => Error::refused("test", status),
            Fault::NobodyListens => {
                let nobody = Arc::new(MemoryNetwork::default());
                let client = Client::new(Config::plain("http://api").unwrap(), nobody).unwrap();
                client.version().await.unwrap_err()
            }
            Fault::Deadline => broken(),
            Fault::Hang => pending().await,
        }
    }
}

/// What goes wrong with initial events that were asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum StreamFault {
    /// The stream ends well after this many of them.
    Close(usize),
    /// It breaks after this many.
    Break(usize),
    /// It never says that they were all.
    NoEnd,
}

pub(crate) fn status(code: u16, reason: &str) -> Status {
    Status {
        status: "Failure".to_owned(),
        reason: reason.to_owned(),
        code,
        ..Status::default()
    }
}

/// A refusal whose cause has this reason and message.
pub(crate) fn status_with_cause(code: u16, reason: &str, cause: &str, message: &str) -> Status {
    let cause = StatusCause {
        reason: cause.to_owned(),
        message: message.to_owned(),
        field: String::new(),
    };
    Status {
        details: StatusDetails {
            causes: vec![cause],
            ..StatusDetails::default()
        },
        ..status(code, reason)
    }
}

/// The connection of a watch breaks.
pub(crate) fn broken() -> Error {
    Error::Deadline {
        operation: "test".to_owned(),
        after: Duration::from_secs(1),
    }
}
