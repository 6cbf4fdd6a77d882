//! Events as tests make them, and a sink that keeps them like a server and fails on request.

use std::collections::{BTreeMap, VecDeque};
use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use bitcoin_controller::api::MicroTime;
use bitcoin_controller::api::core::ObjectReference;
use bitcoin_controller::api::meta::{Status, StatusCause};
use bitcoin_controller::base::{Clock, Random};
use bitcoin_controller::client::Error;
use bitcoin_controller::record::event_sink::Written;
use bitcoin_controller::record::{BroadcasterOptions, Event, EventSink, EventType};
use tokio::time::Instant;

pub(crate) fn about(name: &str) -> ObjectReference {
    ObjectReference {
        api_version: "v1".to_owned(),
        kind: "Pod".to_owned(),
        namespace: "x".to_owned(),
        name: name.to_owned(),
        uid: format!("uid-{name}"),
        ..ObjectReference::default()
    }
}

/// An event about `about`, with a name of its own.
pub(crate) fn event(name: &str, object: &str, reason: &str, message: &str) -> Event {
    Event {
        name: name.to_owned(),
        about: about(object),
        related: None,
        kind: EventType::Normal,
        reason: reason.to_owned(),
        action: reason.to_owned(),
        message: message.to_owned(),
        component: "test".to_owned(),
        instance: "host".to_owned(),
        count: 1,
        first_timestamp: MicroTime::from_unix_micros(7_000_042),
        last_timestamp: MicroTime::from_unix_micros(7_000_042),
    }
}

/// Options under a clock that starts at 1970 and advances with tokio's.
pub(crate) fn options() -> BroadcasterOptions {
    BroadcasterOptions {
        clock: Clock::starting_at(UNIX_EPOCH + Duration::from_secs(1_000)),
        random: Random::seeded(1),
        instance: "host".to_owned(),
        ..BroadcasterOptions::default()
    }
}

/// What goes wrong with one write.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    Status(u16, &'static str),
    NamespaceTerminating,
    Connection,
    Request,
    Hang,
}

impl Fault {
    async fn happen(self) -> Error {
        match self {
            Fault::Status(code, reason) => refused(code, reason),
            Fault::NamespaceTerminating => {
                let mut status = Status {
                    reason: "Forbidden".to_owned(),
                    code: 403,
                    ..Status::default()
                };
                status.details.causes = vec![StatusCause {
                    reason: "NamespaceTerminating".to_owned(),
                    ..StatusCause::default()
                }];
                Error::refused("test", status)
            }
            Fault::Connection => Error::Deadline {
                operation: "test".to_owned(),
                after: Duration::from_secs(1),
            },
            Fault::Request => Error::Request {
                operation: "test".to_owned(),
                what: "makes no sense".to_owned(),
            },
            Fault::Hang => pending().await,
        }
    }
}

fn refused(code: u16, reason: &str) -> Error {
    let status = Status {
        reason: reason.to_owned(),
        code,
        ..Status::default()
    };
    Error::refused("test", status)
}

/// What is logged, from debug on, while `write` runs.
pub(crate) fn logged(write: impl FnOnce()) -> String {
    let page = Page::default();
    let _logging = tracing::subscriber::set_default(page.clone().log());
    write();
    page.text()
}

/// Something to log to.
#[derive(Clone, Default)]
pub(crate) struct Page(Arc<Mutex<Vec<u8>>>);

impl Page {
    /// A log that writes here, from debug on.
    pub(crate) fn log(self) -> impl tracing::Subscriber + Send + Sync {
        tracing_subscriber::fmt()
            .with_ansi(false)
            .with_max_level(tracing::Level::DEBUG)
            .with_writer(move || self.clone())
            .finish()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl std::io::Write for Page {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Keeps events by name; patches of unknown ones are not found. Clones are the same sink.
#[derive(Clone, Default)]
pub(crate) struct ServerSink(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    events: BTreeMap<String, Event>,
    faults: VecDeque<Option<Fault>>,
    /// Takes the place of `faults` once they are used up.
    default_fault: Option<Fault>,
    /// Each attempt: when, and `create` or `patch` with the message.
    attempts: Vec<(Instant, String)>,
}

impl ServerSink {
    pub(crate) fn fail(&self, faults: impl IntoIterator<Item = Option<Fault>>) {
        self.0.lock().unwrap().faults.extend(faults);
    }

    pub(crate) fn fail_always(&self, fault: Fault) {
        self.0.lock().unwrap().default_fault = Some(fault);
    }

    /// All events expire.
    pub(crate) fn forget(&self) {
        self.0.lock().unwrap().events.clear();
    }

    /// In order of their names: for events of one object, in order of their making.
    pub(crate) fn events(&self) -> Vec<Event> {
        self.0.lock().unwrap().events.values().cloned().collect()
    }

    pub(crate) fn attempts(&self) -> Vec<String> {
        let state = self.0.lock().unwrap();
        state
            .attempts
            .iter()
            .map(|(_, what)| what.clone())
            .collect()
    }

    pub(crate) fn waits(&self) -> Vec<Duration> {
        let state = self.0.lock().unwrap();
        let pairs = state.attempts.windows(2);
        pairs.map(|pair| pair[1].0 - pair[0].0).collect()
    }

    fn write<'a>(&'a self, verb: &str, event: &'a Event) -> Written<'a> {
        let fault = {
            let mut state = self.0.lock().unwrap();
            let attempt = format!("{verb} {}", event.message);
            state.attempts.push((Instant::now(), attempt));
            match state.faults.pop_front() {
                Some(fault) => fault,
                None => state.default_fault.clone(),
            }
        };
        let is_patch = verb == "patch";
        Box::pin(async move {
            if let Some(fault) = fault {
                return Err(fault.happen().await);
            }
            let mut state = self.0.lock().unwrap();
            let is_known = state.events.contains_key(&event.name);
            match (is_patch, is_known) {
                (true, false) => return Err(refused(404, "NotFound")),
                (false, true) => return Err(refused(409, "AlreadyExists")),
                _ => {}
            }
            state.events.insert(event.name.clone(), event.clone());
            Ok(())
        })
    }
}

impl EventSink for ServerSink {
    fn create<'a>(&'a self, event: &'a Event) -> Written<'a> {
        self.write("create", event)
    }

    fn patch<'a>(&'a self, event: &'a Event) -> Written<'a> {
        self.write("patch", event)
    }
}
