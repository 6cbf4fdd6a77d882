//! What happened to a network's pods, in order, as a watch tells it.

use std::collections::{BTreeMap, BTreeSet};

use bitcoin_controller::base::calendar;
use serde_json::Value;

use crate::cluster::network::Network;
use crate::harness::{Watch, eventually};

pub struct History<'a> {
    network: &'a Network<'a>,
    watch: Watch,
}

/// A pod that was deleted, and when, in seconds.
struct Deletion {
    pod: String,
    at: i64,
}

impl<'a> History<'a> {
    /// Begins to watch a network that is ready.
    pub async fn begin(network: &'a Network<'a>) -> Self {
        let selector = format!("--selector=app={}", network.name);
        let arguments = ["get", "pods", &selector, "--output=json"];
        let watching = ["--watch", "--output-watch-events"];
        let watch = Watch::start(network.namespace, &[&arguments[..], &watching].concat());
        let history = History { network, watch };
        history.until_caught_up().await;
        history
    }

    /// Waits until the watch has told of every pod there is now.
    async fn until_caught_up(&self) {
        eventually("the watch has told of all pods", || async {
            let events = self.events();
            let told: BTreeSet<&str> = events.iter().map(uid).collect();
            match self
                .network
                .pod_uids()
                .values()
                .all(|it| told.contains(it.as_str()))
            {
                true => Ok(()),
                false => Err(format!("{told:?}")),
            }
        })
        .await;
    }

    /// Every event that is written down as a whole.
    fn events(&self) -> Vec<Value> {
        let text = self.watch.seen();
        let events = serde_json::Deserializer::from_str(&text).into_iter::<Value>();
        events.map_while(Result::ok).collect()
    }

    /// Asserts that since the beginning every pod was replaced once, never two at the same time, and each
    /// only when those before it were at `height`, by their own logs.
    pub async fn assert_one_by_one(self, nodes: usize, height: u64) {
        self.until_caught_up().await;
        let deletions = deletions(&self.events(), nodes);
        let mut pods: Vec<&str> = deletions.iter().map(|it| it.pod.as_str()).collect();
        println!("{}: replaced in this order: {pods:?}", self.network.name);
        let synced: Vec<i64> = pods.iter().map(|pod| self.synced_at(pod, height)).collect();
        for (place, deletion) in deletions.iter().enumerate() {
            for (earlier, at) in pods.iter().zip(&synced).take(place) {
                assert!(
                    *at <= deletion.at,
                    "{} was deleted at {}, before {earlier} was synced at {at}",
                    deletion.pod,
                    deletion.at
                );
            }
        }
        pods.sort_unstable();
        let all: Vec<String> = (0..nodes)
            .map(|ordinal| self.network.pod(ordinal))
            .collect();
        assert_eq!(pods, all, "each is replaced once");
    }

    /// When the pod came to `height`, in seconds.
    fn synced_at(&self, pod: &str, height: u64) -> i64 {
        let log = self.network.namespace.kubectl(&["logs", pod]);
        let mark = format!(" height={height} ");
        let line = log
            .lines()
            .find(|line| line.contains("UpdateTip") && line.contains(&mark));
        let line = line.unwrap_or_else(|| panic!("{pod} never came to {height}: {log}"));
        seconds(line.split_whitespace().next().unwrap())
    }
}

/// The deletions among the events; asserts that no two pods were missing or leaving at the same time.
fn deletions(events: &[Value], nodes: usize) -> Vec<Deletion> {
    let (mut deletions, mut leaving) = (Vec::new(), BTreeSet::new());
    let mut present: BTreeMap<&str, &str> = BTreeMap::new();
    for event in events {
        let (name, uid, pod) = (name(event), uid(event), &event["object"]);
        present.insert(name, uid);
        if event["type"] == "DELETED" {
            present.remove(name);
        }
        let metadata = &pod["metadata"];
        if let Some(end) = metadata["deletionTimestamp"].as_str()
            && leaving.insert(uid)
        {
            // It is the time by which the pod must be gone.
            let grace = metadata["deletionGracePeriodSeconds"].as_i64().unwrap();
            let (pod, at) = (name.to_owned(), seconds(end) - grace);
            deletions.push(Deletion { pod, at });
        }
        let is_here = |uid: &&&str| !leaving.contains(**uid);
        let here = present.values().filter(is_here).count();
        // In the beginning the pods are told one by one.
        if !deletions.is_empty() {
            assert!(
                here + 1 >= nodes,
                "only {here} pods were left at {name}: {present:?}"
            );
        }
    }
    deletions
}

fn name(event: &Value) -> &str {
    event["object"]["metadata"]["name"].as_str().unwrap()
}

fn uid(event: &Value) -> &str {
    event["object"]["metadata"]["uid"].as_str().unwrap()
}

fn seconds(time: &str) -> i64 {
    calendar::parse(time).unwrap().0
}
