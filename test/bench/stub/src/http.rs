//! HTTP/1.1, as much of it as clients of an API server speak: requests come in, answers go out.
//!
//! # Invariants
//! - A request is read to its last byte before it is answered, so that the next one begins where it should.

use std::fmt::Write as _;
use std::io::{self, BufRead, Read, Write};
use std::net::TcpStream;

use serde_json::Value;

/// What somebody wants.
#[derive(Debug, Default)]
pub struct Request {
    pub method: String,
    /// Without the query.
    pub path: String,
    pub query: Query,
    /// As it came.
    pub target: String,
    pub accept: String,
    pub accepts_gzip: bool,
    pub body: Vec<u8>,
    /// Nothing follows on this connection.
    pub is_last: bool,
}

/// The parameters of a request.
#[derive(Debug, Default)]
pub struct Query(Vec<(String, String)>);

/// The longest line that is read, in bytes, and the most headers.
const LONGEST_LINE: u64 = 64 << 10;
const MOST_HEADERS: usize = 100;

/// The largest body that is read, in bytes.
const LARGEST_BODY: usize = 64 << 20;

impl Request {
    /// Reads the next request; `None`: no more comes.
    ///
    /// # Errors
    /// The connection broke, or (`InvalidData`) what came is no request.
    pub fn read(reader: &mut impl BufRead) -> io::Result<Option<Self>> {
        let first = loop {
            match read_line(reader)? {
                None => return Ok(None),
                // Left over from a body before, which some clients end with a line break.
                Some(line) if line.is_empty() => {}
                Some(line) => break line,
            }
        };
        let mut request = Request::parse(&first)?;
        let mut length = 0;
        for _ in 0..MOST_HEADERS {
            let line = read_line(reader)?.ok_or(io::ErrorKind::UnexpectedEof)?;
            if line.is_empty() {
                request.body = vec![0; length];
                reader.read_exact(&mut request.body)?;
                return Ok(Some(request));
            }
            let (name, value) = line
                .split_once(':')
                .ok_or(wrong("a header without a colon"))?;
            request.take_header(&name.to_ascii_lowercase(), value.trim(), &mut length)?;
        }
        Err(wrong("too many headers"))
    }

    fn parse(line: &str) -> io::Result<Self> {
        let words: Vec<&str> = line.split(' ').collect();
        let [method, target, version] = words[..] else {
            return Err(wrong(
                "the first line is not a method, a path and a version",
            ));
        };
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        if !path.starts_with('/') || !version.starts_with("HTTP/1.") {
            return Err(wrong("this is not HTTP/1.1"));
        }
        Ok(Request {
            method: method.to_owned(),
            path: path.to_owned(),
            query: Query::parse(query),
            target: target.to_owned(),
            is_last: version == "HTTP/1.0",
            ..Request::default()
        })
    }

    fn take_header(&mut self, name: &str, value: &str, length: &mut usize) -> io::Result<()> {
        match name {
            "accept" if self.accept.is_empty() => value.clone_into(&mut self.accept),
            "accept" => self.accept = format!("{},{value}", self.accept),
            "accept-encoding" => self.accepts_gzip |= value.to_ascii_lowercase().contains("gzip"),
            "connection" => self.is_last |= value.eq_ignore_ascii_case("close"),
            "content-length" => {
                let parsed = value.parse().ok().filter(|length| *length <= LARGEST_BODY);
                *length = parsed.ok_or(wrong("a Content-Length that is none"))?;
            }
            "transfer-encoding" => return Err(wrong("a body without Content-Length")),
            _ => {}
        }
        Ok(())
    }
}

impl Query {
    fn parse(text: &str) -> Self {
        let pairs = text.split('&').filter(|pair| !pair.is_empty());
        let pairs = pairs.map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        });
        Query(pairs.collect())
    }

    /// The value of `name`; an empty one is none.
    pub fn get(&self, name: &str) -> Option<&str> {
        let mut pairs = self.0.iter();
        let pair = pairs.find(|(other, value)| other == name && !value.is_empty());
        pair.map(|(_, value)| &**value)
    }

    pub fn is_true(&self, name: &str) -> bool {
        matches!(self.get(name), Some("true" | "1"))
    }

    /// # Errors
    /// It is not a number.
    pub fn number<N: std::str::FromStr>(&self, name: &str) -> Result<Option<N>, String> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        let parsed = value.parse().map(Some);
        parsed.map_err(|_| format!("{name}={value}: this is no number"))
    }
}

fn read_line(reader: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    reader
        .by_ref()
        .take(LONGEST_LINE)
        .read_until(b'\n', &mut line)?;
    match line.pop() {
        None => return Ok(None),
        Some(b'\n') => {}
        Some(_) => return Err(wrong("a line that does not end")),
    }
    let line = line.strip_suffix(b"\r").unwrap_or(&line);
    let text = std::str::from_utf8(line).map_err(|_| wrong("a line that is no text"))?;
    Ok(Some(text.to_owned()))
}

/// Undoes what a query escapes.
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let escaped = (*first == b'%').then(|| after.get(..2)).flatten();
        let escaped = escaped.and_then(|digits| std::str::from_utf8(digits).ok());
        let escaped = escaped.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match escaped {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(if *first == b'+' { b' ' } else { *first });
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn wrong(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// What every answer is.
const JSON: &str = "application/json";

/// An answer that is there as a whole.
#[derive(Debug)]
pub struct Answer {
    pub code: u16,
    pub retry_after: Option<u64>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(code: u16, body: &Value) -> Self {
        Answer {
            code,
            retry_after: None,
            body: body.to_string().into_bytes(),
        }
    }

    pub fn write(&self, mut connection: &TcpStream) -> io::Result<()> {
        let mut head = head(self.code);
        if let Some(seconds) = self.retry_after {
            // Writing into a string does not fail.
            let _ = write!(head, "Retry-After: {seconds}\r\n");
        }
        let _ = write!(head, "Content-Length: {}\r\n\r\n", self.body.len());
        connection.write_all(&[head.as_bytes(), &self.body].concat())
    }
}

/// Begins an answer whose length is not known yet.
pub fn begin_chunked(mut connection: &TcpStream, is_gzip: bool) -> io::Result<()> {
    let mut head = head(200);
    if is_gzip {
        head += "Content-Encoding: gzip\r\nVary: Accept-Encoding\r\n";
    }
    head += "Transfer-Encoding: chunked\r\n\r\n";
    connection.write_all(head.as_bytes())
}

fn head(code: u16) -> String {
    let reason = match code {
        200 => "OK",
        201 => "Created",
        400 => "Bad Request",
        404 => "Not Found",
        405 => "Method Not Allowed",
        410 => "Gone",
        429 => "Too Many Requests",
        _ => "",
    };
    format!(
        "HTTP/1.1 {code} {reason}\r\nContent-Type: {JSON}\r\nCache-Control: no-cache, private\r\n"
    )
}
