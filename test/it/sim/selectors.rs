//! Mirrors `src/sim/selectors`: what is read as a selector, and what is not.

use bitcoin_controller::sim::selectors::{Fields, Labels};
use serde_json::json;

#[test]
fn spaces_do_not_matter() {
    let object = json!({"metadata": {"labels": {"app": "x", "example.com/tier": "front"}}});
    for text in [
        "app=x,example.com/tier=front",
        " app = x , example.com/tier == front ",
        "app in (x),example.com/tier notin (back)",
        "app in ( x , y ) , example.com/tier",
    ] {
        assert!(Labels::parse(text).unwrap().select(&object), "{text}");
    }
}

#[test]
fn nothing_asked_for_is_everything() {
    assert!(Labels::parse("").unwrap().select(&json!({})));
    assert!(Fields::parse("").unwrap().select(&json!({})));
}

#[test]
fn what_makes_no_sense_is_no_selector() {
    for text in ["=x", "a b", "a in x", "a in (x", "!", "a===x", "a=b c"] {
        assert!(Labels::parse(text).is_err(), "{text}");
    }
    assert!(Fields::parse("metadata.name").is_err());
}

#[test]
fn a_field_that_is_not_there_is_empty() {
    let object = json!({"spec": {"unschedulable": true}});
    for text in [
        "spec.nodeName=",
        "spec.nodeName!=a",
        "spec.unschedulable=true",
    ] {
        assert!(Fields::parse(text).unwrap().select(&object), "{text}");
    }
}
