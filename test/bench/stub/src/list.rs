//! Lists: all objects as of one version, whole or in pages.

use std::io::{self, Write};
use std::net::TcpStream;
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::body::Form;
use crate::chunked::{BATCH, Chunked};
use crate::http::{Request, begin_chunked};
use crate::refusal::Refusal;
use crate::server::Shared;
use crate::shapes::Shape;
use crate::snapshots::{Object, Snapshot, Token};

/// Below this a server does not compress, in bytes.
const LEAST_COMPRESSED: usize = 128 << 10;

/// Answers a list of what is served.
pub fn serve(shared: &Shared, request: &Request, connection: &TcpStream) -> io::Result<()> {
    let page = match Page::read(shared, request) {
        Ok(page) => page,
        Err(refusal) => return refusal.answer().write(connection),
    };
    let form = form(shared.options.shape, request);
    let length = page
        .objects()
        .iter()
        .map(|object| object.body.length(form))
        .sum::<usize>();
    let is_gzip = shared.options.gzip && request.accepts_gzip && length >= LEAST_COMPRESSED;
    begin_chunked(connection, is_gzip)?;
    let chunked = Chunked(connection);
    let (before, after) = envelope(shared.options.shape, form, &page.metadata());
    match is_gzip {
        false => write(page.objects(), form, [&before, &after], chunked)?.finish(),
        true => {
            let encoder = GzEncoder::new(chunked, Compression::fast());
            write(page.objects(), form, [&before, &after], encoder)?
                .finish()?
                .finish()
        }
    }
}

/// A part of a list.
struct Page {
    snapshot: Arc<Snapshot>,
    begin: usize,
    end: usize,
}

impl Page {
    fn read(shared: &Shared, request: &Request) -> Result<Self, Refusal> {
        let limit = request
            .query
            .number("limit")
            .map_err(Refusal::bad_request)?;
        let (snapshot, begin) = match request.query.get("continue") {
            None => (shared.store.snapshot(), 0),
            Some(text) => {
                let token = Token::parse(text).ok_or_else(|| {
                    Refusal::bad_request(format!("continue={text}: this is no token"))
                })?;
                let snapshot = shared
                    .store
                    .snapshot_of(token)
                    .ok_or_else(Refusal::old_token)?;
                (snapshot, token.place)
            }
        };
        let begin = begin.min(snapshot.objects.len());
        let left = snapshot.objects.len() - begin;
        let end = begin + limit.filter(|limit| *limit > 0).unwrap_or(left).min(left);
        Ok(Page {
            snapshot,
            begin,
            end,
        })
    }

    fn objects(&self) -> &[Object] {
        &self.snapshot.objects[self.begin..self.end]
    }

    fn metadata(&self) -> Value {
        let version = self.snapshot.version;
        let mut metadata = json!({"resourceVersion": version.to_string()});
        let left = self.snapshot.objects.len() - self.end;
        if left > 0 {
            let place = self.end;
            metadata["continue"] = Token { version, place }.text().into();
            metadata["remainingItemCount"] = left.into();
        }
        metadata
    }
}

/// In which form the items of a list are wanted.
fn form(shape: Shape, request: &Request) -> Form {
    match wants_metadata(&request.accept) {
        true => Form::Metadata,
        false if shape.is_custom() => Form::Whole,
        false => Form::Bare,
    }
}

/// Whether only metadata is wanted. Of several forms the first counts that is JSON, since that is what there is.
pub fn wants_metadata(accept: &str) -> bool {
    let mut media_types = accept.split(',').map(str::trim);
    let json = media_types.find(|media_type| {
        media_type.starts_with("application/json") && !media_type.contains("as=Table")
    });
    json.is_some_and(|json| json.contains("as=PartialObjectMetadata"))
}

/// What stands before and behind the items.
fn envelope(shape: Shape, form: Form, metadata: &Value) -> (String, String) {
    let (kind, version) = match form {
        Form::Metadata => ("PartialObjectMetadataList".to_owned(), "meta.k8s.io/v1"),
        _ => (format!("{}List", shape.kind()), shape.api_version()),
    };
    let [kind, version] = [json!(kind), json!(version)];
    match form {
        Form::Whole => (
            format!(r#"{{"apiVersion":{version},"items":["#),
            format!(r#"],"kind":{kind},"metadata":{metadata}}}"#),
        ),
        _ => (
            format!(r#"{{"kind":{kind},"apiVersion":{version},"metadata":{metadata},"items":["#),
            "]}".to_owned(),
        ),
    }
}

fn write<W: Write>(
    objects: &[Object],
    form: Form,
    [before, after]: [&str; 2],
    mut writer: W,
) -> io::Result<W> {
    let mut batch = Vec::with_capacity(2 * BATCH);
    batch.extend_from_slice(before.as_bytes());
    for (place, object) in objects.iter().enumerate() {
        if place > 0 {
            batch.push(b',');
        }
        object.body.push(form, object.version, &mut batch);
        if batch.len() >= BATCH {
            writer.write_all(&batch)?;
            batch.clear();
        }
    }
    batch.extend_from_slice(after.as_bytes());
    writer.write_all(&batch)?;
    Ok(writer)
}
