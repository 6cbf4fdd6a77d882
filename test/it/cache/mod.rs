//! Mirrors `src/cache`.

mod backlog;
mod distribution;
mod double;
mod faults;
mod indexer;
mod initial_events;
mod list_watch;
mod lister;
mod model;
mod next_state;
mod next_step;
mod objects;
mod quarantine;
mod reflector;
mod reflector_failures;
mod retry_watcher;
mod running;
mod shared_informer;
mod subscription;
mod tally;
