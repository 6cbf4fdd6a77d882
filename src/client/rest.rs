//! The verbs: get, list, watch, create, apply, patch, delete, and a pod's port.
//!
//! Kubernetes has one grammar for everything: a path says what, a method says what to do with it. So
//! there is one `get` for all kinds, and the kind is a type parameter. Reading gives back one of our
//! partial types; writing takes a JSON value of its own, because an object that was read in part must
//! never be sent back.
//!
//! # Invariants
//! - Every request has a deadline and names its object when it fails.
//! - What we write carries one constant field manager: [`FIELD_MANAGER`], unless a program has its own.
//! - Bodies are never logged, and a refused write of a Secret does not say what the server quotes.
//!
//! # Example
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use bitcoin_controller::api::{BitcoinNetwork, ObjectKey};
//! use bitcoin_controller::client::{Client, Config};
//!
//! let client = Client::connect(Config::load(None, None)?)?;
//! match client.get::<BitcoinNetwork>(&ObjectKey::new("default", "alpha")).await {
//!     Ok(network) => println!("{:?}", network.status),
//!     Err(error) if error.is_not_found() => println!("there is no such network"),
//!     Err(error) => return Err(error.into()),
//! }
//! # Ok(()) }
//! ```
//!
//! # Source
//! client-go `rest/request.go`, `gentype/type.go`. What differs: an apply forces (the field manager is
//! ours alone), and there is no update (PUT): it would need the whole object, which we do not read.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use hyper::Method;
use serde_json::Value;

use crate::api::{ObjectKey, Resource};
use crate::base::json;
use crate::client::answer::Answer;
use crate::client::config::{self, Config};
use crate::client::delete_options::DeleteOptions;
use crate::client::error::Error;
use crate::client::exchange::{Call, Exchange, LIST_DEADLINE, Observer};
use crate::client::item::{self, Item};
use crate::client::list::{self, ListParams, PAGE_SIZE, Page, Scope};
use crate::client::path::{self, Query};
use crate::client::port_forward::{self, PodPort};
use crate::client::warnings::WarningHandler;
use crate::client::watch::{WatchParams, WatchStream};
use crate::http::{BoxStream, Tcp, Transport};

/// The field manager of everything the controller writes: one constant name, so that it owns its fields
/// for ever.
pub const FIELD_MANAGER: &str = "bitcoin-controller";

/// How long making a TCP connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How many pages [`Client::list_all`] reads; a server that never ends is broken.
const MAX_PAGES: usize = 200;

/// What `GET /version` says.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Version {
    /// Such as `1`.
    pub major: String,
    /// Such as `34`.
    pub minor: String,
    /// Such as `v1.34.0`.
    pub git_version: String,
}

/// The API server. Clones share connections.
///
/// # Errors
/// Every verb fails in the ways that [`Error`] lists, and its questions say which.
///
/// # Cancel safety
/// Dropping the future of a verb abandons the request. Whether the server has carried it out is then
/// not known; all verbs but `create` can simply be tried again.
#[derive(Clone)]
pub struct Client {
    exchange: Exchange,
    field_manager: &'static str,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Client").field(&self.exchange).finish()
    }
}

impl Client {
    /// A client over `transport`.
    ///
    /// # Errors
    /// The certificates or the key cannot be used.
    pub fn new(config: Config, transport: Arc<dyn Transport>) -> Result<Client, config::Error> {
        Ok(Client {
            exchange: Exchange::new(config, transport)?,
            field_manager: FIELD_MANAGER,
        })
    }

    /// A client over TCP.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn connect(config: Config) -> Result<Client, config::Error> {
        Client::new(config, Arc::new(Tcp::new(CONNECT_TIMEOUT)))
    }

    /// Tells `observer` of every request this client makes from now on.
    #[must_use]
    pub fn with_observer(mut self, observer: Observer) -> Client {
        self.exchange = self.exchange.observed_by(observer);
        self
    }

    /// Writes as `field_manager` from now on: another program that is built on this crate owns the
    /// fields it writes under a name of its own, for ever the same.
    #[must_use]
    pub fn with_field_manager(mut self, field_manager: &'static str) -> Client {
        self.field_manager = field_manager;
        self
    }

    /// Tells `handler` of what the server warns of from now on; before, each text is logged once.
    #[must_use]
    pub fn with_warning_handler(mut self, handler: WarningHandler) -> Client {
        self.exchange = self.exchange.warning(handler);
        self
    }

    /// Reads the object at `key`.
    pub async fn get<R: Resource>(&self, key: &ObjectKey) -> Result<R, Error> {
        let call = about::<R>("get", Method::GET, key, None, Query::default())?;
        self.exchange
            .send(&call)
            .await?
            .read(item::read_object)
            .await
    }

    /// Reads one page, item by item as it arrives.
    ///
    /// An object that cannot be read is an [`Item::Undecodable`]. [`ListParams::after`] asks for the
    /// next page.
    pub async fn list<R: Resource>(
        &self,
        scope: &Scope,
        params: &ListParams,
    ) -> Result<Page<R>, Error> {
        let answer = self.ask_for_page::<R>(scope, params).await?;
        list::read(answer, params.interner.clone()).await
    }

    pub(crate) async fn ask_for_page<R: Resource>(
        &self,
        scope: &Scope,
        params: &ListParams,
    ) -> Result<Answer, Error> {
        // A continue token holds the version; the server refuses both together.
        let is_first = params.continue_token.is_none();
        let version = params.resource_version.as_deref().filter(|_| is_first);
        let matching = params.resource_version_match.filter(|_| is_first);
        let limit = params.limit.map(|limit| limit.to_string());
        let query = Query::default()
            .with_some("labelSelector", params.label_selector.as_deref())
            .with_some("fieldSelector", params.field_selector.as_deref())
            .with_some("resourceVersion", version)
            .with_some("resourceVersionMatch", matching)
            .with_some("limit", limit.as_deref())
            .with_some("continue", params.continue_token.as_deref());
        let mut call = across::<R>("list", scope, query)?;
        call.deadline = LIST_DEADLINE;
        self.exchange.send(&call).await
    }

    /// Reads all pages of a small list, such as the events of one object.
    ///
    /// Objects that cannot be read are left out with a warning: who must know about those uses
    /// [`list`](Self::list).
    pub async fn list_all<R: Resource>(
        &self,
        scope: &Scope,
        params: &ListParams,
    ) -> Result<Vec<R>, Error> {
        let mut params = params.clone();
        params.limit = params.limit.or(Some(PAGE_SIZE));
        let mut objects = Vec::new();
        for _ in 0..MAX_PAGES {
            let page = self.list::<R>(scope, &params).await?;
            let next = params.after(&page);
            for item in page.items {
                match item {
                    Item::Object(object) => objects.push(object),
                    Item::Undecodable(bad) => {
                        let key = bad.key.unwrap_or_default();
                        tracing::warn!(kind = R::KIND, %key, error = %bad.error, "object not readable");
                    }
                }
            }
            match next {
                Some(next) => params = next,
                None => return Ok(objects),
            }
        }
        Err(Error::Protocol {
            operation: across_operation::<R>("list", scope),
            what: format!("the list does not end after {MAX_PAGES} pages"),
        })
    }

    /// Starts a watch. It is tried once: starting it again, and when, is the reflector's to decide.
    pub async fn watch<R: Resource>(
        &self,
        scope: &Scope,
        params: &WatchParams,
    ) -> Result<WatchStream<R>, Error> {
        let version = Some(params.resource_version.as_str()).filter(|text| !text.is_empty());
        let mut query = Query::default()
            .with("watch", "true")
            .with("allowWatchBookmarks", "true")
            .with("timeoutSeconds", &params.timeout.as_secs().to_string())
            .with_some("labelSelector", params.label_selector.as_deref())
            .with_some("fieldSelector", params.field_selector.as_deref())
            .with_some("resourceVersion", version);
        if params.send_initial_events {
            query = query
                .with("sendInitialEvents", "true")
                .with("resourceVersionMatch", "NotOlderThan");
        }
        let mut call = across::<R>("watch", scope, query)?;
        call.max_retries = 0;
        let body = self.exchange.watch(&call).await?;
        let (timeout, interner) = (params.timeout, params.interner.clone());
        Ok(WatchStream::new(call.operation, body, timeout, interner))
    }

    /// Creates the object `body` in `namespace` (empty for kinds that live in none).
    ///
    /// If the answer is lost it may exist nevertheless: then the next try says `is_already_exists`.
    pub async fn create<R: Resource>(&self, namespace: &str, body: &Value) -> Result<R, Error> {
        let metadata = &body["metadata"];
        let name = metadata["name"]
            .as_str()
            .or(metadata["generateName"].as_str());
        let operation = match name {
            Some(name) => operation::<R>("create", &ObjectKey::new(namespace, name)),
            None => format!("create {} in `{namespace}`", R::KIND.to_lowercase()),
        };
        let path = path::collection::<R>(R::NAMESPACED.then_some(namespace))
            .map_err(|what| unsendable(&operation, what))?;
        let path = format!("{path}{}", self.managed().as_str());
        let call = Call::new(operation, "create", Method::POST, path);
        self.write::<R>(call, "application/json", body).await
    }

    /// Server-side apply: makes the fields in `body` so, creates the object if there is none, takes
    /// fields from other managers, and gives up those of ours that `body` does not have any more.
    /// "Ours" are those of [`FIELD_MANAGER`]: whoever applies to one object from two programs with this
    /// client takes fields from itself. `body` has to say its `apiVersion` and `kind`.
    ///
    /// With `metadata.uid` in `body` another object of the same name is not overwritten (`is_invalid`:
    /// the field is immutable), and none is created if there is none (`is_conflict`).
    pub async fn apply<R: Resource>(&self, key: &ObjectKey, body: &Value) -> Result<R, Error> {
        self.apply_to(key, None, body).await
    }

    /// As [`apply`](Self::apply), for the status; the object must exist.
    pub async fn apply_status<R: Resource>(
        &self,
        key: &ObjectKey,
        body: &Value,
    ) -> Result<R, Error> {
        self.apply_to(key, Some("status"), body).await
    }

    /// Merge patch: what `body` has is set, `null` removes. Not for lists, which are replaced whole.
    pub async fn patch<R: Resource>(&self, key: &ObjectKey, body: &Value) -> Result<R, Error> {
        self.merge_into(key, None, body).await
    }

    /// As [`patch`](Self::patch), for the status.
    pub async fn patch_status<R: Resource>(
        &self,
        key: &ObjectKey,
        body: &Value,
    ) -> Result<R, Error> {
        self.merge_into(key, Some("status"), body).await
    }

    /// Asks for the object at `key` to be deleted. Finalizers and running pods may keep it a while.
    ///
    /// One that does not exist is an error with `is_not_found`; a precondition that does not hold is
    /// `is_conflict`.
    pub async fn delete<R: Resource>(
        &self,
        key: &ObjectKey,
        options: &DeleteOptions,
    ) -> Result<(), Error> {
        let call = about::<R>("delete", Method::DELETE, key, None, Query::default())?
            .with_body("application/json", options.body().to_string().into_bytes());
        let answer = self.exchange.send(&call).await?;
        // The answer is the object or a Status. It is read so that the connection can be used again.
        let _ = answer.read(|_| Ok(())).await;
        Ok(())
    }

    /// A byte stream to `port` of `pod`, through the API server.
    pub async fn port_forward(&self, pod: &ObjectKey, port: u16) -> Result<BoxStream, Error> {
        port_forward::open(&self.exchange, pod, port).await
    }

    /// A transport whose endpoints are the ports of `pod`; the host of an endpoint is ignored.
    pub fn pod_transport(&self, pod: &ObjectKey) -> Arc<dyn Transport> {
        Arc::new(PodPort::new(self.exchange.clone(), pod.clone()))
    }

    /// What the server is; also the cheapest way to see whether it is there.
    pub async fn version(&self) -> Result<Version, Error> {
        let operation = "get the server's version".to_owned();
        let call = Call::new(operation, "get", Method::GET, "/version".to_owned());
        let answer = self.exchange.send(&call).await?;
        answer.read(|body| json::from_slice(body)).await
    }

    async fn apply_to<R: Resource>(
        &self,
        key: &ObjectKey,
        subresource: Option<&'static str>,
        body: &Value,
    ) -> Result<R, Error> {
        let query = self.managed().with("force", "true");
        let call = about::<R>("apply", Method::PATCH, key, subresource, query)?;
        // JSON is YAML: servers before 1.32 know no other name for it.
        self.write::<R>(call, "application/apply-patch+yaml", body)
            .await
    }

    async fn merge_into<R: Resource>(
        &self,
        key: &ObjectKey,
        subresource: Option<&'static str>,
        body: &Value,
    ) -> Result<R, Error> {
        let call = about::<R>("patch", Method::PATCH, key, subresource, self.managed())?;
        self.write::<R>(call, "application/merge-patch+json", body)
            .await
    }

    fn managed(&self) -> Query {
        Query::default().with("fieldManager", self.field_manager)
    }

    async fn write<R: Resource>(
        &self,
        call: Call,
        content_type: &'static str,
        body: &Value,
    ) -> Result<R, Error> {
        let mut call = call.with_body(content_type, body.to_string().into_bytes());
        call.is_secret = R::GROUP.is_empty() && R::KIND == "Secret";
        self.exchange
            .send(&call)
            .await?
            .read(item::read_object)
            .await
    }
}

/// A call about one object.
fn about<R: Resource>(
    verb: &'static str,
    method: Method,
    key: &ObjectKey,
    subresource: Option<&'static str>,
    query: Query,
) -> Result<Call, Error> {
    let mut operation = operation::<R>(verb, key);
    if let Some(subresource) = subresource {
        operation = operation.replacen(verb, &format!("{verb} {subresource} of"), 1);
    }
    let path = path::object::<R>(key, subresource).map_err(|what| unsendable(&operation, what))?;
    let path = format!("{path}{}", query.as_str());
    Ok(Call::new(operation, verb, method, path))
}

/// A call about all objects of a kind in `scope`.
fn across<R: Resource>(verb: &'static str, scope: &Scope, query: Query) -> Result<Call, Error> {
    let operation = across_operation::<R>(verb, scope);
    let namespace = match scope {
        Scope::All => None,
        Scope::Namespace(namespace) => Some(namespace.as_str()),
    };
    let path = path::collection::<R>(namespace).map_err(|what| unsendable(&operation, what))?;
    let path = format!("{path}{}", query.as_str());
    Ok(Call::new(operation, verb, Method::GET, path))
}

fn operation<R: Resource>(verb: &str, key: &ObjectKey) -> String {
    format!("{verb} {} `{key}`", R::KIND.to_lowercase())
}

fn across_operation<R: Resource>(verb: &str, scope: &Scope) -> String {
    match scope {
        Scope::All => format!("{verb} {}", R::PLURAL),
        Scope::Namespace(namespace) => format!("{verb} {} in `{namespace}`", R::PLURAL),
    }
}

fn unsendable(operation: &str, what: String) -> Error {
    Error::Request {
        operation: operation.to_owned(),
        what,
    }
}
