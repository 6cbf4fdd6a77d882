//! What is measured: names in the results, words in the table, targets.
//!
//! # Invariants
//! - A target stands here and nowhere else; whether it is reached is worked out from the results.

/// A target that this project has set itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target {
    AtMost(f64),
    AtLeast(f64),
    Exactly(f64),
}

impl Target {
    pub fn is_reached(self, value: f64) -> bool {
        match self {
            Target::AtMost(limit) => value <= limit,
            Target::AtLeast(limit) => value >= limit,
            Target::Exactly(wanted) => value == wanted,
        }
    }
}

/// One line of the table.
#[derive(Clone, Copy, Debug)]
pub struct Measure {
    /// In the results.
    pub name: &'static str,
    /// For people.
    pub words: &'static str,
    pub unit: &'static str,
    pub better: Better,
    pub target: Option<Target>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    Less,
    More,
    /// It says something about the run, and is won by nobody.
    Neither,
}

const fn less(name: &'static str, words: &'static str, unit: &'static str) -> Measure {
    Measure {
        name,
        words,
        unit,
        better: Better::Less,
        target: None,
    }
}

const fn more(name: &'static str, words: &'static str, unit: &'static str) -> Measure {
    Measure {
        better: Better::More,
        ..less(name, words, unit)
    }
}

const fn told(name: &'static str, words: &'static str, unit: &'static str) -> Measure {
    Measure {
        better: Better::Neither,
        ..less(name, words, unit)
    }
}

impl Measure {
    const fn at_most(self, limit: f64) -> Self {
        Measure {
            target: Some(Target::AtMost(limit)),
            ..self
        }
    }

    const fn at_least(self, limit: f64) -> Self {
        Measure {
            target: Some(Target::AtLeast(limit)),
            ..self
        }
    }

    const fn exactly(self, wanted: f64) -> Self {
        Measure {
            target: Some(Target::Exactly(wanted)),
            ..self
        }
    }
}

/// All of them, in the order of the table.
pub const ALL: &[Measure] = &[
    more(
        "watch_events",
        "watch: events to the store, P of 10 kB",
        "/s",
    )
    .at_least(40_000.0),
    told("watch_busy", "watch: how busy the program's core was", "%"),
    more("watch_10k", "watch: objects of 10 kB", "MB/s"),
    more("watch_100k", "watch: objects of 100 kB", "MB/s"),
    more("watch_1300k", "watch: objects of 1.3 MB", "MB/s"),
    told("watch_flat", "watch: 1.3 MB beside 10 kB", "ratio").at_least(0.9),
    less("sync_wall", "first sync of 10,000 P: start to synced", "ms"),
    less("sync_cpu", "first sync of 10,000 P: CPU", "ms").at_most(350.0),
    less("sync_peak", "first sync of 10,000 P: peak RSS", "MB").at_most(40.0),
    less(
        "sync_list_wall",
        "the same with lists: start to synced",
        "ms",
    ),
    less("sync_list_cpu", "the same with lists: CPU", "ms"),
    less("sync_list_peak", "the same with lists: peak RSS", "MB"),
    less("sync_gzip_cpu", "the same with gzip and lists: CPU", "ms"),
    less(
        "sync_gzip_peak",
        "the same with gzip and lists: peak RSS",
        "MB",
    ),
    less("sync_n_cpu", "first sync of 1,000 N: CPU", "ms"),
    less("sync_n_peak", "first sync of 1,000 N: peak RSS", "MB"),
    less("sync_c_cpu", "first sync of 10,000 C: CPU", "ms"),
    less("sync_c_peak", "first sync of 10,000 C: peak RSS", "MB"),
    less(
        "memory_live",
        "a cached P, two indices, after churn: live",
        "B",
    )
    .at_most(1_500.0),
    less(
        "memory_rss",
        "a cached P, two indices, after churn: RSS",
        "B",
    )
    .at_most(1_500.0),
    less(
        "relist_peak",
        "relist, 1 % changed: peak over steady RSS",
        "ratio",
    )
    .at_most(1.05),
    less(
        "relist_told",
        "relist, 100 of 10,000 changed: handler told",
        "times",
    )
    .exactly(100.0),
    less("queue_add_get_done", "queue: add, get, done", "ns").at_most(100.0),
    less(
        "queue_longest_add_1m",
        "queue: longest add, 1M queued",
        "ns",
    )
    .at_most(50_000.0),
    less(
        "queue_longest_add_growing_to_1m",
        "queue: longest add on the way to 1M",
        "ns",
    ),
    less("queue_delayed_item", "queue: a delayed item", "B").at_most(64.0),
    more("loop_empty_reconcile", "full loop, empty reconciler", "/s").at_least(2e6),
    less(
        "latency_p50",
        "probe sent to reconcile entered, 5,000 events/s: P50",
        "us",
    ),
    less(
        "latency_p99",
        "probe sent to reconcile entered, 5,000 events/s: P99",
        "us",
    )
    .at_most(1_000.0),
    less(
        "latency_max",
        "probe sent to reconcile entered, 5,000 events/s: longest",
        "us",
    ),
    less(
        "handlers_lag",
        "eight handlers, one sleeps 10 ms: the others' worst lag",
        "ms",
    )
    .at_most(5.0),
    less(
        "handlers_growth",
        "eight handlers, one sleeps 10 ms: growth of RSS",
        "MB",
    ),
    less("big_rss", "100,000 P: RSS", "MB").at_most(200.0),
    less(
        "big_controller_rss",
        "100,000 P: RSS of the whole controller",
        "MB",
    )
    .at_most(200.0),
    less("start_binary", "binary, stripped", "MB").at_most(6.0),
    less("start_idle_rss", "one object, idle: RSS", "MB").at_most(5.0),
    less("start_reconciled", "start to first reconcile", "ms").at_most(20.0),
    less(
        "start_controller_binary",
        "the whole controller: binary",
        "MB",
    )
    .at_most(6.0),
    less(
        "start_controller_idle_rss",
        "the whole controller, no network: RSS",
        "MB",
    )
    .at_most(5.0),
    less(
        "start_controller_request",
        "the whole controller: start to first request of a reconcile",
        "ms",
    )
    .at_most(20.0),
    less(
        "noop_reconcile",
        "a reconcile of a settled network of three",
        "ns",
    ),
    less("indexer_update", "indexer: update", "ns"),
    less("indexer_by_index", "indexer: look-up by index", "ns"),
    less("decode_pod", "decode a P", "ns"),
    less("correlate_event", "correlate an event", "ns"),
    less(
        "slow_handler_lag",
        "a slow handler in one process: the others' lag",
        "ms",
    ),
];

/// The measure called `name`.
pub fn named(name: &str) -> Option<&'static Measure> {
    ALL.iter().find(|measure| measure.name == name)
}
