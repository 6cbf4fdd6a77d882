//! Mirrors `src/sim/patch`. What a kube-apiserver v1.36.3 made of each patch is in `test/fixtures/sim`.

use bitcoin_controller::sim::patch;
use serde_json::{Value, json};

fn patched(language: &str, target: &Value, change: &Value) -> Result<Value, String> {
    let mut target = target.clone();
    match language {
        "merge" => patch::merge(&mut target, change),
        "json" => patch::json_patch(&mut target, change)?,
        "strategic" => patch::strategic(&mut target, change)?,
        _ => panic!("no such language: {language}"),
    }
    Ok(target)
}

/// Goal: the same patches give what a real server gave. Method: replay its recorded answers.
#[test]
fn patches_do_what_a_real_server_does() {
    let recorded: Value =
        serde_json::from_str(include_str!("../../fixtures/sim/patches.json")).unwrap();
    let mut wrong = Vec::new();
    for case in recorded["cases"].as_array().unwrap() {
        let before = &recorded["before"][case["kind"].as_str().unwrap()];
        let ours = patched(case["language"].as_str().unwrap(), before, &case["patch"]);
        let agrees = match (&ours, case.get("after")) {
            (Ok(ours), Some(theirs)) => ours == theirs,
            (ours, theirs) => ours.is_err() && theirs.is_none(),
        };
        if !agrees {
            wrong.push(format!(
                "{}\n  ours:   {ours:?}\n  theirs: {}",
                case["name"], case["after"]
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn merge_follows_the_examples_of_its_rfc() {
    for (target, change, wanted) in [
        (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
        (
            json!({"a": "b"}),
            json!({"b": "c"}),
            json!({"a": "b", "b": "c"}),
        ),
        (json!({"a": "b"}), json!({"a": null}), json!({})),
        (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
        (
            json!({"a": {"b": "c"}}),
            json!({"a": {"b": "d", "c": null}}),
            json!({"a": {"b": "d"}}),
        ),
        (
            json!({"a": [{"b": "c"}]}),
            json!({"a": [1]}),
            json!({"a": [1]}),
        ),
        (json!(["a", "b"]), json!(["c", "d"]), json!(["c", "d"])),
        (json!({"a": "foo"}), json!(null), json!(null)),
        (
            json!({"e": null}),
            json!({"a": 1}),
            json!({"e": null, "a": 1}),
        ),
        (
            json!([1, 2]),
            json!({"a": "b", "c": null}),
            json!({"a": "b"}),
        ),
        (
            json!({}),
            json!({"a": {"bb": {"ccc": null}}}),
            json!({"a": {"bb": {}}}),
        ),
    ] {
        assert_eq!(
            patched("merge", &target, &change),
            Ok(wanted),
            "{target} with {change}"
        );
    }
}

#[test]
fn paths_are_unescaped_in_the_right_order() {
    let operations = json!([{"op": "add", "path": "/~01", "value": 1}]);
    assert_eq!(
        patched("json", &json!({}), &operations),
        Ok(json!({"~1": 1}))
    );
}

#[test]
fn a_json_patch_is_all_or_nothing() {
    let mut target = json!({"a": 1});
    let operations = json!([
        {"op": "remove", "path": "/a"},
        {"op": "test", "path": "/b", "value": "hunter2"},
    ]);
    let refusal = patch::json_patch(&mut target, &operations).unwrap_err();
    assert_eq!(refusal, "operation 1 at `/b`: the test does not hold");
    assert_eq!(target, json!({"a": 1}));
}

#[test]
fn nothing_moves_into_itself() {
    let operations = json!([{"op": "move", "from": "/a", "path": "/a/b"}]);
    assert!(patched("json", &json!({"a": {}}), &operations).is_err());
    let beside = json!([{"op": "move", "from": "/a", "path": "/ab"}]);
    assert_eq!(
        patched("json", &json!({"a": 1}), &beside),
        Ok(json!({"ab": 1}))
    );
}

#[test]
fn a_refused_strategic_patch_changes_nothing_and_its_error_quotes_no_value() {
    let mut target =
        json!({"metadata": {"labels": {"a": "1"}}, "spec": {"containers": [{"name": "a"}]}});
    let before = target.clone();
    let change =
        json!({"metadata": {"labels": {"a": "2"}}, "spec": {"containers": [{"image": "hunter2"}]}});
    assert_eq!(
        patch::strategic(&mut target, &change),
        Err("`containers`: an item has no name".to_owned())
    );
    assert_eq!(target, before);
}

#[test]
fn a_map_is_emptied_or_replaced() {
    let target = json!({"metadata": {"labels": {"a": "1"}}});
    for (change, wanted) in [
        (json!({"$patch": "delete"}), json!({})),
        (json!({"$patch": "replace", "b": "2"}), json!({"b": "2"})),
    ] {
        assert_eq!(
            patched(
                "strategic",
                &target,
                &json!({"metadata": {"labels": change}})
            ),
            Ok(json!({"metadata": {"labels": wanted}}))
        );
    }
}

#[test]
fn no_directive_is_stored_in_what_is_new() {
    let change = json!({"spec": {"template": {"spec": {
        "$setElementOrder/containers": [{"name": "b"}, {"name": "a"}],
        "containers": [{"name": "a", "$retainKeys": ["name"]}, {"name": "z", "$patch": "delete"}, {"name": "b"}],
    }}}});
    let wanted =
        json!({"spec": {"template": {"spec": {"containers": [{"name": "a"}, {"name": "b"}]}}}});
    assert_eq!(patched("strategic", &json!({}), &change), Ok(wanted));
}

#[test]
fn to_merge_twice_is_to_merge_once() {
    for (target, change) in [
        (json!({"a": {"b": 1}}), json!({"a": {"b": null, "c": [1]}})),
        (json!([1]), json!({"a": {"b": {"c": null}}})),
        (json!({"a": 1}), json!("text")),
    ] {
        let once = patched("merge", &target, &change).unwrap();
        assert_eq!(patched("merge", &once, &change).unwrap(), once);
    }
}

#[test]
fn a_json_patch_cannot_pile_up_what_nobody_can_walk_through() {
    let pile = |n_levels: usize| {
        let level = json!([
            {"op": "move", "from": "/a", "path": "/b"},
            {"op": "add", "path": "/a", "value": {}},
            {"op": "move", "from": "/b", "path": "/a/c"},
        ]);
        let level = level.as_array().unwrap();
        Value::Array(level.iter().cycle().take(3 * n_levels).cloned().collect())
    };
    assert!(patched("json", &json!({"a": 1}), &pile(100)).is_ok());
    assert!(patched("json", &json!({"a": 1}), &pile(3_000)).is_err());
    assert!(patched("json", &json!({"a": 1}), &pile(5_000)).is_err());
}

#[test]
fn a_json_patch_cannot_double_its_object_for_ever() {
    let copies: Vec<Value> = (0..60)
        .map(|n| json!({"op": "copy", "from": "/a", "path": format!("/a/{n}")}))
        .collect();
    let patch = |n: usize| Value::Array(copies.iter().take(n).cloned().collect());
    assert!(patched("json", &json!({"a": {"b": "c"}}), &patch(8)).is_ok());
    assert!(patched("json", &json!({"a": {"b": "c"}}), &patch(60)).is_err());
}
