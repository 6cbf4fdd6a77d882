//! What a node's container asks for and may use: what the spec says, over defaults that give way to it.
//!
//! # Invariants
//! - No request is greater than the limit of the same resource.
//! - A default never makes a sound wish unsound: it bends to what was asked for.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::api::network::Resources;
use crate::controller::desired::quantity::Quantity;

/// A little processor, and room for bitcoind at rest; measured, it needs 60 MiB.
const DEFAULT_REQUESTS: [(&str, &str); 2] = [("cpu", "50m"), ("memory", "128Mi")];

/// What its caches and a busy mempool may come to, with room to spare. Who lacks processor is slow, who lacks memory is killed.
const DEFAULT_LIMITS: [(&str, &str); 1] = [("memory", "1Gi")];

type Amounts = BTreeMap<String, Quantity>;

/// The `resources` of a container.
///
/// # Errors
/// The field that is wrong, and why.
pub(super) fn of(asked: Option<&Resources>) -> Result<Value, String> {
    let asked = asked.cloned().unwrap_or_default();
    let mut requests = read("requests", &asked.requests)?;
    let mut limits = read("limits", &asked.limits)?;
    for (name, request) in &requests {
        if let Some(limit) = limits.get(name).filter(|limit| *limit < request) {
            return Err(format!(
                "`resources.requests.{name}` is {request}, more than the limit of {limit}"
            ));
        }
    }
    for (name, default) in amounts(&DEFAULT_REQUESTS) {
        let limit = limits.get(&name).copied().unwrap_or(default);
        requests.entry(name).or_insert(default.min(limit));
    }
    for (name, default) in amounts(&DEFAULT_LIMITS) {
        let request = requests.get(&name).copied().unwrap_or(default);
        limits.entry(name).or_insert(default.max(request));
    }
    Ok(json!({"requests": written(&requests), "limits": written(&limits)}))
}

fn read(field: &str, amounts: &BTreeMap<String, Value>) -> Result<Amounts, String> {
    let read = |(name, value): (&String, &Value)| match Quantity::read(value) {
        Some(quantity) => Ok((name.clone(), quantity)),
        None => Err(format!(
            "`resources.{field}.{name}` is no quantity, such as 500m or 1Gi"
        )),
    };
    amounts.iter().map(read).collect()
}

/// The `resources` of a container for which nothing was asked.
pub(super) fn defaults() -> Value {
    json!({"requests": written(&amounts(&DEFAULT_REQUESTS)), "limits": written(&amounts(&DEFAULT_LIMITS))})
}

fn amounts(table: &[(&str, &str)]) -> Amounts {
    let read = |(name, text): &(&str, &str)| {
        Some(((*name).to_owned(), Quantity::read(&Value::from(*text))?))
    };
    table.iter().filter_map(read).collect()
}

fn written(amounts: &Amounts) -> BTreeMap<&str, String> {
    amounts
        .iter()
        .map(|(name, amount)| (name.as_str(), amount.to_string()))
        .collect()
}
