//! Planning against a model of a network: pass after pass until nothing is left to do.

use std::collections::BTreeMap;

use bitcoin_controller::base::Random;
use bitcoin_controller::bitcoin::peers::{Action, HALF_OPEN_AGE, Node, Plan, plan};
use bitcoin_controller::bitcoin::{Link, Peer, Topology};

use super::peers::{FOREIGN, NOW, OLD, USERS_OWN, members, node, received, sent, subver};

/// A network of nodes as `bitcoind` treats connections: numbers that only grow, no second
/// connection to an address that is dialled already, both ends gone when one is cut.
struct World {
    size: u32,
    now: i64,
    next_id: i64,
    connections: Vec<Connection>,
}

#[derive(Clone, Debug)]
struct Connection {
    /// Each end: our node, or who else; and the number it has there. `None`: that end is gone.
    dialler: End,
    receiver: End,
    made: i64,
}

#[derive(Clone, Debug)]
struct End {
    subver: String,
    /// Our node, if it is one of ours, and its number there, unless it has forgotten.
    known: Option<(u32, i64)>,
}

impl World {
    fn new(size: u32) -> Self {
        World {
            size,
            now: NOW,
            next_id: 0,
            connections: Vec::new(),
        }
    }

    fn ours(&mut self, ordinal: u32) -> End {
        self.next_id += 1;
        End {
            subver: subver(ordinal),
            known: Some((ordinal, self.next_id)),
        }
    }

    fn connect(&mut self, from: u32, to: u32, made: i64) {
        let (dialler, receiver) = (self.ours(from), self.ours(to));
        self.connections.push(Connection {
            dialler,
            receiver,
            made,
        });
    }

    fn connect_foreign(&mut self, ordinal: u32, subver: &str, inbound: bool) {
        let ours = self.ours(ordinal);
        let other = End {
            subver: subver.to_owned(),
            known: None,
        };
        let (dialler, receiver) = if inbound {
            (other, ours)
        } else {
            (ours, other)
        };
        self.connections.push(Connection {
            dialler,
            receiver,
            made: OLD,
        });
    }

    fn peers(&self, ordinal: u32) -> Vec<Peer> {
        let mut peers = Vec::new();
        for connection in &self.connections {
            let Connection {
                dialler, receiver, ..
            } = connection;
            for (end, other, inbound) in [(dialler, receiver, false), (receiver, dialler, true)] {
                if let Some((node, id)) = end.known
                    && node == ordinal
                {
                    let peer = if inbound {
                        received(id, &other.subver)
                    } else {
                        sent(id, &other.subver)
                    };
                    peers.push(Peer {
                        connected_at: connection.made,
                        ..peer
                    });
                }
            }
        }
        peers
    }

    /// One pass: ask, plan, act, and a few seconds go by.
    fn pass(&mut self, topology: &Topology, answering: &[u32]) -> Plan {
        let nodes: Vec<Node> = answering
            .iter()
            .map(|one| node(*one, self.peers(*one)))
            .collect();
        let plan = plan(
            &members(self.size),
            &topology.links(&members(self.size)),
            &nodes,
            self.now,
        );
        // A cut takes effect a moment later: an address that is being cut is not dialled yet.
        let dialled = |from: u32, to: u32| {
            let from_there =
                |one: &&Connection| one.dialler.known.is_some_and(|(node, _)| node == from);
            let mut there = self.connections.iter().filter(from_there);
            there.any(|one| one.receiver.subver == subver(to))
        };
        let ignored: Vec<bool> = plan
            .actions
            .iter()
            .map(|action| matches!(action, Action::Dial { from, to, .. } if dialled(*from, *to)))
            .collect();
        for (action, ignored) in plan.actions.iter().zip(ignored) {
            match action {
                Action::Dial { .. } if ignored => {}
                Action::Disconnect { node, peer_id, .. } => {
                    let end = Some((*node, *peer_id));
                    let before = self.connections.len();
                    self.connections
                        .retain(|one| one.dialler.known != end && one.receiver.known != end);
                    assert_eq!(
                        self.connections.len() + 1,
                        before,
                        "cut what is not there: {action:?}"
                    );
                }
                Action::Dial { from, to, .. } => self.connect(*from, *to, self.now),
            }
        }
        self.now += 10;
        plan
    }

    /// Passes until one plans nothing; how many that were.
    fn settle(&mut self, topology: &Topology) -> usize {
        let everybody: Vec<u32> = (0..self.size).collect();
        for pass in 0..10 {
            if self.pass(topology, &everybody).actions.is_empty() {
                return pass;
            }
        }
        panic!(
            "it does not come to rest: {:?}",
            self.pass(topology, &everybody)
        );
    }

    /// How often each pair of ours is connected.
    fn pairs(&self) -> BTreeMap<Link, usize> {
        let mut pairs = BTreeMap::new();
        for one in &self.connections {
            if let (Some((from, _)), Some((to, _))) = (one.dialler.known, one.receiver.known) {
                *pairs.entry(Link::new(from, to)).or_default() += 1;
            }
        }
        pairs
    }

    /// Makes a mess: links too many, doubled, foreign, of the user's, and half open.
    fn disturb(&mut self, random: &Random) {
        let any = |bound: u32| random.below(u64::from(bound)) as u32;
        for _ in 0..any(3 * self.size) {
            let (from, to) = (any(self.size), any(self.size));
            if from != to {
                self.connect(from, to, if any(2) == 0 { OLD } else { self.now });
            }
        }
        for _ in 0..any(5) {
            let foreign = [
                FOREIGN,
                USERS_OWN,
                &subver(self.size),
                &subver(self.size + 7),
            ];
            let foreign = foreign[any(4) as usize].to_owned();
            self.connect_foreign(any(self.size), &foreign, any(2) == 0);
        }
        for index in 0..self.connections.len() {
            let Connection {
                dialler, receiver, ..
            } = &mut self.connections[index];
            if any(8) == 0 && dialler.known.is_some() && receiver.known.is_some() {
                let forgetful = if any(2) == 0 { dialler } else { receiver };
                forgetful.known = None;
            }
        }
    }
}

fn check_settled(world: &World, topology: &Topology, users_own: usize) {
    let wanted = topology.links(&members(world.size));
    let expected: BTreeMap<Link, usize> = wanted.into_keys().map(|link| (link, 1)).collect();
    assert_eq!(world.pairs(), expected);
    // What is left besides are the user's links, all of them.
    assert_eq!(world.connections.len(), expected.len() + users_own);
}

fn users_own(world: &World) -> usize {
    let own =
        |one: &&Connection| one.dialler.subver == USERS_OWN || one.receiver.subver == USERS_OWN;
    world.connections.iter().filter(own).count()
}

/// One of the shapes that are connected whatever the size.
pub(super) fn any_topology(random: &Random) -> Topology {
    match random.below(8) {
        0 => Topology::FullMesh,
        1 => Topology::Ring,
        2 => Topology::Line,
        3 => Topology::Star,
        4 => Topology::Random {
            degree: 1 + random.below(4) as u32,
            seed: Some(random.next_u64()),
        },
        _ => Topology::Automatic,
    }
}

#[test]
fn an_empty_network_is_linked_in_one_pass() {
    for (size, topology) in [
        (3, Topology::Automatic),
        (17, Topology::Automatic),
        (30, Topology::Automatic),
        (30, Topology::FullMesh),
        (30, Topology::Star),
        (30, Topology::Ring),
    ] {
        let mut world = World::new(size);
        assert_eq!(world.settle(&topology), 1);
        check_settled(&world, &topology, 0);
    }
}

/// 200 networks in disorder come to rest, with the wanted links, one each, and the user's untouched.
#[test]
fn any_mess_comes_to_rest() {
    for seed in 0..200 {
        let random = Random::seeded(seed);
        let size = 1 + random.below(25) as u32;
        let topology = &any_topology(&random.fork("topology"));
        let mut world = World::new(size);
        world.disturb(&random);
        let own = users_own(&world);
        // Half-open connections of a moment ago are taken for whole ones until they are 30 s old,
        // in this model three passes.
        let passes = world.settle(topology);
        assert!(passes <= 7, "seed {seed}: {passes} passes");
        world.now += HALF_OPEN_AGE;
        world.settle(topology);
        check_settled(&world, topology, own);
        let everybody: Vec<u32> = (0..size).collect();
        let quiet = world.pass(topology, &everybody);
        assert_eq!(
            (quiet.actions, quiet.strangers),
            (vec![], vec![]),
            "seed {seed}"
        );
        assert_eq!(quiet.present, quiet.wanted, "seed {seed}");
    }
}

/// Nodes that do not answer hold up nobody, and are linked when they do.
#[test]
fn nodes_come_one_by_one() {
    let mut world = World::new(20);
    for up in 1..=20 {
        let answering: Vec<u32> = (0..up).collect();
        let plan = world.pass(&Topology::Automatic, &answering);
        let joined = up - 1;
        let touches = |action: &Action| matches!(action, Action::Dial { from, to, .. } if *from == joined || *to == joined);
        assert!(plan.actions.iter().all(touches), "{up}: {:?}", plan.actions);
    }
    assert_eq!(world.settle(&Topology::Automatic), 0);
    check_settled(&world, &Topology::Automatic, 0);
}

#[test]
fn scaling_touches_only_the_nodes_that_come_and_go() {
    let mut world = World::new(3);
    world.settle(&Topology::Automatic);
    for size in [30, 3, 18, 17] {
        let survivors = size.min(world.size);
        let kept = |world: &World| -> Vec<(u32, i64)> {
            let ends = world
                .connections
                .iter()
                .filter_map(|one| Some([one.dialler.known?, one.receiver.known?]));
            ends.filter(|ends| ends.iter().all(|(node, _)| *node < survivors))
                .flatten()
                .collect()
        };
        let before = kept(&world);
        world.size = size;
        world.settle(&Topology::Automatic);
        // The pods that went away take their ends along; only then is the model's list clean.
        world.connections.retain(|one| {
            [&one.dialler, &one.receiver]
                .iter()
                .all(|end| end.known.is_some_and(|(node, _)| node < size))
        });
        assert_eq!(
            kept(&world),
            before,
            "a link between survivors was moved at {size}"
        );
        check_settled(&world, &Topology::Automatic, 0);
    }
}
