//! Which kinds of objects the pretend API server knows, and everything about a kind that is not code.
//!
//! A server answers for dozens of resources with one body of code. What differs between them is data:
//! names, scope, subresources, the columns `kubectl get` shows. A [`Kind`] is that data, as a plain value.
//! Built-in kinds are a table at the end of this file; a CustomResourceDefinition is read into the same
//! shape by [`Kind::of_definition`], so that discovery, tables and storage need not tell one from the other.
//!
//! # Invariants
//! - `(group, plural)` names a resource, [`Kind::resource`]: of each there is one kind.
//! - [`built_in`] is sorted by group, then plural.
//! - A kind with a [`schema`](Kind::schema) comes from a definition; no built-in kind has one.
//!
//! # Example
//! ```
//! use bitcoin_controller::sim::kinds;
//!
//! let kinds = kinds::built_in();
//! let sets = kinds.iter().find(|kind| kind.short_names.iter().any(|name| name == "sts")).expect("a built-in kind");
//! assert_eq!(sets.resource(), "statefulsets.apps");
//! assert_eq!(sets.api_version(), "apps/v1");
//! ```
//!
//! # Source
//! apiextensions-apiserver `pkg/apis/apiextensions/v1/types.go`; the built-in rows are what a
//! kube-apiserver v1.36 answers to discovery and to requests for tables.
//!
//! # What differs
//! - A real server serves several versions of a kind and converts between them; here there is the stored one.
//! - Only the kinds the controller, its manifests and a person with kubectl meet.
//! - Events of the core group and of events.k8s.io are two kinds; on a real server they are one, seen twice.
//! - A list's kind is always the kind and `List`; a definition cannot choose another.

use serde_json::Value;

/// One kind in one version: its names, scope, subresources, columns.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Kind {
    /// The API group; empty for the core group.
    pub group: String,
    /// The version, `v1`.
    pub version: String,
    /// The kind as objects carry it, `StatefulSet`.
    pub kind: String,
    /// The resource's name in paths, `statefulsets`.
    pub plural: String,
    /// What kubectl takes for one of them, `statefulset`.
    pub singular: String,
    /// What kubectl takes as well, `sts`.
    pub short_names: Vec<String>,
    /// Names for several resources at once that this one belongs to, `all`.
    pub categories: Vec<String>,
    /// Whether objects live in namespaces.
    pub is_namespaced: bool,
    /// Whether there is a `/status`, so that other writes leave the status alone.
    pub has_status: bool,
    /// Whether wishes are counted, by `generation`.
    pub has_generation: bool,
    /// Where `/scale` finds its numbers, if there is one.
    pub scale: Option<ScalePaths>,
    /// What a table of these objects shows, the name among them.
    pub columns: Vec<Column>,
    /// The definition's `openAPIV3Schema`.
    pub schema: Option<Value>,
}

/// Where the fields of a `Scale` are in an object: simple paths, `.spec.replicas`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScalePaths {
    /// The number asked for.
    pub spec_replicas: String,
    /// The number there is.
    pub status_replicas: String,
    /// The pods that are counted, as a selector in text; empty if the object does not have it.
    pub label_selector: String,
}

/// One column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// The heading; kubectl shows it in capitals.
    pub name: String,
    /// `string`, `integer`, `number`, `boolean` or `date`.
    pub kind: String,
    /// An OpenAPI format; `name` marks the object's own name. Mostly empty.
    pub format: String,
    /// What it shows, for people.
    pub description: String,
    /// Where its value is; empty if it takes more than a path to work it out.
    pub json_path: String,
    /// 0 is always shown, more only with `-o wide`.
    pub priority: i64,
}

impl Kind {
    /// The resource as kubectl names it in full: `pods`, `statefulsets.apps`.
    pub fn resource(&self) -> String {
        match self.group.as_str() {
            "" => self.plural.clone(),
            group => format!("{}.{group}", self.plural),
        }
    }

    /// What objects carry as `apiVersion`: `v1`, `apps/v1`.
    pub fn api_version(&self) -> String {
        match self.group.as_str() {
            "" => self.version.clone(),
            group => format!("{group}/{}", self.version),
        }
    }

    /// Whether a definition has brought it.
    pub fn is_custom(&self) -> bool {
        self.schema.is_some()
    }

    /// What a list of these objects carries as `kind`: `PodList`.
    pub fn list_kind(&self) -> String {
        format!("{}List", self.kind)
    }

    /// The kinds a CustomResourceDefinition (`apiextensions.k8s.io/v1`) defines: the version that is stored, if it
    /// is served.
    ///
    /// # Errors
    /// A field that every definition must have is missing or wrong; the message names it.
    pub fn of_definition(definition: &Value) -> Result<Vec<Kind>, String> {
        let spec = &definition["spec"];
        let (group, plural) = (text(spec, "/group")?, text(spec, "/names/plural")?);
        if definition["metadata"]["name"] != format!("{plural}.{group}") {
            return Err(format!("metadata.name must be {plural}.{group}"));
        }
        // The groups without a dot, and these, are the server's: none of its kinds can be defined away.
        if !group.contains('.') || group.ends_with(".k8s.io") {
            return Err(format!(
                "spec.group: `{group}` is not a domain with a dot, or is Kubernetes' own"
            ));
        }
        let kind = text(spec, "/names/kind")?;
        let is_namespaced = match text(spec, "/scope")? {
            "Namespaced" => true,
            "Cluster" => false,
            other => return Err(format!("spec.scope: unsupported value `{other}`")),
        };
        let versions = spec["versions"]
            .as_array()
            .ok_or("spec.versions is missing")?;
        let mut stored = versions.iter().filter(|version| version["storage"] == true);
        let (Some(version), None) = (stored.next(), stored.next()) else {
            return Err("spec.versions: exactly one version must be the stored one".to_owned());
        };
        if version["served"] != true {
            return Ok(Vec::new());
        }
        let schema = version.pointer("/schema/openAPIV3Schema");
        Ok(vec![Kind {
            group: group.to_owned(),
            version: text(version, "/name")?.to_owned(),
            kind: kind.to_owned(),
            plural: plural.to_owned(),
            singular: text(spec, "/names/singular")
                .map_or_else(|_| kind.to_lowercase(), str::to_owned),
            short_names: texts(&spec["names"]["shortNames"]),
            categories: texts(&spec["names"]["categories"]),
            is_namespaced,
            has_status: version.pointer("/subresources/status").is_some(),
            has_generation: true,
            scale: version.pointer("/subresources/scale").map(ScalePaths::of),
            columns: defined_columns(&version["additionalPrinterColumns"])?,
            schema: Some(schema.cloned().unwrap_or_default()),
        }])
    }
}

impl ScalePaths {
    fn of(scale: &Value) -> Self {
        let path = |field: &str| scale[field].as_str().unwrap_or_default().to_owned();
        ScalePaths {
            spec_replicas: path("specReplicasPath"),
            status_replicas: path("statusReplicasPath"),
            label_selector: path("labelSelectorPath"),
        }
    }
}

/// The name first, then what the definition asks for; if it asks for nothing, the age.
fn defined_columns(columns: &Value) -> Result<Vec<Column>, String> {
    let mut all = vec![Column {
        json_path: ".metadata.name".to_owned(),
        ..built_in_column("Name")
    }];
    let Some(columns) = columns.as_array().filter(|columns| !columns.is_empty()) else {
        all.push(Column {
            kind: "date".to_owned(),
            json_path: ".metadata.creationTimestamp".to_owned(),
            ..built_in_column("Age")
        });
        return Ok(all);
    };
    for column in columns {
        all.push(Column {
            name: text(column, "/name")?.to_owned(),
            kind: text(column, "/type")?.to_owned(),
            format: column["format"].as_str().unwrap_or_default().to_owned(),
            description: column["description"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
            json_path: text(column, "/jsonPath")?.to_owned(),
            priority: column["priority"].as_i64().unwrap_or(0),
        });
    }
    Ok(all)
}

fn text<'a>(value: &'a Value, pointer: &str) -> Result<&'a str, String> {
    let found = value.pointer(pointer).and_then(Value::as_str);
    let found = found.filter(|text| !text.is_empty());
    found.ok_or_else(|| format!("spec{} is missing", pointer.replace('/', ".")))
}

fn texts(list: &Value) -> Vec<String> {
    let items = list.as_array().into_iter().flatten();
    items.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The kind of kinds.
pub const DEFINITIONS: &str = "customresourcedefinitions.apiextensions.k8s.io";

/// The kinds that are there before any definition is.
pub fn built_in() -> Vec<Kind> {
    BUILT_IN.iter().map(BuiltIn::kind).collect()
}

/// A row of the table below: group, kind, plural, names (short ones, then categories after a `|`), flags, columns.
struct BuiltIn(
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    Flags,
    &'static str,
);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Flags {
    Namespaced,
    NamespacedStatus,
    NamespacedStatusScale,
    Cluster,
    ClusterStatus,
}

impl BuiltIn {
    fn kind(&self) -> Kind {
        let BuiltIn(group, kind, plural, names, flags, columns) = *self;
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect();
        let (short_names, categories) = names.split_once('|').unwrap_or((names, ""));
        Kind {
            group: group.to_owned(),
            version: "v1".to_owned(),
            kind: kind.to_owned(),
            plural: plural.to_owned(),
            singular: kind.to_lowercase(),
            short_names: words(short_names),
            categories: words(categories),
            is_namespaced: !matches!(flags, Flags::Cluster | Flags::ClusterStatus),
            has_status: !matches!(flags, Flags::Namespaced | Flags::Cluster),
            has_generation: COUNT_WISHES.contains(&kind),
            scale: (flags == Flags::NamespacedStatusScale).then(|| ScalePaths {
                spec_replicas: ".spec.replicas".to_owned(),
                status_replicas: ".status.replicas".to_owned(),
                label_selector: String::new(),
            }),
            columns: columns.split(", ").map(built_in_column).collect(),
            schema: None,
        }
    }
}

/// A column from its heading; `+` after it means "only with `-o wide`".
fn built_in_column(heading: &str) -> Column {
    let name = heading.trim_end_matches('+');
    let of = |wanted: &str, value: &str| {
        if name == wanted {
            value.to_owned()
        } else {
            String::new()
        }
    };
    Column {
        name: name.to_owned(),
        kind: if name == "Created At" {
            "date"
        } else {
            "string"
        }
        .to_owned(),
        format: of("Name", "name"),
        description: of("Age", "The time since the object was created."),
        json_path: String::new(),
        priority: i64::from(name != heading),
    }
}

/// The kinds that count wishes.
const COUNT_WISHES: [&str; 3] = ["CustomResourceDefinition", "Pod", "StatefulSet"];

const NAME_AGE: &str = "Name, Age";
const NAME_CREATED: &str = "Name, Created At";
const BINDING: &str = "Name, Role, Age, Users+, Groups+, ServiceAccounts+";

#[rustfmt::skip] // a table: one row, one kind
const BUILT_IN: &[BuiltIn] = &[
    BuiltIn("", "ConfigMap", "configmaps", "cm", Flags::Namespaced, "Name, Data, Age"),
    BuiltIn("", "Event", "events", "ev", Flags::Namespaced,
        "Last Seen, Type, Reason, Object, Subobject+, Source+, Message, First Seen+, Count+, Name+"),
    BuiltIn("", "Namespace", "namespaces", "ns", Flags::ClusterStatus, "Name, Status, Age"),
    BuiltIn("", "Node", "nodes", "no", Flags::ClusterStatus,
        "Name, Status, Roles, Age, Version, Internal-IP+, External-IP+, OS-Image+, Kernel-Version+, Container-Runtime+"),
    BuiltIn("", "PersistentVolumeClaim", "persistentvolumeclaims", "pvc", Flags::NamespacedStatus,
        "Name, Status, Volume, Capacity, Access Modes, StorageClass, VolumeAttributesClass, Age, VolumeMode+"),
    BuiltIn("", "Pod", "pods", "po|all", Flags::NamespacedStatus,
        "Name, Ready, Status, Restarts, Age, IP+, Node+, Nominated Node+, Readiness Gates+"),
    BuiltIn("", "ResourceQuota", "resourcequotas", "quota", Flags::NamespacedStatus, "Name, Request, Limit, Age"),
    BuiltIn("", "Secret", "secrets", "", Flags::Namespaced, "Name, Type, Data, Age"),
    BuiltIn("", "ServiceAccount", "serviceaccounts", "sa", Flags::Namespaced, NAME_AGE),
    BuiltIn("", "Service", "services", "svc|all", Flags::NamespacedStatus,
        "Name, Type, Cluster-IP, External-IP, Port(s), Age, Selector+"),
    BuiltIn("apiextensions.k8s.io", "CustomResourceDefinition", "customresourcedefinitions", "crd crds|api-extensions",
        Flags::ClusterStatus, NAME_CREATED),
    BuiltIn("apps", "StatefulSet", "statefulsets", "sts|all", Flags::NamespacedStatusScale,
        "Name, Ready, Age, Containers+, Images+"),
    BuiltIn("coordination.k8s.io", "Lease", "leases", "", Flags::Namespaced, "Name, Holder, Age"),
    BuiltIn("events.k8s.io", "Event", "events", "ev", Flags::Namespaced,
        "Last Seen, Type, Reason, Object, Subobject+, Source+, Message, First Seen+, Count+, Name+"),
    BuiltIn("rbac.authorization.k8s.io", "ClusterRoleBinding", "clusterrolebindings", "", Flags::Cluster, BINDING),
    BuiltIn("rbac.authorization.k8s.io", "ClusterRole", "clusterroles", "", Flags::Cluster, NAME_CREATED),
    BuiltIn("rbac.authorization.k8s.io", "RoleBinding", "rolebindings", "", Flags::Namespaced, BINDING),
    BuiltIn("rbac.authorization.k8s.io", "Role", "roles", "", Flags::Namespaced, NAME_CREATED),
];
