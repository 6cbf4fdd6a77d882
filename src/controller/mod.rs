//! Where all rooms meet: from one `BitcoinNetwork` to a ready network, and back to it whatever happens.
//!
//! | chapter | one idea |
//! |---|---|
//! | [`workers`] | a key, a pass, and one match that decides about trying again; knows nothing of Bitcoin |
//! | [`controller`] | events in, keys out |
//! | [`journal`] | why each key was last called, and what came of it |
//! | [`reconciler`] | one pass, from what is to what should be |
//! | [`desired`] | pure: what a network should own |
//! | [`difference`] | pure: whether an object has all we want |
//! | [`ownership`] | whose object it is |
//! | [`provide`] | credentials, Service and StatefulSet are there and right |
//! | [`chain_loss`] | a chain that is gone is said to be gone |
//! | [`claims`] | volumes of an earlier network of the same name |
//! | [`credentials`] | who may use the nodes' RPC |
//! | [`own_secret`] | the Secret we make: credentials, the wallet's seed, where the nodes are |
//! | [`nodes`] | what each node says of itself |
//! | [`pods`] | pure: pods as a network sees them, and which to replace |
//! | [`wiring`] | pure: what a spec asks of the links |
//! | [`flush`] | what is on volumes survives a kill |
//! | [`link`], [`outside`] | who is connected with whom, within the network and without |
//! | [`wallet`] | a wallet with money, on one of the nodes |
//! | [`mining`], [`mine`] | blocks that were declared: what is due, and mining it |
//! | [`tend`] | asking the nodes, replacing pods |
//! | [`status`] | pure: from what was seen to the status |
//! | [`report`], [`reorganisation`] | telling it: status and events |
//! | [`caches`], [`memory`], [`own_writes`] | what is known without asking |
//! | [`reach`], [`problem`], [`reasons`], [`digest`] | small words the others use |

pub mod caches;
pub mod chain_loss;
pub mod claims;
#[allow(
    clippy::module_inception,
    reason = "the chapter and the room have one name in client-go, too"
)]
pub mod controller;
pub mod credentials;
pub mod desired;
pub mod difference;
pub mod digest;
pub mod flush;
pub mod journal;
pub mod link;
pub mod memory;
pub mod mine;
pub mod mining;
pub mod nodes;
pub mod outside;
pub mod own_secret;
pub mod own_writes;
pub mod ownership;
pub mod pods;
pub mod problem;
pub mod provide;
pub mod reach;
pub mod reasons;
pub mod reconciler;
pub mod reorganisation;
pub mod report;
pub mod status;
pub mod tend;
pub mod wallet;
pub mod wiring;
pub mod workers;

pub use controller::{Controller, ControllerOptions};
pub use reach::Reach;
pub use workers::{Action, PassObserver, PassRecord, PassResult, Reconciler, Workers};
