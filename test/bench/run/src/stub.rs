//! The stub, started on its core, and its orders; see `test/bench/README.md`.

use std::path::Path;

use serde_json::Value;

use crate::child::{Child, Deadline, Nanos, Outcome};
use crate::contestant::Mode;
use crate::http;

/// What is served.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    pub shape: &'static str,
    /// Probes included.
    pub objects: u64,
    pub probes: u64,
    /// Bytes of an object, if not the usual ones.
    pub size: Option<u64>,
    pub gzip: bool,
}

impl Load {
    pub const fn new(shape: &'static str, objects: u64) -> Self {
        Load {
            shape,
            objects,
            probes: 0,
            size: None,
            gzip: false,
        }
    }

    fn flags(&self) -> Vec<String> {
        let mut flags = vec!["--shape".to_owned(), self.shape.to_owned()];
        let mut add = |flag: &str, value: u64| flags.extend([flag.to_owned(), value.to_string()]);
        add("--objects", self.objects);
        if self.probes > 0 {
            add("--probes", self.probes);
        }
        if let Some(size) = self.size {
            add("--size", size);
        }
        if self.gzip {
            flags.push("--gzip".to_owned());
        }
        flags
    }
}

pub struct Stub {
    child: Child,
    pub url: String,
    deadline: Deadline,
}

/// What all the stub's objects should look like in a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Truth {
    pub hash: String,
    pub count: u64,
    pub version: u64,
}

/// Events that were sent.
#[derive(Clone, Copy, Debug)]
pub struct Sent {
    pub bytes: u64,
    pub first: Nanos,
    pub version: u64,
}

impl Stub {
    pub fn start(programs: &Path, core: usize, load: &Load, deadline: Deadline) -> Outcome<Stub> {
        let program = programs.join("bench-stub");
        let child = Child::start("bench-stub", core, &program, &load.flags())?;
        let line = child.line("its address", deadline)?;
        let url = parse(&line)?["url"].as_str().map(str::to_owned);
        Ok(Stub {
            url: url.ok_or_else(|| child.failure(&format!("its first line is `{line}`")))?,
            child,
            deadline,
        })
    }

    pub fn truth(&self, mode: Mode) -> Outcome<Truth> {
        let mode = match mode {
            Mode::Typed => "typed",
            Mode::Metadata => "metadata",
        };
        let path = format!("/bench/truth?mode={mode}");
        let answer = self.ask("GET", &path)?;
        Ok(Truth {
            hash: text(&answer, "hash", &path)?,
            count: number(&answer, "count", &path)?,
            version: number(&answer, "version", &path)?,
        })
    }

    /// Sends `events` changes, `rate` a second; each `every`-th is a probe's.
    pub fn pump(&self, events: u64, rate: u64, every: u64) -> Outcome<Sent> {
        self.sent(&format!(
            "/bench/pump?events={events}&rate={rate}&every={every}"
        ))
    }

    /// Replaces the oldest object by another, `events` times.
    pub fn churn(&self, events: u64) -> Outcome<Sent> {
        self.sent(&format!("/bench/churn?events={events}"))
    }

    /// Changes a share of the objects without a word; how many, and the last version.
    pub fn change(&self, percent: u64) -> Outcome<(u64, u64)> {
        let path = format!("/bench/change?percent={percent}");
        let answer = self.ask("POST", &path)?;
        let changed = number(&answer, "changed", &path)?;
        Ok((changed, number(&answer, "version", &path)?))
    }

    /// Ends all watches with 410, as an event.
    pub fn gone(&self) -> Outcome<()> {
        self.ask("POST", "/bench/gone?form=event").map(drop)
    }

    /// When each probe's event was handed to the kernel: version and time.
    pub fn probes_sent(&self) -> Outcome<Vec<(u64, Nanos)>> {
        let path = "/bench/sent";
        pairs(&self.ask("GET", path)?, "sent", path)
    }

    /// Every request so far: when it came, and which.
    pub fn log(&self) -> Outcome<Vec<(Nanos, String)>> {
        let answer = self.ask("GET", "/bench/requests")?;
        let log = answer["log"].as_array();
        let log = log.ok_or("/bench/requests has no log")?.iter();
        log.map(|entry| Some((entry[0].as_u64()?, entry[1].as_str()?.to_owned())))
            .collect::<Option<_>>()
            .ok_or_else(|| "/bench/requests has a log of another form".to_owned())
    }

    pub fn end(self) -> Outcome<()> {
        self.child.end(self.deadline)
    }

    fn sent(&self, path: &str) -> Outcome<Sent> {
        let answer = self.ask("POST", path)?;
        Ok(Sent {
            bytes: number(&answer, "bytes", path)?,
            first: number(&answer, "first", path)?,
            version: number(&answer, "version", path)?,
        })
    }

    fn ask(&self, method: &str, path: &str) -> Outcome<Value> {
        let answer = http::request(&self.url, method, path, self.deadline);
        let answer = answer.map_err(|error| self.child.failure(&error))?;
        parse(&answer)
    }
}

pub fn parse(text: &str) -> Outcome<Value> {
    serde_json::from_str(text).map_err(|error| format!("`{text}` is no JSON: {error}"))
}

/// A number in an answer to `asked`. A version may be a string: it is one in Kubernetes.
pub fn number(answer: &Value, field: &str, asked: &str) -> Outcome<u64> {
    let value = &answer[field];
    value
        .as_u64()
        .or_else(|| value.as_str()?.parse().ok())
        .ok_or_else(|| format!("the answer to {asked} has no number `{field}`: {answer}"))
}

pub fn text(answer: &Value, field: &str, asked: &str) -> Outcome<String> {
    answer[field]
        .as_str()
        .map(str::to_owned)
        .ok_or_else(|| format!("the answer to {asked} has no text `{field}`: {answer}"))
}

/// A list of versions and times.
pub fn pairs(answer: &Value, field: &str, asked: &str) -> Outcome<Vec<(u64, Nanos)>> {
    let pair = |pair: &Value| {
        let version = pair[0].as_u64().or_else(|| pair[0].as_str()?.parse().ok());
        Some((version?, pair[1].as_u64()?))
    };
    answer[field]
        .as_array()
        .and_then(|list| list.iter().map(pair).collect())
        .ok_or_else(|| format!("the answer to {asked} has no list `{field}` of pairs"))
}
