//! As much HTTP as it takes to give the stub an order: one request, one answer, one connection.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use crate::child::{Deadline, Outcome};

/// Asks `http://HOST:PORT` for `path`; the answer's body, if it is a 200.
pub fn request(server: &str, method: &str, path: &str, deadline: Deadline) -> Outcome<String> {
    let failed = |error: String| format!("{method} {path}: {error}");
    let address = server
        .strip_prefix("http://")
        .ok_or_else(|| failed(format!("`{server}` is no http URL")))?;
    let answer = exchange(address, method, path, deadline);
    let (status, body) = answer.map_err(|error| failed(error.to_string()))?;
    match status {
        200 => Ok(body),
        _ => Err(failed(format!("answered {status}: {}", body.trim()))),
    }
}

fn exchange(
    address: &str,
    method: &str,
    path: &str,
    deadline: Deadline,
) -> std::io::Result<(u16, String)> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(deadline.left()))?;
    let head = "Content-Length: 0\r\nConnection: close\r\n\r\n";
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\n{head}"
    )?;
    read_answer(&mut BufReader::new(stream))
}

/// Status and body.
fn read_answer(from: &mut impl BufRead) -> std::io::Result<(u16, String)> {
    let first = read_line(from)?;
    let status = first.split(' ').nth(1).and_then(|code| code.parse().ok());
    let status = status.ok_or_else(|| malformed(&first))?;
    let (mut length, mut is_chunked) = (None, false);
    loop {
        let line = read_line(from)?.to_ascii_lowercase();
        match line.split_once(':') {
            None => break,
            Some(("content-length", value)) => length = value.trim().parse::<u64>().ok(),
            Some(("transfer-encoding", value)) => is_chunked = value.trim() == "chunked",
            Some(_) => {}
        }
    }
    let mut body = Vec::new();
    match length {
        _ if is_chunked => read_chunks(from, &mut body)?,
        Some(length) => {
            from.take(length).read_to_end(&mut body)?;
        }
        None => {
            from.read_to_end(&mut body)?;
        }
    }
    let body = String::from_utf8(body).map_err(|_| malformed("a body that is no UTF-8"))?;
    Ok((status, body))
}

fn read_chunks(from: &mut impl BufRead, body: &mut Vec<u8>) -> std::io::Result<()> {
    loop {
        let line = read_line(from)?;
        let size = u64::from_str_radix(&line, 16).map_err(|_| malformed(&line))?;
        from.take(size).read_to_end(body)?;
        read_line(from)?;
        if size == 0 {
            return Ok(());
        }
    }
}

fn read_line(from: &mut impl BufRead) -> std::io::Result<String> {
    let mut line = String::new();
    if from.read_line(&mut line)? == 0 {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    Ok(line.trim_end().to_owned())
}

fn malformed(what: &str) -> std::io::Error {
    std::io::Error::other(format!("not HTTP: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(mut answer: &[u8]) -> (u16, String) {
        read_answer(&mut answer).expect("an answer")
    }

    #[test]
    fn bodies_are_read_whichever_way_their_end_is_told() {
        let chunked =
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{\"a\r\n4\r\n\":1}\r\n0\r\n\r\n";
        assert_eq!(read(chunked), (200, "{\"a\":1}".to_owned()));
        let counted = b"HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\nnoand more";
        assert_eq!(read(counted), (404, "no".to_owned()));
        assert_eq!(read(b"HTTP/1.1 200 OK\r\n\r\nall"), (200, "all".to_owned()));
    }
}
