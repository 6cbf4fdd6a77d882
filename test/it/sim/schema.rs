//! Mirrors `src/sim/schema`: what a server cannot be asked, because it does all of it at once.

use bitcoin_controller::api::crd::custom_resource_definition;
use bitcoin_controller::sim::schema;
use serde_json::{Value, json};

fn networks() -> Value {
    let definition = custom_resource_definition();
    definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone()
}

fn network() -> Value {
    json!({
        "metadata": {"name": "alpha", "anything": 1},
        "spec": {"nodes": 3, "colour": "red", "image": null},
        "status": {"nodes": [{"ordinal": 0, "mood": "good"}], "mood": "good"},
        "more": true,
    })
}

#[test]
fn what_is_dropped_is_what_is_said_to_be_unknown() {
    let (schema, mut object) = (networks(), network());
    let unknown = ["more", "spec.colour", "status.mood", "status.nodes[0].mood"];
    let mut said = schema::unknown_fields(&object, &schema);
    said.sort();
    assert_eq!(said, unknown);
    schema::prune(&mut object, &schema);
    assert_eq!(schema::unknown_fields(&object, &schema), [""; 0]);
    assert_eq!(
        object["metadata"]["anything"], 1,
        "metadata is not the schema's"
    );
}

#[test]
fn to_prune_and_fill_in_twice_is_to_do_it_once() {
    let (schema, mut object) = (networks(), network());
    let finish = |object: &mut Value| {
        schema::prune(object, &schema);
        schema::set_defaults(object, &schema);
    };
    finish(&mut object);
    let once = object.clone();
    finish(&mut object);
    assert_eq!(object, once);
}

#[test]
fn a_wrong_type_is_one_wrong_however_much_is_below() {
    let schema = json!({"type": "object", "required": ["a"], "properties": {
        "a": {"type": "object", "required": ["b"], "properties": {"b": {"type": "integer"}}},
    }});
    let fields = |object: Value| -> Vec<String> {
        let causes = schema::violations(&object, &schema);
        causes.into_iter().map(|cause| cause.field).collect()
    };
    assert_eq!(fields(json!({"a": []})), ["a"]);
    assert_eq!(fields(json!({})), ["a"]);
    assert_eq!(fields(json!({"a": {}})), ["a.b"]);
    assert_eq!(fields(json!({"a": {"b": 1.5}})), ["a.b"]);
    assert_eq!(fields(json!({"a": {"b": 1}})), [""; 0]);
}
