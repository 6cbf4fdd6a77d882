//! Pages of a list: cut anywhere, with bad items, and of the wrong kind.

use bitcoin_controller::api::core::Pod;
use bitcoin_controller::api::text::{Interner, Text};
use bitcoin_controller::client::list::{Malformed, PageReader};
use bitcoin_controller::client::{Item, ListParams, Page, Scope};

use super::server::{Reply, Server, Then};

fn read(text: &str) -> Result<Page<Pod>, Malformed> {
    let mut reader = PageReader::new(Interner::default());
    reader.push(text.as_bytes())?;
    reader.finish()
}

const PAGE: &str = r#"{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"42","continue":"more","remainingItemCount":7},"items":[{"metadata":{"name":"a","namespace":"x","resourceVersion":"1"},"spec":{"containers":[{"name":"}]"}]}},{"metadata":{"name":"b","namespace":"x","resourceVersion":"2"}}]}"#;

#[test]
fn metadata_may_come_before_or_after_the_items() {
    let after = r#"{"items":[{"metadata":{"name":"a"}}],"kind":"PodList","metadata":{"resourceVersion":"42"}}"#;
    for (text, n_items) in [(PAGE, 2), (after, 1)] {
        let page = read(text).unwrap();
        assert_eq!((page.items.len(), &*page.resource_version), (n_items, "42"));
        assert_eq!(&*page.kind, "PodList");
    }
}

#[test]
fn the_next_page_is_asked_for_with_the_token_and_without_a_version() {
    let params = ListParams {
        resource_version: Some("0".to_owned()),
        limit: Some(2),
        ..ListParams::default()
    };
    let next = params.after(&read(PAGE).unwrap()).unwrap();
    assert_eq!(next.continue_token.as_deref(), Some("more"));
    let last = read(r#"{"kind":"PodList","metadata":{"continue":""},"items":null}"#).unwrap();
    assert!(params.after(&last).is_none());
}

#[test]
fn a_page_cut_anywhere_is_an_error_and_never_a_short_page() {
    for length in 0..PAGE.len() {
        assert!(read(&PAGE[..length]).is_err(), "cut at {length}");
    }
    assert!(read(&format!("{PAGE}\n")).is_ok());
}

#[test]
fn a_bad_item_is_named_and_the_others_are_read() {
    let text = r#"{"kind":"PodList","metadata":{"resourceVersion":"9"},"items":[
        {"metadata":{"name":"a"}},
        {"metadata":{"name":"b","namespace":"x","uid":"u","resourceVersion":"5"},"status":{"podIP":["hunter2"]}},
        {"metadata":{"namespace":"nameless"}}, null, "text", 7, [1],
        {"metadata":{"name":"c"}}]}"#;
    let page = read(text).unwrap();
    let is_object = |item: &Item<Pod>| matches!(item, Item::Object(_));
    let good: Vec<_> = page.items.iter().map(is_object).collect();
    assert_eq!(good, [true, false, false, false, false, false, false, true]);
    let Item::Undecodable(bad) = &page.items[1] else {
        panic!("it decodes");
    };
    assert_eq!(bad.key.as_ref().unwrap().to_string(), "x/b");
    assert_eq!((&*bad.uid, &*bad.resource_version), ("u", "5"));
    assert_eq!(bad.error.path(), "status.podIP");
    assert!(!format!("{page:?}").contains("hunter2"));
    assert!(page.items[2..7].iter().all(|item| item.key().is_none()));
}

#[test]
fn c027_what_is_no_list_is_refused() {
    let table = r#"{"kind":"Table","apiVersion":"meta.k8s.io/v1","metadata":{},"rows":[]}"#;
    assert_eq!(read(table), Err(Malformed::Kind("Table".to_owned())));
    let status = r#"{"kind":"Status","status":"Success","metadata":{}}"#;
    assert_eq!(read(status), Err(Malformed::Kind("Status".to_owned())));
    // A list whose items are not seen as such must not pass for an empty one.
    let hidden = r#"{"kind":"PodList","metadata":{},"it\u0065ms":[{}]}"#;
    assert_eq!(read(hidden), Err(Malformed::Kind("PodList".to_owned())));
    let twice = r#"{"kind":"PodList","items":[],"metadata":{},"items":[]}"#;
    assert!(matches!(read(twice), Err(Malformed::Envelope(_))));
    for text in [
        "",
        "null",
        "[]",
        "7",
        "<html>",
        "{}",
        r#"{"kind":7}"#,
        r#"{"kind":"PodList","metadata":[]"#,
    ] {
        assert!(read(text).is_err(), "{text}");
    }
}

#[test]
fn shared_strings_of_a_page_are_kept_once() {
    let page = read(PAGE).unwrap();
    let [Item::Object(a), Item::Object(b)] = &page.items[..] else {
        panic!("two pods");
    };
    assert!(Text::ptr_eq(&a.metadata.namespace, &b.metadata.namespace));
}

/// The same page over HTTP, cut in two at every offset.
#[tokio::test(start_paused = true)]
async fn a_page_arrives_whole_however_the_network_cuts_it() {
    let cuts = (0..PAGE.len()).map(|at| {
        let (one, two) = PAGE.split_at(at);
        Reply::chunked([one, two], Then::GoOn)
    });
    let server = Server::start(cuts);
    let client = server.client();
    let expected = read(PAGE).unwrap();
    for at in 0..PAGE.len() {
        let page = client
            .list::<Pod>(&Scope::All, &ListParams::default())
            .await;
        assert_eq!(page.unwrap(), expected, "cut at {at}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_lost_in_the_middle_of_a_page_is_an_error() {
    let server = Server::start([Reply::chunked([&PAGE[..200]], Then::Close)]);
    let page = server
        .client()
        .list::<Pod>(&Scope::All, &ListParams::default())
        .await;
    assert!(page.unwrap_err().is_transient());
}

#[tokio::test(start_paused = true)]
async fn a_page_that_stops_arriving_runs_into_its_deadline() {
    let server = Server::start([Reply::chunked([&PAGE[..200]], Then::Hang)]);
    let page = server
        .client()
        .list::<Pod>(&Scope::All, &ListParams::default())
        .await;
    assert!(page.unwrap_err().is_timeout());
}

#[tokio::test(start_paused = true)]
async fn all_pages_are_read_and_each_asked_for_as_the_server_wants_it() {
    let last = r#"{"kind":"PodList","metadata":{"resourceVersion":"42"},"items":[{"metadata":{"name":"c","namespace":"x"}}, {"metadata":7}]}"#;
    let server = Server::start([Reply::ok(PAGE), Reply::ok(last)]);
    let params = ListParams {
        label_selector: Some("app in (a, b)".to_owned()),
        resource_version: Some("40".to_owned()),
        resource_version_match: Some("NotOlderThan"),
        limit: Some(2),
        ..ListParams::default()
    };
    let scope = Scope::Namespace("x".into());
    let pods = server
        .client()
        .list_all::<Pod>(&scope, &params)
        .await
        .unwrap();
    let names: Vec<_> = pods.iter().map(|pod| pod.metadata.name.as_str()).collect();
    assert_eq!(names, ["a", "b", "c"]);
    assert_eq!(
        server.lines(),
        [
            "GET /api/v1/namespaces/x/pods?labelSelector=app%20in%20%28a%2C%20b%29&resourceVersion=40&resourceVersionMatch=NotOlderThan&limit=2",
            "GET /api/v1/namespaces/x/pods?labelSelector=app%20in%20%28a%2C%20b%29&limit=2&continue=more",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_list_that_never_ends_is_given_up() {
    let server = Server::start(std::iter::repeat_n(Reply::ok(PAGE), 300));
    let listing = server
        .client()
        .list_all::<Pod>(&Scope::All, &ListParams::default())
        .await;
    assert!(listing.unwrap_err().to_string().contains("does not end"));
}

/// Of a page that is cut short some items have been handed out; that it is an error says that they are
/// not to be taken for all.
#[tokio::test(start_paused = true)]
async fn items_are_handed_out_as_they_arrive_and_none_is_kept() {
    let server = Server::start([
        Reply::ok(PAGE),
        Reply::chunked([&PAGE[..200], &PAGE[200..260]], Then::Close),
    ]);
    let client = server.client();
    let params = ListParams::default();
    let mut names = Vec::new();
    let mut each = |item: Item<Pod>| names.push(item.key().unwrap().to_string());
    let meta = client
        .list_each(&Scope::All, &params, &mut each)
        .await
        .unwrap();
    assert_eq!(
        (&*meta.resource_version, &*meta.continue_token),
        ("42", "more")
    );
    let cut = client.list_each(&Scope::All, &params, &mut each).await;
    assert!(cut.unwrap_err().is_transient());
    assert_eq!(names, ["x/a", "x/b", "x/a"]);
}

#[test]
fn items_that_are_taken_out_are_not_in_the_page() {
    let mut reader = PageReader::<Pod>::new(Interner::default());
    reader.push(&PAGE.as_bytes()[..PAGE.len() - 3]).unwrap();
    assert_eq!(reader.take_items().len(), 1);
    reader.push(&PAGE.as_bytes()[PAGE.len() - 3..]).unwrap();
    assert_eq!(reader.finish().unwrap().items.len(), 1);
}
