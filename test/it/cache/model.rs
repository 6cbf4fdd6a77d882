//! Whole informers through random histories, against the server's own account of what was there.

use std::time::Duration;

use bitcoin_controller::api::core::Pod;
use bitcoin_controller::base::Random;
use bitcoin_controller::cache::{InformerOptions, Subscription, SubscriptionOptions};
use bitcoin_controller::client::WatchEvent;
use tokio::time::{sleep, timeout};

use super::double::PodServer;
use super::faults::{Fault, StreamFault, broken, status};
use super::objects::Knowledge;
use super::running::{Running, seeded, settle, streaming};

const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];

fn any_fault(random: &Random) -> Option<Fault> {
    match random.below(7) {
        0 => Some(Fault::Status(500, "InternalError")),
        1 => Some(Fault::Status(429, "TooManyRequests")),
        2 => Some(Fault::Status(410, "Expired")),
        3 => Some(Fault::NobodyListens),
        4 => Some(Fault::Deadline),
        _ => None,
    }
}

fn any_stream_fault(random: &Random) -> Option<StreamFault> {
    let n_events = random.below(4) as usize;
    match random.below(5) {
        0 => Some(StreamFault::Close(n_events)),
        1 => Some(StreamFault::Break(n_events)),
        2 => Some(StreamFault::NoEnd),
        _ => None,
    }
}

/// One that lists, or one that asks for initial events.
fn any_informer(seed: u64) -> InformerOptions {
    match seed % 3 {
        0 => seeded(seed),
        _ => streaming(seed),
    }
}

/// Something happens on the server.
fn change(server: &PodServer, random: &Random, may_be_bad: bool) {
    let name = NAMES[random.below(5) as usize];
    match random.below(8) {
        0..=1 => server.delete(name),
        2 => server.bookmark(),
        3 if may_be_bad => {
            server.put_bad(name);
        }
        _ => {
            server.put(name);
        }
    }
}

/// Something goes wrong between us and the server.
fn disturb(server: &PodServer, random: &Random) {
    match random.below(10) {
        0 => server.close_watches(),
        1 => server.break_watches(broken),
        2 => server.compact(),
        3 => server.send(WatchEvent::Error(status(410, "Expired"))),
        4 => server.send(WatchEvent::Error(status(429, "TooManyRequests"))),
        5 => server.fail_lists([any_fault(random), any_fault(random)]),
        6 => server.fail_watches([any_fault(random), any_fault(random)]),
        7 => server.fail_streams([any_stream_fault(random), any_stream_fault(random)]),
        8 => server.end_initial_events(),
        _ => server.paginate(random.below(3) as usize),
    }
}

async fn pass_time(random: &Random) {
    let millis = [0, 1, 500, 3_000, 60_000][random.below(5) as usize];
    sleep(Duration::from_millis(millis)).await;
}

/// Goal: at every moment the store is the collection as it was at one version, the one the
/// informer says it is at; also after it was cancelled in the middle of whatever it was doing.
#[tokio::test(start_paused = true)]
async fn a_thousand_random_histories_the_store_is_always_at_one_version() {
    for seed in 0..1_000 {
        let random = Random::seeded(seed);
        let server = PodServer::new();
        let mut running = Running::start_with(&server, any_informer(seed));
        let n_steps = random.below(60);
        for step in 0..n_steps {
            match random.below(4) {
                0 => disturb(&server, &random),
                1 => pass_time(&random).await,
                _ => change(&server, &random, false),
            }
            is_at_one_version(&running, &format!("seed {seed}, step {step}"));
        }
        running.tasks.shutdown().await;
        is_at_one_version(&running, &format!("seed {seed}, cancelled"));
    }
}

fn is_at_one_version(running: &Running, moment: &str) {
    let version = running.informer.last_sync_resource_version();
    let expected = match version.is_empty() {
        true => Vec::new(),
        false => running.server.readable_at(version.parse().unwrap()),
    };
    assert_eq!(running.stored(), expected, "{moment}, version {version}");
}

/// One handler, and what it has made of what it was told.
struct Handler {
    subscription: Subscription<Pod>,
    knowledge: Knowledge,
}

impl Handler {
    async fn handle(&mut self, n_notifications: u64) {
        for _ in 0..n_notifications {
            let next = timeout(Duration::from_millis(1), self.subscription.next());
            match next.await {
                Ok(told) => self.knowledge.learn(told.unwrap()),
                Err(_) => return,
            }
        }
    }
}

fn any_options(random: &Random) -> SubscriptionOptions {
    SubscriptionOptions {
        resync: (random.below(3) == 0).then(|| Duration::from_secs(random.below(100))),
        backlog: random.below(8) as usize,
    }
}

/// Goal: after quiet, store and every handler's account agree with the server, whenever the handler
/// came and however slow it was; nothing that cannot be read is taken for deleted or for readable.
#[tokio::test(start_paused = true)]
async fn a_thousand_random_histories_end_with_everybody_knowing_the_truth() {
    for seed in 0..1_000 {
        let random = Random::seeded(seed);
        let server = PodServer::new();
        let running = Running::start_with(&server, any_informer(seed));
        let mut handlers: Vec<Handler> = Vec::new();
        for _ in 0..60 {
            match random.below(8) {
                0 => disturb(&server, &random),
                1 => pass_time(&random).await,
                2 if handlers.len() < 4 => handlers.push(Handler {
                    subscription: running.informer.subscribe(any_options(&random)),
                    knowledge: Knowledge::default(),
                }),
                2 => drop(handlers.swap_remove(random.below(4) as usize)),
                3 => {
                    for handler in &mut handlers {
                        handler.handle(random.below(4)).await;
                    }
                }
                _ => change(&server, &random, true),
            }
        }
        sleep(Duration::from_secs(1_000)).await;
        server.bookmark();
        settle().await;

        let version = running.informer.last_sync_resource_version();
        assert_eq!(
            *version,
            server.version().to_string(),
            "seed {seed}: it has caught up"
        );
        let unreadable = server.unreadable();
        let set_apart = running.informer.quarantined();
        let set_apart: Vec<_> = set_apart
            .iter()
            .map(|member| member.key.name.to_string())
            .collect();
        assert_eq!(set_apart, unreadable, "seed {seed}");
        let stored = running.stored();
        let is_readable = |pod: &&String| {
            !unreadable
                .iter()
                .any(|bad| pod.starts_with(&format!("{bad}@")))
        };
        let readable: Vec<_> = stored.iter().filter(is_readable).cloned().collect();
        assert_eq!(readable, server.readable(), "seed {seed}");

        for mut handler in handlers {
            handler.handle(u64::MAX).await;
            assert_eq!(handler.knowledge.describe(), stored, "seed {seed}");
            assert!(handler.subscription.has_synced(), "seed {seed}");
        }
        drop(running);
    }
}
