//! Mirrors `src/sim/field_set` and `src/sim/shape`: the arithmetic, on values that have one of everything.

use bitcoin_controller::sim::field_set::FieldSet;
use bitcoin_controller::sim::shape::{List, Shape, step};
use serde_json::{Value, json};

fn samples() -> Vec<Value> {
    vec![
        json!({}),
        json!({"metadata": {"labels": {"a": "1"}, "finalizers": ["x", "y"]}}),
        json!({"spec": {"containers": [{"name": "main", "args": ["-a"]}, {"name": "side"}]}}),
        json!({"spec": {"containers": [{"name": "main", "args": ["-b"]}], "selector": {"a": "b"}}}),
        json!({"spec": {"ports": [{"port": 1}, {"port": 1, "protocol": "UDP"}], "replicas": 0}}),
    ]
}

fn sets() -> Vec<FieldSet> {
    let shape = Shape::built_in();
    let of = samples()
        .into_iter()
        .map(|value| FieldSet::of(&value, shape));
    let whole = samples()
        .into_iter()
        .map(|value| FieldSet::whole(&value, shape));
    of.chain(whole).collect()
}

#[test]
fn what_is_written_is_read_back() {
    for set in sets().into_iter().filter(|set| !set.is_empty()) {
        assert_eq!(FieldSet::from_json(&set.to_json()), set);
    }
}

#[test]
fn sets_of_fields_are_sets() {
    for one in sets() {
        assert!(one.difference(&one).is_empty());
        assert_eq!(one.union(&one), one);
        for other in sets() {
            let (both, only) = (one.intersection(&other), one.difference(&other));
            assert_eq!(one.union(&other).paths(), other.union(&one).paths());
            assert_eq!(both.paths(), other.intersection(&one).paths());
            assert_eq!(both.union(&only).paths(), one.paths());
            assert!(both.intersection(&only).paths().is_empty());
        }
    }
}

#[test]
fn nothing_has_changed_of_what_is_the_same_and_everything_of_what_is_new() {
    let shape = Shape::built_in();
    for value in samples() {
        assert!(FieldSet::changed(&value, &value, shape).is_empty());
        let made = FieldSet::changed(&json!({}), &value, shape);
        assert_eq!(made.paths(), FieldSet::whole(&value, shape).paths());
    }
}

#[test]
fn an_item_has_a_key_only_if_all_of_it_is_there() {
    let list = List::Map(vec!["port".to_owned(), "protocol".to_owned()]);
    let key = step(&list, &json!({"port": 1}));
    assert_eq!(
        key,
        step(&list, &json!({"protocol": "TCP", "port": 1, "name": "a"}))
    );
    assert_eq!(step(&list, &json!({"protocol": "TCP"})), None);
    assert_eq!(step(&List::Atomic, &json!("a")), None);
    assert_eq!(step(&List::Set, &json!("a")).as_deref(), Some("v:\"a\""));
}
