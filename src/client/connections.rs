//! The connections to the server, by the certificates of the moment.
//!
//! Certificates and authorities are replaced while programs run. So before a request is made, what they
//! are made of is looked at again; if it has changed there is a new generation of connections, and the
//! one before is closed, the watches on it included: they come back at once, as after any broken
//! connection, and prove anew who both ends are. A request that is under way fails as it does at any
//! lost connection. There is no task that looks: a request does, and, where
//! nothing is asked for minutes, a running watch.
//!
//! ```text
//!   request ──look()──> files, source ──changed, and of use──> new generation; the old one is severed
//!                            └──unreadable, half written, no pair──> a warning, once; the old one stays
//! ```
//!
//! # Invariants
//! - All connections of one generation were opened with the same material; only the newest one is used.
//! - What cannot be used never replaces what can.
//! - New material is used by the first request a second after it is there ([`LOOK_EVERY`]), and no
//!   connection is older than that by more than [`LOOK_WHILE_WATCHING`].
//!
//! # Source
//! client-go `transport/cert_rotation.go`, `transport/ca_rotation.go`. What differs: a pair that does not
//! fit fails nothing, the one before it stays in use; files are looked at every second and not every five
//! minutes; a changed authority closes connections in use, too, because what vouched for them may be
//! what was withdrawn.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use rustls::pki_types::ServerName;
use tokio::time::{Instant, Sleep, sleep};
use tokio_util::sync::CancellationToken;

use crate::client::config::{self, Config};
use crate::client::lanes::{Lane, Lanes};
use crate::client::tls::{Material, TlsSettings};
use crate::http::proxy::ProxyUrl;
use crate::http::{HttpClient, Proxy, Severable, Transport};

/// How long an idle connection is kept; as in Go.
const IDLE_TIMEOUT: Duration = Duration::from_secs(90);

/// How long what files held is taken to be what they hold; as client-go does at a handshake.
pub const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How often a running watch looks, in case nobody else does.
pub const LOOK_WHILE_WATCHING: Duration = Duration::from_secs(60);

/// The connections to one server, for as long as there is a client.
pub(crate) struct Connections {
    transport: Arc<dyn Transport>,
    /// `None`: the server speaks plain HTTP.
    tls: Option<TlsSettings>,
    server_name: Option<ServerName<'static>>,
    state: Mutex<State>,
}

struct State {
    generation: Generation,
    looked_at: Instant,
    /// What was last found wrong with the files, if something is.
    trouble: Option<String>,
}

/// What was opened with one and the same material.
struct Generation {
    material: Option<Material>,
    requests: Lane,
    watches: Lanes,
    severed: CancellationToken,
}

impl Connections {
    /// Opens none yet.
    ///
    /// # Errors
    /// What the configuration says about TLS cannot be read or used.
    pub(crate) fn new(
        config: &Config,
        transport: Arc<dyn Transport>,
    ) -> Result<Self, config::Error> {
        let tls = config.is_https.then(|| config.tls.clone());
        let server_name = config.tls.server_name()?;
        let transport = through_proxy(config, transport)?;
        let generation = match &tls {
            None => Generation::plain(transport.clone()),
            Some(tls) => Generation::of(tls, tls.material()?, server_name.clone(), &transport)?,
        };
        Ok(Connections {
            transport,
            tls,
            server_name,
            state: Mutex::new(State {
                generation,
                looked_at: Instant::now(),
                trouble: None,
            }),
        })
    }

    /// For requests, by the material of this moment.
    pub(crate) fn for_requests(&self) -> Lane {
        self.look();
        self.lock().generation.requests.clone()
    }

    /// For watches, by the material of this moment.
    pub(crate) fn for_watches(&self) -> Lane {
        self.look();
        self.lock().generation.watches.place()
    }

    /// Sees whether files or source hold something else now, and goes over to it.
    fn look(&self) {
        let Some(tls) = &self.tls else { return };
        let mut state = self.lock();
        // A source is asked each time: the plugin behind it has just run for this very request.
        if state.looked_at.elapsed() < LOOK_EVERY && !tls.has_source() {
            return;
        }
        state.looked_at = Instant::now();
        let next = tls.material().and_then(|material| {
            if state.generation.material.as_ref() == Some(&material) {
                return Ok(None);
            }
            let name = self.server_name.clone();
            Generation::of(tls, material, name, &self.transport).map(Some)
        });
        match next {
            Ok(None) => state.trouble = None,
            Ok(Some(next)) => {
                let last = std::mem::replace(&mut state.generation, next);
                state.trouble = None;
                drop(state);
                last.severed.cancel();
                tracing::info!("certificates have changed, connections are opened anew");
            }
            Err(error) => state.warn(&error),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state
            .lock()
            .expect("nothing panics while connections are looked at")
    }
}

/// The way to the server: straight, or through the proxy that the configuration names.
fn through_proxy(
    config: &Config,
    transport: Arc<dyn Transport>,
) -> Result<Arc<dyn Transport>, config::Error> {
    let Some(url) = &config.proxy else {
        return Ok(transport);
    };
    let url = ProxyUrl::parse(url).map_err(|what| config::Error::Invalid(what.to_owned()))?;
    let tls = url.is_https().then(|| config.tls.proxy_config());
    Ok(Arc::new(Proxy::new(url, transport, tls.transpose()?)))
}

impl State {
    /// Says what is wrong, once for each thing that is.
    fn warn(&mut self, error: &config::Error) {
        let cause = std::error::Error::source(error);
        let cause = cause.map(|cause| format!(": {cause}")).unwrap_or_default();
        let trouble = format!("{error}{cause}");
        if self.trouble.as_ref() != Some(&trouble) {
            tracing::warn!(error = %trouble, "certificates not usable, the last ones stay in use");
            self.trouble = Some(trouble);
        }
    }
}

impl Generation {
    fn plain(transport: Arc<dyn Transport>) -> Self {
        let client = HttpClient::plain(transport, IDLE_TIMEOUT);
        Generation {
            material: None,
            requests: Lane::new(client.clone()),
            watches: Lanes::new(move || client.clone()),
            severed: CancellationToken::new(),
        }
    }

    fn of(
        tls: &TlsSettings,
        material: Material,
        name: Option<ServerName<'static>>,
        transport: &Arc<dyn Transport>,
    ) -> Result<Self, config::Error> {
        let config = tls.client_config_from(&material)?;
        let severed = CancellationToken::new();
        let transport = Arc::new(Severable::new(Arc::clone(transport), severed.clone()));
        let requests = HttpClient::tls(
            transport.clone(),
            config.clone(),
            name.clone(),
            IDLE_TIMEOUT,
        );
        let open = move || {
            let (transport, config, name) = (transport.clone(), config.clone(), name.clone());
            HttpClient::listening(transport, config, name, IDLE_TIMEOUT)
        };
        Ok(Generation {
            material: Some(material),
            requests: Lane::new(requests),
            watches: Lanes::new(open),
            severed,
        })
    }
}

/// The body of a watch, which looks after the connection it comes on.
pub(crate) struct WatchBody {
    body: Incoming,
    /// The place that is taken for as long as there is a body.
    _lane: Lane,
    connections: Arc<Connections>,
    look: Pin<Box<Sleep>>,
}

impl WatchBody {
    pub(crate) fn new(body: Incoming, lane: Lane, connections: Arc<Connections>) -> Self {
        WatchBody {
            body,
            _lane: lane,
            connections,
            look: Box::pin(sleep(LOOK_WHILE_WATCHING)),
        }
    }
}

impl std::fmt::Debug for WatchBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WatchBody")
    }
}

impl Body for WatchBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        while self.look.as_mut().poll(context).is_ready() {
            // If this severs the connection, the body below ends with the failure.
            self.connections.look();
            let next = Instant::now() + LOOK_WHILE_WATCHING;
            self.look.as_mut().reset(next);
        }
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
