//! The chart without a server: it agrees with the manifests, refuses what is wrong, and is the same each time.

use std::collections::{BTreeMap, BTreeSet};

use bitcoin_controller::base::yaml;
use serde_json::{Value, json};

use crate::chart::{CHART, RELEASE, helm, rendered, try_helm};
use crate::harness::{manifest, root};

/// Objects by kind, namespace and name.
type Objects = BTreeMap<(String, String, String), Value>;

fn by_name(objects: Vec<Value>) -> Objects {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let named = objects.into_iter().map(|object| {
        let metadata = &object["metadata"];
        let namespace = text(&metadata["namespace"]);
        (
            (text(&object["kind"]), namespace, text(&metadata["name"])),
            object,
        )
    });
    named.collect()
}

/// The manifests' objects, but for the Namespace, which a chart finds or helm makes.
fn manifests(names: &[&str]) -> Objects {
    let read = |name: &&str| std::fs::read_to_string(manifest(name)).unwrap();
    let objects = names
        .iter()
        .flat_map(|name| yaml::all_from_str(&read(name)).unwrap());
    by_name(
        objects
            .filter(|object| object["kind"] != "Namespace")
            .collect(),
    )
}

/// What the chart becomes, without what only helm needs to have there.
fn chart(values: &[&str]) -> Objects {
    let mut objects = rendered(values);
    for object in &mut objects {
        let metadata = object["metadata"].as_object_mut().unwrap();
        let labels = metadata.get_mut("labels").and_then(Value::as_object_mut);
        if let Some(labels) = labels {
            for label in ["instance", "version", "managed-by"] {
                labels.remove(&format!("app.kubernetes.io/{label}"));
            }
            labels.remove("helm.sh/chart");
        }
        if object["kind"] == "CustomResourceDefinition" {
            let metadata = object["metadata"].as_object_mut().unwrap();
            let kept = metadata.remove("annotations");
            assert_eq!(kept, Some(json!({"helm.sh/resource-policy": "keep"})));
        }
    }
    by_name(objects)
}

/// The same objects with the same fields; the manifests label only what is selected by labels.
fn assert_same(mut chart: Objects, manifests: &Objects) {
    let names = |objects: &Objects| objects.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&chart), names(manifests));
    for (name, object) in &mut chart {
        let expected = &manifests[name];
        if expected["metadata"]["labels"].is_null() {
            let metadata = object["metadata"].as_object_mut().unwrap();
            metadata.remove("labels");
        } else if expected["kind"] == "ClusterRole" {
            let labels = object["metadata"]["labels"].as_object_mut().unwrap();
            labels.remove("app.kubernetes.io/name");
        }
        assert_eq!(object, expected, "{name:?}");
    }
}

#[test]
fn without_an_election_the_chart_is_the_manifests() {
    let expected = manifests(&["crd.yaml", "rbac.yaml", "users.yaml", "controller.yaml"]);
    assert_same(chart(&["--set=leaderElection.enabled=false"]), &expected);
}

#[test]
fn with_one_it_has_the_right_to_the_lease_and_the_flag() {
    let mut found = chart(&[]);
    let key = ("Deployment".into(), RELEASE.into(), RELEASE.into());
    let deployment = found.remove(&key).unwrap();
    let expected = manifests(&[
        "crd.yaml",
        "rbac.yaml",
        "users.yaml",
        "rbac-leader-election.yaml",
    ]);
    assert_same(found, &expected);
    assert_eq!(
        deployment["spec"]["strategy"],
        json!({"type": "RollingUpdate"})
    );
    let container = &deployment["spec"]["template"]["spec"]["containers"][0];
    let has = |argument: &str| {
        container["args"]
            .as_array()
            .unwrap()
            .contains(&json!(argument))
    };
    assert!(has("--leader-elect"), "{container}");
    // The Role names the same Lease.
    assert!(
        has(&format!("--leader-election-id={RELEASE}")),
        "{container}"
    );
}

#[test]
fn for_some_namespaces_there_is_a_role_in_each_and_none_for_the_cluster() {
    let few = [
        "--set=leaderElection.enabled=false",
        "--set=userRoles.create=false",
    ];
    let one = chart(&[&few[..], &["--set=namespaces={default}"]].concat());
    let is_role = |objects: Objects| -> Objects {
        let roles = objects.into_iter();
        roles
            .filter(|((kind, ..), _)| kind.contains("Role"))
            .collect()
    };
    assert_same(is_role(one), &is_role(manifests(&["rbac-namespaced.yaml"])));

    let two = chart(&[&few[..], &["--set=namespaces={red,blue}"]].concat());
    let roles: BTreeSet<_> = is_role(two.clone())
        .into_keys()
        .map(|it| (it.0, it.1))
        .collect();
    let role = |kind: &str, namespace: &str| (kind.to_owned(), namespace.to_owned());
    let expected = ["blue", "red"].map(|it| [role("Role", it), role("RoleBinding", it)]);
    assert_eq!(roles, expected.into_iter().flatten().collect());
    let deployment = &two[&("Deployment".into(), RELEASE.into(), RELEASE.into())];
    let arguments = deployment["spec"]["template"]["spec"]["containers"][0]["args"].to_string();
    assert!(
        arguments.contains(r#""--namespace=red","--namespace=blue""#),
        "{arguments}"
    );
}

#[test]
fn the_right_to_port_forwards_comes_with_the_way_that_needs_it() {
    let found = chart(&[
        "--set=reach=port-forward",
        "--set=leaderElection.enabled=false",
    ]);
    let expected = manifests(&["rbac-port-forward.yaml"]);
    let only = found
        .clone()
        .into_iter()
        .filter(|(name, _)| expected.contains_key(name));
    assert_same(only.collect(), &expected);
    let deployment = &found[&("Deployment".into(), RELEASE.into(), RELEASE.into())];
    assert!(deployment.to_string().contains("--reach=port-forward"));
}

#[test]
fn secrets_that_are_named_are_the_only_ones_that_may_be_read() {
    let rules = |set: &[&str]| -> BTreeMap<String, Value> {
        let found = chart(set);
        let name = format!("{RELEASE}-role");
        let role = &found[&("ClusterRole".into(), String::new(), name)];
        let rules = role["rules"].as_array().unwrap();
        let about_secrets = rules
            .iter()
            .filter(|rule| rule["resources"] == json!(["secrets"]));
        let verbs = about_secrets.flat_map(|rule| {
            let verbs = rule["verbs"].as_array().unwrap().iter();
            verbs.map(|verb| {
                let verb = verb.as_str().unwrap().to_owned();
                (verb, rule["resourceNames"].clone())
            })
        });
        verbs.collect()
    };
    let named = "--set=rbac.secretNames={mine,yours}";
    let both = rules(&[named, "--set=rbac.networkNames={alpha}"]);
    assert_eq!(both["get"], json!(["mine", "yours", "alpha-rpc"]));
    // What is to be created has no name yet.
    assert_eq!(both["create"], Value::Null);
    assert_eq!(both["patch"], json!(["alpha-rpc"]));
    assert_eq!(both.len(), rules(&[]).len(), "{both:?}");
    assert!(!rules(&[named]).contains_key("patch"));
}

/// Values somebody might set, and the kinds of objects that change, appear or go with them.
const VALUES: [(&str, &[&str]); 24] = [
    ("--set=replicas=0", &["Deployment"]),
    ("--set=replicas=2", &["Deployment", "PodDisruptionBudget"]),
    ("--set=workers=9", &["Deployment"]),
    ("--set=leaderElection.leaseDuration=30", &["Deployment"]),
    (
        "--set=leaderElection.enabled=false",
        &["Deployment", "Role", "RoleBinding"],
    ),
    (
        "--set=image.repository=example.com/btc,image.tag=v1",
        &["Deployment"],
    ),
    (
        "--set=image.pullPolicy=Always,imagePullSecrets[0].name=pull",
        &["Deployment"],
    ),
    ("--set=log.format=text,log.filter=debug", &["Deployment"]),
    ("--set=insecureDefaultCredentials=true", &["Deployment"]),
    (
        "--set=extraArgs={--workers=3},extraEnv[0].name=A",
        &["Deployment"],
    ),
    (
        "--set=reach=port-forward",
        &["ClusterRole", "ClusterRoleBinding", "Deployment"],
    ),
    ("--set=resources.limits.memory=1Gi", &["Deployment"]),
    (
        "--set=podAnnotations.a=b,podLabels.c=d,priorityClassName=high",
        &["Deployment"],
    ),
    (
        "--set=nodeSelector.disk=ssd,tolerations[0].operator=Exists",
        &["Deployment"],
    ),
    ("--set=strategy.type=Recreate", &["Deployment"]),
    ("--set=podSecurityContext.runAsUser=null", &["Deployment"]),
    ("--set=crd.install=false", &["CustomResourceDefinition"]),
    ("--set=userRoles.create=false", &["ClusterRole"]),
    ("--set=rbac.secretNames={mine}", &["ClusterRole"]),
    ("--set=serviceAccount.annotations.a=b", &["ServiceAccount"]),
    ("--set=metrics.service.enabled=true", &["Service"]),
    (
        "--set=metrics.serviceMonitor.enabled=true",
        &["Service", "ServiceMonitor"],
    ),
    (
        "--set=networkPolicy.enabled=true,networkPolicy.from[0].podSelector.a=null",
        &["NetworkPolicy"],
    ),
    (
        "--set=namespaces={red}",
        &[
            "ClusterRole",
            "ClusterRoleBinding",
            "Deployment",
            "Role",
            "RoleBinding",
        ],
    ),
];

/// A network knows nothing of the chart: whatever is set, what changes is the controller and its rights.
#[test]
fn a_value_changes_what_it_is_for_and_never_a_network() {
    let before = by_name(rendered(&[]));
    for (value, kinds) in VALUES {
        let after = by_name(rendered(&[value]));
        let names: BTreeSet<_> = before.keys().chain(after.keys()).collect();
        let differ = names
            .into_iter()
            .filter(|name| before.get(*name) != after.get(*name));
        let changed: BTreeSet<&str> = differ.map(|(kind, ..)| kind.as_str()).collect();
        assert_eq!(
            changed,
            BTreeSet::from_iter(kinds.iter().copied()),
            "{value}"
        );
    }
}

#[test]
fn every_set_of_values_passes_the_strict_lint() {
    let everything: Vec<&str> = VALUES.iter().map(|(value, _)| *value).collect();
    // Two that contradict each other: several controllers, of which nobody is elected.
    let agreeing = |value: &&str| !value.contains("leaderElection.enabled=false");
    let together: Vec<&str> = everything.iter().copied().filter(agreeing).collect();
    for values in everything
        .iter()
        .map(|value| vec![*value])
        .chain([together])
    {
        helm(&[&["lint", "--strict", CHART], &values[..]].concat());
    }
}

#[test]
fn the_same_values_give_the_same_bytes() {
    let all: Vec<&str> = VALUES[5..].iter().map(|(value, _)| *value).collect();
    let template = [&["template", RELEASE, CHART], &all[..]].concat();
    assert_eq!(helm(&template), helm(&template));
    for file in std::fs::read_dir(root().join(CHART).join("templates")).unwrap() {
        let path = file.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        // Chance, the time, keys, and what a server happens to have.
        for word in [
            "rand",
            "now",
            "genCA",
            "genPrivateKey",
            "htpasswd",
            "lookup",
            "uuid",
        ] {
            let mut words = text.split(|letter: char| !letter.is_alphanumeric());
            let has = text.contains("{{")
                && words.any(|it| it.starts_with(word) && word != "now" || it == word);
            assert!(
                !has || path.ends_with("crd.yaml"),
                "{}: {word}",
                path.display()
            );
        }
    }
}

#[test]
fn a_wrong_value_is_refused_by_what_is_wrong_with_it() {
    for (value, complaint) in [
        ("replica=2", "additional properties 'replica' not allowed"),
        ("replicas=-1", "at '/replicas': minimum: got -1, want 0"),
        ("image.tag=8", "at '/image/tag': got number, want string"),
        ("image.digest=sha256:abc", "at '/image/digest'"),
        (
            "image.pullPolicy=Sometimes",
            "value must be one of 'Always', 'IfNotPresent', 'Never'",
        ),
        ("log.format=xml", "value must be one of 'json', 'text'"),
        ("namespaces={Default}", "at '/namespaces/0'"),
        ("workers=many", "at '/workers': got string, want integer"),
        ("exampleNetwork.name=a.b", "at '/exampleNetwork/name'"),
        (
            "leaderElection.enabled=false,replicas=2",
            "two controllers would do everything twice",
        ),
        (
            "serviceAccount.create=false",
            "serviceAccount.name is missing",
        ),
        (
            "exampleNetwork.enabled=true",
            "install without it, then upgrade with it",
        ),
    ] {
        let refused = try_helm(&["template", RELEASE, CHART, "--set", value]).unwrap_err();
        assert!(refused.contains(complaint), "{value}: {refused}");
    }
}

#[test]
fn an_example_network_stays_when_the_release_goes() {
    let known = "--api-versions=bitcoincontroller.christianb93.github.com/v1/BitcoinNetwork";
    let found = rendered(&[known, "--set=exampleNetwork.enabled=true"]);
    let mut networks = found
        .iter()
        .filter(|object| object["kind"] == "BitcoinNetwork");
    let metadata = &networks.next().unwrap()["metadata"];
    assert_eq!(
        metadata["annotations"],
        json!({"helm.sh/resource-policy": "keep"})
    );
}
