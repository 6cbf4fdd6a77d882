//! An informer with two indices, handlers, a queue, one worker.
//!
//! ```text
//!   informer ──> first handler ──key──> queue ──> worker ──reads──> store
//!            └─> further handlers: count, note probes; the last may be slow
//! ```

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bitcoin_controller::api::ObjectKey;
use bitcoin_controller::base::Report;
use bitcoin_controller::cache::{
    ApiListWatch, InformerOptions, Lister, Notification, Registration, SharedInformer,
    Subscription, SubscriptionOptions,
};
use bitcoin_controller::client::{Client, Config, Scope};
use bitcoin_controller::workqueue::{RateLimitingQueue, default_controller_rate_limiter};
use serde_json::json;
use tokio::select;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::flags::{Flags, Shape};
use crate::notes::{Progress, Sightings, now, version};
use crate::orders::{self, say};
use crate::shapes::{ByNamespace, ByOwner, Read};

/// How many objects a page of a list has.
const PAGE_SIZE: u32 = 500;

/// What the parts tell each other.
pub struct Program<R: Read> {
    pub lister: Lister<R>,
    queue: RateLimitingQueue<ObjectKey>,
    pub progress: Progress,
    pub reconciled: Sightings,
    /// Of the last of the fast handlers beside the first.
    pub handled: Sightings,
}

/// Runs until standard input ends.
///
/// # Errors
/// The server's address is none, or what it sends or what is ordered cannot be understood.
pub async fn run<R: Read>(flags: &Flags) -> Result<(), Report> {
    let informer = informer::<R>(flags)?;
    let program = Arc::new(Program {
        lister: informer.lister(),
        queue: RateLimitingQueue::new(default_controller_rate_limiter()),
        progress: Progress::default(),
        reconciled: Sightings::default(),
        handled: Sightings::default(),
    });
    let mut tasks = JoinSet::new();
    let mut handlers = Vec::new();

    let first = informer.subscribe(SubscriptionOptions::default());
    handlers.push(first.registration());
    tasks.spawn(enqueue(first, program.clone()));
    for further in further_handlers(flags) {
        let subscription = informer.subscribe(SubscriptionOptions::default());
        handlers.push(subscription.registration());
        tasks.spawn(further.run(subscription, program.clone()));
    }
    tasks.spawn(reconcile(program.clone()));
    tasks.spawn(say_when_synced(handlers, program.clone()));
    tasks.spawn(async move {
        informer.run(CancellationToken::new()).await;
        Ok(())
    });

    select! {
        biased;
        result = orders::serve(&program) => result,
        result = first_failure(&mut tasks) => result,
    }
}

fn informer<R: Read>(flags: &Flags) -> Result<SharedInformer<R>, Report> {
    let client = Client::connect(Config::plain(&flags.server)?)?;
    let options = InformerOptions {
        initial_events: !flags.list,
        page_size: flags.list.then_some(PAGE_SIZE),
        watch_error_handler: Some(Arc::new(|error| eprintln!("bench-ours: {error}"))),
        ..InformerOptions::default()
    };
    let informer = SharedInformer::new(ApiListWatch::new(client, Scope::All), options);
    informer.add_index::<ByNamespace>();
    if flags.shape == Shape::P {
        informer.add_index::<ByOwner>();
    }
    Ok(informer)
}

/// The first handler: a change becomes a key.
async fn enqueue<R: Read>(
    mut changes: Subscription<R>,
    program: Arc<Program<R>>,
) -> Result<(), Report> {
    while let Some(notification) = changes.next().await {
        program.queue.add(notification.key());
        let version = version(notification.object().metadata())?;
        program
            .progress
            .note(version, |counts| match &notification {
                Notification::Added { .. } => counts.added += 1,
                Notification::Updated { .. } => counts.updated += 1,
                Notification::Deleted { .. } => counts.deleted += 1,
            });
    }
    Ok(())
}

/// A handler beside the first.
struct Further {
    sleeps: Duration,
    /// Whether the runner asks when this one was told.
    is_asked: bool,
}

/// Of the fast ones the last is asked; the slow one comes after them, if there is one.
fn further_handlers(flags: &Flags) -> Vec<Further> {
    let n = flags.handlers - 1;
    let n_slow = usize::from(!flags.slow.is_zero()).min(n);
    let fast = |number| Further {
        sleeps: Duration::ZERO,
        is_asked: number + n_slow == n,
    };
    let slow = |_| Further {
        sleeps: flags.slow,
        is_asked: false,
    };
    (1..=n - n_slow)
        .map(fast)
        .chain((0..n_slow).map(slow))
        .collect()
}

impl Further {
    async fn run<R: Read>(
        self,
        mut changes: Subscription<R>,
        program: Arc<Program<R>>,
    ) -> Result<(), Report> {
        let (count, own) = (AtomicU64::new(0), Sightings::default());
        let sightings = match self.is_asked {
            true => &program.handled,
            false => &own,
        };
        while let Some(notification) = changes.next().await {
            count.fetch_add(1, Ordering::Relaxed);
            sightings.note(notification.object().metadata())?;
            if !self.sleeps.is_zero() {
                sleep(self.sleeps).await;
            }
        }
        Ok(())
    }
}

/// The worker: takes a key, reads the object, and has nothing to do.
async fn reconcile<R: Read>(program: Arc<Program<R>>) -> Result<(), Report> {
    let mut is_first = true;
    while let Some(key) = program.queue.get().await {
        if is_first {
            say(&json!({"reconciled": now()}))?;
            is_first = false;
        }
        if let Some(object) = program.lister.get(&key) {
            program.reconciled.note(object.metadata())?;
        }
        program.queue.forget(&key);
    }
    Ok(())
}

async fn say_when_synced<R: Read>(
    handlers: Vec<Registration<R>>,
    program: Arc<Program<R>>,
) -> Result<(), Report> {
    for handler in handlers {
        handler.wait_until_synced().await;
    }
    let at = now();
    say(&json!({"synced": orders::all(&program.lister).len(), "at": at}))
}

/// Ends with the first task that fails, and never without.
async fn first_failure(tasks: &mut JoinSet<Result<(), Report>>) -> Result<(), Report> {
    while let Some(outcome) = tasks.join_next().await {
        outcome??;
    }
    pending().await
}
