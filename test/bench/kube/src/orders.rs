//! Orders from the runner, one a line, and their answers.

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader, stdin};

use crate::informer::Informer;
use crate::objects::{Watched, hash};
use crate::record::say;

/// Answers orders until there are no more.
///
/// # Errors
/// Names an order that is unknown or cannot be obeyed.
pub async fn obey<K: Watched>(mut informer: Informer<K>) -> Result<(), String> {
    let mut orders = BufReader::new(stdin()).lines();
    loop {
        tokio::select! {
            biased;
            ended = informer.tasks.join_next() => return Err(format!("the informer ended: {ended:?}")),
            order = orders.next_line() => match order.map_err(|error| format!("cannot read orders: {error}"))? {
                None => return Ok(()),
                Some(order) => say(&answer(&informer, &order).await?),
            },
        }
    }
}

async fn answer<K: Watched>(informer: &Informer<K>, order: &str) -> Result<Value, String> {
    match order.split_once(' ').unwrap_or((order, "")) {
        ("until", version) => {
            let version = version
                .parse()
                .map_err(|_| format!("`until` takes a resourceVersion, not {version:?}"))?;
            Ok(informer.record.until(version).await)
        }
        ("hash", "") => whole(informer),
        ("handled", "") => Ok(informer.record.changes()),
        ("probes", "") => Ok(informer.record.probes()),
        ("live", "") => live(),
        _ => Err(format!("unknown order {order:?}")),
    }
}

/// The hash of all that is in the store. The indices must hold the same objects, or the work was not done.
fn whole<K: Watched>(informer: &Informer<K>) -> Result<Value, String> {
    let objects = informer.store.state();
    let sum = objects
        .iter()
        .fold(0_u64, |sum, object| sum.wrapping_add(hash(object.as_ref())));
    let namespaced = objects
        .iter()
        .filter(|object| object.meta().namespace.is_some())
        .count();
    let indexed = informer
        .indices
        .lock()
        .expect("nobody panics while holding it")
        .counts();
    if indexed.0 != namespaced {
        return Err(format!(
            "the index holds {} objects, the store {namespaced}",
            indexed.0
        ));
    }
    Ok(json!({"hash": format!("{sum:016x}"), "count": objects.len()}))
}

#[cfg(feature = "count")]
fn live() -> Result<Value, String> {
    Ok(json!({"live": crate::count::live()}))
}

#[cfg(not(feature = "count"))]
fn live() -> Result<Value, String> {
    Err("`live` needs a build with the feature `count`".to_owned())
}
