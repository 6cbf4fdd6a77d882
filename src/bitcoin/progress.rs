//! How far each node is: who can give blocks, who is behind, and who waits for the wrong peer.
//!
//! A bitcoind in initial block download asks **one** peer for headers, any one, and asks no other
//! until that one is gone. If it knew nothing, the node stays where it is, however many of its other
//! peers have the chain. So two nodes that are behind are not linked before one has caught up; and
//! where they are linked already and one of them is stuck, their link is cut. A peer outside the network
//! counts as well, for a while, by the height that it named when it was connected.
//!
//! | measured: two fresh nodes are linked, then each with a third at height 101 | |
//! |---|---|
//! | whoever dialled whom | both stay at height 0 |
//! | their own link is cut | both have the chain within 0.15 s |
//! | the third mines a block | both have the chain within 0.05 s |
//! | nothing happens, they dialled the third | 29 minutes, then bitcoind gives up the empty peer |
//! | nothing happens, the third dialled them | at least 80 minutes |
//! | what a stuck node shows | `headers` 0; `synced_headers` -1 for every peer, the third, too |
//! | a node is asked while it is empty, then catches up | it tells nobody while its tip is a day old |
//!
//! # Invariants
//! - Of nodes that hang together the most advanced can give: where nobody is ahead no link is useless,
//!   and where one is useless blocks can reach its ends over others.
//! - A node that was told a single header by one that can give is not stuck: it makes progress.
//!
//! # Example
//! ```
//! use std::collections::BTreeMap;
//! use bitcoin_controller::bitcoin::Link;
//! use bitcoin_controller::bitcoin::progress::{Progress, Standing};
//!
//! let empty = Progress { is_downloading: true, ..Progress::default() };
//! let full = Progress { blocks: 101, headers: 101, ..Progress::default() };
//! let nodes = BTreeMap::from([(0, full), (1, empty), (2, empty)]);
//! let links = [Link::new(0, 1), Link::new(0, 2), Link::new(1, 2)];
//! let standing = Standing::new(nodes, links);
//! assert_eq!(links.map(|link| standing.is_useless(link)), [false, false, true]);
//! ```
//!
//! # Source
//! Bitcoin Core `net_processing.cpp`: `nSyncStarted`, `fSyncStarted`, `UpdatedBlockTip`.
//!
//! # What differs
//! Three stalls are left, and the next block that is mined ends each: a node that has left initial
//! block download, but for a day saw no block, asks only one peer, too; one whose peer has nothing
//! may be a user's, whose links are not ours to cut; and one whose peer caught up after it was asked
//! hears no more of it if the whole chain is older than a day.

use std::collections::BTreeMap;

use crate::bitcoin::answers::{BlockchainInfo, Peer};
use crate::bitcoin::topology::Link;

/// How far a node is, from its `getblockchaininfo`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The height of its best block: what it can give.
    pub blocks: i64,
    /// The height of its best header: what it knows of.
    pub headers: i64,
    /// Whether it is in initial block download.
    pub is_downloading: bool,
    /// The time in its best block, in seconds since 1970; `None` if it does not say.
    pub tip_time: Option<i64>,
}

impl From<&BlockchainInfo> for Progress {
    fn from(info: &BlockchainInfo) -> Self {
        Progress {
            blocks: info.blocks,
            headers: info.headers,
            is_downloading: info.initial_block_download,
            tip_time: info.time,
        }
    }
}

impl Progress {
    /// That of a peer outside the network, by the height that it named when it was connected. `None` if
    /// it named none, or has had [`OUTSIDER_AGE`] to give what it has.
    pub fn of_outsider(peer: &Peer, now: i64) -> Option<Self> {
        let is_new = now.saturating_sub(peer.connected_at) < OUTSIDER_AGE;
        (is_new && peer.starting_height > 0).then(|| Progress {
            blocks: peer.starting_height,
            headers: peer.starting_height,
            ..Progress::default()
        })
    }
}

/// How long, in seconds, a peer outside the network is taken for one that has what it says. While it is
/// ahead, nodes that are empty are not linked with one another; somebody who only says so must not keep
/// them apart for ever.
pub const OUTSIDER_AGE: i64 = 120;

/// How long, in seconds, a node may have a peer ahead of it and know none of its headers. The first
/// of them come within a second; this is for a machine that is busy.
pub const STALL_AGE: i64 = 10;

/// How the nodes that answered compare with one another.
#[derive(Clone, Debug)]
pub struct Standing {
    nodes: BTreeMap<u32, Progress>,
    /// For each of them the most advanced it can get blocks from.
    best: BTreeMap<u32, Best>,
}

/// A height, and when the block at it was mined, in seconds since 1970; long ago if nobody says.
type Best = (i64, i64);

impl Standing {
    /// Compares the nodes that answered, given by ordinal. Each is measured by the most advanced of
    /// those it hangs together with by the wanted `links`, not by one that is out of its reach.
    pub fn new(nodes: BTreeMap<u32, Progress>, links: impl IntoIterator<Item = Link>) -> Self {
        let own = |node: &Progress| (node.blocks, node.tip_time.unwrap_or(i64::MIN));
        let own = nodes.iter().map(|(ordinal, node)| (*ordinal, own(node)));
        let mut best: BTreeMap<u32, Best> = own.collect();
        let links = links.into_iter().map(Link::ends);
        let links: Vec<(u32, u32)> = links
            .filter(|(low, high)| nodes.contains_key(low) && nodes.contains_key(high))
            .collect();
        let mut moved = true;
        while moved {
            moved = false;
            for (low, high) in &links {
                if best[low] != best[high] {
                    let better = best[low].max(best[high]);
                    best.extend([(*low, better), (*high, better)]);
                    moved = true;
                }
            }
        }
        Standing { nodes, best }
    }

    /// Whether a node has blocks that others may want: it answered and is not behind. One that has
    /// left initial block download asks everybody and is never behind.
    pub fn can_give(&self, node: u32) -> bool {
        self.look_up(node).is_some_and(|(progress, (height, _))| {
            !progress.is_downloading || progress.blocks >= height
        })
    }

    /// Whether neither end of `link` has blocks for the other. To ask each other would keep both from
    /// asking somebody who has.
    pub fn is_useless(&self, link: Link) -> bool {
        let (low, high) = link.ends();
        !self.can_give(low) && !self.can_give(high)
    }

    /// Whether `node` waits for a peer that cannot help it, given its usable connections with other
    /// nodes of the network: one with a node that can is [`STALL_AGE`] old, none of those has told it
    /// a header, and no new block is on its way that would tell it.
    pub fn is_stalled(&self, node: u32, connections: &[(u32, &Peer)], now: i64) -> bool {
        let Some((progress, (height, mined_at))) = self.look_up(node) else {
            return false;
        };
        let is_old = |since: i64| now.saturating_sub(since) >= STALL_AGE;
        let givers = connections
            .iter()
            .filter(|(other, _)| self.can_give(*other));
        let givers: Vec<&Peer> = givers.map(|(_, peer)| *peer).collect();
        !self.can_give(node)
            && progress.headers < height
            && is_old(mined_at)
            && givers.iter().any(|peer| is_old(peer.connected_at))
            && givers.iter().all(|peer| peer.synced_headers < 0)
    }

    fn look_up(&self, node: u32) -> Option<(&Progress, Best)> {
        Some((self.nodes.get(&node)?, *self.best.get(&node)?))
    }
}
