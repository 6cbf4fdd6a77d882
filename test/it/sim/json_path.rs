//! Mirrors `src/sim/json_path.rs`.

use bitcoin_controller::sim::json_path::find;
use serde_json::json;

#[test]
fn a_path_leads_to_one_value_or_to_none() {
    let object = json!({
        "a": {"b": 1, "c.d": 2},
        "list": [{"type": "X", "n": 1, "at": [7]}, {"type": "Y]", "n": 2}],
    });
    for (path, found) in [
        (".a.b", Some(json!(1))),
        (r".a.c\.d", Some(json!(2))),
        (".a['c.d']", Some(json!(2))),
        (".list[1].n", Some(json!(2))),
        (".list[*].n", Some(json!(1))),
        (".list[0].at[0]", Some(json!(7))),
        (r#".list[?(@.type=="X")].n"#, Some(json!(1))),
        (".list[?(@.type == 'Y]')].n", Some(json!(2))),
        (".list[?(@.n==2)].type", Some(json!("Y]"))),
        (r#".list[?(@.type=="Z")].n"#, None),
        (".list[2].n", None),
        (".a.b.c", None),
        (".list[", None),
        ("a.b", None),
        ("", Some(object.clone())),
    ] {
        assert_eq!(find(&object, path), found.as_ref(), "{path}");
    }
}
