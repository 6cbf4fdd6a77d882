//! Connections: one thread reads requests, another answers them.
//!
//! Two, because a client may hang up while its watch is being answered: nothing but a reader notices that, and
//! an order must not wait for a watcher that is no more.

use std::io::{self, BufReader};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;

use serde_json::json;

use crate::body::Form;
use crate::http::{Answer, Request};
use crate::list::{self, wants_metadata};
use crate::options::Options;
use crate::orders;
use crate::refusal::Refusal;
use crate::requests::{Kind, Requests};
use crate::store::Store;
use crate::target::Target;
use crate::watch;

/// What all connections share.
pub struct Shared {
    pub options: Options,
    pub store: Store,
    pub requests: Requests,
}

pub struct Server {
    pub url: String,
}

impl Server {
    /// Renders all objects, and serves them for as long as the program runs.
    ///
    /// # Errors
    /// The options ask for what cannot be made, or there is no port.
    pub fn start(options: &Options) -> Result<Self, String> {
        let shared = Arc::new(Shared {
            options: options.clone(),
            store: Store::new(options)?,
            requests: Requests::default(),
        });
        let (listener, address) = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr().map(|address| (listener, address)))
            .map_err(|error| format!("a port to listen on: {error}"))?;
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let shared = shared.clone();
                // What goes wrong is the connection's end, and nothing else's.
                thread::spawn(move || converse(&shared, &connection));
            }
        });
        Ok(Server {
            url: format!("http://{address}"),
        })
    }
}

fn converse(shared: &Arc<Shared>, connection: &TcpStream) -> io::Result<()> {
    connection.set_nodelay(true)?;
    let reader = BufReader::new(connection.try_clone()?);
    let (sender, requests) = mpsc::channel();
    let hung_up = Arc::new(AtomicBool::new(false));
    let (shared_too, hung_up_too) = (shared.clone(), hung_up.clone());
    thread::spawn(move || {
        read(reader, &sender);
        hung_up_too.store(true, Ordering::Relaxed);
        shared_too.store.wake_watchers();
    });
    for request in requests {
        let answered = match request {
            Ok(request) => {
                answer(shared, &request, connection, &hung_up).map(|()| !request.is_last)
            }
            Err(error) => {
                let refusal = Refusal::bad_request(error.to_string());
                refusal.answer().write(connection).map(|()| false)
            }
        };
        if !answered.unwrap_or(false) {
            break;
        }
    }
    // Ends the other thread, too.
    connection.shutdown(Shutdown::Both)
}

/// Reads requests until there are no more, or what comes is none.
fn read(mut reader: BufReader<TcpStream>, requests: &mpsc::Sender<io::Result<Request>>) {
    while let Some(request) = Request::read(&mut reader).transpose() {
        let is_last = request.is_err();
        if requests.send(request).is_err() || is_last {
            return;
        }
    }
}

fn answer(
    shared: &Shared,
    request: &Request,
    connection: &TcpStream,
    hung_up: &AtomicBool,
) -> io::Result<()> {
    if request.path.starts_with("/bench/") {
        return orders::serve(shared, request).write(connection);
    }
    let target = Target::parse(&request.path, shared.options.shape);
    let kind = kind(request, &target);
    if let Some(seconds) = shared.requests.take_down(kind, request) {
        return Refusal::too_many(seconds).answer().write(connection);
    }
    let has_selector = ["labelSelector", "fieldSelector"]
        .iter()
        .any(|name| request.query.get(name).is_some());
    match (kind, &target) {
        (Kind::Write, _) => echo(request).write(connection),
        (Kind::List | Kind::Watch | Kind::Initial, Target::Served) if has_selector => {
            let refusal = Refusal::bad_request("there are no selectors here".to_owned());
            refusal.answer().write(connection)
        }
        (Kind::List, Target::Served) => list::serve(shared, request, connection),
        (Kind::Watch | Kind::Initial, Target::Served) => {
            watch::serve(shared, request, connection, hung_up)
        }
        (Kind::List, Target::Empty { api_version, kind }) => {
            empty_list(shared, api_version, kind, request).write(connection)
        }
        (Kind::Watch | Kind::Initial, Target::Empty { api_version, kind }) => {
            watch::serve_empty(shared, (kind, api_version), request, connection, hung_up)
        }
        (_, Target::Object { namespace, name }) => {
            get(shared, namespace, name, request).write(connection)
        }
        _ => Refusal::not_found().answer().write(connection),
    }
}

fn kind(request: &Request, target: &Target) -> Kind {
    match &*request.method {
        "GET" if !target.is_collection() => Kind::Get,
        "GET" if !request.query.is_true("watch") => Kind::List,
        "GET" if request.query.is_true("sendInitialEvents") => Kind::Initial,
        "GET" => Kind::Watch,
        _ => Kind::Write,
    }
}

fn get(shared: &Shared, namespace: &str, name: &str, request: &Request) -> Answer {
    let Some(object) = shared.store.get(namespace, name) else {
        return Refusal::not_found().answer();
    };
    let form = match wants_metadata(&request.accept) {
        true => Form::Metadata,
        false => Form::Whole,
    };
    let mut body = Vec::new();
    object.body.push(form, object.version, &mut body);
    Answer {
        code: 200,
        retry_after: None,
        body,
    }
}

fn empty_list(shared: &Shared, api_version: &str, kind: &str, request: &Request) -> Answer {
    let (api_version, kind) = match wants_metadata(&request.accept) {
        true => ("meta.k8s.io/v1", "PartialObjectMetadata"),
        false => (api_version, kind),
    };
    let metadata = json!({"resourceVersion": shared.store.version().to_string()});
    Answer::json(
        200,
        &json!({"kind": format!("{kind}List"), "apiVersion": api_version, "metadata": metadata, "items": []}),
    )
}

/// Who writes is told that what he wrote is so.
fn echo(request: &Request) -> Answer {
    let mut answer = Answer::json(
        if request.method == "POST" { 201 } else { 200 },
        &json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}),
    );
    if !request.body.is_empty() {
        answer.body.clone_from(&request.body);
    }
    answer
}
