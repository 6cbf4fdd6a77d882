//! A copy of one kind's objects, kept in step with the API server, and the news of what changed.
//!
//! ```text
//!   API server ──list, watch──> Reflector ──> Distribution ──┬──> Indexer <──reads── Lister
//!                                     (one section, no await) ├──> Backlog ──> Subscription
//!                                                             └──> Backlog ──> Subscription
//! ```
//!
//! In reading order:
//!
//! | question | chapter |
//! |---|---|
//! | what is asked of the server | [`list_watch`] |
//! | who asks, for ever, and what next when it breaks | [`reflector`], [`reflector_options`]; the table of [`next_step`] |
//! | how does a whole state come in, at no cost in memory | [`initial_events`], [`pager`]; [`next_state`] |
//! | who keeps the answers, and who reads them | [`reflector_store`], [`indexer`]; [`lister`] |
//! | what has changed, and where does that wait for a slow handler | [`notification`], [`backlog`] |
//! | how does a handler get it | [`subscription`]; synced or never: [`milestone`] |
//! | how do store and handlers agree without a gap | [`distribution`] |
//! | one handle around all of it | [`shared_informer`] |
//! | what becomes of objects that cannot be read | [`quarantine`] |
//! | what can be said about all this in numbers | [`tally`] |
//! | waiting for one thing, without a cache | [`retry_watcher`] |
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
pub mod tally;

pub use backlog::Backlog;
pub use indexer::{Index, Indexer};
pub use list_watch::{ApiListWatch, ListWatch};
pub use lister::{Lister, Selector};
pub use next_state::NextState;
pub use notification::{After, Change, Notification};
pub use quarantine::{Quarantine, Quarantined};
pub use reflector::Reflector;
pub use reflector_options::{ReflectorOptions, WatchErrorHandler};
pub use reflector_store::ReflectorStore;
pub use retry_watcher::RetryWatcher;
pub use shared_informer::{InformerOptions, SharedInformer};
pub use subscription::{Registration, Subscription, SubscriptionOptions};
pub use tally::InformerTally;
