//! Lists, single objects, and all else that is no watch.

use std::io::Read;

use flate2::read::GzDecoder;
use serde_json::{Value, json};

use crate::options::Options;
use crate::shapes::Shape;
use crate::tests::client::{Client, Mirror, version};
use crate::tests::{SHAPES, client, options};

const PODS: &str = "GET /api/v1/pods";

fn mirror(items: &Value) -> Mirror {
    let mut mirror = Mirror::default();
    for item in items.as_array().unwrap() {
        mirror.take(("ADDED".to_owned(), item.clone()));
    }
    mirror
}

fn truth(client: &mut Client, mode: &str) -> Value {
    client.json(&format!("GET /bench/truth?mode={mode}"))["hash"].take()
}

#[test]
fn a_list_is_the_truth() {
    for shape in SHAPES {
        let mut client = client(&options(shape, 120));
        let list = client.json(&format!("GET {}?resourceVersion=0", shape.path()));
        assert_eq!(list["kind"], format!("{}List", shape.kind()));
        assert_eq!(list["apiVersion"], shape.api_version());
        assert_eq!(list["metadata"], json!({"resourceVersion": "1000000120"}));
        assert_eq!(version(&list["items"][0]), 1_000_000_001);
        let mirror = mirror(&list["items"]);
        assert_eq!(mirror.0.len(), 120);
        assert_eq!(mirror.hash(shape, "typed"), truth(&mut client, "typed"));
    }
}

#[test]
fn a_list_of_metadata_is_the_truth() {
    const ACCEPT: &str = "accept: application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json\r\n";
    for shape in SHAPES {
        let mut client = client(&options(shape, 30));
        let response = client.ask_with(&format!("GET {}", shape.path()), ACCEPT);
        assert_eq!(response.headers["content-type"], "application/json");
        let list = response.json();
        assert_eq!(list["kind"], "PartialObjectMetadataList");
        assert_eq!(list["apiVersion"], "meta.k8s.io/v1");
        assert_eq!(list["items"][0]["kind"], "PartialObjectMetadata");
        let hash = mirror(&list["items"]).hash(shape, "metadata");
        assert_eq!(hash, truth(&mut client, "metadata"));
    }
}

#[test]
fn whoever_takes_plain_json_first_gets_whole_objects() {
    let mut client = client(&options(Shape::Pod, 1));
    let accept = "Accept: application/vnd.kubernetes.protobuf, application/json, */*\r\n";
    assert_eq!(client.ask_with(PODS, accept).json()["kind"], "PodList");
}

#[test]
fn pages_are_all_of_the_version_of_the_first() {
    let mut client = client(&options(Shape::Pod, 25));
    let before = truth(&mut client, "typed");
    let mut items = Vec::new();
    let mut target = format!("{PODS}?limit=10");
    for left in [15, 5, 0] {
        let page = client.json(&target);
        assert_eq!(page["metadata"]["resourceVersion"], "1000000025");
        assert_eq!(
            page["metadata"]["remainingItemCount"].as_u64().unwrap_or(0),
            left
        );
        items.extend(page["items"].as_array().unwrap().iter().cloned());
        client.json("POST /bench/churn?events=9");
        let token = page["metadata"]["continue"].as_str().unwrap_or_default();
        assert_eq!(token.is_empty(), left == 0);
        target = format!("{PODS}?limit=10&continue={token}");
    }
    assert_eq!(
        mirror(&Value::Array(items)).hash(Shape::Pod, "typed"),
        before
    );
}

#[test]
fn a_list_does_not_go_on_after_its_version_is_gone() {
    let mut client = client(&options(Shape::Pod, 25));
    let page = client.json(&format!("{PODS}?limit=10"));
    client.json("POST /bench/gone?form=status");
    let token = page["metadata"]["continue"].as_str().unwrap();
    let response = client.ask(&format!("{PODS}?continue={token}"));
    assert_eq!(response.code, 410);
    assert_eq!(response.json()["reason"], "Expired");
}

#[test]
fn large_lists_are_compressed_for_those_who_ask() {
    let mut client = client(&Options {
        gzip: true,
        ..options(Shape::Pod, 100)
    });
    let plain = client.ask(PODS);
    assert!(!plain.headers.contains_key("content-encoding"));
    let packed = client.ask_with(PODS, "ACCEPT-ENCODING: gzip, br\r\n");
    assert_eq!(packed.headers["content-encoding"], "gzip");
    let mut unpacked = Vec::new();
    GzDecoder::new(&*packed.bytes)
        .read_to_end(&mut unpacked)
        .unwrap();
    assert!(unpacked == plain.bytes && packed.bytes.len() < plain.bytes.len());

    let small = client.ask_with(&format!("{PODS}?limit=10"), "Accept-Encoding: gzip\r\n");
    assert!(!small.headers.contains_key("content-encoding"));
}

#[test]
fn without_the_flag_nothing_is_compressed() {
    let mut client = client(&options(Shape::Pod, 100));
    let response = client.ask_with(PODS, "Accept-Encoding: gzip\r\n");
    assert!(!response.headers.contains_key("content-encoding"));
}

#[test]
fn an_object_is_found_by_its_path() {
    for shape in SHAPES {
        let mut client = client(&options(shape, 60));
        let path = match shape {
            Shape::Node => format!("{}/object-57", shape.path()),
            _ => shape.path().replace("v1/", "v1/namespaces/ns-7/") + "/object-57",
        };
        let object = client.json(&format!("GET {path}"));
        assert_eq!(object["kind"], shape.kind());
        assert_eq!(object["metadata"]["name"], "object-57");
        assert_eq!(client.ask(&format!("GET {path}8")).code, 404);
    }
}

#[test]
fn there_is_nothing_else() {
    let mut client = client(&options(Shape::Pod, 3));
    let list = client.json("GET /apis/apps/v1/statefulsets?labelSelector=app%3Da&limit=500");
    assert_eq!(list["kind"], "StatefulsetList");
    assert_eq!(list["apiVersion"], "apps/v1");
    assert_eq!(list["items"], json!([]));
    assert_eq!(
        client.json("GET /api/v1/namespaces/ns-1/pods")["items"],
        json!([])
    );
    assert_eq!(
        client.ask("GET /api/v1/namespaces/default/secrets/a").code,
        404
    );
    assert_eq!(client.ask("GET /version").code, 404);
    assert_eq!(client.ask("GET /bench/nothing").code, 404);
    assert_eq!(client.ask(&format!("{PODS}?labelSelector=a")).code, 400);
}

#[test]
fn a_write_is_answered_with_what_it_sent() {
    let mut client = client(&options(Shape::Pod, 1));
    let body = r#"{"kind":"Lease","metadata":{"name":"a"}}"#;
    let headers = format!("CONTENT-length: {}\r\n\r\n{body}", body.len());
    let path = "/apis/coordination.k8s.io/v1/namespaces/default/leases";
    client.send(&format!("POST {path} HTTP/1.1\r\nhost: stub\r\n{headers}"));
    let response = client.response();
    assert_eq!((response.code, &*response.bytes), (201, body.as_bytes()));
    let deleted = client.json(&format!("DELETE {path}/a"));
    assert_eq!(deleted["status"], "Success");
}

#[test]
fn what_is_no_request_is_answered_and_ends_the_connection() {
    let mut client = client(&options(Shape::Pod, 1));
    let mut broken = client.another();
    broken.send("PRI * HTTP/2.0\r\n\r\n");
    assert_eq!(broken.response().code, 400);
    let mut endless = client.another();
    endless.send("POST /api/v1/pods HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
    assert_eq!(endless.response().code, 400);
    assert_eq!(client.json(PODS)["items"].as_array().unwrap().len(), 1);
}
