//! Nodes outside the network: who they are, what was seen of them, and when they are dialled again.
//!
//! An address is dialled as it was given. The nodes of another network are where their pods are; they are
//! connected with ours only if **both** networks name each other, because the longer chain of two
//! replaces the other. The network whose name sorts first dials.
//!
//! # Invariants
//! - A connection into a network that has not asked for ours is cut, as it always was.
//! - One address is dialled by one node at most every [`REDIAL_EVERY`]; one at which a node of another
//!   network answered, at most every [`REFUSED_REST`].
//!
//! # What differs
//! Our own nodes are dialled only after they have answered us in the same pass. Of a friend's nodes it
//! has to do that the kubelet calls their pods ready; who is at the address after all, is seen by its
//! mark in the next pass.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::api::network::ExternalPeerStatus;
use crate::api::{BitcoinNetwork, ObjectKey, Resource};
use crate::bitcoin::external::{self, DialOut, External, Outlook, Seen, Who};
use crate::bitcoin::members::{Members, Membership};
use crate::bitcoin::peers::Node;
use crate::bitcoin::{Identity, sides};
use crate::controller::desired::{self, P2P_PORT};
use crate::controller::pods::{self, Pods};
use crate::controller::provide::checked_spec;
use crate::controller::reconciler::NetworkReconciler;
use crate::controller::status::Sight;
use crate::controller::wiring::{self, Outside, Whom};
use crate::http::Endpoint;

/// How soon a node dials the same address outside again. A dial into nowhere holds a pass for seconds.
pub const REDIAL_EVERY: Duration = Duration::from_secs(10);

/// How soon an address is dialled again at which a node of another network answered. For a moment the
/// two are connected, and that may cost one of them its chain.
pub const REFUSED_REST: Duration = Duration::from_secs(600);

/// Whom a spec asks for outside, as far as it can be had.
pub(crate) struct Found {
    generation: i64,
    asked: Vec<Outside>,
    /// For each that was asked for: its place among `externals`, or why it cannot be had.
    places: Vec<Result<usize, String>>,
    externals: Vec<External>,
}

impl NetworkReconciler {
    /// Looks up everybody who is asked for outside.
    pub(crate) fn find_outside(&self, network: &BitcoinNetwork, asked: Vec<Outside>) -> Found {
        let (mut places, mut externals) = (Vec::new(), Vec::new());
        for outside in &asked {
            let who = match &outside.whom {
                Whom::Address(address) => Ok(Who::Address(address.clone())),
                Whom::Network(name) => self.friend(network, name),
            };
            places.push(who.map(|who| {
                externals.push(External {
                    nodes: outside.nodes.clone(),
                    barred: outside.barred.clone(),
                    who,
                });
                externals.len() - 1
            }));
        }
        Found {
            generation: network.metadata.generation,
            asked,
            places,
            externals,
        }
    }

    /// The other network, if it has asked for this one; else why not.
    fn friend(&self, network: &BitcoinNetwork, name: &str) -> Result<Who, String> {
        let own = network.key();
        let key = ObjectKey::new(own.namespace.clone(), name);
        if key == own {
            return Err("a network is not outside of itself".to_owned());
        }
        let other = self.caches.networks.get(&key);
        let other = other
            .filter(|other| !other.metadata.is_terminating())
            .ok_or_else(|| format!("there is no network `{name}` in this namespace"))?;
        let theirs = checked_spec(&other)
            .and_then(wiring::of)
            .map_err(|_| format!("network `{name}` asks for what cannot be"))?;
        let mutual = Whom::Network(own.name.to_string());
        let asked = theirs
            .outside
            .into_iter()
            .find(|outside| outside.whom == mutual)
            .ok_or_else(|| {
                format!(
                    "network `{name}` does not name `{}` among its external peers",
                    own.name
                )
            })?;
        let set = self.caches.own_set(&other);
        let pods = set.map_or_else(Pods::new, |set| {
            pods::of_set(self.caches.pods_of(&set.key()), &set.metadata.uid)
        });
        let nodes = asked.nodes.iter().flat_map(|node| i32::try_from(*node));
        Ok(Who::Friend {
            network: desired::identity(&other),
            nodes: nodes
                .map(|node| {
                    let name = desired::pod_key(&key, node).name.to_string();
                    (name, address(&pods, node))
                })
                .collect(),
            is_ours_to_dial: own.name < key.name,
        })
    }
}

/// Where a node of a friend is dialled, once the kubelet calls its pod ready.
fn address(pods: &Pods, node: i32) -> Option<Endpoint> {
    let pod = pods
        .get(&node)
        .filter(|pod| pod.status.is_ready() && !pod.metadata.is_terminating())?;
    Some(Endpoint::new(pod.status.pod_ip.as_deref()?, P2P_PORT))
}

impl Found {
    /// `members` with the networks that are friends.
    pub(crate) fn befriend(&self, members: Members) -> Members {
        let marks = self.externals.iter().filter_map(|it| match &it.who {
            Who::Friend { network, .. } => Some(network.clone()),
            Who::Address(_) => None,
        });
        members.with_friends(marks)
    }

    /// Compares what the nodes show with whom is asked for, and notes it. Returns what to dial and cut.
    pub(crate) fn look_out(
        &self,
        members: &Members,
        answered: &[Node],
        outings: &mut Outings,
        now: i64,
        sight: &mut Sight,
    ) -> Outlook {
        let mut outlook = external::look_out(members, &self.externals, answered, now);
        for (external, seen) in self.externals.iter().zip(&outlook.seen) {
            if let (Who::Address(address), Some(identity)) = (&external.who, &seen.refused) {
                outings.refuse(address.to_string(), self.generation, identity.clone());
            }
        }
        let dials = std::mem::take(&mut outlook.dials);
        outlook.dials = outings.due(dials, members, self.generation);
        sight.external_peers = Some(self.statuses(&outlook, outings));
        outlook
    }

    /// What the status says of each.
    fn statuses(&self, outlook: &Outlook, outings: &Outings) -> Vec<ExternalPeerStatus> {
        let places = self.asked.iter().zip(&self.places);
        let status = |(asked, place): (&Outside, &Result<usize, String>)| {
            let seen = match place {
                Ok(place) => outlook.seen.get(*place).cloned().unwrap_or_default(),
                Err(_) => Seen::default(),
            };
            let message = match place {
                Err(why) => Some(why.clone()),
                Ok(_) => outings
                    .refused_at(&asked.whom)
                    .or_else(|| shortfall(asked, &seen)),
            };
            ExternalPeerStatus {
                peer: asked.whom.to_string(),
                connected: seen.wanted > 0 && seen.present == seen.wanted,
                message,
            }
        };
        places.map(status).collect()
    }
}

/// What there is to say of somebody who can be had, besides whether he is there.
fn shortfall(asked: &Outside, seen: &Seen) -> Option<String> {
    let nodes = || sides::name(asked.nodes.iter().copied());
    if seen.wanted == 0 {
        Some("none of the nodes that are to be connected is there".to_owned())
    } else if asked.is_cut_short {
        Some(format!(
            "the network is split: it is connected with {} only",
            nodes()
        ))
    } else if seen.present > 0 && seen.present < seen.wanted {
        Some(format!(
            "{} of {} connections are there",
            seen.present, seen.wanted
        ))
    } else {
        None
    }
}

/// When addresses outside were last dialled, and which must rest. Losing it makes a dial come sooner.
#[derive(Debug, Default)]
pub struct Outings {
    dialled: BTreeMap<DialOut, Instant>,
    refused: BTreeMap<String, Refusal>,
}

#[derive(Debug)]
struct Refusal {
    generation: i64,
    at: Instant,
    identity: Identity,
}

impl Outings {
    /// Those of `dials` that are due now; they count as dialled.
    pub fn due(&mut self, dials: Vec<DialOut>, members: &Members, generation: i64) -> Vec<DialOut> {
        self.dialled.retain(|_, at| at.elapsed() < REDIAL_EVERY);
        // Who changes the spec may know better, and who is a friend by now is welcome.
        self.refused.retain(|_, refusal| {
            refusal.generation == generation
                && refusal.at.elapsed() < REFUSED_REST
                && members.membership(&refusal.identity) != Membership::Friend
        });
        let is_due = |dial: &DialOut| {
            !self.dialled.contains_key(dial)
                && !self.refused.contains_key(&dial.address.to_string())
        };
        let due: Vec<DialOut> = dials.into_iter().filter(is_due).collect();
        let now = Instant::now();
        self.dialled
            .extend(due.iter().cloned().map(|dial| (dial, now)));
        due
    }

    /// Lets `address` rest, because `identity` answered there: a node of a network that is no friend.
    pub fn refuse(&mut self, address: String, generation: i64, identity: Identity) {
        let at = Instant::now();
        let refusal = Refusal {
            generation,
            at,
            identity,
        };
        self.refused.insert(address, refusal);
    }

    fn refused_at(&self, whom: &Whom) -> Option<String> {
        let refusal = self.refused.get(&whom.to_string())?;
        let (identity, minutes) = (&refusal.identity, REFUSED_REST.as_secs() / 60);
        Some(format!(
            "{identity} answered there, a node of a network that has not agreed; it is not dialled for {minutes} minutes"
        ))
    }
}
