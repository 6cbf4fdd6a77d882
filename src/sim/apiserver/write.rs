//! POST, PUT, PATCH and DELETE: from bodies to changes of the store.
//!
//! # Invariants
//! - With `dryRun=All` everything happens, to a copy.
//!
//! # Source
//! apiserver `pkg/endpoints/handlers/{create,update,patch,delete}.go`.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::base::{json as read_json, yaml};
use crate::sim::apiserver::read::Selection;
use crate::sim::apiserver::scale;
use crate::sim::apiserver::target::Target;
use crate::sim::kinds::Kind;
use crate::sim::managed_fields::Manager;
use crate::sim::object_meta;
use crate::sim::refusal::{Cause, Refusal, details};
use crate::sim::request::{DeleteOptions, Key, Part, Propagation};
use crate::sim::schema;
use crate::sim::store::Store;
use crate::sim::{patch, protobuf};

/// What a write comes to.
pub(super) struct Written {
    pub(super) code: u16,
    pub(super) object: Value,
    /// What the server has to say about it, for people.
    pub(super) warnings: Vec<String>,
}

impl Written {
    fn ok(object: &Value) -> Self {
        Written {
            code: 200,
            object: object.clone(),
            warnings: Vec::new(),
        }
    }
}

/// A write, read from its request.
pub(super) struct Request<'a> {
    pub(super) store: &'a Store,
    pub(super) target: &'a Target,
    pub(super) content_type: &'a str,
    pub(super) user_agent: &'a str,
    pub(super) body: &'a [u8],
}

impl Request<'_> {
    /// Makes an object.
    pub(super) fn create(&self) -> Result<Written, Refusal> {
        let object = self.read_body()?;
        let warnings = self.unknown_fields(&object)?;
        let (store, target) = (self.store, self.target);
        let resource = target.kind.resource();
        let made = store.create(&resource, &target.namespace, object, &self.manager().name)?;
        Ok(Written {
            code: 201,
            warnings,
            ..Written::ok(&made)
        })
    }

    /// Replaces an object.
    pub(super) fn update(&self) -> Result<Written, Refusal> {
        let object = self.read_body()?;
        if self.target.subresource == "scale" {
            return self.scale(|scale| {
                *scale = object;
                Ok(())
            });
        }
        let warnings = self.unknown_fields(&object)?;
        let written = self.write(|live| {
            if self.target.subresource.is_empty() || self.target.kind.is_custom() {
                object_meta::check_replacement(&self.target.kind, live, &object)?;
            }
            *live = object;
            Ok(())
        })?;
        Ok(Written {
            warnings,
            ..Written::ok(&written)
        })
    }

    /// Changes an object, or applies one.
    pub(super) fn patch(&self) -> Result<Written, Refusal> {
        let body = self.read_body()?;
        let content_type = self.media_type();
        let change = |object: &mut Value| match content_type {
            "application/merge-patch+json" => {
                patch::merge(object, &body);
                Ok(())
            }
            "application/json-patch+json" => {
                // What exactly, the server keeps to itself.
                patch::json_patch(object, &body).map_err(|_| unprocessable())
            }
            "application/strategic-merge-patch+json" if self.target.kind.is_custom() => {
                Err(no_strategic_patch())
            }
            "application/strategic-merge-patch+json" => {
                patch::strategic(object, &body).map_err(Refusal::bad_request)
            }
            _ => Err(unsupported()),
        };
        if self.target.subresource == "scale" {
            return self.scale(change);
        }
        if content_type.starts_with("application/apply-patch+") {
            return self.apply(body);
        }
        let mut strict = Ok(Vec::new());
        let written = self.write(|object| {
            change(object)?;
            strict = self.unknown_fields(object);
            strict
                .clone()
                .map(|_| ())
                .map_err(|refusal| in_patch(object, &refusal))
        })?;
        Ok(Written {
            warnings: strict?,
            ..Written::ok(&written)
        })
    }

    fn apply(&self, applied: Value) -> Result<Written, Refusal> {
        let Some(manager) = self.target.query.get("fieldManager") else {
            let mut cause = Cause::required("fieldManager");
            cause.message.push_str(": is required for apply patch");
            return Err(Refusal::invalid_options("PatchOptions", cause));
        };
        let by = Manager::apply(manager, self.part());
        let (resource, key) = (self.target.kind.resource(), self.target.key());
        let force = self.target.query.is_set("force");
        let was_there = self.store.get(&resource, &key).is_some();
        let object = self.store.apply(&resource, &key, applied, &by, force)?;
        Ok(Written {
            code: if was_there { 200 } else { 201 },
            ..Written::ok(&object)
        })
    }

    fn scale(
        &self,
        change: impl FnOnce(&mut Value) -> Result<(), Refusal>,
    ) -> Result<Written, Refusal> {
        let kind = &self.target.kind;
        let written = self.write(|object| {
            let mut wanted = scale::of(kind, object);
            change(&mut wanted)?;
            scale::set(kind, object, &wanted)
        })?;
        Ok(Written::ok(&scale::of(kind, &written)))
    }

    fn write(
        &self,
        change: impl FnOnce(&mut Value) -> Result<(), Refusal>,
    ) -> Result<Arc<Value>, Refusal> {
        let (resource, key) = (self.target.kind.resource(), self.target.key());
        self.store.write(&resource, &key, &self.manager(), change)
    }

    /// Begins to delete one object.
    pub(super) fn delete(&self) -> Result<Written, Refusal> {
        let options = self.delete_options()?;
        let (resource, key) = (self.target.kind.resource(), self.target.key());
        let last = self.store.delete(&resource, &key, &options)?;
        if self.store.get(&resource, &key).is_some() {
            return Ok(Written::ok(&last));
        }
        let kind = &self.target.kind;
        let mut details = details(&key.name, &kind.group, &kind.plural);
        details["uid"] = last["metadata"]["uid"].clone();
        Ok(Written::ok(&json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
            "details": details,
        })))
    }

    /// Begins to delete every object that is meant.
    pub(super) fn delete_collection(&self) -> Result<Written, Refusal> {
        let options = self.delete_options()?;
        let selection = Selection::of(self.target)?;
        let kind = &self.target.kind;
        let resource = kind.resource();
        let objects = self.store.list(&resource);
        let meant: Vec<Arc<Value>> = objects
            .into_iter()
            .filter(|object| selection.contains(object))
            .collect();
        for object in &meant {
            match self.store.delete(&resource, &Key::of(object), &options) {
                // Somebody was faster.
                Err(refusal) if refusal.code == 404 => {}
                Err(refusal) => return Err(refusal),
                Ok(_) => {}
            }
        }
        let items: Vec<&Value> = meant.iter().map(|object| &**object).collect();
        Ok(Written::ok(&json!({
            "kind": kind.list_kind(), "apiVersion": kind.api_version(),
            "metadata": {"resourceVersion": self.store.resource_version().to_string()},
            "items": items,
        })))
    }

    fn delete_options(&self) -> Result<DeleteOptions, Refusal> {
        let body = match self.body {
            [] => Value::Null,
            _ => self.read_body()?,
        };
        let query = &self.target.query;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let propagation = text(&body["propagationPolicy"])
            .or_else(|| query.get("propagationPolicy").map(str::to_owned));
        let propagation = match propagation.as_deref() {
            None | Some("Background") => Propagation::Background,
            Some("Foreground") => Propagation::Foreground,
            Some("Orphan") => Propagation::Orphan,
            Some(other) => {
                let known = ["Foreground", "Background", "Orphan", "nil"];
                let cause = Cause::unsupported("propagationPolicy", &other.into(), &known);
                return Err(Refusal::invalid_options("DeleteOptions", cause));
            }
        };
        let in_query = query.number("gracePeriodSeconds")?;
        let in_query = in_query.and_then(|seconds| i64::try_from(seconds).ok());
        Ok(DeleteOptions {
            uid: text(&body["preconditions"]["uid"]),
            resource_version: text(&body["preconditions"]["resourceVersion"]),
            propagation,
            grace_seconds: body["gracePeriodSeconds"].as_i64().or(in_query),
        })
    }

    fn media_type(&self) -> &str {
        media_type(self.content_type)
    }

    fn part(&self) -> Part {
        match self.target.subresource.as_str() {
            "status" => Part::Status,
            _ => Part::Main,
        }
    }

    /// Whose fields these will be: who says so, or the program's name.
    fn manager(&self) -> Manager {
        let program = self.user_agent.split('/').next().unwrap_or_default();
        let named = self.target.query.get("fieldManager").unwrap_or(program);
        match self.target.subresource.as_str() {
            "scale" => Manager::scale(named),
            _ => Manager::update(named, self.part()),
        }
    }

    fn read_body(&self) -> Result<Value, Refusal> {
        read_body(self.media_type(), self.body)
    }

    /// What of a custom resource its schema does not know: refused, told, or passed over in silence.
    fn unknown_fields(&self, object: &Value) -> Result<Vec<String>, Refusal> {
        let kind = &self.target.kind;
        let Some(schema) = &kind.schema else {
            return Ok(Vec::new());
        };
        let unknown = schema::unknown_fields(object, schema);
        let said: Vec<String> = unknown
            .iter()
            .map(|path| format!("unknown field \"{path}\""))
            .collect();
        match self.target.query.get("fieldValidation") {
            Some("Ignore") => Ok(Vec::new()),
            Some("Strict") if !said.is_empty() => {
                let (name, version) = (&kind.kind, &kind.version);
                let said = said.join(", ");
                Err(Refusal::bad_request(format!(
                    "{name} in version \"{version}\" cannot be handled as a {name}: strict decoding error: {said}"
                )))
            }
            _ => Ok(said),
        }
    }
}

/// Whether the body of a deletion says that it is not meant.
pub(super) fn is_dry_deletion(verb: &str, content_type: &str, body: &[u8]) -> bool {
    let asks = || {
        let options = read_body(media_type(content_type), body).ok()?;
        Some(
            options["dryRun"]
                .as_array()
                .is_some_and(|all| !all.is_empty()),
        )
    };
    verb.starts_with("delete") && asks().unwrap_or_default()
}

/// A content type without its parameters.
fn media_type(content_type: &str) -> &str {
    let first = content_type.split(';').next();
    first.unwrap_or_default().trim()
}

/// A body as JSON, whichever way it is written.
fn read_body(media_type: &str, body: &[u8]) -> Result<Value, Refusal> {
    let malformed = |why: String| Refusal::bad_request(format!("the body cannot be read: {why}"));
    if media_type.ends_with("yaml") {
        let text = std::str::from_utf8(body).map_err(|error| malformed(error.to_string()))?;
        return yaml::from_str(text).map_err(|error| malformed(error.to_string()));
    }
    if media_type == protobuf::CONTENT_TYPE {
        return protobuf::decode(body).map_err(|_| unsupported());
    }
    if !media_type.is_empty() && !media_type.ends_with("json") {
        return Err(unsupported());
    }
    read_json::from_slice(body).map_err(|error| malformed(error.to_string()))
}

fn unsupported() -> Refusal {
    Refusal::new(415, "UnsupportedMediaType", "415: Unsupported Media Type")
}

fn no_strategic_patch() -> Refusal {
    let message = "the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml";
    Refusal::new(415, "UnsupportedMediaType", message)
}

fn unprocessable() -> Refusal {
    let message = "the server rejected our request due to an error in our request";
    Refusal::new(422, "Invalid", message)
}

/// What strict validation of a body says, as it is said of the object that a patch would make.
fn in_patch(patched: &Value, refusal: &Refusal) -> Refusal {
    let said = refusal.message.split_once(": ").map_or("", |parts| parts.1);
    let shown = patched.to_string().into();
    Refusal::invalid(
        &Kind::default(),
        "",
        &[Cause::invalid("patch", &shown, said)],
    )
}
