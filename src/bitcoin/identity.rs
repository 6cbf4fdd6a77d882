//! Who a peer is: the comment in its user agent.
//!
//! Addresses do not say who somebody is. They are given to the next node when one dies, an inbound
//! connection shows an ephemeral port, and on loopback everybody is 127.0.0.1. So each node of a
//! network is started with `-uacomment=NETWORK.NODE` and says so to whoever it meets, in the
//! first message after connecting.
//!
//! ```text
//!   /Satoshi:29.4.3(1f2e3d4c.my-network-sts-0)/Knots:20260508/
//!                   ^^^^^^^^ ^^^^^^^^^^^^^^^^
//!                   network  node
//! ```
//!
//! # Invariants
//! - A network's mark is 8 hexadecimal digits in lower case, a node's name 1 to 63 of `a-z 0-9 -`:
//!   nothing in it needs care in a log or an event, whoever sent it.
//! - `Identity::from_subver` of a user agent with `-uacomment={identity}` is that identity.
//!
//! # Example
//! ```
//! use bitcoin_controller::bitcoin::Identity;
//! let subver = "/Satoshi:29.4.3(1f2e3d4c.my-network-sts-0)/Knots:20260508/";
//! let identity = Identity::from_subver(subver).expect("it has our kind of comment");
//! assert_eq!((identity.network(), identity.node()), ("1f2e3d4c", "my-network-sts-0"));
//! assert_eq!(identity.to_string(), "1f2e3d4c.my-network-sts-0");
//! assert_eq!(Identity::from_subver("/Satoshi:31.0.0(my laptop)/"), None);
//! ```
//!
//! # Source
//! BIP 14; `FormatSubVersion` in Bitcoin Core's `src/clientversion.cpp` joins several comments with
//! `"; "`. A comment proves nothing: anybody can send any. On a test network that is enough.

use std::fmt;

/// A node of a network, as it introduces itself. `Display` is the value of `-uacomment`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    network: String,
    node: String,
}

impl Identity {
    /// `None` if `network` is not 8 hexadecimal digits in lower case, or `node` not 1 to 63 of
    /// `a-z 0-9 -`.
    pub fn new(network: &str, node: &str) -> Option<Self> {
        let hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let name = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'z' | b'-');
        let sound = network.len() == NETWORK_LENGTH
            && network.bytes().all(hex)
            && (1..=MAX_NODE_LENGTH).contains(&node.len())
            && node.bytes().all(name);
        sound.then(|| Identity {
            network: network.to_owned(),
            node: node.to_owned(),
        })
    }

    /// Finds the first comment of our kind in a user agent (`subver` of a peer, `subversion` of a
    /// node). `None`: it is none of ours, of whatever network.
    pub fn from_subver(subver: &str) -> Option<Self> {
        let groups = subver.split('(').skip(1);
        groups
            .filter_map(|group| group.split_once(')'))
            .flat_map(|(comments, _)| comments.split("; "))
            .find_map(|comment| {
                let (network, node) = comment.split_once('.')?;
                Identity::new(network, node)
            })
    }

    /// The mark of its network.
    pub fn network(&self) -> &str {
        &self.network
    }

    /// Its name within the network.
    pub fn node(&self) -> &str {
        &self.node
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.network, self.node)
    }
}

/// How long a network's mark is, in characters.
pub const NETWORK_LENGTH: usize = 8;

/// How long a node's name may be, in bytes: a DNS label.
pub const MAX_NODE_LENGTH: usize = 63;
