//! `managedFields` as a server writes them: every field somebody set, once more, as a key.
//!
//! Source: structured-merge-diff `fieldpath/serialize.go`.

use serde_json::{Map, Value, json};

/// The entry of `manager`, who set `fields`.
pub fn entry(manager: &str, subresource: Option<&str>, fields: &Value) -> Value {
    let mut entry = json!({
        "manager": manager,
        "operation": "Update",
        "apiVersion": "v1",
        "time": "<time>",
        "fieldsType": "FieldsV1",
        "fieldsV1": owned(fields),
    });
    if let Some(subresource) = subresource {
        entry["subresource"] = subresource.into();
    }
    entry
}

/// The set of all fields within `value`.
fn owned(value: &Value) -> Value {
    let mut set = Map::new();
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                set.insert(format!("f:{name}"), owned(field));
            }
        }
        Value::Array(items) => {
            for item in items {
                // A list without keys has one owner as a whole.
                let Some(key) = key(item) else { break };
                let mut fields = owned(item);
                fields["."] = json!({});
                set.insert(format!("k:{key}"), fields);
            }
        }
        _ => {}
    }
    Value::Object(set)
}

/// What an item of a list is known by.
fn key(item: &Value) -> Option<Value> {
    const KEYS: [&[&str]; 7] = [
        &["containerPort", "protocol"],
        &["mountPath"],
        &["topologyKey", "whenUnsatisfiable"],
        &["uid"],
        &["type"],
        &["name"],
        &["ip"],
    ];
    let names = KEYS
        .iter()
        .find(|names| names.iter().all(|name| item.get(name).is_some()))?;
    Some(
        names
            .iter()
            .map(|name| ((*name).to_owned(), item[name].clone()))
            .collect(),
    )
}
