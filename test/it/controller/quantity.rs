//! Goal: every way to write an amount ends in the one text that a server keeps.
//!
//! The pairs are what a kube-apiserver v1.36.3 made of the left side; that it keeps the right sides is asked of a
//! real one in `test/e2e/api/node_spec.rs`.

use bitcoin_controller::controller::desired::quantity::Quantity;
use serde_json::{Value, json};

fn written(value: Value) -> Option<String> {
    Quantity::read(&value).map(|quantity| quantity.to_string())
}

#[test]
fn amounts_are_written_as_a_server_writes_them() {
    for (given, kept) in [
        (json!("0.5"), "500m"),
        (json!(".5"), "500m"),
        (json!(0.5), "500m"),
        (json!(1), "1"),
        (json!(1.5), "1500m"),
        (json!("1024Mi"), "1Gi"),
        (json!("1.5Gi"), "1536Mi"),
        (json!("1048576Ki"), "1Gi"),
        (json!("1000Mi"), "1000Mi"),
        (json!("1023Ki"), "1023Ki"),
        (json!("0.5Ki"), "512"),
        (json!("1000"), "1k"),
        (json!(10_000), "10k"),
        (json!("1000k"), "1M"),
        (json!("1.5k"), "1500"),
        (json!("12e2"), "1200"),
        (json!("1048576"), "1048576"),
        (json!("0"), "0"),
        (json!("0Gi"), "0"),
        (json!("1.1Gi"), "1181116006400m"),
        (json!("0.1Mi"), "104857600m"),
        (json!("1.0000001Gi"), "1073741931375m"),
        (json!("9223372036854775807"), "9223372036854775807"),
        (json!("1Ei"), "1Ei"),
    ] {
        assert_eq!(written(given.clone()).as_deref(), Some(kept), "{given}");
    }
}

#[test]
fn what_is_finer_than_a_thousandth_is_rounded_up() {
    for (given, kept) in [
        ("0.0001", "1m"),
        ("1500u", "2m"),
        ("100n", "1m"),
        ("2000u", "2m"),
    ] {
        assert_eq!(written(json!(given)).as_deref(), Some(kept), "{given}");
    }
}

/// A server keeps these as they are, or writes them otherwise; we never send them.
#[test]
fn other_ways_to_write_an_amount_are_the_same_amount() {
    for (one, other) in [
        ("1e3", "1k"),
        ("1E3", "1k"),
        ("+5", "5"),
        ("05", "5"),
        ("5.", "5"),
        ("1.5e1", "15"),
        ("1e-3", "1m"),
    ] {
        assert_eq!(written(json!(one)), written(json!(other)), "{one}");
    }
    assert!(Quantity::read(&json!("1Gi")) > Quantity::read(&json!("1G")));
    assert!(Quantity::read(&json!("999m")) < Quantity::read(&json!(1)));
}

#[test]
fn what_is_written_is_read_and_written_the_same() {
    for text in [
        "500m",
        "1Gi",
        "1536Mi",
        "1500",
        "1k",
        "512",
        "104857600m",
        "0",
    ] {
        assert_eq!(written(json!(text)).as_deref(), Some(text));
    }
}

#[test]
fn what_is_no_amount_or_too_much_of_it_is_nothing() {
    for wrong in [
        json!(""),
        json!("."),
        json!("Gi"),
        json!("1 Gi"),
        json!("1gi"),
        json!("-1"),
        json!(-1),
        json!("1.2.3"),
        json!("abc"),
        json!("1e"),
        json!("1Gi2"),
        json!("1e2e3"),
        json!("8Ei"),
        json!("100E"),
        json!("1e99"),
        json!("1e2147483647"),
        json!("99999999999999999999999999999999999999999"),
        json!(true),
        json!(null),
        json!([1]),
    ] {
        assert_eq!(Quantity::read(&wrong), None, "{wrong}");
    }
    assert_eq!(written(json!("1e-99")).as_deref(), Some("1m"));
}
