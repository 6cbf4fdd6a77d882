//! What a spec asks of the links between nodes, as values that know nothing of Kubernetes.
//!
//! # Invariants
//! - A wiring depends on the spec alone. What cannot be is refused with words that say what to change.
//! - Ordinals beyond `nodes` are no mistake: a network that is scaled down keeps what was said about
//!   nodes that may come back.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::Ipv6Addr;

use crate::api::network::{self, BitcoinNetworkSpec, ExternalPeer, TopologyType};
use crate::bitcoin::sides::OnTwoSides;
use crate::bitcoin::topology::{self, LARGEST_FULL_MESH};
use crate::bitcoin::{Link, Members, Sides, Topology};
use crate::controller::problem::Problem;
use crate::controller::reasons;
use crate::http::Endpoint;

/// How the nodes of a network are to be linked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wiring {
    /// The shape.
    pub topology: Topology,
    /// Which node is on which side.
    pub sides: Sides,
    /// Whom it is to be connected with outside, each once.
    pub outside: Vec<Outside>,
}

/// Somebody outside the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outside {
    /// Who it is.
    pub whom: Whom,
    /// Our nodes that are to be connected with it, those that are there.
    pub nodes: BTreeSet<u32>,
    /// Our nodes that must not be: those of other sides than the first of `nodes`.
    pub barred: BTreeSet<u32>,
    /// Whether nodes that were named are among those that must not.
    pub is_cut_short: bool,
}

/// Who is outside. `Display` is as the spec has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whom {
    /// Whoever is at this address.
    Address(Endpoint),
    /// The network of this name in the same namespace.
    Network(String),
}

impl fmt::Display for Whom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Whom::Address(address) => write!(f, "{address}"),
            Whom::Network(name) => write!(f, "{name}"),
        }
    }
}

impl Wiring {
    /// Every wanted link, with the end that dials it: those of the shape that do not leave a side.
    pub fn links(&self, members: &Members) -> BTreeMap<Link, u32> {
        let mut links = self.topology.links(members);
        links.retain(|link, _| self.sides.holds(*link));
        links
    }
}

/// The wiring that `spec` asks for.
///
/// # Errors
/// [`Problem::Blocked`]: it asks for links that cannot be.
pub fn of(spec: &BitcoinNetworkSpec) -> Result<Wiring, Problem> {
    let topology = match &spec.topology {
        Some(asked) => topology_of(asked, spec.nodes).map_err(invalid)?,
        None => Topology::Automatic,
    };
    let sides = sides_of(&spec.partitions, spec.nodes).map_err(invalid)?;
    let outside = outside_of(&spec.external_peers, &sides).map_err(invalid)?;
    Ok(Wiring {
        topology,
        sides,
        outside,
    })
}

fn topology_of(asked: &network::Topology, nodes: i32) -> Result<Topology, String> {
    Ok(match asked.type_ {
        TopologyType::FullMesh if u32::try_from(nodes).is_ok_and(|it| it > LARGEST_FULL_MESH) => {
            return Err(format!(
                "`topology.type` FullMesh is for at most {LARGEST_FULL_MESH} nodes, and {nodes} are asked for; Random spreads blocks as fast with far fewer links"
            ));
        }
        TopologyType::FullMesh => Topology::FullMesh,
        TopologyType::Random => Topology::Random {
            degree: match asked.degree {
                None => topology::CHORDS,
                Some(degree) => u32::try_from(degree)
                    .ok()
                    .filter(|degree| *degree > 0)
                    .ok_or_else(|| {
                        format!("`topology.degree` is {degree}; it must be at least 1")
                    })?,
            },
            // A seed is 64 bits whatever they mean; the schema allows none below zero.
            seed: asked.seed.map(i64::cast_unsigned),
        },
        TopologyType::Ring => Topology::Ring,
        TopologyType::Line => Topology::Line,
        TopologyType::Star => Topology::Star,
        TopologyType::Manual => Topology::Manual(listed(&asked.edges)?),
    })
}

/// The links that were listed, each once.
fn listed(edges: &[Vec<i32>]) -> Result<BTreeSet<Link>, String> {
    let link = |edge: &Vec<i32>| match edge[..] {
        [one, other] if one == other => {
            Err(format!("`topology.edges` links node {one} with itself"))
        }
        [one, other] => match (u32::try_from(one), u32::try_from(other)) {
            (Ok(one), Ok(other)) => Ok(Link::new(one, other)),
            _ => Err(format!(
                "`topology.edges` has {edge:?}; ordinals begin at 0"
            )),
        },
        _ => Err(format!(
            "`topology.edges` has {edge:?}; an edge is the ordinals of two nodes"
        )),
    };
    edges.iter().map(link).collect()
}

fn sides_of(partitions: &[Vec<i32>], nodes: i32) -> Result<Sides, String> {
    let ordinal = |node: &i32| {
        u32::try_from(*node)
            .map_err(|_| format!("`partitions` names node {node}; ordinals begin at 0"))
    };
    let side = |named: &Vec<i32>| named.iter().map(ordinal).collect();
    let named = partitions
        .iter()
        .map(side)
        .collect::<Result<Vec<Vec<u32>>, String>>()?;
    let size = u32::try_from(nodes).unwrap_or_default();
    Sides::split(&named, size)
        .map_err(|OnTwoSides(node)| format!("`partitions` names node {node} on two sides"))
}

/// Whom the spec names outside; who is named twice is one.
fn outside_of(peers: &[ExternalPeer], sides: &Sides) -> Result<Vec<Outside>, String> {
    let mut named: Vec<(Whom, Vec<u32>)> = Vec::new();
    for peer in peers {
        let whom = match (&peer.address, &peer.network) {
            (Some(address), None) => Whom::Address(endpoint(address).ok_or_else(|| {
                format!("`externalPeers` has the address `{address}`; an address is HOST:PORT")
            })?),
            (None, Some(name)) => Whom::Network(name.clone()),
            _ => {
                return Err(
                    "an entry of `externalPeers` has either an address or the name of a network"
                        .to_owned(),
                );
            }
        };
        let ordinal = |node: &i32| {
            u32::try_from(*node)
                .map_err(|_| format!("`externalPeers` names node {node}; ordinals begin at 0"))
        };
        let nodes = match peer.nodes[..] {
            [] => vec![0],
            _ => peer.nodes.iter().map(ordinal).collect::<Result<_, _>>()?,
        };
        match named.iter_mut().find(|(known, _)| *known == whom) {
            Some((_, known)) => known.extend(nodes),
            None => named.push((whom, nodes)),
        }
    }
    Ok(named
        .into_iter()
        .map(|(whom, nodes)| on_one_side(whom, &nodes, sides))
        .collect())
}

/// Leaves of `nodes` those on the side of the first: two sides that are both connected with one peer are
/// not apart.
fn on_one_side(whom: Whom, nodes: &[u32], sides: &Sides) -> Outside {
    let side = nodes.iter().find_map(|node| sides.of(*node));
    let is_here = |node: &u32| side.is_some() && sides.of(*node) == side;
    let everybody = sides.all().iter().flatten().copied();
    let barred: BTreeSet<u32> = everybody.filter(|node| !is_here(node)).collect();
    Outside {
        whom,
        nodes: nodes.iter().copied().filter(is_here).collect(),
        is_cut_short: nodes.iter().any(|node| barred.contains(node)),
        barred: if side.is_some() {
            barred
        } else {
            BTreeSet::new()
        },
    }
}

/// Reads `HOST:PORT`, with an IPv6 address in brackets.
fn endpoint(text: &str) -> Option<Endpoint> {
    let (host, port) = text.rsplit_once(':')?;
    let port = port.parse().ok().filter(|port| *port != 0)?;
    let bare = host.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
    let is_sound = match bare {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => {
            let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
            !host.is_empty() && host.bytes().all(is_part)
        }
    };
    is_sound.then(|| Endpoint::new(host, port))
}

fn invalid(message: String) -> Problem {
    Problem::blocked(reasons::INVALID_SPEC, message)
}
