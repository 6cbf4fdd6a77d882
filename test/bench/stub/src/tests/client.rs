//! A client, and a store of what it is told.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::Value;

use crate::shapes::Shape;

pub struct Client {
    url: String,
    connection: BufReader<TcpStream>,
}

pub struct Response {
    pub code: u16,
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    pub bytes: Vec<u8>,
}

impl Response {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap()
    }
}

impl Client {
    pub fn connect(url: &str) -> Self {
        let connection = TcpStream::connect(url.strip_prefix("http://").unwrap()).unwrap();
        connection
            .set_read_timeout(Some(Duration::from_secs(30)))
            .unwrap();
        Client {
            url: url.to_owned(),
            connection: BufReader::new(connection),
        }
    }

    /// Another connection to the same server.
    pub fn another(&self) -> Self {
        Client::connect(&self.url)
    }

    pub fn send(&mut self, text: &str) {
        self.connection
            .get_mut()
            .write_all(text.as_bytes())
            .unwrap();
    }

    /// Asks for `request`, such as `GET /path`, with further header lines.
    pub fn ask_with(&mut self, request: &str, headers: &str) -> Response {
        self.send(&format!(
            "{request} HTTP/1.1\r\nhost: stub\r\n{headers}\r\n"
        ));
        self.response()
    }

    pub fn ask(&mut self, request: &str) -> Response {
        self.ask_with(request, "")
    }

    /// As [`ask`](Self::ask); the answer is good.
    pub fn json(&mut self, request: &str) -> Value {
        let response = self.ask(request);
        assert_eq!(
            response.code,
            200,
            "{request}: {}",
            String::from_utf8_lossy(&response.bytes)
        );
        response.json()
    }

    /// Asks on another connection, and does not wait: what it sends may be more than fits between us.
    pub fn order(&self, request: String) -> JoinHandle<Value> {
        let mut client = self.another();
        thread::spawn(move || client.json(&request))
    }

    pub fn response(&mut self) -> Response {
        let mut response = self.head();
        if let Some(length) = response.headers.get("content-length") {
            response.bytes = vec![0; length.parse().unwrap()];
            self.connection.read_exact(&mut response.bytes).unwrap();
        } else {
            while let Some(chunk) = self.chunk() {
                response.bytes.extend(chunk);
            }
        }
        response
    }

    /// Begins a watch; its head is read.
    pub fn watch(&mut self, target: &str) {
        self.watch_with(target, "");
    }

    pub fn watch_with(&mut self, target: &str, headers: &str) {
        self.send(&format!(
            "GET {target} HTTP/1.1\r\nhost: stub\r\n{headers}\r\n"
        ));
        let head = self.head();
        assert_eq!(head.code, 200);
    }

    /// Type and object of the next event of a watch; `None`: it has ended.
    pub fn event(&mut self) -> Option<(String, Value)> {
        let chunk = self.chunk()?;
        assert!(chunk.ends_with(b"\n"));
        let mut event: Value = serde_json::from_slice(&chunk).unwrap();
        let type_ = event["type"].as_str().unwrap().to_owned();
        Some((type_, event["object"].take()))
    }

    fn head(&mut self) -> Response {
        let line = self.line();
        let code = line.split(' ').nth(1).unwrap().parse().unwrap();
        let mut headers = BTreeMap::new();
        loop {
            let line = self.line();
            match line.split_once(": ") {
                Some((name, value)) => headers.insert(name.to_lowercase(), value.to_owned()),
                None => {
                    let bytes = Vec::new();
                    return Response {
                        code,
                        headers,
                        bytes,
                    };
                }
            };
        }
    }

    fn chunk(&mut self) -> Option<Vec<u8>> {
        let length = usize::from_str_radix(&self.line(), 16).unwrap();
        let mut chunk = vec![0; length + 2];
        self.connection.read_exact(&mut chunk).unwrap();
        assert_eq!(chunk.split_off(length), b"\r\n");
        (length > 0).then_some(chunk)
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.connection.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }
}

/// What a client has of the objects.
#[derive(Default)]
pub struct Mirror(pub BTreeMap<String, Value>);

impl Mirror {
    /// Takes an event.
    pub fn take(&mut self, (type_, object): (String, Value)) {
        let uid = object["metadata"]["uid"].as_str().unwrap().to_owned();
        let before = self.0.remove(&uid);
        match &*type_ {
            "ADDED" => assert!(before.is_none()),
            "MODIFIED" | "DELETED" => assert!(before.is_some()),
            other => panic!("{other}"),
        }
        if type_ != "DELETED" {
            self.0.insert(uid, object);
        }
    }

    /// The hash over the fields of the truth, by hand.
    pub fn hash(&self, shape: Shape, mode: &str) -> String {
        let hashes = self
            .0
            .values()
            .map(|object| hash(&truth(object, shape, mode)));
        format!("{:016x}", hashes.fold(0, u64::wrapping_add))
    }
}

/// The strings of the truth of one object, read from its JSON.
fn truth(object: &Value, shape: Shape, mode: &str) -> Vec<String> {
    let metadata = &object["metadata"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut strings: Vec<String> = ["uid", "resourceVersion", "namespace", "name"]
        .iter()
        .map(|name| text(&metadata[*name]))
        .collect();
    match (mode, shape) {
        ("metadata", _) => strings.push(text(&metadata["labels"]["app"])),
        (_, Shape::Pod) => {
            let mut owners = metadata["ownerReferences"].as_array().unwrap().iter();
            let owner = owners.find(|owner| owner["controller"] == true).unwrap();
            let status = &object["status"];
            strings.extend([&status["phase"], &status["podIP"], &owner["uid"]].map(text));
        }
        (_, Shape::Node) => {
            for condition in object["status"]["conditions"].as_array().unwrap() {
                strings.extend([&condition["type"], &condition["status"]].map(text));
            }
        }
        (_, Shape::Network) => strings.push(object["spec"]["nodes"].to_string()),
    }
    strings
}

fn hash(strings: &[String]) -> u64 {
    let mut hash: u64 = 14_695_981_039_346_656_037;
    for byte in strings.iter().flat_map(|string| string.bytes().chain([0])) {
        hash ^= u64::from(byte);
        hash = hash.wrapping_mul(1_099_511_628_211);
    }
    hash
}

/// The version of `object`.
pub fn version(object: &Value) -> u64 {
    object["metadata"]["resourceVersion"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap()
}
