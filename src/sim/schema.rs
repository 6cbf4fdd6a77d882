//! What a custom resource's schema does to an object: prune, default, refuse.
//!
//! A structural schema says which fields there are. What it does not know is dropped (that is why an
//! old definition eats a new status field), what is missing gets its default, and what is out of
//! bounds is refused with the server's words.
//!
//! It models: `properties`, `additionalProperties`, `items`, `required`, `type`, `nullable`, `enum`,
//! bounds of numbers, strings and lists, keys and values that may be there once, `default`, `x-kubernetes-preserve-unknown-fields`,
//! `x-kubernetes-int-or-string`. It does not model: `pattern`, `format`, `oneOf` and its like, CEL
//! rules.
//!
//! # Invariants
//! - `apiVersion`, `kind` and `metadata` are never pruned.
//!
//! # Example
//! ```
//! use bitcoin_controller::sim::schema;
//! use serde_json::json;
//!
//! let schema = json!({"type": "object", "properties": {
//!     "nodes": {"type": "integer", "maximum": 1000, "default": 3},
//! }});
//! let mut object = json!({"unknown": true});
//! schema::prune(&mut object, &schema);
//! schema::set_defaults(&mut object, &schema);
//! assert_eq!(object, json!({"nodes": 3}));
//!
//! let causes = schema::violations(&json!({"nodes": 1001}), &schema);
//! assert_eq!(causes[0].message, "Invalid value: 1001: nodes in body should be less than or equal to 1000");
//! ```
//!
//! # Source
//! apiextensions-apiserver `pkg/apiserver/schema/{pruning,defaulting}`, kube-openapi `pkg/validation`.

use serde_json::{Map, Value};

use crate::sim::refusal::Cause;

/// Drops the fields that the schema does not know.
pub fn prune(object: &mut Value, schema: &Value) {
    prune_at(object, schema, true);
}

fn prune_at(value: &mut Value, schema: &Value, is_root: bool) {
    match value {
        Value::Object(fields) => {
            let keeps_all = schema["x-kubernetes-preserve-unknown-fields"] == true
                || !schema["additionalProperties"].is_null();
            let always = |name: &str| is_root && ["apiVersion", "kind", "metadata"].contains(&name);
            fields.retain(|name, _| {
                keeps_all || always(name) || !schema["properties"][name].is_null()
            });
            for (name, value) in fields.iter_mut().filter(|(name, _)| !always(name)) {
                if let Some(schema) = schema_of_field(schema, name) {
                    prune_at(value, schema, false);
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                prune_at(item, &schema["items"], false);
            }
        }
        _ => {}
    }
}

/// The paths of the fields that the schema does not know: what [`prune`] would drop.
pub fn unknown_fields(object: &Value, schema: &Value) -> Vec<String> {
    let mut known = object.clone();
    prune(&mut known, schema);
    let mut unknown = Vec::new();
    collect_missing(object, &known, String::new(), &mut unknown);
    unknown
}

/// The paths of what is in `all` and not in `some`.
fn collect_missing(all: &Value, some: &Value, path: String, missing: &mut Vec<String>) {
    match all {
        Value::Object(fields) => {
            for (name, value) in fields {
                let path = join(&path, name);
                match some.get(name) {
                    Some(some) => collect_missing(value, some, path, missing),
                    None => missing.push(path),
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                collect_missing(item, &some[index], format!("{path}[{index}]"), missing);
            }
        }
        _ => {}
    }
}

/// Fills in what is missing and has a default. A null where none may be is something missing.
pub fn set_defaults(value: &mut Value, schema: &Value) {
    match value {
        Value::Object(fields) => {
            for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
                let default = &schema["default"];
                if schema["nullable"] != true && fields.get(name).is_some_and(Value::is_null) {
                    fields.remove(name);
                }
                if !default.is_null() && !fields.contains_key(name) {
                    fields.insert(name.clone(), default.clone());
                }
            }
            for (name, value) in fields.iter_mut() {
                if let Some(schema) = schema_of_field(schema, name) {
                    set_defaults(value, schema);
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                set_defaults(item, &schema["items"]);
            }
        }
        _ => {}
    }
}

fn schema_of_field<'a>(schema: &'a Value, name: &str) -> Option<&'a Value> {
    let known = &schema["properties"][name];
    let any = &schema["additionalProperties"];
    [known, any].into_iter().find(|schema| schema.is_object())
}

/// What is wrong with the object.
pub fn violations(object: &Value, schema: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    check(object, schema, String::new(), &mut causes);
    causes
}

fn check(value: &Value, schema: &Value, path: String, causes: &mut Vec<Cause>) {
    if value.is_null() && schema["nullable"] == true {
        return;
    }
    if let Some(expected) = schema["type"].as_str()
        && !is_of_type(value, expected)
    {
        let why = format!(
            "{path} in body must be of type {expected}: \"{}\"",
            type_of(value)
        );
        let mut cause = Cause::invalid(path, &type_of(value).into(), &why);
        cause.reason = "FieldValueTypeInvalid";
        causes.push(cause);
        return;
    }
    if let Some(allowed) = schema["enum"].as_array()
        && !allowed.contains(value)
    {
        let allowed: Vec<String> = allowed.iter().map(Value::to_string).collect();
        causes.push(Cause {
            reason: "FieldValueNotSupported",
            message: format!(
                "Unsupported value: {value}: supported values: {}",
                allowed.join(", ")
            ),
            field: path.clone(),
        });
    }
    check_bounds(value, schema, &path, causes);
    match value {
        Value::Object(fields) => {
            for required in schema["required"].as_array().into_iter().flatten() {
                let name = required.as_str().unwrap_or_default();
                if !fields.contains_key(name) {
                    causes.push(Cause::required(join(&path, name)));
                }
            }
            // Metadata has the server's own rules.
            let checked = fields
                .iter()
                .filter(|(name, _)| !(path.is_empty() && *name == "metadata"));
            for (name, value) in checked {
                if let Some(schema) = schema_of_field(schema, name) {
                    check(value, schema, join(&path, name), causes);
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                check(item, &schema["items"], format!("{path}[{index}]"), causes);
            }
            causes.extend(duplicates(items, schema, &path));
        }
        _ => {}
    }
}

/// The items whose key, or in a set whose value, an earlier item has.
fn duplicates(items: &[Value], schema: &Value, path: &str) -> Vec<Cause> {
    let shown = |item: &Value| match schema["x-kubernetes-list-type"].as_str() {
        Some("set") => Some(item.clone()),
        Some("map") => {
            let keys = schema["x-kubernetes-list-map-keys"].as_array()?;
            let keys = keys.iter().filter_map(Value::as_str);
            let key = keys.map(|key| Some((key.to_owned(), item.get(key)?.clone())));
            key.collect::<Option<Map<String, Value>>>()
                .map(Value::Object)
        }
        _ => None,
    };
    let mut seen = Vec::new();
    let mut causes = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let Some(shown) = shown(item) else { continue };
        if seen.contains(&shown) {
            causes.push(Cause::duplicate(format!("{path}[{index}]"), &shown));
        }
        seen.push(shown);
    }
    causes
}

fn check_bounds(value: &Value, schema: &Value, path: &str, causes: &mut Vec<Cause>) {
    let (size, unit) = match value {
        Value::Number(number) => (number.as_f64(), ""),
        Value::String(text) => (Some(text.chars().count() as f64), " chars long"),
        Value::Array(items) => (Some(items.len() as f64), " items"),
        _ => return,
    };
    let bounds = match value {
        Value::Number(_) => ["minimum", "maximum"],
        Value::String(_) => ["minLength", "maxLength"],
        _ => ["minItems", "maxItems"],
    };
    let Some(size) = size else { return };
    let verb = if unit == " items" { "have" } else { "be" };
    if let Some(least) = schema[bounds[0]].as_f64().filter(|least| size < *least) {
        let why = match unit {
            "" => format!("{path} in body should be greater than or equal to {least}"),
            unit => format!("{path} in body should {verb} at least {least}{unit}"),
        };
        causes.push(Cause::invalid(path, value, &why));
    }
    if let Some(most) = schema[bounds[1]].as_f64().filter(|most| size > *most) {
        let field = path.to_owned();
        causes.push(match unit {
            "" => {
                let why = format!("{path} in body should be less than or equal to {most}");
                Cause::invalid(field, value, &why)
            }
            " items" => Cause {
                reason: "FieldValueTooMany",
                message: format!("Too many: {size}: must have at most {most} items"),
                field,
            },
            _ => Cause {
                reason: "FieldValueTooLong",
                message: format!("Too long: may not be more than {most} bytes"),
                field,
            },
        });
    }
}

fn is_of_type(value: &Value, expected: &str) -> bool {
    match expected {
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        expected => type_of(value) == expected,
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn join(path: &str, name: &str) -> String {
    match path {
        "" => name.to_owned(),
        path => format!("{path}.{name}"),
    }
}
