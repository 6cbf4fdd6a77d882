//! Servers that refuse, connections that break, controllers that die, clocks that jump.

use std::time::{Duration, SystemTime};

use bitcoin_controller::base::{Clock, Random};
use bitcoin_controller::sim::Key;
use bitcoin_controller::sim::faults::{Effect, Rule};
use serde_json::json;
use tokio::time::sleep;

use crate::support::world::{NAMESPACE, Options, World, in_world};

#[test]
fn a_conflict_a_refusal_and_a_lost_answer_are_overcome() {
    in_world(Options::default(), async |world| {
        let faults = world.api.faults();
        faults.add(Rule::new("apply", "statefulsets.apps", Effect::conflict()).once());
        faults.add(Rule::new("create", "secrets", Effect::LoseAnswer).once());
        faults.add(Rule::new("apply", "services", Effect::too_many_requests(2)).times(3));
        faults.add(Rule::new("list", "pods", Effect::Garble).times(2));
        faults.add(Rule::new("watch", "statefulsets.apps", Effect::gone()).times(2));
        world.apply("alpha", json!({"nodes": 3}));
        world.settle().await;
        world.assert_ready("alpha", 3);
    });
}

#[test]
fn watches_that_break_and_a_history_that_is_forgotten_lose_nothing() {
    in_world(Options::default(), async |world| {
        world.apply("alpha", json!({"nodes": 3}));
        world.settle().await;
        let lists = || {
            world
                .api
                .log()
                .entries()
                .iter()
                .filter(|entry| entry.verb == "list")
                .count()
        };
        let before = lists();
        world.api.faults().cut_watches();
        world.delete("pods", "alpha-sts-0");
        world.settle().await;
        world.assert_ready("alpha", 3);
        assert_eq!(
            lists(),
            before,
            "a watch that broke is resumed, not listed again"
        );
        // The server is away while much happens and is forgotten.
        let away = Rule::new("watch", "", Effect::internal_error());
        world.api.faults().add(away);
        world.api.faults().cut_watches();
        world.delete("pods", "alpha-sts-1");
        sleep(Duration::from_secs(5)).await;
        world.store.compact();
        world.api.faults().clear();
        world.settle().await;
        world.assert_ready("alpha", 3);
        assert!(lists() > before, "what was forgotten is listed");
    });
}

#[test]
fn a_controller_that_is_killed_at_any_time_is_followed_by_one_that_goes_on() {
    in_world(Options::default(), async |world| {
        world.apply("alpha", json!({"nodes": 4}));
        for step in 0..20 {
            sleep(Duration::from_millis(7 * step)).await;
            world.kill_controller();
            world.start_controller();
        }
        world.settle().await;
        world.assert_ready("alpha", 4);
        let secrets = world.store.list("secrets").len();
        assert_eq!(secrets, 1);
    });
}

#[test]
fn a_controller_that_is_stopped_leaves_the_network_running() {
    in_world(Options::default(), async |world| {
        world.apply("alpha", json!({"nodes": 3}));
        world.settle().await;
        let version = world.store.resource_version();
        world.stop_controller().await;
        sleep(Duration::from_secs(60)).await;
        assert_eq!(world.store.resource_version(), version);
        assert_eq!(world.nodes.nodes().len(), 3);
        world.start_controller();
        world.settle().await;
        assert_eq!(
            world.store.resource_version(),
            version,
            "a new controller alone changes nothing"
        );
    });
}

#[test]
fn a_clock_that_jumps_cuts_no_link_and_stops_nobody() {
    in_world(Options::default(), async |world| {
        world.apply("alpha", json!({"nodes": 3}));
        world.settle().await;
        world.mine("alpha", 0, 30).await;
        let (hours, year) = (Duration::from_secs(7_200), Duration::from_secs(31_536_000));
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        for date in [now + hours, now - hours, now + year, now - year] {
            world.stop_controller().await;
            world.start_controller_with(Clock::starting_at(date));
            world.delete("pods", "alpha-sts-1");
            world.settle().await;
            world.assert_ready("alpha", 3);
            assert_eq!(world.node("alpha", 1).block_height, 30);
            let kept = world.node("alpha", 0).peers;
            assert_eq!(kept.len(), 2);
            world.assert_silent().await;
        }
    });
}

/// One run: a network is changed at random while the server, the nodes and the controller fail at
/// random. Then everything is whole again, and so must the network be.
fn run_with_faults(seed: u64) {
    let options = Options {
        seed,
        ..Options::default()
    };
    in_world(options, async |world| {
        let random = Random::seeded(seed).fork("faults");
        world
            .api
            .faults()
            .at_random(random.fork("api"), 4 + random.below(12));
        world.apply("alpha", json!({"nodes": 1 + random.below(5)}));
        for _ in 0..6 {
            sleep(Duration::from_millis(random.below(4_000))).await;
            disturb(world, &random).await;
        }
        world.api.faults().clear();
        for ordinal in 0..6 {
            let name = format!("{NAMESPACE}/alpha-sts-{ordinal}");
            world
                .nodes
                .set_faults(&name, |faults| *faults = Default::default());
        }
        let n_nodes = world.network("alpha")["spec"]["nodes"].as_u64().unwrap();
        world.settle().await;
        world.assert_ready("alpha", usize::try_from(n_nodes).unwrap());
    });
}

async fn disturb(world: &mut World, random: &Random) {
    let ordinal = random.below(6);
    let (pod, node) = (
        format!("alpha-sts-{ordinal}"),
        format!("{NAMESPACE}/alpha-sts-{ordinal}"),
    );
    match random.below(9) {
        0 => world.api.faults().cut_watches(),
        1 => world.store.compact(),
        2 => world.kill_controller(),
        3 => world.apply("alpha", json!({"nodes": random.below(6)})),
        4 => world.nodes.set_faults(&node, |faults| faults.hung = true),
        5 => world.nodes.set_faults(&node, |faults| {
            faults.delay = Duration::from_millis(random.below(3_000))
        }),
        6 => drop(world.cluster.kill(&Key::new(NAMESPACE, &*pod))),
        7 => world.nodes.set_faults(&node, |faults| faults.cut = true),
        _ => {
            let options = Default::default();
            drop(
                world
                    .store
                    .delete("pods", &Key::new(NAMESPACE, pod), &options),
            );
        }
    }
    if !world.has_controller() {
        sleep(Duration::from_millis(random.below(1_000))).await;
        world.start_controller();
    }
}

/// Runs seeds from `first` on; a failing one is named, and `run_with_faults(seed)` replays it.
fn run_many(first: u64) {
    for seed in first..first + 50 {
        let outcome = std::panic::catch_unwind(|| run_with_faults(seed));
        if let Err(panic) = outcome {
            eprintln!("the failing seed is {seed}");
            std::panic::resume_unwind(panic);
        }
    }
}

#[test]
fn fault_runs_0_to_49_end_ready() {
    run_many(0);
}

#[test]
fn fault_runs_50_to_99_end_ready() {
    run_many(50);
}

#[test]
fn fault_runs_100_to_149_end_ready() {
    run_many(100);
}

#[test]
fn fault_runs_150_to_199_end_ready() {
    run_many(150);
}
