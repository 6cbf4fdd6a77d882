//! Planning against pretend nodes, which ask one peer only while they are far behind: any network,
//! any of its nodes empty, and everybody has the chain in the end.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bitcoin_controller::base::{Clock, Random};
use bitcoin_controller::bitcoin::peers::{Action, Node, Plan, Why, plan};
use bitcoin_controller::bitcoin::progress::{Progress, STALL_AGE};
use bitcoin_controller::bitcoin::{Link, Members, Peer, Topology};
use bitcoin_controller::http::Endpoint;
use bitcoin_controller::sim::bitcoind::chain::{Chain, script_of};
use bitcoin_controller::sim::bitcoind::{Disk, Member, PeerNetwork, Seat};

use super::peers::{NOW, subver};

const DAY: i64 = 24 * 60 * 60;

fn endpoint(ordinal: u32) -> Endpoint {
    Endpoint::new(format!("10.0.0.{}", ordinal + 1), 18444)
}

/// A chain of `n_blocks` blocks; the longer one goes on where the shorter one ends.
fn chain(n_blocks: usize, mined_at: i64) -> Chain {
    let script = script_of("bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080").unwrap();
    let mut chain = Chain::default();
    for _ in 0..n_blocks {
        chain.mine(&script, mined_at as u32).unwrap();
    }
    chain
}

/// Some nodes of a network, those that run.
struct World {
    members: Members,
    topology: Topology,
    network: PeerNetwork,
    clock: Clock,
    seats: BTreeMap<u32, Seat>,
}

impl World {
    fn new(size: u32, topology: Topology) -> Self {
        let clock = Clock::starting_at(std::time::UNIX_EPOCH + Duration::from_secs(NOW as u64));
        World {
            members: super::peers::members(size),
            topology,
            network: PeerNetwork::new(clock.clone()),
            clock,
            seats: BTreeMap::new(),
        }
    }

    fn links(&self) -> BTreeMap<Link, u32> {
        self.topology.links(&self.members)
    }

    /// Starts a node with `chain` on its disk, or starts it anew.
    fn start(&mut self, ordinal: u32, chain: &Chain) {
        self.seats.remove(&ordinal);
        let member = Member {
            name: format!("default/a-sts-{ordinal}"),
            endpoint: endpoint(ordinal),
            listens: true,
            subversion: subver(ordinal),
            max_inbound: 114,
            dial_timeout: Duration::from_secs(5),
            disk: Disk::default(),
        };
        let seat = self.network.join(member).unwrap();
        seat.change_chain(|empty| *empty = chain.clone());
        self.seats.insert(ordinal, seat);
    }

    fn node(&self, ordinal: u32, seat: &Seat) -> Node {
        let chain = seat.chain();
        let height = chain.height() as i64;
        let peers = seat.peers().into_iter().map(|peer| Peer {
            id: peer.id as i64,
            addr: peer.address,
            inbound: peer.is_inbound,
            version: i64::from(peer.is_established) * 70_016,
            subver: peer.subversion,
            connected_at: peer.connected_at,
            starting_height: peer.starting_height.map_or(-1, |height| height as i64),
            synced_headers: peer.synced_height.map_or(-1, |height| height as i64),
            ..Peer::default()
        });
        Node {
            ordinal,
            subversion: subver(ordinal),
            address: endpoint(ordinal),
            progress: Progress {
                blocks: height,
                headers: height,
                is_downloading: seat.is_downloading(),
                tip_time: Some(chain.tip_time()),
            },
            peers: peers.collect(),
        }
    }

    /// One pass: ask, plan, act in any order, and a moment goes by.
    async fn pass(&self, random: &Random) -> Plan {
        let seats = self.seats.iter();
        let nodes: Vec<Node> = seats
            .map(|(ordinal, seat)| self.node(*ordinal, seat))
            .collect();
        let now = self.clock.unix_seconds();
        let plan = plan(&self.members, &self.links(), &nodes, now);
        let mut actions = plan.actions.clone();
        random.shuffle(&mut actions);
        for action in actions {
            match action {
                Action::Disconnect { node, peer_id, .. } => {
                    self.seats[&node].disconnect(|peer| peer.id as i64 == peer_id);
                }
                Action::Dial { from, address, .. } => {
                    self.seats[&from].dial(&address.to_string()).await;
                }
            }
        }
        tokio::time::advance(Duration::from_secs(4)).await;
        plan
    }

    /// Passes until there is nothing to do and nobody lacks what another has; why links were cut.
    async fn settle(&self, random: &Random) -> Vec<Why> {
        let mut cuts = Vec::new();
        for _ in 0..60 {
            let plan = self.pass(random).await;
            cuts.extend(plan.actions.iter().filter_map(|action| match action {
                Action::Disconnect { why, .. } => Some(*why),
                Action::Dial { .. } => None,
            }));
            if plan.actions.is_empty() && self.is_at_rest(&plan) {
                return cuts;
            }
        }
        panic!("it does not come to rest: {:?}", self.pass(random).await);
    }

    /// Every wanted link between nodes that run is there, and its ends are equally high.
    fn is_at_rest(&self, plan: &Plan) -> bool {
        let heights: BTreeMap<u32, usize> = self
            .seats
            .iter()
            .map(|(ordinal, seat)| (*ordinal, seat.chain().height()))
            .collect();
        let runs = |link: &&Link| {
            let (low, high) = link.ends();
            heights.contains_key(&low) && heights.contains_key(&high)
        };
        let wanted: BTreeSet<Link> = plan.wanted.iter().filter(runs).copied().collect();
        let alike = |link: &Link| heights[&link.ends().0] == heights[&link.ends().1];
        wanted == plan.present && wanted.iter().all(alike)
    }
}

/// A network of any shape, which is that of the up to ten nodes that shall run; none does yet.
fn any_world(random: &Random) -> (World, Vec<u32>) {
    let size = 2 + random.below(38) as u32;
    let topology = super::peers_model::any_topology(&random.fork("topology"));
    let mut ordinals: Vec<u32> = (0..size).collect();
    random.shuffle(&mut ordinals);
    ordinals.truncate(2 + random.below(9) as usize);
    (World::new(size, topology), ordinals)
}

/// Chains of 0, 3 and 7 blocks, young and older than a day.
fn chains() -> [[Chain; 3]; 2] {
    [NOW - 60, NOW - 2 * DAY].map(|mined_at| [0, 3, 7].map(|n_blocks| chain(n_blocks, mined_at)))
}

/// Nodes that come empty to those that have a chain are linked without a single detour.
#[tokio::test(start_paused = true)]
async fn a_network_that_grows_cuts_no_link() {
    let chains = chains();
    for seed in 0..200 {
        let random = Random::seeded(seed);
        let (mut world, running) = any_world(&random);
        for ordinal in running {
            world.start(
                ordinal,
                &chains[(seed % 2) as usize][random.below(3) as usize],
            );
        }
        assert_eq!(world.settle(&random).await, [], "seed {seed}");
    }
}

/// Somebody has linked any nodes with any others when one with a chain comes; then some nodes are
/// started anew, twice.
#[tokio::test(start_paused = true)]
async fn whatever_is_stuck_is_freed() {
    let chains = chains();
    let mut freed = 0;
    for seed in 0..200 {
        let random = Random::seeded(seed);
        let any = |bound: usize| random.below(bound as u64) as usize;
        let (mut world, mut running) = any_world(&random);
        let [empty, .., full] = &chains[(seed % 2) as usize];
        let Some(last) = running.pop() else {
            continue;
        };
        running
            .iter()
            .for_each(|ordinal| world.start(*ordinal, empty));
        for _ in 0..any(3 * running.len() + 1) {
            let (one, other) = (running[any(running.len())], running[any(running.len())]);
            world.seats[&one].dial(&endpoint(other).to_string()).await;
        }
        world.start(last, full);
        for round in 0..3 {
            let cuts = world.settle(&random).await;
            freed += cuts.iter().filter(|why| **why == Why::Stalled).count();
            if round < 2 {
                running.truncate(running.len().div_ceil(2));
                running
                    .iter()
                    .for_each(|ordinal| world.start(*ordinal, empty));
            }
        }
    }
    assert!(
        freed > 200,
        "{freed}: nothing was stuck, so nothing was shown"
    );
}

/// The first blocks of a network arrive everywhere, and no pass takes what is on its way for a stall.
#[tokio::test(start_paused = true)]
async fn the_first_block_cuts_no_link() {
    let random = Random::seeded(1);
    let mut world = World::new(6, Topology::Automatic);
    (0..6).for_each(|ordinal| world.start(ordinal, &Chain::default()));
    assert_eq!(world.settle(&random).await, []);
    tokio::time::advance(Duration::from_secs(3_600)).await;
    // The others are asked before the block comes, node 0 after it was mined.
    let mut nodes: Vec<Node> = (1..6)
        .map(|one| world.node(one, &world.seats[&one]))
        .collect();
    let now = world.clock.unix_seconds();
    world.seats[&0].change_chain(|empty| *empty = chain(1, now));
    nodes.push(world.node(0, &world.seats[&0]));
    let plan_at = |time| plan(&world.members, &world.links(), &nodes, time).actions;
    assert_eq!(plan_at(now), []);
    assert_eq!(world.settle(&random).await, []);
    // Had it not come by then, they would be stuck.
    assert!(!plan_at(now + STALL_AGE).is_empty());
}

/// A person links his own node, which has a chain that is older than a day, with one of a network whose
/// nodes have already asked one another. If it only says that it has a chain, the network is linked again.
#[tokio::test(start_paused = true)]
async fn a_chain_outside_is_had_by_nodes_that_have_asked_one_another() {
    let random = Random::seeded(1);
    let mut world = World::new(5, Topology::Automatic);
    (0..5).for_each(|ordinal| world.start(ordinal, &Chain::default()));
    assert_eq!(world.settle(&random).await, []);
    let laptop = Endpoint::new("10.9.9.9", 18444);
    let member = Member {
        name: "laptop".to_owned(),
        endpoint: laptop.clone(),
        listens: true,
        subversion: super::peers::USERS_OWN.to_owned(),
        max_inbound: 114,
        dial_timeout: Duration::from_secs(5),
        disk: Disk::default(),
    };
    let seat = world.network.join(member).unwrap();
    seat.change_chain(|empty| *empty = chain(7, NOW - 2 * DAY));
    world.seats[&3].dial(&laptop.to_string()).await;
    let mut cuts = BTreeSet::new();
    for _ in 0..20 {
        cuts.extend(world.settle(&random).await);
    }
    assert_eq!(cuts, BTreeSet::from([Why::Stalled]));
    for seat in world.seats.values() {
        assert_eq!(seat.chain().height(), 7);
    }
}
