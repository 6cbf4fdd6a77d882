//! Where a configuration comes from, in a pod and on a laptop.

use std::collections::BTreeMap;
use std::path::Path;

use bitcoin_controller::client::config::Error;
use bitcoin_controller::client::environment::Environment;
use bitcoin_controller::client::{Config, KubeconfigOptions};

use super::{TemporaryDirectory, chain};

/// A process with these variables, and a service account mounted in `directory`.
fn environment(directory: &Path, variables: &[(&str, &str)]) -> Environment {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let variables: BTreeMap<_, _> = variables.iter().map(owned).collect();
    Environment::new(move |name| variables.get(name).cloned(), directory)
}

fn mounted() -> TemporaryDirectory {
    let directory = TemporaryDirectory::new();
    let write = |name: &str, content: &[u8]| {
        std::fs::write(directory.path().join(name), content).unwrap();
    };
    write("token", b" hunter2\n");
    write("ca.crt", include_bytes!("../../fixtures/tls/ca.crt"));
    write("namespace", b"mounted\n");
    write("config", b"current-context: a\nclusters: [{name: a, cluster: {server: 'http://laptop'}}]\ncontexts: [{name: a, context: {cluster: a}}, {name: b, context: {cluster: a, namespace: b}}]\n");
    directory
}

const POD: [(&str, &str); 2] = [
    ("KUBERNETES_SERVICE_HOST", "10.96.0.1"),
    ("KUBERNETES_SERVICE_PORT", "443"),
];

#[test]
fn c126_a_pod_uses_its_service_account() {
    let directory = mounted();
    let config = Config::load_of(&environment(directory.path(), &POD), None, None).unwrap();
    assert_eq!(
        (config.server(), config.namespace()),
        ("https://10.96.0.1:443", "mounted")
    );
    let shown = format!("{config:?}");
    assert!(
        shown.contains("TokenFile") && !shown.contains("hunter2"),
        "{shown}"
    );
}

#[test]
fn c126_an_ipv6_address_gets_brackets() {
    let directory = mounted();
    let pod = [("KUBERNETES_SERVICE_HOST", "fd00::1"), POD[1]];
    let config = Config::in_cluster_of(&environment(directory.path(), &pod)).unwrap();
    assert_eq!(config.server(), "https://[fd00::1]:443");
}

#[test]
fn c126_the_namespace_comes_from_the_variable_the_file_or_is_default() {
    let directory = mounted();
    let namespace = |variables: &[(&str, &str)]| {
        let environment = environment(directory.path(), &[&POD, variables].concat());
        Config::in_cluster_of(&environment)
            .unwrap()
            .namespace()
            .to_owned()
    };
    assert_eq!(namespace(&[("POD_NAMESPACE", "told")]), "told");
    assert_eq!(namespace(&[("POD_NAMESPACE", "")]), "mounted");
    std::fs::write(directory.path().join("namespace"), " \n").unwrap();
    assert_eq!(namespace(&[]), "default");
    std::fs::remove_file(directory.path().join("namespace")).unwrap();
    assert_eq!(namespace(&[]), "default");
}

#[test]
fn what_was_asked_for_comes_before_the_service_account() {
    let directory = mounted();
    let path = directory.path().join("config");
    let pod = environment(directory.path(), &POD);
    let flag = Config::load_of(&pod, Some(&path), Some("b")).unwrap();
    assert_eq!((flag.server(), flag.namespace()), ("http://laptop", "b"));
    let variable = [&POD[..], &[("KUBECONFIG", path.to_str().unwrap())]].concat();
    let variable = environment(directory.path(), &variable);
    assert_eq!(
        Config::load_of(&variable, None, None).unwrap().server(),
        "http://laptop"
    );
    // An explicit file must be there, whatever else is.
    let absent = directory.path().join("absent");
    assert!(
        matches!(Config::load_of(&variable, Some(&absent), None), Err(Error::Read { path, .. }) if path == absent)
    );
}

#[test]
fn outside_a_pod_the_list_in_the_variable_or_the_home_directory_is_read() {
    let directory = mounted();
    std::fs::create_dir(directory.path().join(".kube")).unwrap();
    std::fs::rename(
        directory.path().join("config"),
        directory.path().join(".kube/config"),
    )
    .unwrap();
    let home = directory.path().to_str().unwrap();
    let at_home = environment(directory.path(), &[("HOME", home), ("KUBECONFIG", "")]);
    assert_eq!(
        Config::load_of(&at_home, None, None).unwrap().server(),
        "http://laptop"
    );
    let list = format!(":{home}/absent:{home}/.kube/config");
    let listed = environment(directory.path(), &[("KUBECONFIG", &list)]);
    let options = KubeconfigOptions::default();
    assert_eq!(
        Config::from_kubeconfig_of(&listed, &options)
            .unwrap()
            .server(),
        "http://laptop"
    );
}

#[test]
fn having_nothing_is_told_with_the_places_that_were_looked_at() {
    let directory = TemporaryDirectory::new();
    let home = directory.path().to_str().unwrap();
    let nothing = environment(directory.path(), &[("HOME", home)]);
    let error = Config::load_of(&nothing, None, None).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "no kubeconfig at `{home}/.kube/config`; name one with --kubeconfig or $KUBECONFIG"
        )
    );
    assert!(matches!(
        Config::in_cluster_of(&nothing),
        Err(Error::NotInCluster)
    ));
    let error = Config::load_of(&environment(directory.path(), &[]), None, None).unwrap_err();
    assert!(
        error.to_string().contains("neither KUBECONFIG nor HOME"),
        "{error}"
    );
}

#[test]
fn a_service_account_that_cannot_be_read_is_an_error_that_names_the_file() {
    let directory = mounted();
    let pod = environment(directory.path(), &POD);
    std::fs::remove_file(directory.path().join("ca.crt")).unwrap();
    assert!(chain(&Config::in_cluster_of(&pod).unwrap_err()).contains("ca.crt"));
    std::fs::write(directory.path().join("token"), "\n").unwrap();
    let error = chain(&Config::in_cluster_of(&pod).unwrap_err());
    assert!(
        error.ends_with("token`: the token file is empty"),
        "{error}"
    );
}

#[test]
fn a_pod_reaches_the_server_through_the_proxy_of_its_variables() {
    let directory = mounted();
    let proxy = |variables: &[(&str, &str)]| {
        let environment = environment(directory.path(), &[&POD, variables].concat());
        Config::in_cluster_of(&environment).map(|config| config.proxy())
    };
    let named = ("HTTPS_PROXY", "me:hunter2@proxy.test:3128");
    assert_eq!(proxy(&[]).unwrap(), None);
    assert_eq!(proxy(&[named]).unwrap().unwrap(), "http://proxy.test:3128");
    assert_eq!(proxy(&[named, ("NO_PROXY", "10.96.0.0/12")]).unwrap(), None);
    assert!(proxy(&[("HTTPS_PROXY", "ftp://p")]).is_err());
}

#[test]
fn a_plain_server_is_http_only() {
    for server in [
        "https://a",
        "a:80",
        "",
        "http://",
        "http://me:hunter2@a",
        "http://a b",
    ] {
        let error = Config::plain(server).unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}
