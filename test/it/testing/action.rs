//! Requests, read as actions.

use bitcoin_controller::testing::Action;
use hyper::Request;

const MERGE: &str = "application/merge-patch+json";
const APPLY: &str = "application/apply-patch+yaml";

fn action(method: &str, uri: &str, content_type: &str, body: &'static str) -> Option<Action> {
    let request = Request::builder().method(method).uri(uri);
    let request = request
        .header("content-type", content_type)
        .body(())
        .unwrap();
    Action::of(&request.into_parts().0, body.into())
}

#[test]
fn a_request_reads_as_verb_resource_and_object() {
    let cases = [
        ("GET", "/api/v1/pods", "", "list pods"),
        ("GET", "/api/v1/namespaces/x/pods", "", "list pods in x"),
        (
            "GET",
            "/api/v1/namespaces/x/pods?watch=1",
            "",
            "watch pods in x",
        ),
        ("GET", "/api/v1/namespaces/x/pods/a", "", "get pods x/a"),
        ("GET", "/api/v1/namespaces/x", "", "get namespaces x"),
        (
            "PUT",
            "/api/v1/namespaces/x/finalize",
            "",
            "update namespaces/finalize x",
        ),
        ("GET", "/api/v1/nodes/a%2Db", "", "get nodes a-b"),
        ("POST", "/api/v1/namespaces/x/pods", "", "create pods x/new"),
        (
            "PUT",
            "/apis/apps/v1/namespaces/x/statefulsets/a",
            "",
            "update statefulsets x/a",
        ),
        (
            "PATCH",
            "/apis/g.org/v2/namespaces/x/odds/a/status",
            MERGE,
            "patch odds/status x/a",
        ),
        (
            "PATCH",
            "/apis/g.org/v2/namespaces/x/odds/a",
            APPLY,
            "apply odds x/a",
        ),
        (
            "DELETE",
            "/api/v1/namespaces/x/pods/a",
            "",
            "delete pods x/a",
        ),
        (
            "DELETE",
            "/api/v1/namespaces/x/pods",
            "",
            "deletecollection pods in x",
        ),
    ];
    let body = r#"{"metadata": {"name": "new"}}"#;
    for (method, uri, content_type, expected) in cases {
        let action = action(method, uri, content_type, body).unwrap();
        assert_eq!(action.to_string(), expected);
    }
}

#[test]
fn what_is_not_about_objects_is_no_action() {
    for path in [
        "/version",
        "/api/v1",
        "/apis/apps/v1",
        "/healthz",
        "/api/v1/pods/a/b/c",
    ] {
        assert_eq!(action("GET", path, "", ""), None, "{path}");
    }
}

#[test]
fn the_parts_of_an_action_can_be_asked_for() {
    let uri = "/apis/apps/v1/namespaces/x/statefulsets/a/scale?fieldManager=me%20too&force=";
    let action = action("PATCH", uri, MERGE, r#"{"spec": {"replicas": 3}}"#).unwrap();
    assert_eq!((action.group(), action.version()), ("apps", "v1"));
    assert_eq!(
        (action.resource(), action.subresource()),
        ("statefulsets", "scale")
    );
    assert_eq!((action.namespace(), &*action.name()), ("x", "a"));
    assert_eq!(action.query("fieldManager"), Some("me too"));
    assert_eq!(
        (action.query("force"), action.query("dryRun")),
        (None, None)
    );
    assert_eq!(action.patch_type(), Some(MERGE));
    assert_eq!(action.object()["spec"]["replicas"], 3);
}

#[test]
fn c128_matches_ignores_case_and_takes_a_resource_with_its_subresources() {
    let path = "/api/v1/namespaces/x/pods/a/status";
    let action = action("PATCH", path, MERGE, "{}").unwrap();
    let cases = [
        ("patch", "pods", true),
        ("PATCH", "Pods", true),
        ("Patch", "pods/Status", true),
        ("patch", "pods/scale", false),
        ("patch", "pods/", false),
        ("patch", "services", false),
        ("update", "pods", false),
        // Only for reactors do stars mean anything.
        ("*", "pods", false),
        ("patch", "*", false),
    ];
    for (verb, resource, expected) in cases {
        assert_eq!(
            action.matches(verb, resource),
            expected,
            "{verb} {resource}"
        );
    }
}

#[test]
fn no_body_is_shown() {
    let path = "/api/v1/namespaces/x/secrets";
    let body = r#"{"metadata": {"name": "a"}, "stringData": {"password": "hunter2"}}"#;
    let action = action("POST", path, "application/json", body).unwrap();
    assert_eq!(
        format!("{action:?}"),
        "Action(create secrets x/a, 66 bytes)"
    );
}
