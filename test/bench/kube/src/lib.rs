//! The program of the benchmarks on kube-rs, used the way its documentation recommends for a controller.
//!
//! ```text
//! watcher ─▶ default_backoff ─▶ Indexing ─▶ reflect ─▶ Giving ─▶ applied_objects ─▶ Controller::for_stream
//!            (an event)          two maps    Store      counts    (an object)        scheduler, one worker
//! ```
//!
//! - The first state comes as events of a watch (`Config::streaming_lists`), with `--list` in pages of 500 (kube's default).
//! - `typed` is `k8s_openapi`'s Pod and Node and a derived `CustomResource`; `metadata` is `Api<PartialObjectMeta<K>>`, which
//!   replaced `metadata_watcher` in kube 3.1.
//! - The store is the reflector's; the queue is the `Controller`'s own, with a concurrency of 1 and no requeue by time.
//! - Several handlers are subscribers of one shared stream (`reflector::store_shared`), with the buffer of kube's example.
//! - The streams run as tasks of a multi-thread runtime (`#[tokio::main]`): on one core, one worker runs all of it.
//! - `--prune` clears `managedFields` before an object is stored (`WatchStreamExt::modify`), which the guide advises.
//!
//! A watch that is refused with 410 as a *status* is tried again from the same version for ever: `kube-runtime` 5.0.0 lists
//! anew only after an ERROR event of 410 (`watcher.rs`, `State::InitListed`). A relist is to be had by the latter.
//!
//! **Source**: <https://kube.rs/controllers/streams/>, <https://kube.rs/controllers/optimization/>,
//! <https://github.com/kube-rs/kube/blob/main/examples/shared_stream_controllers.rs>.

#[cfg(feature = "count")]
pub mod count;
pub mod flags;
pub mod indices;
pub mod informer;
pub mod network;
pub mod objects;
pub mod orders;
pub mod record;
