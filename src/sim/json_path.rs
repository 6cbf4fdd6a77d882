//! Finding a value in an object by the simple paths a CustomResourceDefinition may use.
//!
//! `.spec.nodes`, `.status.conditions[?(@.type=="Ready")].status`, `.items[0]['a.b']`: a path is read from the
//! left, one step at a time, and each step leads to one value or to none. kubectl's full JSONPath can answer
//! with many values; a printer column and a scale show one, the first.
//!
//! # Invariants
//! - A path that cannot be read finds nothing, as one that leads nowhere.
//!
//! # Example
//! ```
//! use bitcoin_controller::sim::json_path::find;
//! use serde_json::json;
//!
//! let network = json!({"status": {"conditions": [{"type": "Ready", "status": "True"}]}});
//! let ready = find(&network, r#".status.conditions[?(@.type=="Ready")].status"#);
//! assert_eq!(ready, Some(&json!("True")));
//! ```
//!
//! # Source
//! client-go `util/jsonpath`.
//!
//! # What differs
//! - Fields, indices, `*` (the first) and a comparison with `==`; no slices, unions, recursion or text around it.

use serde_json::Value;

/// The first value `path` leads to, from `value`.
pub fn find<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    let Some(first) = path.chars().next() else {
        return Some(value);
    };
    if first == '.' {
        let (name, rest) = field_name(&path[1..]);
        return find(value.get(name)?, rest);
    }
    let (step, rest) = bracketed(path)?;
    if let Some(test) = step
        .strip_prefix("?(@")
        .and_then(|test| test.strip_suffix(')'))
    {
        let (left, right) = test.split_once("==")?;
        let wanted: Value = serde_json::from_str(&right.trim().replace('\'', "\"")).ok()?;
        let mut items = value.as_array()?.iter();
        let found = items.find(|item| find(item, left.trim()) == Some(&wanted));
        return find(found?, rest);
    }
    if let Some(name) = unquoted(step) {
        return find(value.get(name)?, rest);
    }
    let place = if step == "*" {
        0
    } else {
        step.parse::<usize>().ok()?
    };
    find(value.get(place)?, rest)
}

/// Splits after a field's name; a backslash keeps a dot in it.
fn field_name(path: &str) -> (String, &str) {
    let mut name = String::new();
    let mut letters = path.char_indices();
    while let Some((place, letter)) = letters.next() {
        match letter {
            '.' | '[' => return (name, &path[place..]),
            '\\' => name.extend(letters.next().map(|(_, kept)| kept)),
            _ => name.push(letter),
        }
    }
    (name, "")
}

/// What is between the brackets `path` begins with, and what follows them; quoted brackets do not count.
fn bracketed(path: &str) -> Option<(&str, &str)> {
    let inside = path.strip_prefix('[')?;
    let mut quote = None;
    for (place, letter) in inside.char_indices() {
        match (quote, letter) {
            (None, ']') => return Some((&inside[..place], &inside[place + 1..])),
            (None, '\'' | '"') => quote = Some(letter),
            (Some(open), _) if open == letter => quote = None,
            _ => {}
        }
    }
    None
}

fn unquoted(step: &str) -> Option<&str> {
    let inside = |quote: char| step.strip_prefix(quote)?.strip_suffix(quote);
    inside('\'').or_else(|| inside('"'))
}
