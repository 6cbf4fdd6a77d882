//! Label and field selectors: which objects a list or a watch is about.
//!
//! # Example
//! ```
//! use bitcoin_controller::sim::selectors::{Fields, Labels};
//! use serde_json::json;
//!
//! let pod = json!({"metadata": {"name": "alpha-sts-0", "labels": {"app": "alpha"}}});
//! let labels = Labels::parse("app in (alpha,beta),!canary").expect("a selector");
//! assert!(labels.select(&pod));
//! let fields = Fields::parse("metadata.name!=alpha-sts-0").expect("a selector");
//! assert!(!fields.select(&pod));
//! ```
//!
//! # Source
//! apimachinery `pkg/labels/selector.go`, `pkg/fields/selector.go`. What differs: `Gt` and `Lt` are
//! missing, and some kinds have more fields to select by.

use serde_json::Value;

/// Requirements on labels; all of them hold for an object that is selected.
#[derive(Clone, Debug, Default)]
pub struct Labels(Vec<Requirement>);

#[derive(Clone, Debug)]
struct Requirement {
    name: String,
    /// The label's value is one of these; `None`: there is one at all.
    values: Option<Vec<String>>,
    is_negated: bool,
}

impl Labels {
    /// Reads `a=b,c!=d,e in (f,g),h notin (i),j,!k`.
    ///
    /// # Errors
    /// What is no selector, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let parts = split_outside_parentheses(text);
        let parsed: Result<Vec<Requirement>, String> =
            parts.into_iter().map(Requirement::parse).collect();
        parsed.map(Labels)
    }

    /// The labels that are asked about.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|requirement| requirement.name.as_str())
    }

    /// Whether the object has such labels.
    pub fn select(&self, object: &Value) -> bool {
        let labels = &object["metadata"]["labels"];
        self.0.iter().all(|requirement| {
            let label = labels[&requirement.name].as_str();
            let holds = match (&requirement.values, label) {
                (Some(values), Some(label)) => values.iter().any(|value| value == label),
                (Some(_), None) => false,
                (None, label) => label.is_some(),
            };
            holds != requirement.is_negated
        })
    }
}

fn split_outside_parentheses(text: &str) -> Vec<&str> {
    let mut depth = 0_usize;
    let parts = text.split(move |c| {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    });
    parts
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .collect()
}

impl Requirement {
    fn parse(text: &str) -> Result<Self, String> {
        let made = |name: &str, values: Option<Vec<String>>, is_negated| {
            let name = name.trim();
            if name.is_empty() || name.contains([' ', '=', '!', '(', ')']) {
                return Err(format!("unable to parse requirement: `{text}`"));
            }
            let is_value_character = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
            let mut characters = values.iter().flatten().flat_map(|value| value.chars());
            if !characters.all(is_value_character) {
                return Err(format!("unable to parse requirement: values of `{text}`"));
            }
            Ok(Requirement {
                name: name.to_owned(),
                values,
                is_negated,
            })
        };
        let one = |value: &str| Some(vec![value.trim().to_owned()]);
        let many = |values: &str| {
            let inner = values.trim().strip_prefix('(')?.strip_suffix(')')?;
            Some(
                inner
                    .split(',')
                    .map(|value| value.trim().to_owned())
                    .collect::<Vec<String>>(),
            )
        };
        for (word, is_negated) in [(" notin ", true), (" in ", false)] {
            if let Some((name, values)) = text.split_once(word) {
                let values =
                    many(values).ok_or_else(|| format!("unable to parse values of `{text}`"))?;
                return made(name, Some(values), is_negated);
            }
        }
        if let Some((name, value)) = text.split_once("!=") {
            return made(name, one(value), true);
        }
        if let Some((name, value)) = text.split_once("==").or_else(|| text.split_once('=')) {
            return made(name, one(value), false);
        }
        match text.strip_prefix('!') {
            Some(name) => made(name, None, true),
            None => made(text, None, false),
        }
    }
}

/// Requirements on fields; all of them hold for an object that is selected.
#[derive(Clone, Debug, Default)]
pub struct Fields(Vec<Field>);

/// A path of names with dots, the value asked for, and whether it is one to be without.
type Field = (String, String, bool);

/// The fields by which objects of a kind can be selected.
pub fn selectable_fields(resource: &str) -> &'static [&'static str] {
    match resource {
        "pods" => &[
            "metadata.name",
            "metadata.namespace",
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "status.phase",
            "status.podIP",
        ],
        "events" => &[
            "metadata.name",
            "metadata.namespace",
            "involvedObject.apiVersion",
            "involvedObject.fieldPath",
            "involvedObject.kind",
            "involvedObject.name",
            "involvedObject.namespace",
            "involvedObject.resourceVersion",
            "involvedObject.uid",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ],
        "secrets" => &["metadata.name", "metadata.namespace", "type"],
        "namespaces" => &["metadata.name", "metadata.namespace", "status.phase"],
        "nodes" => &["metadata.name", "metadata.namespace", "spec.unschedulable"],
        _ => &["metadata.name", "metadata.namespace"],
    }
}

impl Fields {
    /// Reads `metadata.name=a,status.phase!=Running`.
    ///
    /// # Errors
    /// What is no selector, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut fields = Vec::new();
        for part in text.split(',').filter(|part| !part.is_empty()) {
            let negated = part.split_once("!=").map(|pair| (pair, true));
            let plain = || part.split_once("==").or_else(|| part.split_once('='));
            let found = negated.or_else(|| plain().map(|pair| (pair, false)));
            let ((path, value), is_negated) = found
                .ok_or_else(|| format!("invalid selector: '{part}'; can't understand '{part}'"))?;
            fields.push((path.to_owned(), value.to_owned(), is_negated));
        }
        Ok(Fields(fields))
    }

    /// The fields that are asked about.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(path, ..)| path.as_str())
    }

    /// Whether the object has such fields.
    pub fn select(&self, object: &Value) -> bool {
        self.0.iter().all(|(path, wanted, is_negated)| {
            let pointer = format!("/{}", path.replace('.', "/"));
            let text = match object.pointer(&pointer) {
                Some(Value::String(text)) => text.clone(),
                None | Some(Value::Null) => String::new(),
                Some(value) => value.to_string(),
            };
            (text == *wanted) != *is_negated
        })
    }
}
