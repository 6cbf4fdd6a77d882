//! Compressed answers, whole, cut, spoiled and malicious.

use std::io::{self, Write};

use bitcoin_controller::api::ObjectKey;
use bitcoin_controller::api::core::Pod;
use bitcoin_controller::client::gzip::{Gunzip, PIECE};
use bitcoin_controller::client::{Config, ListParams, Scope, WatchParams};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;

use super::server::{Reply, Server, Then};
use super::tls::{OBJECT, config};

fn compressed(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

/// All pieces, each at most `limit` bytes long.
fn pieces<'a>(chunks: impl IntoIterator<Item = &'a [u8]>, limit: usize) -> io::Result<Vec<u8>> {
    let mut gunzip = Gunzip::default();
    let mut text = Vec::new();
    for chunk in chunks {
        gunzip.push(chunk.to_vec().into());
        while let Some(piece) = gunzip.next_piece()? {
            assert!(piece.len() <= limit, "{} bytes at once", piece.len());
            text.extend_from_slice(&piece);
        }
    }
    text.extend_from_slice(&gunzip.finish()?);
    Ok(text)
}

/// A page of a list with `n_pods` pods in it.
fn page(n_pods: usize) -> String {
    let items: Vec<_> = (0..n_pods)
        .map(|number| json!({"metadata": {"name": format!("pod-{number}"), "namespace": "x"}}))
        .collect();
    json!({"kind": "PodList", "metadata": {"resourceVersion": "7"}, "items": items}).to_string()
}

#[test]
fn where_the_network_cuts_makes_no_difference() {
    let text = page(40).into_bytes();
    let compressed = compressed(&text);
    for size in 1..compressed.len() {
        let read = pieces(compressed.chunks(size), usize::MAX).unwrap();
        assert!(read == text, "in chunks of {size}");
    }
}

#[test]
fn an_answer_that_ends_too_soon_or_too_late_or_is_changed_is_an_error() {
    let compressed = compressed(page(3).as_bytes());
    for length in 0..compressed.len() {
        let cut = pieces([&compressed[..length]], usize::MAX);
        assert!(cut.is_err(), "cut at {length}");
    }
    let longer = [&compressed[..], b"x"].concat();
    assert!(pieces([&longer[..]], usize::MAX).is_err());
    let mut changed = compressed.clone();
    let checksum = changed.len() - 8;
    changed[checksum] ^= 1;
    assert!(pieces([&changed[..]], usize::MAX).is_err());
}

/// A thousand to one: sixteen kilobytes that would be sixteen megabytes come out in small pieces.
#[test]
fn however_much_an_answer_was_compressed_it_comes_out_in_small_pieces() {
    let bomb = compressed(&vec![b' '; 16 << 20]);
    assert!(bomb.len() < 20 << 10);
    let text = pieces([&bomb[..]], 2 * PIECE).unwrap();
    assert_eq!(text.len(), 16 << 20);
}

#[tokio::test(start_paused = true)]
async fn limits_count_what_comes_out() {
    let server = Server::start([
        Reply::gzip(200, &vec![b' '; 16 << 20]),
        Reply::gzip(500, &vec![b'x'; 16 << 20]),
    ]);
    let client = server.client();
    let key = ObjectKey::new("x", "a");
    let error = client.get::<Pod>(&key).await.unwrap_err();
    assert!(
        error.to_string().contains("more than 8388608 bytes"),
        "{error}"
    );
    let error = client.get::<Pod>(&key).await.unwrap_err();
    assert_eq!(error.status().unwrap().message, "");
}

#[tokio::test(start_paused = true)]
async fn lists_objects_and_refusals_are_read_as_if_nothing_had_been_compressed() {
    let refusal = r#"{"kind":"Status","status":"Failure","reason":"Expired","code":410}"#;
    let server = Server::start([
        Reply::gzip(200, page(1_000).as_bytes()),
        Reply::gzip(200, OBJECT.as_bytes()),
        Reply::gzip(410, refusal.as_bytes()),
    ]);
    let client = server.client();
    let (scope, params) = (Scope::All, ListParams::default());
    let page = client.list::<Pod>(&scope, &params).await.unwrap();
    assert_eq!((page.items.len(), &*page.resource_version), (1_000, "7"));
    let key = ObjectKey::new("x", "a");
    assert_eq!(&*client.get::<Pod>(&key).await.unwrap().metadata.name, "a");
    let refused = client.list::<Pod>(&scope, &params).await;
    assert!(refused.unwrap_err().is_gone());
}

#[tokio::test(start_paused = true)]
async fn a_compressed_list_that_breaks_off_is_an_error_and_never_a_short_page() {
    let whole = compressed(page(100).as_bytes());
    let head = "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\nconnection: close\r\n\r\n";
    let half = [head.as_bytes(), &whole[..whole.len() - 4]].concat();
    let server = Server::start([Reply::raw(half, Then::Close)]);
    let error = server
        .client()
        .list::<Pod>(&Scope::All, &ListParams::default())
        .await
        .unwrap_err();
    assert!(error.to_string().contains("compressed answer"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn only_what_can_be_large_may_be_compressed_and_nothing_if_that_is_wished() {
    let page = page(0);
    let replies = [
        Reply::ok(OBJECT),
        Reply::ok(&page),
        Reply::ok(OBJECT),
        Reply::chunked([""], Then::Hang),
    ];
    let asked = |server: &Server| -> Vec<Option<String>> {
        let seen = server.seen();
        let encoding =
            |seen: &super::server::Seen| seen.header("accept-encoding").map(str::to_owned);
        seen.iter().map(encoding).collect()
    };
    let gzip = || Some("gzip".to_owned());
    let plain = Config::plain("http://api").unwrap();
    let unwilling = config("http://api", "disable-compression: true", "");
    let table = [
        (plain, vec![gzip(), gzip(), None, None]),
        (unwilling, vec![None; 4]),
    ];
    for (config, expected) in table {
        let server = Server::start(replies.clone());
        let client = server.client_of(config);
        client.get::<Pod>(&ObjectKey::new("x", "a")).await.unwrap();
        let params = ListParams::default();
        client.list::<Pod>(&Scope::All, &params).await.unwrap();
        client.create::<Pod>("x", &json!({})).await.unwrap();
        let params = WatchParams::default();
        let _watch = client.watch::<Pod>(&Scope::All, &params).await.unwrap();
        assert_eq!(asked(&server), expected);
    }
}
