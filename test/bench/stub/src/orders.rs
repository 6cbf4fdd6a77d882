//! What the runner orders and asks: everything below `/bench/`.

use serde_json::{Value, json};

use crate::body::Mode;
use crate::http::{Answer, Request};
use crate::server::Shared;
use crate::store::{GoneForm, Outcome, Pump};

pub fn serve(shared: &Shared, request: &Request) -> Answer {
    match carry_out(shared, request) {
        Some(Ok(answer)) => Answer::json(200, &answer),
        Some(Err(error)) => Answer::json(400, &json!({"error": error})),
        None => {
            let error = format!("there is no order {} {}", request.method, request.path);
            Answer::json(404, &json!({"error": error}))
        }
    }
}

/// `None`: there is no such order.
fn carry_out(shared: &Shared, request: &Request) -> Option<Result<Value, String>> {
    Some(match (&*request.method, &*request.path) {
        ("POST", "/bench/pump") => pump(shared, request),
        ("POST", "/bench/churn") => churn(shared, request),
        ("POST", "/bench/change") => change(shared, request),
        ("POST", "/bench/gone") => gone(shared, request),
        ("POST", "/bench/refuse") => refuse(shared, request),
        ("GET", "/bench/truth") => truth(shared, request),
        ("GET", "/bench/sent") => Ok(json!({"sent": shared.store.sent()})),
        ("GET", "/bench/requests") => Ok(shared.requests.to_json()),
        _ => return None,
    })
}

fn pump(shared: &Shared, request: &Request) -> Result<Value, String> {
    let pump = Pump {
        n_events: needed(request, "events")?,
        rate: request.query.number("rate")?.unwrap_or(0.0),
        every: request.query.number("every")?.unwrap_or(0),
    };
    if !(pump.rate >= 0.0 && pump.rate.is_finite()) {
        return Err(format!("rate={}: it is at least 0", pump.rate));
    }
    shared.store.pump(pump).map(outcome)
}

fn churn(shared: &Shared, request: &Request) -> Result<Value, String> {
    shared.store.churn(needed(request, "events")?).map(outcome)
}

fn outcome(outcome: Outcome) -> Value {
    json!({
        "bytes": outcome.bytes,
        "first": outcome.first,
        "last": outcome.last,
        "version": outcome.version,
    })
}

fn change(shared: &Shared, request: &Request) -> Result<Value, String> {
    let percent = needed(request, "percent")?;
    if !(0.0..=100.0).contains(&percent) {
        return Err(format!("percent={percent}: it is from 0 to 100"));
    }
    let (version, n_changed) = shared.store.change(percent);
    Ok(json!({"version": version, "changed": n_changed}))
}

fn gone(shared: &Shared, request: &Request) -> Result<Value, String> {
    let form = match request.query.get("form") {
        Some("event") => GoneForm::Event,
        Some("status") => GoneForm::Status,
        other => {
            return Err(format!(
                "form={}: there are event and status",
                other.unwrap_or("")
            ));
        }
    };
    shared.store.forget(form);
    Ok(json!({}))
}

fn refuse(shared: &Shared, request: &Request) -> Result<Value, String> {
    let n = needed(request, "count")?;
    let after = request.query.number("after")?.unwrap_or(0);
    shared.requests.refuse(n, after);
    Ok(json!({}))
}

fn truth(shared: &Shared, request: &Request) -> Result<Value, String> {
    let mode = match request.query.get("mode") {
        Some("typed") => Mode::Typed,
        Some("metadata") => Mode::Metadata,
        other => {
            return Err(format!(
                "mode={}: there are typed and metadata",
                other.unwrap_or("")
            ));
        }
    };
    let truth = shared.store.truth(mode);
    Ok(json!({
        "hash": format!("{:016x}", truth.hash),
        "count": truth.count,
        "version": truth.version,
    }))
}

fn needed<N: std::str::FromStr>(request: &Request, name: &str) -> Result<N, String> {
    let value = request.query.number(name)?;
    value.ok_or_else(|| format!("{name} is missing"))
}
