//! What nodes are started with, and the hash by which it is seen that a pod was started with something else.
//!
//! # Invariants
//! - The same image, credentials and node spec give the same hash, in every version of this program: a
//!   network that asks for none of the fields of [`NodeSpec`] has the hash it had before they existed.

use crate::bitcoin::credentials::{Credentials, rpcauth_line};
use crate::controller::desired::NodeSpec;
use crate::controller::digest;

/// What a network's nodes are started with: whatever changes here needs a restart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Startup {
    /// The container image.
    pub image: String,
    /// One salted line for each pair of credentials.
    pub rpcauth: Vec<String>,
    /// What the spec says about each node.
    pub node: NodeSpec,
}

impl Startup {
    /// The lines for our own credentials and for those that were added, salted by a secret of ours: the
    /// same credentials give the same lines, and nobody can prepare for the salt.
    pub fn new(
        image: String,
        node: NodeSpec,
        own: &Credentials,
        added: Option<&Credentials>,
    ) -> Self {
        let line = |credentials: &Credentials| {
            let salt = digest::keyed(own.password(), &["rpcauth salt", credentials.user()]);
            rpcauth_line(credentials.user(), credentials.password(), &salt[..32])
        };
        let rpcauth = std::iter::once(own).chain(added).map(line).collect();
        Startup {
            image,
            rpcauth,
            node,
        }
    }

    /// Changes when pods have to be replaced.
    pub fn restart_hash(&self) -> String {
        let asked = self.node.hash_parts();
        let parts: Vec<&str> = std::iter::once(&self.image)
            .chain(&self.rpcauth)
            .chain(&asked)
            .map(String::as_str)
            .collect();
        digest::of(&parts)[..16].to_owned()
    }
}
