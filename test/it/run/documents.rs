//! What dashboard, alerts and documentation name is what a controller exports, and all of it.

use std::collections::{BTreeMap, BTreeSet};

use bitcoin_controller::base::yaml;
use serde_json::Value;

use super::stage::Stage;
use crate::support::exposition::Exposition;
use crate::tidy::sources::read;

/// What a controller exports that stands for election.
async fn exported(name: &str) -> Exposition {
    let stage = Stage::open(name).await;
    let controller = stage.controller(&["--leader-elect", "--leader-election-namespace=default"]);
    let name = [("name", "bitcoin-controller")];
    controller
        .until_metrics("there is an election", |metrics| {
            metrics
                .get("leader_election_master_status", &name)
                .is_some()
        })
        .await
}

/// The names of all series there can be: what a query may name.
fn all_series(exported: &Exposition) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (name, family) in &exported.0 {
        let suffixes: &[&str] = match family.kind.as_str() {
            "histogram" => &["_bucket", "_sum", "_count"],
            _ => &[""],
        };
        names.extend(suffixes.iter().map(|suffix| format!("{name}{suffix}")));
    }
    names
}

fn dashboard() -> Value {
    serde_json::from_str(&read("docs/grafana-dashboard.json")).unwrap()
}

fn panels(dashboard: &Value) -> Vec<&Value> {
    let all = dashboard["panels"].as_array().unwrap().iter();
    all.flat_map(|panel| {
        let inner = panel["panels"].as_array().into_iter().flatten();
        std::iter::once(panel).chain(inner)
    })
    .collect()
}

/// Every query of the dashboard: of panels and of variables.
fn queries() -> Vec<String> {
    let dashboard = dashboard();
    let mut queries = Vec::new();
    for panel in panels(&dashboard) {
        for target in panel["targets"].as_array().into_iter().flatten() {
            queries.push(target["expr"].as_str().unwrap().to_owned());
        }
    }
    for variable in dashboard["templating"]["list"].as_array().unwrap() {
        if let Some(query) = variable["query"]["query"].as_str() {
            let inside = query.strip_prefix("label_values(").unwrap();
            queries.push(inside.rsplit_once(',').unwrap().0.to_owned());
        }
    }
    queries
}

/// The names of metrics in a query: words that are neither functions nor labels nor in quotes. All of ours
/// have a `_`, and no operator has.
fn names(query: &str) -> BTreeSet<&str> {
    let mut names = BTreeSet::new();
    let mut rest = query;
    while let Some(start) =
        rest.find(|letter: char| letter.is_ascii_alphanumeric() || "{[\"".contains(letter))
    {
        rest = &rest[start..];
        let end = match rest.as_bytes()[0] {
            b'{' => rest.find('}').unwrap() + 1,
            b'[' => rest.find(']').unwrap() + 1,
            b'"' => rest[1..].find('"').unwrap() + 2,
            _ => rest
                .find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
                .unwrap_or(rest.len()),
        };
        let (word, after) = rest.split_at(end);
        rest = after;
        match word {
            // Labels follow, in parentheses.
            "by" | "on" | "group_left" if rest.trim_start().starts_with('(') => {
                rest = &rest[rest.find(')').unwrap()..];
            }
            "group_left" => {}
            // A function.
            _ if rest.starts_with('(') => {}
            word if word.contains('_') && word.starts_with(char::is_alphabetic) => {
                names.insert(word);
            }
            _ => {}
        }
    }
    names
}

#[test]
fn names_are_found_in_queries() {
    for (query, expected) in [
        (
            "sum by (a) (rate(b_total{c=\"d\"}[5m])) / 2 > on (e) f_now or vector(0)",
            vec!["b_total", "f_now"],
        ),
        ("a_b * on (i_j) group_left c_d", vec!["a_b", "c_d"]),
        (
            "histogram_quantile(0.99, sum by (le) (rate(a_bucket[$__rate_interval])))",
            vec!["a_bucket"],
        ),
    ] {
        assert_eq!(
            names(query).into_iter().collect::<Vec<_>>(),
            expected,
            "{query}"
        );
    }
}

fn alerts() -> Vec<Value> {
    let file: Value = yaml::from_str(&read("docs/alerts.yaml")).unwrap();
    let groups = file["groups"].as_array().unwrap().iter();
    groups
        .flat_map(|group| group["rules"].as_array().unwrap().clone())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn dashboard_and_alerts_ask_only_for_what_is_exported() {
    let exported = exported("asked").await;
    let known = all_series(&exported);
    let alerts = alerts();
    let expressions = alerts
        .iter()
        .map(|alert| alert["expr"].as_str().unwrap().to_owned());
    for query in expressions.chain(queries()) {
        let named = names(&query);
        assert!(!named.is_empty(), "nothing is asked for in {query}");
        for name in named {
            assert!(known.contains(name), "there is no {name}, in {query}");
        }
    }
}

#[test]
fn the_dashboard_can_be_imported() {
    let dashboard = dashboard();
    let panels = panels(&dashboard);
    assert!(panels.len() > 20 && dashboard["schemaVersion"].as_u64() >= Some(39));
    let ids: BTreeSet<u64> = panels
        .iter()
        .map(|panel| panel["id"].as_u64().unwrap())
        .collect();
    assert_eq!(ids.len(), panels.len(), "ids are unique");
    let mut places = BTreeSet::new();
    for panel in panels {
        let title = panel["title"].as_str().unwrap();
        let place = &panel["gridPos"];
        let [x, y, w] = ["x", "y", "w"].map(|side| place[side].as_u64().unwrap());
        assert!(
            x + w <= 24 && places.insert((y, x)),
            "{title} is out of place"
        );
        if panel["type"] == "row" {
            continue;
        }
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{title}");
        let targets = panel["targets"].as_array().unwrap();
        let letters: BTreeSet<&str> = targets
            .iter()
            .map(|target| target["refId"].as_str().unwrap())
            .collect();
        assert!(
            !targets.is_empty() && letters.len() == targets.len(),
            "{title}"
        );
    }
}

#[test]
fn every_alert_says_what_it_is_and_how_bad() {
    let alerts = alerts();
    let names: BTreeSet<&str> = alerts
        .iter()
        .map(|alert| alert["alert"].as_str().unwrap())
        .collect();
    assert_eq!(names.len(), alerts.len(), "names are unique");
    for alert in &alerts {
        assert!(alert["annotations"]["summary"].is_string(), "{alert}");
        let severity = alert["labels"]["severity"].as_str().unwrap();
        assert!(
            ["info", "warning", "critical"].contains(&severity),
            "{alert}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documentation_has_every_metric_and_its_kind() {
    let text = read("docs/operate.md");
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `"));
    let cells = rows.filter_map(|row| {
        let (name, rest) = row.split_once("` | ")?;
        let (kind, _) = rest.split_once(" | ")?;
        let is_kind = ["counter", "gauge", "histogram"].contains(&kind);
        is_kind.then_some((name, kind))
    });
    let documented: BTreeMap<&str, &str> = cells.collect();
    let exported = exported("documented").await;
    let families = exported.0.iter();
    let families: BTreeMap<&str, &str> = families
        .map(|(name, family)| (name.as_str(), family.kind.as_str()))
        .collect();
    assert_eq!(
        documented, families,
        "left: docs/operate.md; right: /metrics"
    );
}
