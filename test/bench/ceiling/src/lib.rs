//! Small pieces of work with fixed input: `bench-ceiling` counts their instructions, `bench-inside` their time.
//!
//! Each goes through the library's public API, on one thread, and where a server is needed it answers from
//! memory, so that no socket and no scheduler of the kernel takes part. What it needs is made by `prepare` and
//! does not count; what is left over is handed back, so that giving it up does not count either.
//!
//! | chapter | work |
//! |---|---|
//! | [`decode`] | bytes of the API server become objects |
//! | [`cache`] | events and lists go into the store, and who asks is answered |
//! | [`queue`] | keys in and out; the controller's whole loop with nothing to do |
//! | [`record`] | events are correlated |
//! | [`settled`] | a pass over a network that is as it should be |
//!
//! What they stand on: [`objects`] on the wire, a [`server`] in memory, an allocator that does the
//! [`count`].

pub mod cache;
pub mod count;
pub mod decode;
pub mod objects;
pub mod queue;
pub mod record;
pub mod server;
pub mod settled;

use std::any::Any;

/// A kind of work, by name.
#[derive(Clone, Copy)]
pub struct Workload {
    /// What it is called in `ceiling.json` and by `bench-inside`.
    pub name: &'static str,
    /// Makes everything that does not count.
    pub prepare: fn() -> Work,
    /// Whether timers of others go off meanwhile, so that no two runs allocate the same.
    pub has_timers: bool,
}

/// All workloads, in the order of the table.
pub const WORKLOADS: &[Workload] = &[
    workload("decode_pod", decode::pods),
    workload("list_pods", decode::list),
    workload("watch_pods", decode::watch_pods),
    workload("watch_networks", decode::watch_networks),
    workload("inform_pods", cache::inform),
    workload("relist_unchanged", cache::relist_unchanged),
    workload("indexer_update", cache::update),
    workload("indexer_by_index", cache::by_index),
    workload("queue_add_get_done", queue::add_get_done),
    workload(
        "controller_queue_add_get_done",
        queue::controller_add_get_done,
    ),
    workload("queue_add_after", queue::add_after),
    workload("loop_empty_reconcile", queue::loop_empty_reconcile),
    workload("correlate_event", record::correlate),
    Workload {
        name: "noop_reconcile",
        prepare: settled::noop_reconcile,
        has_timers: true,
    },
];

const fn workload(name: &'static str, prepare: fn() -> Work) -> Workload {
    Workload {
        name,
        prepare,
        has_timers: false,
    }
}

/// Work that is ready to be done, once.
pub struct Work {
    /// How many of the same there are in it: objects, keys, passes.
    pub units: u64,
    job: Box<dyn FnOnce() -> Box<dyn Any>>,
}

impl Work {
    /// `units` times the same; what `job` returns is dropped when nobody counts any more.
    pub fn new<T: 'static>(units: u64, job: impl FnOnce() -> T + 'static) -> Self {
        Work {
            units,
            job: Box::new(move || Box::new(job())),
        }
    }
}

/// Does the work, and returns what is left of it. The profiler counts within this function, known to it by name.
#[inline(never)]
pub fn measured(work: Work) -> Box<dyn Any> {
    // Not the last thing it does: a call at the end could become a jump, which a profiler does not see return.
    std::hint::black_box((work.job)())
}

/// A runtime of one thread, on which everything here runs.
pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime of one thread needs nothing")
}
