//! Who belongs to a network: its mark, and the names of its nodes.
//!
//! A network is meant to have nodes 0 to `size - 1`. Whoever a node meets says who it is
//! ([`Identity`]); here that is compared with what the network should be.
//!
//! # Invariants
//! - Each member has one identity, and no two have the same.
//!
//! # Example
//! ```
//! use bitcoin_controller::bitcoin::members::{Members, Membership};
//! use bitcoin_controller::bitcoin::Identity;
//! let members = Members::new("1f2e3d4c", "my-network-sts-", 3).expect("a sound name");
//! let is = |network, node| Some(members.membership(&Identity::new(network, node)?));
//! assert_eq!(is("1f2e3d4c", "my-network-sts-2"), Some(Membership::Member(2)));
//! assert_eq!(is("1f2e3d4c", "my-network-sts-3"), Some(Membership::Former));
//! assert_eq!(is("00000000", "my-network-sts-2"), Some(Membership::Stranger));
//! ```

use std::collections::BTreeSet;

use crate::bitcoin::identity::Identity;

/// The nodes a network is meant to have: ordinals 0 to `size - 1`, all under one mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Members {
    network: String,
    name_prefix: String,
    size: u32,
    friends: BTreeSet<String>,
}

/// What a network has to say about somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Membership {
    /// The node with this ordinal.
    Member(u32),
    /// It carries this network's mark but is none of its nodes: scaled away, or never one.
    Former,
    /// It belongs to another network, which is a friend.
    Friend,
    /// It belongs to another network.
    Stranger,
}

impl Members {
    /// The node with ordinal `i` calls itself `name_prefix` and `i`. `None` if `network` or the names
    /// cannot stand in an [`Identity`].
    pub fn new(network: &str, name_prefix: &str, size: u32) -> Option<Self> {
        let longest = format!("{name_prefix}{size}");
        Identity::new(network, &longest)?;
        Some(Members {
            network: network.to_owned(),
            name_prefix: name_prefix.to_owned(),
            size,
            friends: BTreeSet::new(),
        })
    }

    /// The same with networks that are friends, by their marks: both have asked for one another.
    #[must_use]
    pub fn with_friends(mut self, marks: impl IntoIterator<Item = String>) -> Self {
        self.friends.extend(marks);
        self
    }

    /// The network's mark.
    pub fn network(&self) -> &str {
        &self.network
    }

    /// How many nodes there are meant to be.
    pub fn size(&self) -> u32 {
        self.size
    }

    /// Who the node with this ordinal says it is.
    pub fn identity(&self, ordinal: u32) -> Option<Identity> {
        Identity::new(&self.network, &format!("{}{ordinal}", self.name_prefix))
    }

    /// Whether, and where, `identity` belongs here.
    pub fn membership(&self, identity: &Identity) -> Membership {
        if identity.network() != self.network {
            return match self.friends.contains(identity.network()) {
                true => Membership::Friend,
                false => Membership::Stranger,
            };
        }
        let ordinal = identity.node().strip_prefix(self.name_prefix.as_str());
        match ordinal.and_then(|ordinal| ordinal.parse().ok()) {
            // Formed again and compared, because "007" is a number, too.
            Some(ordinal)
                if ordinal < self.size && self.identity(ordinal).as_ref() == Some(identity) =>
            {
                Membership::Member(ordinal)
            }
            _ => Membership::Former,
        }
    }
}
