//! The same seed is the same world.

use serde_json::json;

use crate::support::world::{Options, in_world};

fn requests_of(seed: u64) -> Vec<String> {
    let mut log = Vec::new();
    let options = Options {
        seed,
        ..Options::default()
    };
    in_world(options, async |world| {
        world.apply("alpha", json!({"nodes": 4}));
        world.apply("beta", json!({"nodes": 2}));
        world.settle().await;
        world.mine("alpha", 0, 10).await;
        world.delete("pods", "alpha-sts-2");
        world.apply("beta", json!({"nodes": 5}));
        world.settle().await;
        log = world.last_requests(usize::MAX);
    });
    log
}

#[test]
fn the_same_seed_twice_is_the_same_request_log() {
    let (first, second) = (requests_of(11), requests_of(11));
    assert!(first.len() > 50);
    let differing = first.iter().zip(&second).position(|(a, b)| a != b);
    assert_eq!(differing.map(|at| (&first[at], &second[at])), None);
    assert_eq!(first.len(), second.len());
}
