//! Objects: their size, their truth, and what is in them.

use serde_json::{Value, json};

use crate::body::{Body, Form, Maker, Mode};
use crate::options::Options;
use crate::shapes::Shape;
use crate::tests::client::Mirror;
use crate::tests::{SHAPES, options};

fn whole(body: &Body) -> Vec<u8> {
    let mut bytes = Vec::new();
    body.push(Form::Whole, 1_000_000_001, &mut bytes);
    bytes
}

fn parsed(body: &Body, form: Form) -> Value {
    let mut bytes = Vec::new();
    body.push(form, 1_234_567_890, &mut bytes);
    assert_eq!(bytes.len(), body.length(form));
    serde_json::from_slice(&bytes).unwrap()
}

#[test]
fn every_object_has_the_size_that_was_asked_for() {
    for shape in SHAPES {
        for size in [shape.size(), 2 * shape.size(), 1_300_000] {
            let maker = Maker::new(&Options {
                size,
                ..options(shape, 1)
            })
            .unwrap();
            for number in [0, 9, 12_345, 9_999_999] {
                let bytes = whole(&maker.make(number));
                assert_eq!(bytes.len(), size, "{shape:?}");
                let object: Value = serde_json::from_slice(&bytes).unwrap();
                assert_eq!(object["kind"], shape.kind());
                assert_eq!(object["apiVersion"], shape.api_version());
            }
        }
    }
}

#[test]
fn little_of_an_object_is_there_to_fill_it() {
    for shape in [Shape::Pod, Shape::Network] {
        let object = parsed(
            &Maker::new(&options(shape, 1)).unwrap().make(7),
            Form::Whole,
        );
        let note = object["metadata"]["annotations"]["example.com/note"]
            .as_str()
            .unwrap();
        assert!(note.len() < shape.size() / 10, "{shape:?}: {}", note.len());
    }
}

#[test]
fn a_size_that_is_too_small_is_refused() {
    for shape in SHAPES {
        let error = Maker::new(&Options {
            size: 100,
            ..options(shape, 1)
        })
        .err()
        .unwrap();
        assert!(
            error.starts_with("--size 100: it takes at least "),
            "{error}"
        );
    }
}

#[test]
fn a_seed_says_every_byte() {
    for shape in SHAPES {
        let of_seed = |seed| {
            Maker::new(&Options {
                seed,
                ..options(shape, 1)
            })
            .unwrap()
        };
        assert_eq!(whole(&of_seed(1).make(3)), whole(&of_seed(1).make(3)));
        assert_ne!(whole(&of_seed(1).make(3)), whole(&of_seed(2).make(3)));
    }
}

#[test]
fn the_truth_is_made_of_what_is_in_the_object() {
    for shape in SHAPES {
        let maker = Maker::new(&options(shape, 1)).unwrap();
        for number in [0, 57] {
            let body = maker.make(number);
            for (name, mode) in [("typed", Mode::Typed), ("metadata", Mode::Metadata)] {
                let mut mirror = Mirror::default();
                mirror.take(("ADDED".to_owned(), parsed(&body, Form::Whole)));
                let hash = format!("{:016x}", body.hash(mode, 1_234_567_890));
                assert_eq!(hash, mirror.hash(shape, name), "{shape:?}");
            }
        }
    }
}

#[test]
fn metadata_is_that_of_the_whole_object() {
    for shape in SHAPES {
        let body = Maker::new(&options(shape, 1)).unwrap().make(4);
        let metadata = parsed(&body, Form::Metadata);
        assert_eq!(metadata["kind"], "PartialObjectMetadata");
        assert_eq!(metadata["apiVersion"], "meta.k8s.io/v1");
        assert_eq!(metadata["metadata"], parsed(&body, Form::Whole)["metadata"]);
        assert_eq!(metadata.as_object().unwrap().len(), 3);
    }
}

#[test]
fn ten_objects_in_a_row_have_one_controller() {
    let maker = Maker::new(&options(Shape::Pod, 1)).unwrap();
    let owner = |number| {
        let owner =
            parsed(&maker.make(number), Form::Whole)["metadata"]["ownerReferences"][0].take();
        assert_eq!(owner["controller"], true);
        owner
    };
    assert_eq!(owner(20), owner(29));
    assert_ne!(owner(29)["uid"], owner(30)["uid"]);
}

#[test]
fn names_namespaces_and_versions_are_as_agreed() {
    let options = Options {
        n_probes: 2,
        ..options(Shape::Pod, 1)
    };
    let maker = Maker::new(&options).unwrap();
    let probe = parsed(&maker.make(1), Form::Bare);
    assert_eq!(probe["metadata"]["name"], "probe-1");
    let object = parsed(&maker.make(52), Form::Bare);
    assert_eq!(object["metadata"]["name"], "object-52");
    assert_eq!(object["metadata"]["namespace"], "ns-2");
    assert_eq!(object["metadata"]["resourceVersion"], "1234567890");
    assert_eq!(object["kind"], Value::Null);
}

#[test]
fn managed_fields_name_what_is_in_the_object() {
    let object = parsed(
        &Maker::new(&options(Shape::Pod, 1)).unwrap().make(4),
        Form::Whole,
    );
    let fields = &object["metadata"]["managedFields"][0]["fieldsV1"];
    let mount = &fields["f:spec"]["f:containers"][r#"k:{"name":"main"}"#]["f:volumeMounts"];
    let expected = json!({"f:name": {}, "f:mountPath": {}, ".": {}});
    assert_eq!(mount[r#"k:{"mountPath":"/tmp"}"#], expected);
}
