//! Orders, and what the stub tells of itself.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::options::Options;
use crate::shapes::Shape;
use crate::tests::client::{Client, version};
use crate::tests::{client, options};

fn with_probes(n_objects: u64, n_probes: u64) -> Client {
    client(&Options {
        n_probes,
        ..options(Shape::Network, n_objects)
    })
}

/// A watch of everything from here on.
fn watch(client: &mut Client) -> Client {
    let now = client.json("GET /bench/truth?mode=typed")["version"]
        .as_u64()
        .unwrap();
    let mut watch = client.another();
    let path = Shape::Network.path();
    watch.watch(&format!("{path}?watch=true&resourceVersion={now}"));
    watch
}

fn names(watch: &mut Client, n: usize) -> Vec<String> {
    let names = (0..n).map(|_| {
        let (_, object) = watch.event().unwrap();
        object["metadata"]["name"].as_str().unwrap().to_owned()
    });
    names.collect()
}

#[test]
fn a_pump_goes_round_all_objects_but_probes() {
    let mut client = with_probes(4, 1);
    let mut watch = watch(&mut client);
    let answer = client.json("POST /bench/pump?events=4");
    assert_eq!(answer["version"], 1_000_000_008_u64);
    assert!(answer["first"].as_u64().unwrap() <= answer["last"].as_u64().unwrap());
    assert!(answer["bytes"].as_u64().unwrap() > 4 * 1_500);
    client.json("POST /bench/pump?events=1");
    let expected = ["object-1", "object-2", "object-3", "object-1", "object-2"];
    assert_eq!(names(&mut watch, 5), expected);
}

#[test]
fn each_so_manieth_event_is_a_probes_and_its_time_is_kept() {
    for rate in [0, 500] {
        let mut client = with_probes(4, 2);
        let mut watch = watch(&mut client);
        let answer = client.json(&format!("POST /bench/pump?events=6&rate={rate}&every=2"));
        let expected = [
            "object-2", "probe-0", "object-3", "probe-1", "object-2", "probe-0",
        ];
        assert_eq!(names(&mut watch, 6), expected);

        let sent = client.json("GET /bench/sent")["sent"].take();
        let sent: Vec<(u64, u64)> = serde_json::from_value(sent).unwrap();
        let versions: Vec<u64> = sent.iter().map(|(version, _)| *version).collect();
        assert_eq!(versions, [6, 8, 10].map(|n| 1_000_000_000 + n));
        let [first, last] = ["first", "last"].map(|name| answer[name].as_u64().unwrap());
        assert!(sent.iter().all(|(_, at)| (first..=last).contains(at)));
    }
}

#[test]
fn a_rate_is_kept() {
    let mut client = with_probes(3, 0);
    let mut watch = watch(&mut client);
    let started = Instant::now();
    client.json("POST /bench/pump?events=100&rate=200");
    let took = started.elapsed();
    // The first is sent at once, and the last 99 steps of 5 ms later.
    assert!(took >= Duration::from_millis(495), "{took:?}");
    assert_eq!(names(&mut watch, 100).len(), 100);
}

#[test]
fn an_order_waits_until_all_is_written() {
    let client = client(&options(Shape::Pod, 100));
    let mut watch = client.another();
    watch.watch("/api/v1/pods?watch=true&resourceVersion=1000000100");
    let order = client.order("POST /bench/pump?events=30000".to_owned());
    // It is ahead of what is taken, but not far: 300 MB wait nowhere.
    let mut last = 0;
    for _ in 0..30_000 {
        let (type_, object) = watch.event().unwrap();
        assert_eq!(type_, "MODIFIED");
        assert!(version(&object) > last);
        last = version(&object);
    }
    let answer = order.join().unwrap();
    assert_eq!(answer["version"], last);
    let framing = "00000000\r\n{\"type\":\"MODIFIED\",\"object\":}\n\r\n".len() as u64;
    assert_eq!(answer["bytes"], 30_000 * (10_000 + framing));
}

#[test]
fn churn_replaces_the_oldest_and_keeps_probes() {
    let mut client = with_probes(4, 1);
    let mut watch = watch(&mut client);
    client.json("POST /bench/churn?events=4");
    let expected = [
        "object-1", "object-4", "object-2", "object-5", "object-3", "object-6", "object-4",
        "object-7",
    ];
    assert_eq!(names(&mut watch, 8), expected);
    let list = client.json(&format!("GET {}", Shape::Network.path()));
    let items = list["items"].as_array().unwrap();
    let names: BTreeSet<&str> = items
        .iter()
        .map(|item| item["metadata"]["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        BTreeSet::from(["probe-0", "object-5", "object-6", "object-7"])
    );
    assert_eq!(client.json("GET /bench/truth?mode=typed")["count"], 4);
}

#[test]
fn a_silent_change_is_in_lists_and_in_no_watch() {
    let mut client = with_probes(200, 0);
    let mut watch = watch(&mut client);
    let answer = client.json("POST /bench/change?percent=1");
    assert_eq!(answer, json!({"version": 1_000_000_202_u64, "changed": 2}));
    let list = client.json(&format!("GET {}", Shape::Network.path()));
    let changed = list["items"].as_array().unwrap().iter();
    let changed: Vec<&Value> = changed
        .filter(|item| version(item) > 1_000_000_200)
        .collect();
    assert_eq!(changed.len(), 2);
    client.json("POST /bench/pump?events=1");
    let (_, object) = watch.event().unwrap();
    assert_eq!(version(&object), 1_000_000_203);
}

#[test]
fn the_next_requests_are_refused_and_told_when_to_come_again() {
    let mut client = with_probes(1, 0);
    client.json("POST /bench/refuse?count=2&after=3");
    let path = Shape::Network.path();
    for target in [path.to_owned(), format!("{path}?watch=true")] {
        let response = client.ask(&format!("GET {target}"));
        assert_eq!(response.code, 429);
        assert_eq!(response.headers["retry-after"], "3");
        assert_eq!(response.json()["reason"], "TooManyRequests");
        assert_eq!(response.json()["details"]["retryAfterSeconds"], 3);
    }
    client.json(&format!("GET {path}"));
}

#[test]
fn requests_are_counted_by_kind() {
    let mut client = with_probes(1, 0);
    let path = Shape::Network.path();
    client.ask(&format!("GET {path}?limit=1"));
    for watch in ["resourceVersion=1000000001", "sendInitialEvents=true"] {
        client
            .another()
            .watch(&format!("{path}?watch=true&{watch}"));
    }
    client.ask("GET /api/v1/namespaces/default/secrets/a");
    client.ask("PATCH /api/v1/namespaces/default/secrets/a");
    client.json("POST /bench/refuse?count=1&after=0");
    client.ask(&format!("GET {path}"));
    let mut requests = client.json("GET /bench/requests");
    let log = requests["log"].take();
    let expected = json!({"list": 1, "watch": 1, "initial": 1, "get": 1, "write": 1, "refused": 1, "log": null});
    assert_eq!(requests, expected);
    assert_eq!(log.as_array().unwrap().len(), 6);
    assert_eq!(log[0][1], format!("GET {path}?limit=1"));
    assert!(log[0][0].as_u64().unwrap() > 1_700_000_000_000_000_000);
}

#[test]
fn a_wrong_order_is_told_what_is_wrong() {
    let mut client = with_probes(2, 0);
    for (order, error) in [
        ("POST /bench/pump", "events is missing"),
        ("POST /bench/pump?events=x", "events=x: this is no number"),
        (
            "POST /bench/pump?events=1&rate=-1",
            "rate=-1: it is at least 0",
        ),
        (
            "POST /bench/pump?events=1&every=1",
            "there are no probes: start the stub with --probes",
        ),
        (
            "POST /bench/change?percent=101",
            "percent=101: it is from 0 to 100",
        ),
        (
            "POST /bench/gone?form=x",
            "form=x: there are event and status",
        ),
        ("GET /bench/truth", "mode=: there are typed and metadata"),
    ] {
        let response = client.ask(order);
        assert_eq!(response.code, 400, "{order}");
        assert_eq!(response.json()["error"], error);
    }
}

#[test]
fn flags_are_read_and_wrong_ones_named() {
    let parse = |line: &str| Options::parse(line.split(' ').map(str::to_owned));
    let options = parse("--shape P --objects 10 --probes 2 --size 12000 --seed 7 --gzip").unwrap();
    assert_eq!(
        (options.n_objects, options.n_probes, options.size),
        (10, 2, 12_000)
    );
    assert_eq!(
        (options.shape, options.seed, options.gzip),
        (Shape::Pod, 7, true)
    );
    for (line, error) in [
        ("--shape P", "--objects is missing"),
        ("--objects 1", "--shape is missing: P, N or C"),
        ("--shape Q --objects 1", "--shape Q: there are P, N and C"),
        ("--shape P --objects", "--objects needs a value"),
        ("--shape P --objects x", "--objects x: this is no number"),
        (
            "--shape P --objects 1 --probes 2",
            "--probes 2: there are only 1 objects",
        ),
        ("--shape P --objects 1 --fast 2", "there is no flag --fast"),
    ] {
        assert_eq!(parse(line).unwrap_err(), error);
    }
}
