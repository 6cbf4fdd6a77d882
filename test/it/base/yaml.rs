//! Mirrors `src/base/yaml.rs`.

use bitcoin_controller::base::yaml;
use serde_json::{Value, json};

#[test]
fn yaml_and_json_are_both_read() {
    for text in ["a: [1, two]\n", r#"{"a": [1, "two"]}"#] {
        assert_eq!(
            yaml::from_str::<Value>(text).unwrap(),
            json!({"a": [1, "two"]})
        );
    }
}

#[test]
fn every_document_is_read_and_empty_ones_are_left_out() {
    let all = yaml::all_from_str("---\na: 1\n---\n---\n# nothing\n---\nb: 2\n").unwrap();
    assert_eq!(all, [json!({"a": 1}), json!({"b": 2})]);
}

#[test]
fn an_error_names_the_place_and_never_the_value() {
    #[derive(serde::Deserialize, Debug)]
    struct Port {
        #[allow(dead_code, reason = "only its reading is tested")]
        port: u16,
    }
    let error = yaml::from_str::<Port>("port: hunter2").unwrap_err();
    assert!(error.to_string().contains("`port`"), "{error}");
    assert!(!error.to_string().contains("hunter2"), "{error}");
    assert!(!format!("{error:?}").contains("hunter2"));
}
