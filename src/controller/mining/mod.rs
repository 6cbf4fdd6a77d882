//! Blocks that a network's owner has declared: which is due next, when, on which node, and what is told.
//!
//! A block that is mined twice is two blocks, and the network is split until a third decides. So the
//! order is: say in the status what is about to be mined, and only if that could be said, mine it. The
//! status is written by compare-and-swap (an apply that carries the `resourceVersion` that was read), so
//! of two who want the same only one is told "yes". What stands there, the *reservation*, says all that we
//! choose: the block's height, the block before it, the node that is given it, its time. Whoever finds a
//! reservation mines that block and no other, on that node and no other. What it does not say is which
//! transactions the node would take: if these have changed, two attempts are two blocks, but both are
//! that one node's, and it keeps the first.
//!
//! ```text
//!   Plan (spec) ┐
//!   View (nodes)├─> decide ─> Rest(why) | Reserve(next) ──compare-and-swap──┐ 409: somebody else was quicker
//!   MiningStatus┘                       | GoOn(next) <──────────────────────┘
//!                                             └─> template, assemble, solve, submit   (job)
//! ```
//!
//! # What happens when the controller is killed
//! | it was killed | what is there | what the next one does |
//! |---|---|---|
//! | before the reservation | nothing | decides anew, and comes to the same |
//! | after it, before the block was handed in | an open reservation; the chain is one short of it | waits [`PATIENCE`], then makes the block anew and hands it in |
//! | when the answer to the reservation was lost | the same | the same |
//! | when the answer to the block was lost | a reservation and perhaps the block | asks the node: the chain has it, or as above, and the node says `duplicate` if it came meanwhile |
//! | after the block was accepted, before the status says so | the chain has reached the reservation | sees that it is done, asks for the block, and notes it as the last if it is ours |
//! | in the middle of a run of blocks | an open reservation, its first block's parent in the chain | goes on from where the node's chain ends |
//!
//! The same without a death: who gets a 409 does nothing and looks again; a controller that lost its lease
//! is in the first column, and its successor in the last.
//!
//! # Invariants
//! - No block is handed in that is not in the status.
//! - A reservation is mined on its own node only, on the block it names, by values it determines. Another
//!   takes its place only when the chain has reached it, its parent is no longer in the chain, its node is
//!   gone, or it is so old ([`STALE`](decide::STALE)) that nothing of it can be on its way any more.
//! - Nothing is mined before all wanted links are there, nor on a node that is behind its side.
//! - Nothing is mined on its own account where the nodes' best blocks differ: a fork is mined away only by
//!   blocks that were asked for.
//!
//! With partitions every side has a chain of its own: miners are chosen as declared, and heights are those
//! of the chosen miner's side, so both sides grow as their miners are chosen.
//!
//! | chapter | one idea |
//! |---|---|
//! | [`plan`] | what is asked for, checked |
//! | [`view`] | what the nodes have, side by side |
//! | [`decide`](mod@decide) | pure: from plan, view and reservation to the next step |
//! | [`job`] | making blocks and handing them in |
//! | [`bench`](mod@bench) | what is kept between passes: nothing that cannot be lost |

pub mod bench;
pub mod decide;
pub mod job;
pub mod plan;
pub mod view;

use std::time::Duration;

use crate::api::network::MiningStatus;

pub use bench::Bench;
pub use decide::{Decision, Step, decide};
pub use plan::Plan;
pub use view::{Tip, View};

/// How long a reservation that somebody else made is left to them while nothing comes of it: much longer than
/// a node that is well takes. One that is not gets a second block for the same place, and keeps the first.
pub const PATIENCE: Duration = Duration::from_secs(3);

/// What a pass found out about mining, for the status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// What is reserved and what was mined last.
    pub record: MiningStatus,
    /// Whether what was asked for holds.
    pub verdict: Verdict,
}

/// Whether what was asked for holds, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// It does.
    pub holds: bool,
    /// One of [`reasons`](crate::controller::reasons).
    pub reason: &'static str,
    /// For people.
    pub message: String,
}

impl Verdict {
    /// It holds.
    pub fn yes(reason: &'static str, message: impl Into<String>) -> Self {
        Verdict {
            holds: true,
            reason,
            message: message.into(),
        }
    }

    /// It does not.
    pub fn no(reason: &'static str, message: impl Into<String>) -> Self {
        Verdict {
            holds: false,
            reason,
            message: message.into(),
        }
    }
}
