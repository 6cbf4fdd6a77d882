//! A good answer: its bytes as they come in, within the time its request has.
//!
//! # Invariants
//! - The deadline of the attempt holds for the last byte, not only for the head.
//! - What comes out is decompressed; limits on size count what comes out.
//!
//! # Source
//! client-go `rest/request.go` (`transformResponse`). What differs: a body is read piece by piece, by
//! whoever makes something of it.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::Response;
use hyper::body::Incoming;
use hyper::header::CONTENT_ENCODING;
use tokio::time::{Instant, timeout_at};

use crate::base::json;
use crate::client::error::Error;
use crate::client::gzip::Gunzip;
use crate::client::lanes::Lane;
use crate::client::scan::MAX_ITEM;

/// An answer, and the time left for its body.
pub(crate) struct Answer {
    pub(crate) operation: String,
    pub(crate) response: Response<Incoming>,
    /// What it comes on.
    pub(crate) lane: Lane,
    pub(crate) deadline: Instant,
    limit: Duration,
    /// `None`: it is not compressed, or has ended.
    gunzip: Option<Gunzip>,
}

impl Answer {
    /// The answer to `operation`, to be read until `deadline`, `limit` after the request was sent.
    pub(crate) fn new(
        operation: String,
        response: Response<Incoming>,
        lane: Lane,
        deadline: Instant,
        limit: Duration,
    ) -> Self {
        let encoding = response.headers().get(CONTENT_ENCODING);
        let is_gzip = encoding.is_some_and(|encoding| encoding.as_bytes() == b"gzip");
        Answer {
            operation,
            response,
            lane,
            deadline,
            limit,
            gunzip: is_gzip.then(Gunzip::default),
        }
    }

    /// The next bytes of the body; `None`: it has ended as it should.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            if let Some(gunzip) = &mut self.gunzip {
                let piece = gunzip.next_piece();
                if let Some(piece) = piece.map_err(|error| self.spoiled(&error))? {
                    return Ok(Some(piece));
                }
            }
            match (self.receive().await?, &mut self.gunzip) {
                (Some(chunk), Some(gunzip)) => gunzip.push(chunk),
                (None, Some(gunzip)) => {
                    let last = gunzip.finish().map_err(|error| self.spoiled(&error))?;
                    self.gunzip = None;
                    return Ok(Some(last));
                }
                (chunk, None) => return Ok(chunk),
            }
        }
    }

    /// The next bytes as the network brings them.
    async fn receive(&mut self) -> Result<Option<Bytes>, Error> {
        match timeout_at(self.deadline, self.response.body_mut().frame()).await {
            Ok(Some(Ok(frame))) => Ok(Some(frame.into_data().unwrap_or_default())),
            Ok(None) => Ok(None),
            Ok(Some(Err(source))) => Err(Error::Connection {
                operation: self.operation.clone(),
                source: source.into(),
            }),
            Err(_) => Err(Error::Deadline {
                operation: self.operation.clone(),
                after: self.limit,
            }),
        }
    }

    fn spoiled(&self, error: &io::Error) -> Error {
        Error::Protocol {
            operation: self.operation.clone(),
            what: format!("the compressed answer cannot be read: {error}"),
        }
    }

    /// The whole body, if it has at most `limit` bytes.
    pub(crate) async fn bytes(&mut self, limit: usize) -> Result<Vec<u8>, Error> {
        let mut body = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            if body.len() + chunk.len() > limit {
                return Err(Error::Protocol {
                    operation: self.operation.clone(),
                    what: format!("the answer has more than {limit} bytes"),
                });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// The whole body, as read by `reader`.
    pub(crate) async fn read<T>(
        mut self,
        reader: impl FnOnce(&[u8]) -> Result<T, json::Error>,
    ) -> Result<T, Error> {
        let body = self.bytes(MAX_ITEM).await?;
        reader(&body).map_err(|source| Error::Decode {
            operation: self.operation,
            source,
        })
    }
}
