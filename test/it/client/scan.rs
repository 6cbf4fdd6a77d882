//! Finding items in bytes, however they are cut.

use bitcoin_controller::client::scan::{Broken, Items, ListScanner, MAX_ENVELOPE, MAX_ITEM};

type Cut = Result<(Vec<String>, String), Broken>;

fn cut<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Cut {
    let mut scanner = ListScanner::default();
    let mut items = Vec::new();
    for chunk in chunks {
        scanner.push(chunk, |item: &[u8]| {
            items.push(String::from_utf8(item.to_vec()).unwrap());
        })?;
    }
    let envelope = String::from_utf8(scanner.envelope().to_vec()).unwrap();
    Ok((items, envelope))
}

fn whole(text: &str) -> Cut {
    cut([text.as_bytes()])
}

/// Everything that could mislead one who only counts brackets.
const TRICKY: &str = r#" {"kind": "items", "metadata": {"items": [{"no": 1}], "x": "\"items\":["},
  "a\"items": [0], "items" : [ {"a": "]}\\\"{[,"} ,{"b":[[{}],{"items":[3]}]}, "te,xt]", 12 ,null,[],{}] , "z": "}" } "#;

#[test]
fn items_come_out_whole_and_the_rest_is_the_envelope() {
    let (items, envelope) = whole(TRICKY).unwrap();
    let expected = [
        r#"{"a": "]}\\\"{[,"}"#,
        r#"{"b":[[{}],{"items":[3]}]}"#,
        r#""te,xt]""#,
        "12",
        "null",
        "[]",
        "{}",
    ];
    assert_eq!(items, expected);
    let envelope: serde_json::Value = serde_json::from_str(&envelope).unwrap();
    let mut document: serde_json::Value = serde_json::from_str(TRICKY).unwrap();
    document["items"] = serde_json::json!([]);
    assert_eq!(envelope, document);
}

#[test]
fn where_the_bytes_are_split_makes_no_difference() {
    let expected = whole(TRICKY);
    let bytes = TRICKY.as_bytes();
    for at in 0..=bytes.len() {
        assert_eq!(cut([&bytes[..at], &bytes[at..]]), expected, "split at {at}");
    }
    assert_eq!(cut(bytes.chunks(1)), expected);
}

/// Reads the items that are JSON where they lie, if they end there.
#[derive(Default)]
struct WhereTheyLie {
    items: Vec<String>,
    n_read_first: usize,
}

impl Items for &mut WhereTheyLie {
    fn read_first(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut values = serde_json::Deserializer::from_slice(bytes).into_iter();
        let _: serde_json::Value = values.next()?.ok()?;
        let length = values.byte_offset();
        self.read_whole(&bytes[..length]);
        self.n_read_first += 1;
        Some(length)
    }

    fn read_whole(&mut self, item: &[u8]) {
        self.items.push(String::from_utf8(item.to_vec()).unwrap());
    }
}

#[test]
fn what_reads_items_where_they_lie_reads_the_same_wherever_the_bytes_are_split() {
    // The third cannot be read: its end is found without its reader.
    let text = TRICKY.replace(r#""te,xt]""#, r#"{"not": JSON, "]": "\""}"#);
    let (expected, envelope) = whole(&text).unwrap();
    for at in 0..=text.len() {
        let mut scanner = ListScanner::default();
        let mut found = WhereTheyLie::default();
        for chunk in [&text.as_bytes()[..at], &text.as_bytes()[at..]] {
            scanner.push(chunk, &mut found).unwrap();
        }
        assert_eq!(found.items, expected, "split at {at}");
        assert!(found.n_read_first >= 3, "split at {at}");
        assert_eq!(scanner.envelope(), envelope.as_bytes());
    }
}

#[test]
fn an_empty_list_has_no_items() {
    for list in [
        r#"{"items":[]}"#,
        r#"{"items": [ ] }"#,
        r#"{"items":null}"#,
        "{}",
    ] {
        assert_eq!(whole(list).unwrap(), (vec![], list.replace("[ ]", "[]")));
    }
}

#[test]
fn items_that_are_not_parted_by_one_comma_are_no_list() {
    for items in ["{}{}", "{},,{}", ",{}", "{},", "{} {}", "1 2"] {
        let list = format!(r#"{{"items":[{items}]}}"#);
        assert_eq!(whole(&list), Err(Broken::Separator), "{items}");
    }
}

#[test]
fn an_item_that_is_too_large_is_cut_off_and_the_scan_goes_on() {
    let large = "x".repeat(MAX_ITEM);
    let list = format!(r#"{{"items":[{{"a":"{large}"}},{{"b":1}}],"kind":"List"}}"#);
    let (items, envelope) = cut(list.as_bytes().chunks(1 << 16)).unwrap();
    assert_eq!(items.len(), 2);
    assert_eq!(items[0].len(), MAX_ITEM);
    assert_eq!(items[1], r#"{"b":1}"#);
    assert_eq!(envelope, r#"{"items":[],"kind":"List"}"#);
}

#[test]
fn an_envelope_without_end_is_refused_before_it_is_held() {
    let endless = format!(r#"{{"rows":["{}"#, "x".repeat(MAX_ENVELOPE));
    assert_eq!(whole(&endless), Err(Broken::Envelope));
}

#[test]
fn garbage_is_scanned_without_panic_at_every_cut_and_change() {
    let bytes = TRICKY.as_bytes();
    for at in 0..bytes.len() {
        let mut changed = bytes.to_vec();
        for byte in [b'"', b'\\', b'[', b']', b'{', b'}', b',', 0, 0xff] {
            changed[at] = byte;
            let mut scanner = ListScanner::default();
            let _ = scanner.push(&changed, |_: &[u8]| {});
            let _ = scanner.push(&changed[at..], |_: &[u8]| {});
        }
    }
}
