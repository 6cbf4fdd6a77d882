//! Reading the few bodies that typed clients send as protobuf.
//!
//! `kubectl create namespace` and its siblings, helm with its releases and a candidate of client-go's leader
//! election are typed clients: they send what they write, and how they delete, in Kubernetes' protobuf, take JSON as
//! an answer, and do not try again in JSON when they are refused. So the bodies of these kinds are read here,
//! into what would have come as JSON. A message is fields, each a number and a value; what a number means says
//! a table, a few lines for each kind.
//!
//! ```text
//! "k8s\0"  Unknown { 1: TypeMeta { 1: apiVersion, 2: kind }, 2: the object's own message }
//! ```
//!
//! # Invariants
//! - A field that is not in the table is refused, never lost: a server must keep what it is given.
//! - Empty texts and objects are left out, as JSON's `omitempty` does; protobuf here writes them all.
//!
//! # Example
//! ```
//! use bitcoin_controller::sim::protobuf;
//! use serde_json::json;
//!
//! let body = b"k8s\0\x0a\x0f\x0a\x02v1\x12\x09Namespace\x12\x09\x0a\x07\x0a\x05alpha";
//! let namespace = protobuf::decode(body);
//! assert_eq!(namespace, Ok(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "alpha"}})));
//! ```
//!
//! # Source
//! apimachinery `pkg/runtime/generated.proto`, `pkg/runtime/serializer/protobuf`; `k8s.io/api/core/v1/generated.proto`,
//! `coordination/v1/generated.proto`.
//!
//! # What differs
//! - Only ConfigMap, Lease, Namespace, Secret, ServiceAccount and DeleteOptions, and of metadata what a client sets.
//!   Owners of fields that come back with an object are passed over: the store has not forgotten them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use crate::base::calendar;

/// The content type of such a body.
pub const CONTENT_TYPE: &str = "application/vnd.kubernetes.protobuf";

/// Reads a body in Kubernetes' protobuf into the JSON it stands for.
///
/// # Errors
/// It is no such body, or of a kind or with a field that is not known here; a server answers 415. No value is quoted.
pub fn decode(body: &[u8]) -> Result<Value, String> {
    let envelope = body
        .strip_prefix(b"k8s\0")
        .ok_or("the body does not begin like protobuf of Kubernetes")?;
    let mut envelope = object(ENVELOPE, envelope)?;
    let mut fields = match envelope.remove("typeMeta") {
        Some(Value::Object(fields)) => fields,
        _ => return Err("the body does not say its kind".to_owned()),
    };
    let kind = fields
        .get("kind")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let message = match kind {
        "ConfigMap" => CONFIG_MAP,
        "DeleteOptions" => DELETE_OPTIONS,
        "Lease" => LEASE,
        "Namespace" => NAMESPACE,
        "Secret" => SECRET,
        "ServiceAccount" => SERVICE_ACCOUNT,
        _ => return Err("objects of this kind are not read from protobuf".to_owned()),
    };
    let raw = envelope
        .get("raw")
        .and_then(Value::as_str)
        .and_then(|raw| STANDARD.decode(raw).ok());
    fields.append(&mut object(message, &raw.unwrap_or_default())?);
    Ok(Value::Object(fields))
}

/// What the fields of a message are called, by their numbers.
type Message = &'static [(u64, &'static str, Shape)];

#[derive(Clone, Copy)]
enum Shape {
    Text,
    /// Base64 in JSON.
    Bytes,
    Truth,
    Number,
    /// A message with seconds and nanoseconds; a text with microseconds in JSON.
    Moment,
    /// Comes again for each item.
    Texts,
    /// Comes again for each entry: a message with the key, and a value of this shape.
    Entries(&'static Shape),
    Message(Message),
    /// The server's own, whatever it is: a date, a generation, who owned which field.
    Ignored,
}

const ENVELOPE: Message = &[
    (
        1,
        "typeMeta",
        Shape::Message(&[(1, "apiVersion", Shape::Text), (2, "kind", Shape::Text)]),
    ),
    (2, "raw", Shape::Bytes),
    (3, "contentEncoding", Shape::Ignored),
    (4, "contentType", Shape::Ignored),
];
const METADATA: Shape = Shape::Message(&[
    (1, "name", Shape::Text),
    (2, "generateName", Shape::Text),
    (3, "namespace", Shape::Text),
    (4, "selfLink", Shape::Ignored),
    (5, "uid", Shape::Text),
    (6, "resourceVersion", Shape::Text),
    (7, "generation", Shape::Ignored),
    (8, "creationTimestamp", Shape::Ignored),
    (11, "labels", Shape::Entries(&Shape::Text)),
    (12, "annotations", Shape::Entries(&Shape::Text)),
    (14, "finalizers", Shape::Texts),
    (17, "managedFields", Shape::Ignored),
]);
const CONFIG_MAP: Message = &[
    (1, "metadata", METADATA),
    (2, "data", Shape::Entries(&Shape::Text)),
    (3, "binaryData", Shape::Entries(&Shape::Bytes)),
    (4, "immutable", Shape::Truth),
];
const DELETE_OPTIONS: Message = &[
    (1, "gracePeriodSeconds", Shape::Number),
    (
        2,
        "preconditions",
        Shape::Message(&[(1, "uid", Shape::Text), (2, "resourceVersion", Shape::Text)]),
    ),
    (4, "propagationPolicy", Shape::Text),
    (5, "dryRun", Shape::Texts),
];
const LEASE: Message = &[
    (1, "metadata", METADATA),
    (
        2,
        "spec",
        Shape::Message(&[
            (1, "holderIdentity", Shape::Text),
            (2, "leaseDurationSeconds", Shape::Number),
            (3, "acquireTime", Shape::Moment),
            (4, "renewTime", Shape::Moment),
            (5, "leaseTransitions", Shape::Number),
        ]),
    ),
];
const MOMENT: Message = &[(1, "seconds", Shape::Number), (2, "nanos", Shape::Number)];
const NAMESPACE: Message = &[
    (1, "metadata", METADATA),
    (
        2,
        "spec",
        Shape::Message(&[(1, "finalizers", Shape::Texts)]),
    ),
    (3, "status", Shape::Message(&[(1, "phase", Shape::Text)])),
];
const SECRET: Message = &[
    (1, "metadata", METADATA),
    (2, "data", Shape::Entries(&Shape::Bytes)),
    (3, "type", Shape::Text),
    (4, "stringData", Shape::Entries(&Shape::Text)),
    (5, "immutable", Shape::Truth),
];
const SERVICE_ACCOUNT: Message = &[
    (1, "metadata", METADATA),
    (4, "automountServiceAccountToken", Shape::Truth),
];

/// A field's value as it is on the wire.
enum Wire<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

fn object(message: Message, bytes: &[u8]) -> Result<Map<String, Value>, String> {
    let mut fields = Map::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let (number, wire);
        (number, wire, rest) = field(rest).ok_or("the body is cut short")?;
        let known = message.iter().find(|(known, ..)| *known == number);
        let (_, name, shape) =
            known.ok_or_else(|| format!("field {number} is not read from protobuf"))?;
        put(&mut fields, name, *shape, wire)?;
    }
    Ok(fields)
}

fn put(
    fields: &mut Map<String, Value>,
    name: &str,
    shape: Shape,
    wire: Wire<'_>,
) -> Result<(), String> {
    match (shape, wire) {
        (Shape::Ignored, _) => {}
        (Shape::Truth, Wire::Number(number)) => {
            fields.insert(name.to_owned(), (number != 0).into());
        }
        (Shape::Number, Wire::Number(number)) => {
            fields.insert(name.to_owned(), number.cast_signed().into());
        }
        (Shape::Entries(of), Wire::Bytes(bytes)) => {
            let (key, value) = entry(name, *of, bytes)?;
            let entries = fields.entry(name).or_insert_with(|| Map::new().into());
            entries[key] = value;
        }
        (Shape::Texts, Wire::Bytes(bytes)) => {
            let item = text(name, bytes)?;
            let items = fields
                .entry(name)
                .or_insert_with(|| Vec::<Value>::new().into());
            items
                .as_array_mut()
                .into_iter()
                .for_each(|items| items.push(item.clone().into()));
        }
        (shape, Wire::Bytes(bytes)) => {
            let value = value(name, shape, bytes)?;
            let is_empty = value == "" || value.as_object().is_some_and(Map::is_empty);
            if !is_empty {
                fields.insert(name.to_owned(), value);
            }
        }
        (_, Wire::Number(_)) => return Err(format!("`{name}` is a number")),
    }
    Ok(())
}

fn value(name: &str, shape: Shape, bytes: &[u8]) -> Result<Value, String> {
    Ok(match shape {
        Shape::Bytes => STANDARD.encode(bytes).into(),
        Shape::Message(message) => object(message, bytes)?.into(),
        Shape::Moment => moment(bytes)?.into(),
        Shape::Number | Shape::Truth => return Err(format!("`{name}` is no number")),
        _ => text(name, bytes)?.into(),
    })
}

fn moment(bytes: &[u8]) -> Result<String, String> {
    let moment = object(MOMENT, bytes)?;
    let number = |name| moment.get(name).and_then(Value::as_i64).unwrap_or_default();
    let micros = u32::try_from(number("nanos") / 1_000).map_err(|_| "a time before its second")?;
    Ok(calendar::format_micros(number("seconds"), micros))
}

fn entry(name: &str, of: Shape, bytes: &[u8]) -> Result<(String, Value), String> {
    let (mut key, mut content): (&[u8], &[u8]) = (&[], &[]);
    let mut rest = bytes;
    while !rest.is_empty() {
        let (number, wire);
        (number, wire, rest) = field(rest).ok_or("the body is cut short")?;
        match (number, wire) {
            (1, Wire::Bytes(bytes)) => key = bytes,
            (2, Wire::Bytes(bytes)) => content = bytes,
            _ => return Err(format!("`{name}` is no map")),
        }
    }
    Ok((text(name, key)?, value(name, of, content)?))
}

fn text(name: &str, bytes: &[u8]) -> Result<String, String> {
    let text = std::str::from_utf8(bytes);
    text.map(str::to_owned)
        .map_err(|_| format!("`{name}` is no text"))
}

/// Takes a field off the front: its number, its value, and what follows; `None` if it is cut short or of another type.
fn field(bytes: &[u8]) -> Option<(u64, Wire<'_>, &[u8])> {
    let (tag, rest) = varint(bytes)?;
    let (value, rest) = varint(rest)?;
    match tag & 7 {
        0 => Some((tag >> 3, Wire::Number(value), rest)),
        2 => {
            let (content, rest) = rest.split_at_checked(usize::try_from(value).ok()?)?;
            Some((tag >> 3, Wire::Bytes(content), rest))
        }
        _ => None,
    }
}

/// Seven bits a byte, the lowest first; the eighth says that more follow.
fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut number = 0;
    for (place, byte) in bytes.iter().enumerate().take(10) {
        number |= u64::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Some((number, &bytes[place + 1..]));
        }
    }
    None
}
