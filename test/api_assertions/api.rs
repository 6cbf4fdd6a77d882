//! Requests as bytes go over the wire, without the types of either side.

use std::time::Duration;

use bitcoin_controller::client::Client;
use bitcoin_controller::http::{Body, read_body};
use http_body_util::BodyExt;
use hyper::header::{ACCEPT, CONTENT_TYPE, HeaderValue, USER_AGENT};
use hyper::{Method, Request, Response, body::Incoming};
use serde_json::{Value, json};

use super::ApiServer;

/// The field manager of a write that names none: the program's name in `User-Agent`.
pub const PROGRAM: &str = "assertions";

/// No answer is waited for longer than this, and no event of a watch.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// More than any object here.
const LARGEST_ANSWER_BYTES: usize = 4 * 1024 * 1024;

/// An API server, and a namespace of our own on it.
pub struct Api {
    pub server: ApiServer,
    pub namespace: String,
}

impl Api {
    pub async fn start() -> Self {
        let server = ApiServer::start().await;
        let mut api = Api {
            server,
            namespace: String::new(),
        };
        let namespace = json!({"metadata": {"generateName": "assertions-"}});
        let made = api.post("namespaces", namespace).await.created();
        api.namespace = text(&made["metadata"]["name"]);
        api
    }

    /// Our client of the same server.
    pub fn client(&self) -> Client {
        self.server.client()
    }

    /// The whole path of `configmaps/a` or `statefulsets?limit=1`, in our namespace if it is of a
    /// kind that lives in one.
    pub fn path(&self, short: &str) -> String {
        let resource = short.split(['/', '?']).next().unwrap();
        let group = match resource {
            "statefulsets" => "/apis/apps/v1",
            "leases" => "/apis/coordination.k8s.io/v1",
            "customresourcedefinitions" => "/apis/apiextensions.k8s.io/v1",
            "widgets" => "/apis/assertions.example.com/v1",
            _ => "/api/v1",
        };
        match resource {
            // A whole path begins with a slash.
            "" => short.to_owned(),
            "namespaces" | "nodes" | "customresourcedefinitions" => format!("{group}/{short}"),
            _ => format!("{group}/namespaces/{}/{short}", self.namespace),
        }
    }

    pub async fn get(&self, short: &str) -> Reply {
        self.send(Method::GET, short, "", &Value::Null).await
    }

    pub async fn post(&self, short: &str, body: Value) -> Reply {
        self.send(Method::POST, short, "application/json", &body)
            .await
    }

    pub async fn put(&self, short: &str, body: Value) -> Reply {
        self.send(Method::PUT, short, "application/json", &body)
            .await
    }

    pub async fn merge(&self, short: &str, patch: Value) -> Reply {
        self.patch(short, "merge-patch+json", &patch).await
    }

    pub async fn json_patch(&self, short: &str, patch: Value) -> Reply {
        self.patch(short, "json-patch+json", &patch).await
    }

    pub async fn strategic(&self, short: &str, patch: Value) -> Reply {
        self.patch(short, "strategic-merge-patch+json", &patch)
            .await
    }

    /// Server-side apply as `manager`.
    pub async fn apply(&self, short: &str, manager: &str, body: Value) -> Reply {
        let mark = if short.contains('?') { '&' } else { '?' };
        let short = format!("{short}{mark}fieldManager={manager}");
        self.patch(&short, "apply-patch+yaml", &body).await
    }

    /// The same, and takes fields from others.
    pub async fn force(&self, short: &str, manager: &str, body: Value) -> Reply {
        let mark = if short.contains('?') { '&' } else { '?' };
        let short = format!("{short}{mark}force=true");
        self.apply(&short, manager, body).await
    }

    /// An apply whose body is this text; the manager is in the query.
    pub async fn apply_text(&self, short: &str, text: &str) -> Reply {
        let bytes = text.to_owned().into_bytes();
        let answer = self
            .answer(Method::PATCH, short, "application/apply-patch+yaml", bytes)
            .await;
        Reply::read(answer).await
    }

    /// A write whose body is this protobuf.
    pub async fn protobuf(&self, method: Method, short: &str, body: Vec<u8>) -> Reply {
        let content_type = "application/vnd.kubernetes.protobuf";
        Reply::read(self.answer(method, short, content_type, body).await).await
    }

    /// A watch that the server has begun.
    pub async fn watch(&self, short: &str) -> Watch {
        let answer = self.answer(Method::GET, short, "", Vec::new()).await;
        assert_eq!(answer.status(), 200);
        Watch {
            body: answer.into_body(),
            unread: Vec::new(),
        }
    }

    /// Makes pods possible: a real server wants the account they run as.
    pub async fn with_account(self) -> Self {
        let account = json!({"metadata": {"name": "default"}});
        let reply = self.post("serviceaccounts", account).await;
        assert!([201, 409].contains(&reply.code), "{}", reply.body);
        self
    }

    /// `options` may be null.
    pub async fn delete(&self, short: &str, options: Value) -> Reply {
        self.send(Method::DELETE, short, "application/json", &options)
            .await
    }

    pub async fn patch(&self, short: &str, form: &str, patch: &Value) -> Reply {
        self.send(Method::PATCH, short, &format!("application/{form}"), patch)
            .await
    }

    async fn send(&self, method: Method, short: &str, content_type: &str, body: &Value) -> Reply {
        let bytes = match body {
            Value::Null => Vec::new(),
            body => body.to_string().into_bytes(),
        };
        let answer = self.answer(method, short, content_type, bytes).await;
        Reply::read(answer).await
    }

    /// The head of an answer, and its body as it comes.
    pub async fn answer(
        &self,
        method: Method,
        short: &str,
        content_type: &str,
        body: Vec<u8>,
    ) -> Response<Incoming> {
        let uri = format!("{}{}", self.server.url(), self.path(short));
        let mut request = Request::builder().method(method).uri(uri);
        let headers = request.headers_mut().unwrap();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(USER_AGENT, HeaderValue::from_static("assertions/1.0"));
        if !content_type.is_empty() {
            let content_type = HeaderValue::from_str(content_type).unwrap();
            headers.insert(CONTENT_TYPE, content_type);
        }
        let request = request.body(Body::from(body)).unwrap();
        let answer = tokio::time::timeout(DEADLINE, self.server.http().send(request)).await;
        answer.expect("there is an answer").unwrap()
    }
}

/// What came back.
#[derive(Debug)]
pub struct Reply {
    pub code: u16,
    pub body: Value,
    pub warnings: Vec<String>,
}

impl Reply {
    async fn read(answer: Response<Incoming>) -> Self {
        let code = answer.status().as_u16();
        let warnings = answer.headers().get_all("warning").iter();
        let warnings = warnings.map(|value| value.to_str().unwrap().to_owned());
        let warnings = warnings.collect();
        let reading = read_body(answer.into_body(), LARGEST_ANSWER_BYTES);
        let bytes = tokio::time::timeout(DEADLINE, reading).await;
        let bytes = bytes.expect("the answer ends").unwrap();
        let body = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| String::from_utf8_lossy(&bytes).into_owned().into());
        Reply {
            code,
            body,
            warnings,
        }
    }

    /// It was done: the object.
    #[track_caller]
    pub fn ok(self) -> Value {
        assert_eq!(self.code, 200, "{}", self.body);
        self.body
    }

    /// It was made: the object.
    #[track_caller]
    pub fn created(self) -> Value {
        assert_eq!(self.code, 201, "{}", self.body);
        self.body
    }

    /// It was refused: the `Status`, whose code and reason are these.
    #[track_caller]
    pub fn refused(self, code: u16, reason: &str) -> Value {
        assert_eq!(self.code, code, "{}", self.body);
        assert_eq!(self.body["kind"], "Status", "{}", self.body);
        assert_eq!(self.body["status"], "Failure", "{}", self.body);
        assert_eq!(self.body["code"], code, "{}", self.body);
        assert_eq!(self.body["reason"], reason, "{}", self.body);
        self.body
    }
}

/// The lines of a watch.
pub struct Watch {
    body: Incoming,
    unread: Vec<u8>,
}

impl Watch {
    /// The next event; `None` if the server has ended the watch.
    pub async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(end) = self.unread.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.unread.drain(..=end).collect();
                return Some(serde_json::from_slice(&line).unwrap());
            }
            let frame = tokio::time::timeout(DEADLINE, self.body.frame()).await;
            let frame = frame.expect("something comes, or the end")?;
            self.unread.extend(frame.unwrap().into_data().unwrap());
        }
    }

    /// The next event that is not about `kube-root-ca.crt`, which a controller makes: type and object.
    pub async fn event(&mut self) -> (String, Value) {
        loop {
            let mut event = self.next().await.expect("the watch goes on");
            if event["object"]["metadata"]["name"] != "kube-root-ca.crt" {
                return (text(&event["type"]), event["object"].take());
            }
        }
    }
}

/// Waits until `holds`: what the server does in its own time.
pub async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let until = tokio::time::Instant::now() + DEADLINE;
    while !holds().await {
        assert!(tokio::time::Instant::now() < until, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

pub fn version(object: &Value) -> String {
    text(&object["metadata"]["resourceVersion"])
}

pub fn config_map(name: &str, data: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data})
}

/// A StatefulSet without pods: its controller has little to do.
pub fn stateful_set(name: &str, containers: Value) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": name},
        "spec": {
            "replicas": 0, "serviceName": name, "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": containers},
            },
        },
    })
}
