//! The CustomResourceDefinition of `BitcoinNetwork`, made from its Rust types.
//!
//! `bitcoin-controller crd` prints it; `manifests/crd.yaml` is that output, held equal by a test.
//! schemars writes JSON Schema; Kubernetes wants the *structural* subset of OpenAPI v3, so the few
//! words it does not know are taken out here: `$schema`, `title`, `["integer", "null"]` (which it
//! calls `nullable`), formats such as `uint`.
//!
//! # Invariants
//! - No `$ref`: everything is written out where it stands.
//! - The schema allows what the types read, and bounds what a user may ask for.
//!
//! # Example
//! ```
//! let crd = bitcoin_controller::api::crd::custom_resource_definition();
//! assert_eq!(crd["spec"]["names"]["shortNames"][0], "btcnet");
//! ```

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::api::Resource;
use crate::api::network::{
    BitcoinNetwork, BitcoinNetworkSpec, BitcoinNetworkStatus, MAX_NAME_LENGTH,
};

/// The CustomResourceDefinition as a value ready to be printed or applied.
pub fn custom_resource_definition() -> Value {
    let plural = BitcoinNetwork::PLURAL;
    let group = BitcoinNetwork::GROUP;
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{plural}.{group}")},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {
                "plural": plural,
                "singular": "bitcoinnetwork",
                "kind": BitcoinNetwork::KIND,
                "listKind": "BitcoinNetworkList",
                "shortNames": ["btcnet"],
                "categories": ["all"],
            },
            "versions": [{
                "name": BitcoinNetwork::VERSION,
                "served": true,
                "storage": true,
                "subresources": {
                    "status": {},
                    "scale": {
                        "specReplicasPath": ".spec.nodes",
                        "statusReplicasPath": ".status.replicas",
                        "labelSelectorPath": ".status.selector",
                    },
                },
                "additionalPrinterColumns": printer_columns(),
                "schema": {"openAPIV3Schema": schema()},
            }],
        },
    })
}

fn printer_columns() -> Value {
    let column = |name: &str, kind: &str, path: &str, description: &str| json!({"name": name, "type": kind, "jsonPath": path, "description": description});
    json!([
        column("Nodes", "integer", ".spec.nodes", "Nodes asked for"),
        column(
            "Ready",
            "integer",
            ".status.readyNodes",
            "Nodes that answer JSON-RPC"
        ),
        column(
            "Links",
            "integer",
            ".status.links.present",
            "Connections between nodes"
        ),
        column(
            "Height",
            "integer",
            ".status.height",
            "Height of the best chain"
        ),
        column(
            "Age",
            "date",
            ".metadata.creationTimestamp",
            "Time since it was created"
        ),
    ])
}

fn schema() -> Value {
    let name_rule = format!(
        "size(self.metadata.name) <= {MAX_NAME_LENGTH} && self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')"
    );
    json!({
        "type": "object",
        "description": "A Bitcoin test network: so many nodes, connected with one another.",
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": structural::<BitcoinNetworkSpec>(),
            "status": structural::<BitcoinNetworkStatus>(),
        },
        "x-kubernetes-validations": [{
            "rule": name_rule,
            "message": format!(
                "the name must have at most {MAX_NAME_LENGTH} characters: lower-case letters, digits and dashes, a letter first"
            ),
        }],
    })
}

/// The schema of `T`, everything written out, in the words Kubernetes knows.
fn structural<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::openapi3().with(|settings| settings.inline_subschemas = true);
    let mut schema = SchemaGenerator::new(settings)
        .into_root_schema_for::<T>()
        .to_value();
    simplify(&mut schema);
    schema
}

fn simplify(schema: &mut Value) {
    let Value::Object(fields) = schema else {
        return;
    };
    for word in ["$schema", "title", "default", "components"] {
        fields.remove(word);
    }
    if let Some(Value::Array(kinds)) = fields.get("type").cloned() {
        let kind = kinds.iter().find(|kind| *kind != "null").cloned();
        fields.insert("type".to_owned(), kind.unwrap_or_default());
        fields.insert("nullable".to_owned(), Value::Bool(true));
    }
    name_choices(fields);
    if let Some(Value::String(text)) = fields.get_mut("description") {
        // The first paragraph is for users; what follows is for readers of the source.
        let first = text.split("\n\n").next().unwrap_or_default();
        *text = first.split_whitespace().collect::<Vec<_>>().join(" ");
    }
    if let Some(Value::Object(properties)) = fields.get_mut("properties") {
        properties.values_mut().for_each(simplify);
    }
    for inner in ["items", "additionalProperties"] {
        if let Some(inner) = fields.get_mut(inner) {
            simplify(inner);
        }
    }
}

/// A documented enum comes as one `const` (or one-value `enum`) for each choice; Kubernetes wants one list.
fn name_choices(fields: &mut Map<String, Value>) {
    let Some(Value::Array(choices)) = fields.remove("oneOf") else {
        return;
    };
    let name = |choice: &Value| {
        choice
            .get("const")
            .or_else(|| choice.pointer("/enum/0"))
            .cloned()
    };
    fields.insert("type".to_owned(), Value::from("string"));
    fields.insert("enum".to_owned(), choices.iter().filter_map(name).collect());
}
