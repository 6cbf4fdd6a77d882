//! Kinds of objects: what they are called, where they live, what can be done with them.
//!
//! Some are built in, the others come with CustomResourceDefinitions. A [`Kind`] is a value; routing,
//! discovery, tables and OpenAPI read it, and none of them knows a kind by name that is in here.
//!
//! # Invariants
//! - [`Kind::resource`] is unique: `statefulsets.apps`, or `pods` in the core group.
//!
//! # Example
//! ```
//! use bitcoin_controller::sim::kinds::{Kind, built_in};
//! use serde_json::json;
//!
//! assert!(built_in().iter().any(|kind| kind.resource() == "statefulsets.apps"));
//! let definition = json!({"metadata": {"name": "shirts.example.com"}, "spec": {
//!     "group": "example.com", "scope": "Namespaced",
//!     "names": {"plural": "shirts", "singular": "shirt", "kind": "Shirt"},
//!     "versions": [{"name": "v1", "served": true, "storage": true, "schema": {}}],
//! }});
//! let kinds = Kind::of_definition(&definition).expect("a sound definition");
//! assert_eq!(kinds[0].api_version(), "example.com/v1");
//! ```
//!
//! # What differs
//! A real server serves several versions of one kind and converts between them; here each kind has one,
//! the stored one.

use serde_json::Value;

/// A kind of object.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Kind {
    /// The API group; empty for the core.
    pub group: String,
    /// The version, `v1`.
    pub version: String,
    /// The name of one in its `kind` field.
    pub kind: String,
    /// The name in paths.
    pub plural: String,
    /// The name for people.
    pub singular: String,
    /// Shorter names that kubectl takes.
    pub short_names: Vec<String>,
    /// Groups that kubectl takes, such as `all`.
    pub categories: Vec<String>,
    /// Objects live in namespaces.
    pub is_namespaced: bool,
    /// The status is a subresource.
    pub has_status: bool,
    /// Wishes are counted by `generation`.
    pub has_generation: bool,
    /// Where `kubectl scale` finds its numbers.
    pub scale: Option<ScalePaths>,
    /// What `kubectl get` prints, besides the name.
    pub columns: Vec<Column>,
    /// A custom resource's schema.
    pub schema: Option<Value>,
}

/// Where an object keeps the numbers of its Scale, as paths `.spec.replicas`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScalePaths {
    /// The number asked for.
    pub spec_replicas: String,
    /// The number there is.
    pub status_replicas: String,
    /// The selector as text; empty if there is none.
    pub label_selector: String,
}

/// A column of `kubectl get`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Column {
    /// Its head.
    pub name: String,
    /// `string`, `integer`, `date`, …
    pub kind: String,
    /// The format, such as `int32`.
    pub format: String,
    /// What it says.
    pub description: String,
    /// Where the value is, `.status.height`.
    pub json_path: String,
    /// 0: always printed; more: only with `-o wide`.
    pub priority: i64,
}

impl Kind {
    /// The kind and its group as one word: `statefulsets.apps`, `pods`.
    pub fn resource(&self) -> String {
        match self.group.as_str() {
            "" => self.plural.clone(),
            group => format!("{}.{group}", self.plural),
        }
    }

    /// Group and version as objects have it: `apps/v1`, `v1`.
    pub fn api_version(&self) -> String {
        match self.group.as_str() {
            "" => self.version.clone(),
            group => format!("{group}/{}", self.version),
        }
    }

    /// The kinds that a CustomResourceDefinition defines: the version that is stored, if it is served.
    ///
    /// # Errors
    /// What is missing or wrong, in words.
    pub fn of_definition(definition: &Value) -> Result<Vec<Kind>, String> {
        let spec = &definition["spec"];
        let text = |value: &Value, path: &str| {
            let text = value.pointer(path).and_then(Value::as_str);
            text.filter(|text| !text.is_empty())
                .map(str::to_owned)
                .ok_or_else(|| format!("spec{} is missing", path.replace('/', ".")))
        };
        let (group, plural) = (text(spec, "/group")?, text(spec, "/names/plural")?);
        let name = definition["metadata"]["name"].as_str().unwrap_or_default();
        if name != format!("{plural}.{group}") {
            return Err(format!("metadata.name must be {plural}.{group}"));
        }
        let kind_name = text(spec, "/names/kind")?;
        let is_namespaced = match text(spec, "/scope")?.as_str() {
            "Namespaced" => true,
            "Cluster" => false,
            other => return Err(format!("spec.scope: unsupported value `{other}`")),
        };
        let versions = spec["versions"].as_array().cloned().unwrap_or_default();
        let stored = versions
            .iter()
            .filter(|version| version["storage"] == true)
            .count();
        if stored != 1 {
            return Err("spec.versions: exactly one version must be the stored one".to_owned());
        }
        let singular = text(spec, "/names/singular").unwrap_or_else(|_| kind_name.to_lowercase());
        let made = |version: &Value| {
            let subresources = &version["subresources"];
            Ok(Kind {
                version: text(version, "/name")?,
                group: group.clone(),
                kind: kind_name.clone(),
                plural: plural.clone(),
                singular: singular.clone(),
                short_names: texts(&spec["names"]["shortNames"]),
                categories: texts(&spec["names"]["categories"]),
                is_namespaced,
                has_status: subresources["status"].is_object(),
                has_generation: true,
                scale: ScalePaths::of(&subresources["scale"]),
                columns: Column::all_of(&version["additionalPrinterColumns"]),
                schema: Some(version["schema"]["openAPIV3Schema"].clone()),
            })
        };
        let served = versions
            .iter()
            .filter(|version| version["storage"] == true && version["served"] == true);
        served.map(made).collect()
    }
}

fn texts(value: &Value) -> Vec<String> {
    let texts = value
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    texts.map(str::to_owned).collect()
}

impl ScalePaths {
    fn of(scale: &Value) -> Option<Self> {
        let path = |field: &str| scale[field].as_str().unwrap_or_default().to_owned();
        scale.is_object().then(|| ScalePaths {
            spec_replicas: path("specReplicasPath"),
            status_replicas: path("statusReplicasPath"),
            label_selector: path("labelSelectorPath"),
        })
    }
}

impl Column {
    /// The columns of a definition; without any there is the age.
    fn all_of(columns: &Value) -> Vec<Self> {
        let read = |column: &Value| {
            let text = |field: &str| column[field].as_str().unwrap_or_default().to_owned();
            Column {
                name: text("name"),
                kind: text("type"),
                format: text("format"),
                description: text("description"),
                json_path: text("jsonPath"),
                priority: column["priority"].as_i64().unwrap_or_default(),
            }
        };
        match columns.as_array() {
            Some(columns) => columns.iter().map(read).collect(),
            None => vec![Column {
                name: "Age".to_owned(),
                kind: "date".to_owned(),
                json_path: ".metadata.creationTimestamp".to_owned(),
                ..Column::default()
            }],
        }
    }
}

/// The kind of kinds.
pub const DEFINITIONS: &str = "customresourcedefinitions.apiextensions.k8s.io";

/// The kinds that are there without a definition.
pub fn built_in() -> Vec<Kind> {
    let rbac = "rbac.authorization.k8s.io";
    let mut kinds = vec![
        core("Namespace", "namespaces", &["ns"])
            .cluster_wide()
            .with_status(),
        core("Node", "nodes", &["no"]).cluster_wide().with_status(),
        core("Pod", "pods", &["po"])
            .in_all()
            .with_status()
            .with_generation(),
        core("Service", "services", &["svc"]).in_all().with_status(),
        core("Secret", "secrets", &[]),
        core("ConfigMap", "configmaps", &["cm"]),
        core("ServiceAccount", "serviceaccounts", &["sa"]),
        core("Event", "events", &["ev"]),
        core("ResourceQuota", "resourcequotas", &["quota"]).with_status(),
        of("apps", "StatefulSet", "statefulsets", &["sts"])
            .in_all()
            .with_status()
            .with_generation(),
        of("coordination.k8s.io", "Lease", "leases", &[]),
        of(rbac, "Role", "roles", &[]),
        of(rbac, "RoleBinding", "rolebindings", &[]),
        of(rbac, "ClusterRole", "clusterroles", &[]).cluster_wide(),
        of(rbac, "ClusterRoleBinding", "clusterrolebindings", &[]).cluster_wide(),
        of(
            "apiextensions.k8s.io",
            "CustomResourceDefinition",
            "customresourcedefinitions",
            &["crd", "crds"],
        )
        .cluster_wide()
        .with_status()
        .with_generation(),
    ];
    for kind in kinds
        .iter_mut()
        .filter(|kind| kind.plural == "statefulsets")
    {
        kind.scale = Some(ScalePaths {
            spec_replicas: ".spec.replicas".to_owned(),
            status_replicas: ".status.replicas".to_owned(),
            label_selector: String::new(),
        });
    }
    kinds
}

fn core(kind: &str, plural: &str, short_names: &[&str]) -> Kind {
    of("", kind, plural, short_names)
}

fn of(group: &str, kind: &str, plural: &str, short_names: &[&str]) -> Kind {
    Kind {
        group: group.to_owned(),
        version: "v1".to_owned(),
        kind: kind.to_owned(),
        plural: plural.to_owned(),
        singular: kind.to_lowercase(),
        short_names: short_names.iter().map(|name| (*name).to_owned()).collect(),
        is_namespaced: true,
        ..Kind::default()
    }
}

impl Kind {
    fn cluster_wide(mut self) -> Self {
        self.is_namespaced = false;
        self
    }

    fn with_status(mut self) -> Self {
        self.has_status = true;
        self
    }

    fn with_generation(mut self) -> Self {
        self.has_generation = true;
        self
    }

    fn in_all(mut self) -> Self {
        self.categories.push("all".to_owned());
        self
    }
}
