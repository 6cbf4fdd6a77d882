//! GET: one object, or a list of them, whole or in pages.
//!
//! The pages of a list show one moment: the first page's. Later pages undo what has happened since, as
//! far back as the history goes; before that the token has expired, and the client begins anew.
//!
//! # Source
//! apiserver `pkg/storage/etcd3/store.go` (`GetList`), `pkg/storage/continue.go`.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::sim::apiserver::target::Target;
use crate::sim::kinds::Kind;
use crate::sim::refusal::{Cause, Refusal};
use crate::sim::request::Key;
use crate::sim::selectors::{self, Fields, Labels};
use crate::sim::store::Store;

/// One object.
pub(super) fn get(store: &Store, target: &Target) -> Result<Arc<Value>, Refusal> {
    let object = store.get(&target.kind.resource(), &target.key());
    object.ok_or_else(|| Refusal::not_found(&target.kind, &target.name))
}

/// What a list or a watch is about.
#[derive(Clone, Debug)]
pub(super) struct Selection {
    namespace: String,
    name: String,
    labels: Labels,
    fields: Fields,
}

impl Selection {
    /// Reads the selectors of a request.
    ///
    /// # Errors
    /// One of them is none.
    pub(super) fn of(target: &Target) -> Result<Self, Refusal> {
        let labels = target.query.get("labelSelector").unwrap_or_default();
        let fields = target.query.get("fieldSelector").unwrap_or_default();
        let fields = Fields::parse(fields).map_err(Refusal::bad_request)?;
        check_fields(&target.kind, &fields)?;
        Ok(Selection {
            namespace: target.namespace.clone(),
            name: target.name.clone(),
            labels: Labels::parse(labels).map_err(Refusal::bad_request)?,
            fields,
        })
    }

    /// Whether it is by labels or fields: then nobody has counted what comes later.
    fn selects(&self) -> bool {
        self.labels.names().next().is_some() || self.fields.names().next().is_some()
    }

    /// Whether the object is meant.
    pub(super) fn contains(&self, object: &Value) -> bool {
        let key = Key::of(object);
        (self.namespace.is_empty() || key.namespace == self.namespace)
            && (self.name.is_empty() || key.name == self.name)
            && self.labels.select(object)
            && self.fields.select(object)
    }
}

/// Refuses to select by a field that a server does not know of the kind.
fn check_fields(kind: &Kind, fields: &Fields) -> Result<(), Refusal> {
    let known = selectors::selectable_fields(&kind.resource());
    let Some(field) = fields.names().find(|name| !known.contains(name)) else {
        return Ok(());
    };
    let known: Vec<String> = known.iter().map(|name| format!("\"{name}\"")).collect();
    let message = match &kind.schema {
        None => {
            let known = known.join(", ");
            format!("\"{field}\" is not a known field selector: only {known}")
        }
        Some(_) => format!("field label not supported: {field}"),
    };
    Err(Refusal::bad_request(message))
}

/// What a list or a watch says of the version it wants must make sense.
///
/// # Errors
/// It does not.
pub(super) fn check_version_match(target: &Target, is_watch: bool) -> Result<(), Refusal> {
    let query = &target.query;
    let is_initial = query.is_set("sendInitialEvents");
    let version = query.get("resourceVersion");
    let refuse = |field: &str, why: &str| {
        let cause = Cause::forbidden(field, why);
        Err(Refusal::invalid_options("ListOptions", cause))
    };
    match query.get("resourceVersionMatch") {
        _ if is_initial && !is_watch => refuse(
            "sendInitialEvents",
            "sendInitialEvents is forbidden for list",
        ),
        None if is_initial => refuse(
            "resourceVersionMatch",
            "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
        ),
        None => Ok(()),
        Some("NotOlderThan") if is_initial => Ok(()),
        Some(_) if is_watch => refuse(
            "resourceVersionMatch",
            "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
        ),
        Some(_) if version.is_none() => refuse(
            "resourceVersionMatch",
            "resourceVersionMatch is forbidden unless resourceVersion is provided",
        ),
        Some("Exact") if version == Some("0") => refuse(
            "resourceVersionMatch",
            "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"",
        ),
        Some(_) => Ok(()),
    }
}

/// Objects, and what is said about all of them.
#[derive(Debug)]
pub(super) struct List {
    pub(super) items: Vec<Arc<Value>>,
    pub(super) metadata: Value,
}

/// A list, or a page of one.
pub(super) async fn list(store: &Store, target: &Target) -> Result<List, Refusal> {
    let selection = Selection::of(target)?;
    check_version_match(target, false)?;
    let limit = target.query.number("limit")?.unwrap_or_default();
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let asked = target
        .query
        .number("resourceVersion")?
        .filter(|version| *version > 0);
    let token = target.query.get("continue").map(Token::parse).transpose()?;
    let exact = target.query.get("resourceVersionMatch") == Some("Exact");
    let (at, after) = match token {
        Some(token) => (Some(token.resource_version), Some(token.after)),
        None if exact => (asked, None),
        None => (None, None),
    };
    if let Some(asked) = asked {
        wait_for(store, asked).await?;
    }
    let snapshot = store
        .snapshot(&target.kind.resource(), at)
        .map_err(|refusal| {
            if after.is_some() && refusal.code == 410 {
                expired_token()
            } else {
                refusal
            }
        })?;
    let is_later = |key: &Key| after.as_ref().is_none_or(|after| key > after);
    let mut meant = snapshot
        .objects
        .iter()
        .filter(|(key, object)| is_later(key) && selection.contains(object));
    let taken = if limit == 0 { usize::MAX } else { limit };
    let page: Vec<(&Key, &Arc<Value>)> = meant.by_ref().take(taken).collect();
    let remaining = meant.count();
    let mut metadata = json!({"resourceVersion": snapshot.resource_version.to_string()});
    if let (true, Some((last, _))) = (remaining > 0, page.last()) {
        let token = Token {
            resource_version: snapshot.resource_version,
            after: (*last).clone(),
        };
        metadata["continue"] = token.text().into();
        if !selection.selects() {
            metadata["remainingItemCount"] = remaining.into();
        }
    }
    Ok(List {
        items: page
            .into_iter()
            .map(|(_, object)| Arc::clone(object))
            .collect(),
        metadata,
    })
}

/// Waits a little for a moment that has not come.
///
/// # Errors
/// It does not come.
pub(super) async fn wait_for(store: &Store, resource_version: u64) -> Result<(), Refusal> {
    let coming = store.changed_after(resource_version - 1);
    if store.resource_version() >= resource_version {
        return Ok(());
    }
    tokio::time::timeout(FRESHNESS_TIMEOUT, coming)
        .await
        .map_err(|_| Refusal::too_large(resource_version, store.resource_version()))
}

/// How long a server waits to be as fresh as it is asked to be.
const FRESHNESS_TIMEOUT: Duration = Duration::from_secs(3);

fn expired_token() -> Refusal {
    Refusal::new(
        410,
        "Expired",
        "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter.",
    )
}

/// Where a page ends.
struct Token {
    resource_version: u64,
    after: Key,
}

impl Token {
    fn text(&self) -> String {
        let token = json!({
            "v": "meta.k8s.io/v1",
            "rv": self.resource_version,
            "start": [self.after.namespace, self.after.name],
        });
        URL_SAFE_NO_PAD.encode(token.to_string())
    }

    fn parse(text: &str) -> Result<Self, Refusal> {
        let read = || {
            let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
            let token: Value = serde_json::from_slice(&bytes).ok()?;
            let start = |index: usize| token["start"][index].as_str().map(str::to_owned);
            Some(Token {
                resource_version: token["rv"].as_u64()?,
                after: Key::new(start(0)?, start(1)?),
            })
        };
        read().ok_or_else(|| Refusal::bad_request("continue key is not valid"))
    }
}
