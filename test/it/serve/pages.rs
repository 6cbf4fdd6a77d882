//! Which path is what.

use std::sync::atomic::{AtomicU64, Ordering};

use bitcoin_controller::serve::{Answer, Pages};
use hyper::Method;

#[test]
fn a_page_is_made_anew_for_each_request() {
    let n_asked = AtomicU64::new(0);
    let pages = Pages::default().with("/count", move |_| {
        Answer::text(200, n_asked.fetch_add(1, Ordering::Relaxed).to_string())
    });
    let ask = || pages.answer(&Method::GET, "/count", "").body;
    assert_eq!((ask(), ask()), ("0".to_owned(), "1".to_owned()));
}

#[test]
fn paths_are_whole_and_others_are_told_what_there_is() {
    let page = |_: &str| Answer::json("{}".to_owned());
    let pages = Pages::default().with("/b", page).with("/a", page);
    for path in ["/", "/b/", "/bb", "b", "/B"] {
        let answer = pages.answer(&Method::GET, path, "");
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (404, "there is: /b /a\n")
        );
    }
}

#[test]
fn there_is_only_reading() {
    let pages = Pages::default().with("/a", |_| Answer::text(200, "a"));
    assert_eq!(pages.answer(&Method::HEAD, "/a", "").status, 200);
    for method in [
        Method::POST,
        Method::PUT,
        Method::DELETE,
        Method::OPTIONS,
        Method::TRACE,
    ] {
        assert_eq!(pages.answer(&method, "/a", "").status, 405, "{method}");
    }
}
