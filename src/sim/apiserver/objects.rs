//! What is answered about objects: each verb, and the form the client prefers.
//!
//! # Invariants
//! - With `dryRun` everything happens, to a copy of the store.
//! - What a client is refused, it is refused with a Status.
//!
//! # Source
//! apiserver `pkg/endpoints/handlers/{get,create,update,patch,delete,watch}.go`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use hyper::Request;
use hyper::body::Incoming;
use hyper::header::{ACCEPT, CONTENT_TYPE, HeaderValue, USER_AGENT};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::http::read_body;
use crate::sim::apiserver::answer::{self, Answer};
use crate::sim::apiserver::target::Target;
use crate::sim::apiserver::watch::{self, LINES_AHEAD, Watch};
use crate::sim::apiserver::write::{self, Written};
use crate::sim::apiserver::{ApiServer, header, port_forward, read, scale};
use crate::sim::refusal::Refusal;
use crate::sim::table::{self, IncludeObject};

impl ApiServer {
    pub(super) async fn answer_about_objects(
        &self,
        verb: &str,
        target: &Target,
        request: Request<Incoming>,
        streams: &TaskTracker,
        ended: &CancellationToken,
    ) -> Answer {
        let accept = header(&request, ACCEPT);
        let outcome = match verb {
            _ if target.subresource == "portforward" => {
                self.forward(target, request, streams, ended).await
            }
            "watch" => self.watch(target, &accept, streams, ended),
            "list" => self.list(target, &accept).await,
            "get" => self.get(target, &accept),
            verb => self.write(verb, target, request).await,
        };
        outcome.unwrap_or_else(|refusal| answer::refused(&refusal))
    }

    fn get(&self, target: &Target, accept: &str) -> Result<Answer, Refusal> {
        let object = read::get(&self.store, target)?;
        if target.subresource == "scale" {
            return Ok(answer::json(200, &scale::of(&target.kind, &object)));
        }
        if !table::is_wanted(accept) {
            return Ok(answer::json(200, &object));
        }
        let metadata = json!({"resourceVersion": object["metadata"]["resourceVersion"]});
        Ok(answer::json(
            200,
            &self.table(target, &[object], &metadata)?,
        ))
    }

    async fn list(&self, target: &Target, accept: &str) -> Result<Answer, Refusal> {
        let list = read::list(&self.store, target).await?;
        let kind = &target.kind;
        if table::is_wanted(accept) {
            return Ok(answer::json(
                200,
                &self.table(target, &list.items, &list.metadata)?,
            ));
        }
        let item = |object: &Arc<Value>| {
            let mut item = (**object).clone();
            // Items of built-in kinds do not say what they are.
            if let (None, Some(fields)) = (&kind.schema, item.as_object_mut()) {
                fields.remove("kind");
                fields.remove("apiVersion");
            }
            item
        };
        let items: Vec<Value> = list.items.iter().map(item).collect();
        Ok(answer::json(
            200,
            &json!({
                "kind": kind.list_kind(),
                "apiVersion": kind.api_version(),
                "metadata": list.metadata,
                "items": items,
            }),
        ))
    }

    fn table(
        &self,
        target: &Target,
        objects: &[Arc<Value>],
        metadata: &Value,
    ) -> Result<Value, Refusal> {
        let now = self.store.clock().unix_seconds();
        let include = include_object(target)?;
        Ok(table::table(&target.kind, objects, metadata, include, now))
    }

    fn watch(
        &self,
        target: &Target,
        accept: &str,
        streams: &TaskTracker,
        ended: &CancellationToken,
    ) -> Result<Answer, Refusal> {
        let form: watch::Form = match table::is_wanted(accept) {
            false => Arc::new(|object| object),
            true => {
                let (include, kind) = (include_object(target)?, Arc::clone(&target.kind));
                let (clock, is_first) = (self.store.clock().clone(), AtomicBool::new(true));
                Arc::new(move |object| {
                    let (object, now) = (Arc::new(object), clock.unix_seconds());
                    table::event(&kind, &object, is_first.swap(false, Relaxed), include, now)
                })
            }
        };
        let watch = Watch::new(
            self.store.clone(),
            target.clone(),
            form,
            Arc::clone(&self.bookmark_now),
        )?;
        let (sender, lines) = mpsc::channel(LINES_AHEAD);
        let (cut, ended) = (self.faults.cut(), ended.clone());
        streams.spawn(async move {
            tokio::select! {
                biased;
                () = ended.cancelled() => {}
                () = watch.run(sender, cut) => {}
            }
        });
        Ok(answer::lines(lines))
    }

    async fn forward(
        &self,
        target: &Target,
        request: Request<Incoming>,
        streams: &TaskTracker,
        ended: &CancellationToken,
    ) -> Result<Answer, Refusal> {
        read::get(&self.store, target)?;
        let ports = self.ports.clone().ok_or_else(Refusal::no_such_resource)?;
        let (answer, forwarding) = port_forward::accept(ports, target, request)?;
        let ended = ended.clone();
        streams.spawn(async move {
            tokio::select! {
                biased;
                () = ended.cancelled() => {}
                () = forwarding => {}
            }
        });
        Ok(answer)
    }

    async fn write(
        &self,
        verb: &str,
        target: &Target,
        request: Request<Incoming>,
    ) -> Result<Answer, Refusal> {
        if !target.subresource.is_empty() && !["update", "patch", "apply"].contains(&verb) {
            let message = "the server does not allow this method on the requested resource";
            return Err(Refusal::new(405, "MethodNotAllowed", message));
        }
        let content_type = header(&request, CONTENT_TYPE);
        let user_agent = header(&request, USER_AGENT);
        let body = read_body(request.into_body(), LARGEST_BODY_BYTES)
            .await
            .map_err(|error| match error.is_too_large() {
                true => Refusal::new(413, "RequestEntityTooLarge", "limit is 3145728"),
                false => Refusal::bad_request("the body ended too soon"),
            })?;
        let is_dry = target.query.get("dryRun").is_some()
            || write::is_dry_deletion(verb, &content_type, &body);
        let copy = is_dry.then(|| self.store.copy());
        let request = write::Request {
            store: copy.as_ref().unwrap_or(&self.store),
            target,
            content_type: &content_type,
            user_agent: &user_agent,
            body: &body,
        };
        let Written {
            code,
            object,
            warnings,
        } = match verb {
            "create" => request.create()?,
            "update" => request.update()?,
            "delete" => request.delete()?,
            "deletecollection" => request.delete_collection()?,
            _ => request.patch()?,
        };
        let mut answer = answer::json(code, &object);
        for warning in warnings {
            let text = format!("299 - \"{}\"", warning.replace('"', "\\\""));
            if let Ok(value) = HeaderValue::from_str(&text) {
                answer.headers_mut().append("warning", value);
            }
        }
        Ok(answer)
    }
}

fn include_object(target: &Target) -> Result<IncludeObject, Refusal> {
    IncludeObject::from_query(target.query.get("includeObject")).map_err(Refusal::bad_request)
}

/// A real server's bound for a request.
const LARGEST_BODY_BYTES: usize = 3 * 1024 * 1024;
