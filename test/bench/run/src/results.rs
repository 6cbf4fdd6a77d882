//! Everything a command has measured, as values and as JSON.
//!
//! # Invariants
//! - Every run's figure is kept; median and range are worked out when they are shown.

use serde_json::{Map, Value, json};

use crate::child::Outcome;
use crate::contestant::Contestant;
use crate::measures;

/// The figures of one contestant's runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures(pub Vec<f64>);

impl Figures {
    pub fn median(&self) -> Option<f64> {
        let sorted = self.sorted();
        let middle = sorted.len() / 2;
        match sorted.len() {
            0 => None,
            length if length % 2 == 1 => Some(sorted[middle]),
            _ => Some(f64::midpoint(sorted[middle - 1], sorted[middle])),
        }
    }

    pub fn range(&self) -> Option<(f64, f64)> {
        let sorted = self.sorted();
        Some((*sorted.first()?, *sorted.last()?))
    }

    fn sorted(&self) -> Vec<f64> {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted
    }
}

/// A figure of the growth table, as the program printed it.
#[derive(Clone, Debug, PartialEq)]
pub struct Growth {
    pub name: String,
    pub value: Value,
    pub unit: String,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Results {
    /// Where and with what: made by `machine`, only shown here.
    pub about: Map<String, Value>,
    /// By measure and contestant, in the order in which they came.
    measured: Map<String, Value>,
    pub growth: Vec<Growth>,
    /// What was left out, and why.
    pub skipped: Vec<String>,
    /// What went wrong.
    pub failed: Vec<String>,
    /// How long each row took.
    pub seconds: Vec<(String, f64)>,
}

impl Results {
    /// Adds one run's figure.
    pub fn add(&mut self, measure: &str, contestant: Contestant, figure: f64) {
        assert!(
            measures::named(measure).is_some(),
            "there is no measure `{measure}`"
        );
        let by_contestant = self.measured.entry(measure).or_insert_with(|| json!({}));
        let figures = by_contestant
            .as_object_mut()
            .expect("only objects are put there")
            .entry(contestant.name())
            .or_insert_with(|| json!([]));
        figures
            .as_array_mut()
            .expect("only lists are put there")
            .push(json!(figure));
    }

    /// What was measured of `contestant`; empty if nothing was.
    pub fn of(&self, measure: &str, contestant: Contestant) -> Figures {
        let list = self
            .measured
            .get(measure)
            .and_then(|it| it.get(contestant.name()));
        let list = list.and_then(Value::as_array);
        Figures(
            list.into_iter()
                .flatten()
                .filter_map(Value::as_f64)
                .collect(),
        )
    }

    pub fn to_json(&self) -> Value {
        let mut document = self.about.clone();
        let seconds = self.seconds.iter().cloned();
        let seconds: Map<String, Value> = seconds.map(|(row, took)| (row, json!(took))).collect();
        let growth = self.growth.iter();
        let growth: Vec<Value> = growth
            .map(|it| json!({"name": it.name, "value": it.value, "unit": it.unit}))
            .collect();
        document.insert("seconds".to_owned(), seconds.into());
        document.insert("skipped".to_owned(), json!(self.skipped));
        document.insert("failed".to_owned(), json!(self.failed));
        document.insert("measured".to_owned(), self.measured.clone().into());
        document.insert("growth".to_owned(), growth.into());
        document.into()
    }

    /// Reads what [`to_json`](Self::to_json) made.
    pub fn from_json(document: Value) -> Outcome<Results> {
        let Value::Object(mut about) = document else {
            return Err("results are a JSON object".to_owned());
        };
        let mut take = |field: &str| {
            about
                .shift_remove(field)
                .ok_or_else(|| format!("the results have no `{field}`"))
        };
        let measured = match take("measured")? {
            Value::Object(measured) => measured,
            _ => return Err("`measured` is no object".to_owned()),
        };
        let seconds = take("seconds")?;
        let seconds = seconds.as_object().into_iter().flatten();
        let seconds = seconds.map(|(row, took)| (row.clone(), took.as_f64().unwrap_or_default()));
        let texts = |list: Value| {
            let list = list.as_array().cloned().unwrap_or_default();
            let texts = list.iter().filter_map(Value::as_str);
            texts.map(str::to_owned).collect()
        };
        let growth = take("growth")?;
        let growth = growth
            .as_array()
            .into_iter()
            .flatten()
            .map(Growth::from_json);
        Ok(Results {
            measured,
            seconds: seconds.collect(),
            skipped: texts(take("skipped")?),
            failed: texts(take("failed")?),
            growth: growth.collect::<Outcome<_>>()?,
            about,
        })
    }
}

impl Growth {
    /// Reads a line such as `{"name": "…", "value": 1, "unit": "s"}`.
    pub fn from_json(line: &Value) -> Outcome<Growth> {
        let text = |field: &str| {
            let text = line[field].as_str().map(str::to_owned);
            text.ok_or_else(|| format!("`{line}` has no text `{field}`"))
        };
        Ok(Growth {
            name: text("name")?,
            unit: text("unit")?,
            value: line["value"].clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contestant;

    #[test]
    fn the_median_of_an_even_number_is_between_the_two_in_the_middle() {
        assert_eq!(Figures(vec![4.0, 1.0, 3.0, 2.0]).median(), Some(2.5));
        assert_eq!(Figures(vec![9.0, 1.0, 2.0]).median(), Some(2.0));
        assert_eq!(Figures(vec![9.0, 1.0, 2.0]).range(), Some((1.0, 9.0)));
        assert_eq!(Figures::default().median(), None);
    }

    #[test]
    fn results_are_the_same_after_a_journey_through_json() {
        let mut results = Results::default();
        results.add("sync_cpu", contestant::OURS, 0.1);
        results.add("sync_cpu", contestant::ALL[2], 300.25);
        results.skipped.push("no Go".to_owned());
        results.seconds.push(("sync".to_owned(), 1.5));
        results.about.insert("commit".to_owned(), json!("abc"));
        let text = results.to_json().to_string();
        let read = Results::from_json(serde_json::from_str(&text).expect("JSON"));
        assert_eq!(read, Ok(results));
    }
}
