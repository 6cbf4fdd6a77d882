//! Everything one pass has seen of a network, and the questions that are asked of it.
//!
//! Each step of a pass notes here what it found; at the end the status is made from it. Nothing here
//! was seen by an earlier pass, but for the sides of a network whose spec cannot be read any more.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::api::network::{ExternalPeerStatus, Links};
use crate::bitcoin::BlockchainInfo;
use crate::controller::chain_loss::Chain;
use crate::controller::mining;
use crate::controller::nodes::Answer;
use crate::controller::pods::Pods;
use crate::controller::status::sides::Side;
use crate::controller::wallet::WalletSight;

/// Everything a pass has seen.
#[derive(Debug, Default)]
pub struct Sight {
    /// The number of nodes asked for; `None` if the spec cannot be read.
    pub wanted: Option<i32>,
    /// The pods of the set.
    pub pods: Pods,
    /// What the nodes said.
    pub answers: BTreeMap<i32, Answer>,
    /// Links wanted and present; `None` if this pass did not compare them.
    pub links: Option<Links>,
    /// What was found out about mining; `None` if this pass did not get there, or none is asked for.
    pub mining: Option<mining::Seen>,
    /// When there will be something to mine.
    pub mine_again: Option<Duration>,
    /// When there will be something to flush.
    pub flush_again: Option<Duration>,
    /// The sides, by what is asked for; none: one with every wanted node.
    pub sides: Vec<Side>,
    /// How many pairs of nodes were connected across sides.
    pub n_across: usize,
    /// What was seen of those outside the network; `None` if this pass did not look.
    pub external_peers: Option<Vec<ExternalPeerStatus>>,
    /// How many pods wait to be replaced.
    pub n_outdated: usize,
    /// Why the set may not create pods.
    pub failed_create: Option<String>,
    /// The wallet that is asked for; `None` if this pass did not get to it.
    pub wallet: Option<WalletSight>,
    /// What blocks the pass: reason and message.
    pub blocked: Option<(&'static str, String)>,
    /// Whether the chain that the status told of before is still there.
    pub old_chain: Chain,
    /// Since when the nodes of a side have not had one best block.
    pub apart_for: Option<Duration>,
}

impl Sight {
    /// Whether every wanted node answered with our credentials.
    pub fn all_answer(&self) -> bool {
        self.wanted
            .is_some_and(|wanted| (0..wanted).all(|ordinal| self.is_ready(ordinal)))
    }

    /// Whether all wanted links are there.
    pub fn is_connected(&self) -> bool {
        self.wanted.is_some()
            && self.n_across == 0
            && self
                .links
                .is_some_and(|links| links.wanted == links.present)
    }

    /// Whether all wanted nodes have said the same best block.
    pub fn one_tip(&self) -> bool {
        self.wanted
            .is_some_and(|wanted| self.agree(&(0..wanted).collect::<Vec<i32>>()))
    }

    /// The pods that count: neither terminating nor one too many.
    pub(super) fn n_pods(&self) -> i32 {
        let alive = self
            .pods
            .values()
            .filter(|pod| !pod.metadata.is_terminating())
            .count();
        i32::try_from(alive).unwrap_or(i32::MAX)
    }

    pub(super) fn is_ready(&self, ordinal: i32) -> bool {
        let is_alive = self
            .pods
            .get(&ordinal)
            .is_some_and(|pod| !pod.metadata.is_terminating());
        is_alive && self.answers.get(&ordinal).is_some_and(Answer::is_full)
    }

    pub(super) fn chain(&self, ordinal: i32) -> Option<&BlockchainInfo> {
        self.answers.get(&ordinal).and_then(Answer::chain)
    }

    /// The nodes whose network somebody has switched off.
    pub fn switched_off(&self) -> Vec<i32> {
        let is_off = |answer: &Answer| match answer {
            Answer::Full { network, .. } => !network.network_active,
            _ => false,
        };
        let off = self.answers.iter().filter(|(_, answer)| is_off(answer));
        off.map(|(ordinal, _)| *ordinal).collect()
    }

    /// The chain with the most work that any node has.
    pub fn best(&self) -> Option<&BlockchainInfo> {
        self.answers
            .values()
            .filter_map(Answer::chain)
            .max_by_key(|chain| chain.chain_work)
    }
}
