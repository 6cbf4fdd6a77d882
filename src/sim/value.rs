//! Small things that are done to JSON values everywhere in this room.

use serde_json::Value;

use crate::base::calendar;

/// Sets a field, or takes it out if the value is null.
pub(super) fn put(object: &mut Value, field: &str, value: Value) {
    match value {
        Value::Null => remove(object, field),
        value => object[field] = value,
    }
}

/// Takes a field out.
pub(super) fn remove(object: &mut Value, field: &str) {
    if let Some(object) = object.as_object_mut() {
        object.remove(field);
    }
}

/// A date as the store writes it.
pub(super) fn date(unix_seconds: i64) -> Value {
    calendar::format_seconds(unix_seconds).into()
}
