//! Each network's numbers: what its status says, as gauges.
//!
//! The status is written for people and for `kubectl wait`; a graph of heights, or an alert when a network
//! has been falling apart for ten minutes, needs the same facts as series. They are read from the cached
//! objects on each scrape, so a network that is gone has none, and nobody has to clean up.
//!
//! # Invariants
//! - What the status does not say is not made up: its gauge is absent.
//! - A network has a bounded number of series whatever its size: none is about a node.
//!
//! # Source
//! kube-state-metrics `docs/metrics` for the form of conditions: one series for each value, one of which is 1.

use std::collections::BTreeMap;

use crate::api::BitcoinNetwork;
use crate::api::network::{ConditionStatus, NodeStatus};
use crate::base::Clock;
use crate::controller::Controller;
use crate::metrics::{Kind, Page, Registry, Value};

/// Registers the gauges of the networks in the controller's cache; `clock` says how old a tip is.
pub(super) fn register(registry: &Registry, controller: &Controller, clock: Clock) {
    let networks = controller.caches().networks.clone();
    registry.register(move |page| {
        let (networks, now) = (networks.list(), clock.unix_seconds());
        for Gauge { name, help, value } in GAUGES {
            let mut family = page.family(name, Kind::Gauge, help);
            for network in &networks {
                if let Some(value) = value(network, now) {
                    family.sample(&of(network), value);
                }
            }
        }
        write_conditions(page, networks.iter().map(|network| &**network));
    });
}

/// One number about a network.
struct Gauge {
    name: &'static str,
    help: &'static str,
    /// Of a network, at a time in Unix seconds; `None`: it is not known.
    value: fn(&BitcoinNetwork, i64) -> Option<Value>,
}

const GAUGES: [Gauge; 11] = [
    Gauge {
        name: "bitcoin_network_nodes",
        help: "Nodes asked for.",
        value: |network, _| {
            network
                .spec
                .valid()
                .map(|spec| i64::from(spec.nodes).into())
        },
    },
    Gauge {
        name: "bitcoin_network_nodes_ready",
        help: "Nodes that answer JSON-RPC.",
        value: |network, _| Some(i64::from(network.status.ready_nodes).into()),
    },
    Gauge {
        name: "bitcoin_network_nodes_in_initial_block_download",
        help: "Nodes that believe to be far behind: wallets and Lightning nodes wait for that to end.",
        value: |network, _| count(network, |node| node.initial_block_download == Some(true)),
    },
    Gauge {
        name: "bitcoin_network_nodes_switched_off",
        help: "Nodes whose network somebody has switched off.",
        value: |network, _| count(network, |node| node.network_active == Some(false)),
    },
    Gauge {
        name: "bitcoin_network_links_wanted",
        help: "Connections between nodes that the topology asks for.",
        value: |network, _| Some(network.status.links.wanted.into()),
    },
    Gauge {
        name: "bitcoin_network_links_present",
        help: "How many of those are there.",
        value: |network, _| Some(network.status.links.present.into()),
    },
    Gauge {
        name: "bitcoin_network_sides",
        help: "How many parts it was asked to be split into; 1 if it was not. Each has its own best block.",
        value: |network, _| Some(network.status.sides.len().max(1).into()),
    },
    Gauge {
        name: "bitcoin_network_height",
        help: "The greatest height of any node, in blocks.",
        value: |network, _| network.status.height.map(Value::from),
    },
    Gauge {
        name: "bitcoin_network_tips",
        help: "How many different best blocks the nodes have; more than there are sides, for long, is a fork.",
        value: |network, _| Some(tips(&network.status.nodes).len().into()),
    },
    Gauge {
        name: "bitcoin_network_tip_agreement",
        help: "The share of nodes that are on the best block of most of them; 1 is agreement.",
        value: |network, _| agreement(&network.status.nodes).map(Value::from),
    },
    Gauge {
        name: "bitcoin_network_tip_age_seconds",
        help: "How long ago the best block was made, by the time in its header.",
        value: |network, now| {
            let made = network.status.tip_time?.unix_seconds();
            // A header may be ahead of the clock by two hours.
            Some(now.saturating_sub(made).max(0).into())
        },
    },
];

fn count(network: &BitcoinNetwork, is_counted: fn(&NodeStatus) -> bool) -> Option<Value> {
    let nodes = network.status.nodes.iter();
    Some(nodes.filter(|node| is_counted(node)).count().into())
}

/// How many nodes are on each best block.
fn tips(nodes: &[NodeStatus]) -> BTreeMap<&str, usize> {
    let mut tips = BTreeMap::new();
    for tip in nodes.iter().filter_map(|node| node.tip.as_deref()) {
        *tips.entry(tip).or_default() += 1;
    }
    tips
}

fn agreement(nodes: &[NodeStatus]) -> Option<f64> {
    let tips = tips(nodes);
    let most = *tips.values().max()?;
    Some(most as f64 / tips.values().sum::<usize>() as f64)
}

fn write_conditions<'a>(page: &mut Page, networks: impl Iterator<Item = &'a BitcoinNetwork>) {
    let help = "The conditions of the network: for each, the series of the status it has is 1.";
    let mut family = page.family("bitcoin_network_condition", Kind::Gauge, help);
    for network in networks {
        for condition in &network.status.conditions {
            for (name, status) in [
                ("true", ConditionStatus::True),
                ("false", ConditionStatus::False),
                ("unknown", ConditionStatus::Unknown),
            ] {
                let [namespace, network] = of(network);
                let labels = [
                    namespace,
                    network,
                    ("type", &condition.type_),
                    ("status", name),
                ];
                family.sample(&labels, condition.status == status);
            }
        }
    }
}

fn of(network: &BitcoinNetwork) -> [(&str, &str); 2] {
    let metadata = &network.metadata;
    [("namespace", &metadata.namespace), ("name", &metadata.name)]
}
