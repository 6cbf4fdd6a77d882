//! An API server whose answers a test may choose, and which remembers what it was sent: client-go's
//! `testing`, one layer lower.
//!
//! In Go a fake clientset takes the client's place. Here the client is the real one, and only the
//! network under it is a [`Fake`]: each HTTP request is read as an [`Action`], recorded, and shown to
//! reactors; the first that handles it answers, and after the last one the pretend API server does,
//! with its store as the object tracker. So a fault, an apply, a watch that breaks off pass through the
//! client's every line, as bytes.
//!
//! | concept | client-go | here |
//! |---|---|---|
//! | fake clientset | `fake.NewSimpleClientset(objects…)` | a real client over [`Fake::transport`] |
//! | reactor | `PrependReactor`, `AddReactor` | [`Fake::prepend_reactor`], [`Fake::append_reactor`] |
//! | handled or not | `(handled bool, object, err)` | [`Reaction`] |
//! | what was sent | `Actions()`, `ClearActions()`, `Matches` | [`Fake::actions`], [`Fake::clear_actions`], [`Action::matches`] |
//! | watch by hand | `watch.NewFake()`, `PrependWatchReactor` | [`Fake::prepend_watch`], [`FakeWatcher`] |
//! | object tracker | `ObjectTracker` | [`sim::Store`](crate::sim::Store) behind [`sim::ApiServer`](crate::sim::ApiServer) |
//! | source for a reflector | `FakeControllerSource`: `Add`, `Modify`, `Delete` | the same store's `create`, `update`, `delete` |
//! | all are to list again | its `ResetWatch` | [`Store::compact`](crate::sim::Store::compact), then [`Faults::cut_watches`](crate::sim::Faults::cut_watches) |
//! | a missed event | its `AddDropWatch` and the like | a change while a [`FakeWatcher`] says nothing of it |
//!
//! **When to use it.** One part, one answer: "what does it do when the server says 429?", "what does it
//! send?". When the question is whether things end well, take the [`sim`](crate::sim) without a fake: a
//! world in which the controller works, and look at its state. A test that compares lists of calls is
//! green as long as the calls are those the author thought of, and red when somebody finds better ones;
//! beware of tests that are green on a mock.
//!
//! # Invariants
//! - Without reactors a fake is its server: the client cannot tell them apart.
//! - What was sent is on record before anybody reacts, and no reactor can change the record.
//!
//! # Example
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?.block_on(async {
//! use bitcoin_controller::api::core::Secret;
//! use bitcoin_controller::client::{Client, Config, ListParams, Scope};
//! use bitcoin_controller::testing::{Fake, Reaction};
//! use serde_json::json;
//!
//! let fake = Fake::new();
//! let client = Client::new(Config::plain("http://fake")?, fake.transport())?;
//!
//! // The first write is refused; whatever else is asked, the server behind the fake answers.
//! let mut refusals = vec![Reaction::server_error()];
//! fake.prepend_reactor("create", "secrets", move |_| refusals.pop().unwrap_or(Reaction::Pass));
//!
//! let secret = json!({"metadata": {"name": "alpha"}});
//! assert!(client.create::<Secret>("default", &secret).await.is_err());
//! assert!(client.create::<Secret>("default", &secret).await.is_ok());
//! let found = client.list_all::<Secret>(&Scope::Namespace("default".into()), &ListParams::default()).await?;
//! assert_eq!(found.len(), 1);
//!
//! let sent: Vec<String> = fake.actions().iter().map(ToString::to_string).collect();
//! assert_eq!(sent, ["create secrets default/alpha", "create secrets default/alpha", "list secrets in default"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Source
//! client-go `testing/{fake,fixture,actions}.go`, `tools/cache/testing/fake_controller_source.go`.
//!
//! # What differs
//! - The tracker refuses stale versions, names objects, stamps them with uid and version, honours
//!   finalizers, sends bookmarks, streams lists, and forgets: what client-go's leaves out, and where
//!   controllers break.
//! - No lock is held while a reactor runs; in Go, one that calls the client waits for ever.
//! - An apply is a verb of its own, `apply`; in Go it is a `patch`. Deletion of many is
//!   `deletecollection`, as in a role.
//! - A watch that no reactor handles is the server's, not an error.
//! - The tracker leaves no event out of a watch, as no server does: only a watch by hand can.
//! - What a client sends again by itself (after a 429, a lost connection) is on record again.

pub mod action;
pub mod fake;
pub mod reaction;
mod relay;

pub use action::Action;
pub use fake::Fake;
pub use reaction::{FakeWatcher, Reaction, WatchEvents};
