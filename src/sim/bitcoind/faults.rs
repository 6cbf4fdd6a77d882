//! What can be wrong with a node, on request.

use std::time::Duration;

/// What is wrong with one node; the default is nothing. Set through
/// [`PeerNetwork::set_faults`](crate::sim::bitcoind::PeerNetwork::set_faults); it outlives restarts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// It stands still, as after SIGSTOP: it accepts connections and answers nothing.
    pub hung: bool,
    /// It is cut off from the pod network: every packet to and from it is lost, none is refused.
    pub cut: bool,
    /// It completes no handshake with peers; RPC is as ever.
    pub no_handshake: bool,
    /// It answers 401, whatever the password.
    pub refuses_credentials: bool,
    /// Every RPC and REST answer comes this much later.
    pub delay: Duration,
    /// It does what this method asks for, but the connection breaks before the answer.
    pub loses_answers_to: Option<&'static str>,
    /// Its next starts stay in warm-up this much longer.
    pub warm_up: Duration,
    /// Its next starts end at once with exit code 1.
    pub fails_to_start: bool,
}
