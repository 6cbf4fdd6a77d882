//! Mirrors `src/base/json_path.rs`.

use bitcoin_controller::base::json_path::path_at;
use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
#[allow(dead_code, reason = "only its reading is tested")]
struct Document {
    name: String,
    list: Vec<Element>,
    #[serde(rename = "odd \"name\"")]
    odd: Vec<Vec<u16>>,
    inner: Option<Box<Document>>,
}

#[derive(Debug, Deserialize)]
#[allow(dead_code, reason = "only its reading is tested")]
struct Element {
    port: u16,
    tags: Vec<String>,
}

/// With brackets, quotes, commas and colons where they mean nothing.
const TEXT: &str = r#"{
  "name": "a, \"b\": [{\\",
  "unknown": {"deep": [[], {"x": [1, 2]}, "}"]},
  "list": [ {"port": 1, "tags": []}, {"tags": ["x", "]"],
    "port": 2}],
  "odd \"name\"": [[1, 2], [], [3]],
  "inner": {"list": [{"port": 7, "tags": ["y"]}], "name": "c"}
}"#;

/// What somebody says who keeps the path while reading.
fn kept_path(text: &str) -> Option<(String, serde_json::Error)> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let read: Result<Document, _> = serde_path_to_error::deserialize(&mut reader);
    let error = read.err()?;
    Some((error.path().to_string(), error.into_inner()))
}

#[test]
fn a_mistake_in_any_value_is_found_where_one_finds_it_who_keeps_the_path() {
    // Each value by what stands before it.
    for (before, value) in [
        ("\"name\": ", r#""a, \"b\": [{\\""#),
        ("\"list\": [ {\"port\": ", "1"),
        ("\"list\": [ ", "{\"port\": 1, \"tags\": []}"),
        ("\"x\", ", "\"]\""),
        ("\"odd \\\"name\\\"\": [[1, ", "2"),
        ("\"odd \\\"name\\\"\": [[1, 2], [], ", "[3]"),
        ("{\"list\": [{\"port\": ", "7"),
        ("\"tags\": ", "[]"),
        (
            "{\"list\": [{\"port\": 7, \"tags\": [\"y\"]}], \"name\": ",
            "\"c\"",
        ),
    ] {
        for mistake in [
            "true",
            "{\"a\": [1]}",
            "-1.5",
            "[{\"port\": {}}]",
            "[[true]]",
        ] {
            let (old, new) = (format!("{before}{value}"), format!("{before}{mistake}"));
            let text = TEXT.replacen(&old, &new, 1);
            assert_ne!(text, TEXT, "{old}");
            let (expected, error) = kept_path(&text).expect(&text);
            let found = path_at(text.as_bytes(), error.line(), error.column());
            assert_eq!(found.replace('\\', ""), expected, "{error} in {text}");
        }
    }
}

#[test]
fn a_field_that_is_missing_is_missed_in_its_object() {
    let text = TEXT.replacen("\"port\": 2", "\"sport\": 2", 1);
    let (_, error) = kept_path(&text).unwrap();
    let path = path_at(text.as_bytes(), error.line(), error.column());
    assert_eq!(path, "list[1]");
}

#[test]
fn any_place_of_any_text_has_a_path() {
    for end in 0..TEXT.len() {
        for byte in [b'"', b'\\', b'{', b'}', b'[', b']', b':', b',', 0xff] {
            let mut text = TEXT.as_bytes().to_vec();
            text[end] = byte;
            assert!(!path_at(&text, 9, end).is_empty());
            assert!(!path_at(&text[..end], usize::MAX, usize::MAX).is_empty());
        }
    }
}
