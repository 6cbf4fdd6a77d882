//! Tables: the server works out the columns of `kubectl get`, kubectl only draws them.
//!
//! A client that accepts `application/json;as=Table;v=v1;g=meta.k8s.io` gets, in place of a list, the columns
//! of its kind and a row for each object. That is why `kubectl get btcnet` shows nodes and links although
//! kubectl has never heard of either. In a watch each event carries a table with one row, and only the
//! first of a watch says what its columns are.
//!
//! # Invariants
//! - A row has a cell for each column of its kind, in the same order; [`Column::priority`] hides none here.
//! - A cell is text, a number, a truth value or `null`; kubectl leaves the place of `null` empty.
//! - Ages are counted from the `now` that is handed in.
//!
//! # Example
//! ```
//! use std::sync::Arc;
//! use bitcoin_controller::sim::{kinds, table};
//! use serde_json::json;
//!
//! let kinds = kinds::built_in();
//! let secrets = kinds.iter().find(|kind| kind.plural == "secrets").expect("a built-in kind");
//! let secret = json!({
//!     "metadata": {"name": "alpha-rpc", "creationTimestamp": "1970-01-01T00:00:00Z"},
//!     "type": "Opaque",
//!     "data": {"password": "c2VjcmV0"},
//! });
//! let table = table::table(secrets, &[Arc::new(secret)], &json!({}), table::IncludeObject::None, 90);
//! assert_eq!(table["rows"][0]["cells"], json!(["alpha-rpc", "Opaque", 1, "90s"]));
//! ```
//!
//! # Source
//! Kubernetes `pkg/printers/internalversion/printers.go`; apiextensions-apiserver
//! `pkg/registry/customresource/tableconvertor`; apiserver `pkg/endpoints/handlers/response.go`.
//!
//! # What differs
//! - Descriptions of built-in columns are short or absent; no client shows them.

mod age;
mod cells;
mod pods;

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::sim::json_path;
use crate::sim::kinds::{Column, Kind};

pub use age::human_duration;

/// Whether a client with this `Accept` header wants a table: it names that first.
pub fn is_wanted(accept: &str) -> bool {
    let first = accept.split(',').next().unwrap_or_default();
    let parameters: Vec<&str> = first.split(';').map(str::trim).collect();
    let wanted = ["application/json", "as=Table", "v=v1", "g=meta.k8s.io"];
    wanted.iter().all(|wanted| parameters.contains(wanted))
}

/// What a row carries of its object, the query parameter `includeObject`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IncludeObject {
    /// Nothing.
    None,
    /// Its metadata, as a `PartialObjectMetadata`. The default.
    #[default]
    Metadata,
    /// All of it.
    Object,
}

impl IncludeObject {
    /// Reads the query parameter; absent or empty means metadata.
    ///
    /// # Errors
    /// It is none of the three words. The message is what a server answers with 400.
    pub fn from_query(text: Option<&str>) -> Result<Self, String> {
        match text.unwrap_or_default() {
            "None" => Ok(IncludeObject::None),
            "" | "Metadata" => Ok(IncludeObject::Metadata),
            "Object" => Ok(IncludeObject::Object),
            other => Err(format!(
                "Unable to convert to Table as requested: includeObject: Invalid value: {other:?}: \
                 must be 'Metadata', 'Object', 'None', or empty"
            )),
        }
    }
}

/// The answer to a get or list: columns and a row for each of `items`.
///
/// `metadata` is the list's (`resourceVersion`, `continue`, `remainingItemCount`); for a single object it has
/// that object's `resourceVersion`. `now` is in seconds since 1970.
pub fn table(
    kind: &Kind,
    items: &[Arc<Value>],
    metadata: &Value,
    include: IncludeObject,
    now: i64,
) -> Value {
    let rows: Vec<Value> = items
        .iter()
        .map(|object| row(kind, object, include, now))
        .collect();
    json!({
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata,
        "columnDefinitions": kind.columns.iter().map(definition).collect::<Vec<_>>(),
        "rows": rows,
    })
}

/// The `object` of a watch event, for an object or a bookmark: a table with one row.
///
/// Only the first event of a watch carries the columns (`is_first`); after it they are `null`.
pub fn event(
    kind: &Kind,
    object: &Arc<Value>,
    is_first: bool,
    include: IncludeObject,
    now: i64,
) -> Value {
    let is_barrier = object
        .pointer("/metadata/annotations/k8s.io~1initial-events-end")
        .is_some();
    let include = if is_barrier {
        IncludeObject::Metadata
    } else {
        include
    };
    let metadata = json!({"resourceVersion": object["metadata"]["resourceVersion"]});
    let mut table = table(kind, std::slice::from_ref(object), &metadata, include, now);
    if !is_first {
        table["columnDefinitions"] = Value::Null;
    }
    table
}

fn definition(column: &Column) -> Value {
    json!({
        "name": column.name,
        "type": column.kind,
        "format": column.format,
        "description": column.description,
        "priority": column.priority,
    })
}

fn row(kind: &Kind, object: &Value, include: IncludeObject, now: i64) -> Value {
    let cells = match kind.schema {
        None => cells::cells(kind, object, now),
        Some(_) => kind
            .columns
            .iter()
            .map(|column| defined_cell(column, object, now))
            .collect(),
    };
    let mut row = Map::new();
    row.insert("cells".to_owned(), Value::Array(cells));
    if let Some(condition) = pods::completed(kind, object) {
        row.insert("conditions".to_owned(), json!([condition]));
    }
    let shown = match include {
        IncludeObject::None => Value::Null,
        IncludeObject::Object => object.clone(),
        IncludeObject::Metadata => json!({
            "kind": "PartialObjectMetadata",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": object["metadata"],
        }),
    };
    row.insert("object".to_owned(), shown);
    Value::Object(row)
}

/// A cell of a custom resource: what its column's path finds, if it is of the column's type.
fn defined_cell(column: &Column, object: &Value, now: i64) -> Value {
    let Some(value) = json_path::find(object, &column.json_path).filter(|value| !value.is_null())
    else {
        return Value::Null;
    };
    match (column.kind.as_str(), value) {
        ("string", Value::String(_)) => value.clone(),
        ("string", other) => Value::from(other.to_string()),
        ("integer", Value::Number(number)) => match number.as_i64() {
            Some(integer) => Value::from(integer),
            None => Value::from(number.as_f64().unwrap_or_default().trunc() as i64),
        },
        ("number", Value::Number(_)) | ("boolean", Value::Bool(_)) => value.clone(),
        ("date", Value::String(date)) => {
            Value::from(age::since(date, now).unwrap_or(age::INVALID.to_owned()))
        }
        _ => Value::Null,
    }
}
