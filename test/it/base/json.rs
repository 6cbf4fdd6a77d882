//! Mirrors `src/base/json.rs`.

use bitcoin_controller::base::json;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
struct Outer {
    #[allow(dead_code, reason = "only its reading is tested")]
    inner: Vec<Inner>,
}

#[derive(Debug, Deserialize)]
struct Inner {
    #[allow(dead_code, reason = "only its reading is tested")]
    port: u16,
}

#[test]
fn an_error_names_the_field_and_never_the_value() {
    let error = json::from_slice::<Outer>(br#"{"inner": [{"port": "hunter2"}]}"#).unwrap_err();
    assert_eq!(error.path(), "inner[0].port");
    assert!(!error.to_string().contains("hunter2"), "{error}");
    assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
}

#[test]
fn cut_and_garbled_documents_say_so_without_quoting() {
    for text in [
        r#"{"inner": [{"por"#,
        r#"{"inner": hunter2}"#,
        r#"{"inner": []} hunter2"#,
        "",
    ] {
        let error = json::from_slice::<Outer>(text.as_bytes()).unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
    let error = json::from_slice::<Outer>(br#"{"inner": ["#).unwrap_err();
    assert!(
        error.to_string().starts_with("the text ends too soon"),
        "{error}"
    );
}

#[test]
fn an_unknown_field_is_not_an_error() {
    assert!(json::from_slice::<Outer>(br#"{"inner": [], "more": 1}"#).is_ok());
}
