//! A copy of one kind's objects, kept in step with the API server, and the news of what changed.
//!
//! ```text
//!   API server ──list, watch──> Reflector ──> Distribution ──┬──> Indexer <──reads── Lister
//!                                     (one section, no await) ├──> Backlog ──> Subscription
//!                                                             └──> Backlog ──> Subscription
//! ```
//!
//! Read in this order: [`list_watch`] is the question, [`reflector`] asks it for ever (a whole state
//! by [`initial_events`] or [`pager`], compared as it arrives in [`next_state`]; what when, in
//! [`next_step`]), [`indexer`] keeps the answers, [`notification`] says what changed, [`backlog`] keeps that for
//! a slow reader, [`subscription`] hands it out, [`distribution`] ties them together without a
//! gap, and [`shared_informer`] is the handle around all of it. [`quarantine`] is about objects
//! that cannot be read, [`lister`] about reading, [`retry_watcher`] about waiting for one thing without a cache.
//!
//! # What differs from client-go as a whole
//! - There is no queue between reflector and store (DeltaFIFO, RealFIFO): the reflector's task
//!   stores an object and tells everybody in one section without an await. What a queue would
//!   hold for a slow handler is in that handler's own backlog.
//! - Handlers are [`Subscription`]s, pulled from by whoever made them; nobody is called back.
//! - No transform functions: the types of `api` declare only what is read.
//! - No factory: `run` builds the informers it needs and starts each.

pub mod backlog;
pub mod distribution;
pub mod indexer;
pub mod initial_events;
pub mod list_watch;
pub mod lister;
pub mod milestone;
pub mod next_state;
pub mod next_step;
pub mod notification;
pub mod pager;
pub mod quarantine;
pub mod reflector;
pub mod reflector_options;
pub mod reflector_store;
pub mod retry_watcher;
pub mod shared_informer;
pub mod subscription;

pub use backlog::Backlog;
pub use indexer::{Index, Indexer};
pub use list_watch::{ApiListWatch, ListWatch};
pub use lister::{Lister, Selector};
pub use next_state::NextState;
pub use notification::{After, Change, Notification};
pub use quarantine::{Quarantine, Quarantined};
pub use reflector::Reflector;
pub use reflector_options::{ErrorObserver, ReflectorOptions};
pub use reflector_store::ReflectorStore;
pub use retry_watcher::RetryWatcher;
pub use shared_informer::{InformerOptions, SharedInformer};
pub use subscription::{Registration, Subscription, SubscriptionOptions};
