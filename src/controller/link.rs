//! Who is connected with whom: what the nodes show is compared with what the topology wants, as a whole.
//!
//! Whatever broke a link (a pod that was replaced, a user, a dead peer) is mended by the same step.
//!
//! # Invariants
//! - Only a node that answered in this pass, with our credentials, is dialled or told to dial, and none
//!   whose network somebody has switched off.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tracing::{debug, warn};

use crate::api::network::Links;
use crate::api::{BitcoinNetwork, Resource};
use crate::bitcoin::external::DialOut;
use crate::bitcoin::peers::{self, Action, Node, Plan, Why};
use crate::bitcoin::sides::pieces;
use crate::bitcoin::{Link, Members, RpcClient, Sides};
use crate::controller::desired::{self, P2P_PORT};
use crate::controller::memory::Memory;
use crate::controller::nodes::{AT_ONCE, Answer};
use crate::controller::pods::Pods;
use crate::controller::problem::Problem;
use crate::controller::provide::checked_spec;
use crate::controller::reasons;
use crate::controller::reconciler::NetworkReconciler;
use crate::controller::status::{Side, Sight};
use crate::controller::wiring;
use crate::http::Endpoint;

impl NetworkReconciler {
    /// Compares links and makes or cuts what differs. Returns whether anything was done.
    pub(crate) async fn link(
        &self,
        network: &BitcoinNetwork,
        memory: &mut Memory,
        clients: &BTreeMap<i32, RpcClient>,
        wanted: i32,
        sight: &mut Sight,
    ) -> Result<bool, Problem> {
        let prefix = format!("{}-", desired::stateful_set_key(&network.key()).name);
        let size = u32::try_from(wanted).unwrap_or_default();
        let wiring = wiring::of(checked_spec(network)?)?;
        let Some(members) = Members::new(&desired::identity(network), &prefix, size) else {
            let message = format!(
                "the network's uid `{}` does not begin with 8 hexadecimal digits",
                network.metadata.uid
            );
            return Err(Problem::blocked(reasons::INVALID_NAME, message));
        };
        let answered = answered(&sight.pods, &sight.answers);
        let links = wiring.links(&members);
        let outside = self.find_outside(network, wiring.outside);
        let members = outside.befriend(members);
        let now = self.clock.unix_seconds();
        let outings = &mut memory.outside;
        let outlook = outside.look_out(&members, &answered, outings, now, sight);
        let plan = peers::plan(&members, &links, &answered, now);
        note_links(&wiring.sides, &plan, sight);
        self.tell_of_others(network, &plan);
        // A dial outside may fail for ever: it is no reason to look again at once.
        let has_acted = !plan.actions.is_empty() || !outlook.cuts.is_empty();
        let actions = plan.actions.into_iter().chain(outlook.cuts);
        let errands = actions.map(Errand::from);
        let errands = errands.chain(outlook.dials.into_iter().map(Errand::from));
        self.run(clients, errands.collect()).await;
        Ok(has_acted)
    }

    /// Tells of everybody who is where a node of this network should be, or should have no peer.
    fn tell_of_others(&self, network: &BitcoinNetwork, plan: &Plan) {
        for stranger in &plan.strangers {
            let message = format!(
                "cut node {} off from {}, a node of another network",
                stranger.node, stranger.identity
            );
            warn!(network = %network.key(), "{message}");
            self.warn(network, reasons::STRANGER, message);
        }
        for ordinal in &plan.misplaced {
            debug!(network = %network.key(), ordinal, "somebody else answers at this node's address");
        }
    }

    /// Has the nodes make and cut connections, many at the same time.
    async fn run(&self, clients: &BTreeMap<i32, RpcClient>, errands: Vec<Errand>) {
        let permits = Arc::new(Semaphore::new(AT_ONCE));
        let mut round = JoinSet::new();
        for errand in errands {
            let Some(rpc) = i32::try_from(errand.node)
                .ok()
                .and_then(|ordinal| clients.get(&ordinal))
                .cloned()
            else {
                continue;
            };
            let permits = Arc::clone(&permits);
            round.spawn(async move {
                let _permit = permits.acquire_owned().await;
                let Errand { node, what } = errand;
                let outcome = match &what {
                    What::Cut(peer_id, why) => {
                        debug!(node, peer_id, ?why, "cutting");
                        rpc.disconnect_node(*peer_id).await
                    }
                    What::Dial(address) => {
                        debug!(node, %address, "dialling");
                        rpc.addnode_onetry(address).await
                    }
                };
                // The next pass sees that the link is not there, or still is, and tries again.
                if let Err(error) = outcome {
                    debug!(node, %error, "not done");
                }
            });
        }
        while round.join_next().await.is_some() {}
    }
}

/// Something that a node is to do.
struct Errand {
    node: u32,
    what: What,
}

enum What {
    Cut(i64, Why),
    Dial(Endpoint),
}

impl From<Action> for Errand {
    fn from(action: Action) -> Self {
        let (node, what) = match action {
            Action::Disconnect { node, peer_id, why } => (node, What::Cut(peer_id, why)),
            Action::Dial { from, address, .. } => (from, What::Dial(address)),
        };
        Errand { node, what }
    }
}

impl From<DialOut> for Errand {
    fn from(dial: DialOut) -> Self {
        Errand {
            node: dial.from,
            what: What::Dial(dial.address),
        }
    }
}

/// Notes which links are there, in all and on each side, and which are across sides.
fn note_links(sides: &Sides, plan: &Plan, sight: &mut Sight) {
    let count = |links: &BTreeSet<Link>, side: usize| {
        let within = links
            .iter()
            .filter(|link| sides.of(link.ends().0) == Some(side));
        i64::try_from(within.count()).unwrap_or(i64::MAX)
    };
    let mut all = Links::default();
    sight.sides = Side::all(sides);
    for (place, (nodes, side)) in sides.all().iter().zip(&mut sight.sides).enumerate() {
        let links = Links {
            wanted: count(&plan.wanted, place),
            present: count(&plan.present, place),
        };
        all.wanted += links.wanted;
        all.present += links.present;
        side.links = Some(links);
        side.n_pieces = pieces(nodes.iter().copied(), plan.wanted.iter().copied());
    }
    sight.links = Some(all);
    let across = plan.unwanted.iter().filter(|link| !sides.holds(**link));
    sight.n_across = across.count();
}

/// The nodes that may be dialled: those that answered with our credentials.
fn answered(pods: &Pods, answers: &BTreeMap<i32, Answer>) -> Vec<Node> {
    let node = |(ordinal, answer): (&i32, &Answer)| match answer {
        Answer::Full {
            chain,
            network,
            peers,
        } if network.network_active => Some(Node {
            ordinal: u32::try_from(*ordinal).ok()?,
            subversion: network.subversion.clone(),
            address: Endpoint::new(pods.get(ordinal)?.status.pod_ip.as_deref()?, P2P_PORT),
            progress: chain.into(),
            peers: peers.clone(),
        }),
        _ => None,
    };
    answers.iter().filter_map(node).collect()
}
