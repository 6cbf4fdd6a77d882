//! Admission: whether a new object may be put where it wants to be.
//!
//! It models: namespaces that are not there or are going, quotas of a number of objects. It does not
//! model: other quotas, limit ranges, pod security, webhooks.
//!
//! # Source
//! apiserver `pkg/admission/plugin/namespace/lifecycle`, `pkg/admission/plugin/resourcequota`.

use serde_json::Value;

use crate::sim::kinds::Kind;
use crate::sim::refusal::Refusal;
use crate::sim::request::Key;
use crate::sim::state::State;

/// Whether a new object may be put where it wants to be.
pub(super) fn admit(state: &State, kind: &Kind, key: &Key) -> Result<(), Refusal> {
    if !kind.is_namespaced {
        return Ok(());
    }
    let namespaces = &state.tables["namespaces"];
    let namespace = namespaces.objects.get(&Key::new("", &key.namespace));
    let Some(namespace) = namespace else {
        return Err(Refusal::not_found(&namespaces.kind, &key.namespace));
    };
    if !namespace["metadata"]["deletionTimestamp"].is_null() {
        let refusal = Refusal::namespace_terminating(kind, &key.name, &key.namespace);
        return Err(refusal);
    }
    let quotas = state.tables["resourcequotas"].objects.values();
    let in_place = quotas.filter(|quota| quota["metadata"]["namespace"] == *key.namespace);
    let present = state.tables[&kind.resource()].objects.keys();
    let n_present = present
        .filter(|other| other.namespace == key.namespace)
        .count();
    for quota in in_place {
        check_quota(kind, key, quota, n_present)?;
    }
    Ok(())
}

/// Whether a quota lets another object in, where `n_present` are.
fn check_quota(kind: &Kind, key: &Key, quota: &Value, n_present: usize) -> Result<(), Refusal> {
    let plural = kind.plural.as_str();
    let hard = &quota["spec"]["hard"];
    for limit in [plural.to_owned(), format!("count/{}", kind.resource())] {
        let text = hard[&limit].as_str().map(str::to_owned);
        let text = text.or_else(|| hard[&limit].as_u64().map(|number| number.to_string()));
        let allowed = text.as_ref().and_then(|text| text.parse::<usize>().ok());
        if allowed.is_some_and(|allowed| n_present >= allowed) {
            let name = quota["metadata"]["name"].as_str().unwrap_or_default();
            let allowed = allowed.unwrap_or_default();
            let why = format!(
                "exceeded quota: {name}, requested: {limit}=1, used: {limit}={n_present}, limited: {limit}={allowed}"
            );
            return Err(Refusal::forbidden(kind, &key.name, &why));
        }
    }
    Ok(())
}
