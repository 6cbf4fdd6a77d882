//! What a spec asks of the links between nodes, as values that know nothing of Kubernetes.
//!
//! # Invariants
//! - A wiring depends on the spec alone. What cannot be is refused with words that say what to change.
//! - Ordinals beyond `nodes` are no mistake: a network that is scaled down keeps what was said about
//!   nodes that may come back.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::network::{self, BitcoinNetworkSpec, TopologyType};
use crate::bitcoin::sides::OnTwoSides;
use crate::bitcoin::topology::{self, LARGEST_FULL_MESH};
use crate::bitcoin::{Link, Members, Sides, Topology};
use crate::controller::problem::Problem;
use crate::controller::reasons;

/// How the nodes of a network are to be linked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wiring {
    /// The shape.
    pub topology: Topology,
    /// Which node is on which side.
    pub sides: Sides,
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
    Ok(Wiring { topology, sides })
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

fn invalid(message: String) -> Problem {
    Problem::blocked(reasons::INVALID_SPEC, message)
}
