//! What each node says of itself, asked of all of them at once.
//!
//! A node is asked three questions over one connection: which chain, who are you, who are your peers.
//! Every question has a deadline and the whole round has one, so a node that hangs costs its own
//! answer and nobody else's. A node that refuses our password is asked for its chain over REST, which
//! needs none: it can then still be judged while it waits to be replaced.
//!
//! # Invariants
//! - The answers are in the order of the ordinals, one for each pod that was to be asked.
//! - Only a node that answered with our credentials, in this round, has `peers`: only it may be dialled
//!   or told to dial.
//! - At most [`AT_ONCE`] nodes are asked at the same time, for at most [`ROUND_DEADLINE`] in all.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use crate::bitcoin::{BlockchainInfo, Error, NetworkInfo, Peer, RpcClient};

/// How many nodes are asked at the same time.
pub const AT_ONCE: usize = 64;

/// How long a round may take: well within a reconcile's own deadline.
pub const ROUND_DEADLINE: Duration = Duration::from_secs(8);

/// What one node said.
#[derive(Clone, Debug)]
pub enum Answer {
    /// It answered with our credentials.
    Full {
        /// Its chain.
        chain: BlockchainInfo,
        /// Itself.
        network: NetworkInfo,
        /// Who it is connected to.
        peers: Vec<Peer>,
    },
    /// It refuses our credentials; this is its chain, if it has REST.
    Unauthorized(Option<BlockchainInfo>),
    /// It is starting.
    WarmingUp,
    /// It did not answer, and why.
    None(String),
}

impl Answer {
    /// Its chain, however it was learnt.
    pub fn chain(&self) -> Option<&BlockchainInfo> {
        match self {
            Answer::Full { chain, .. } => Some(chain),
            Answer::Unauthorized(chain) => chain.as_ref(),
            Answer::WarmingUp | Answer::None(_) => None,
        }
    }

    /// Whether it refuses our credentials.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Answer::Unauthorized(_))
    }

    /// Whether it answered with our credentials.
    pub fn is_full(&self) -> bool {
        matches!(self, Answer::Full { .. })
    }
}

/// Asks every one of `nodes`, by ordinal.
///
/// # Cancel safety
/// It only reads; dropping the future ends all questions.
pub async fn ask_all(nodes: BTreeMap<i32, RpcClient>) -> BTreeMap<i32, Answer> {
    let deadline = Instant::now() + ROUND_DEADLINE;
    let permits = Arc::new(Semaphore::new(AT_ONCE));
    let mut answers: BTreeMap<i32, Answer> = nodes
        .keys()
        .map(|ordinal| (*ordinal, Answer::None("did not answer in time".to_owned())))
        .collect();
    let mut round = JoinSet::new();
    for (ordinal, rpc) in nodes {
        let permits = Arc::clone(&permits);
        round.spawn(async move {
            let _permit = permits.acquire_owned().await;
            (ordinal, ask(&rpc).await)
        });
    }
    while let Ok(Some(Ok((ordinal, answer)))) = timeout_at(deadline, round.join_next()).await {
        answers.insert(ordinal, answer);
    }
    answers
}

async fn ask(rpc: &RpcClient) -> Answer {
    match three_questions(rpc).await {
        Ok(answer) => answer,
        Err(error) if error.is_unauthorized() => {
            Answer::Unauthorized(rpc.rest().chain_info().await.ok())
        }
        Err(error) if error.is_warming_up() => Answer::WarmingUp,
        Err(error) => Answer::None(with_causes(&error)),
    }
}

async fn three_questions(rpc: &RpcClient) -> Result<Answer, Error> {
    let chain = rpc.get_blockchain_info().await?;
    let network = rpc.get_network_info().await?;
    let peers = rpc.get_peer_info().await?;
    Ok(Answer::Full {
        chain,
        network,
        peers,
    })
}

/// An error and its causes in one line.
fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| std::error::Error::source(*cause));
    std::iter::once(error.to_string())
        .chain(causes.map(ToString::to_string))
        .collect::<Vec<_>>()
        .join(": ")
}
