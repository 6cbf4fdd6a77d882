//! Files as people have them: merged, and chosen from.

mod cluster;
mod exec;
mod user;

use std::path::{Path, PathBuf};

use bitcoin_controller::client::Config;
use bitcoin_controller::client::config::Error;
use bitcoin_controller::client::environment::Environment;
use bitcoin_controller::client::kubeconfig::Kubeconfig;

use super::{TemporaryDirectory, chain};

fn fixture(name: &str) -> PathBuf {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("test/fixtures/kubeconfig");
    fixtures.join(name)
}

fn read_all(names: &[&str]) -> Result<Kubeconfig, Error> {
    let paths: Vec<_> = names.iter().map(|name| fixture(name)).collect();
    Kubeconfig::read_all(&paths)
}

/// A process with nothing around it.
fn nothing() -> Environment {
    Environment::new(|_| None, Path::new("/nonexistent"))
}

/// A kubeconfig with one context of this cluster and user.
fn config(cluster: &str, user: &str) -> Result<Config, String> {
    config_of(&nothing(), cluster, user)
}

/// The same, read by a process surrounded by `environment`. A secret is called `hunter2`.
fn config_of(environment: &Environment, cluster: &str, user: &str) -> Result<Config, String> {
    let directory = TemporaryDirectory::new();
    std::fs::write(directory.path().join("token"), "hunter2\n").unwrap();
    std::fs::write(directory.path().join("ca.crt"), "x").unwrap();
    let text = format!(
        "current-context: a\nclusters: [{{name: a, cluster: {cluster}}}]\n\
         users: [{{name: a, user: {user}}}]\ncontexts: [{{name: a, context: {{cluster: a, user: a}}}}]\n"
    );
    let path = directory.path().join("config");
    std::fs::write(&path, text).unwrap();
    let kubeconfig = Kubeconfig::read(&path).map_err(|error| chain(&error))?;
    let entries = format!("{kubeconfig:?}");
    assert!(!entries.contains("hunter2"), "a secret is shown: {entries}");
    let config = kubeconfig.config_of(environment, None);
    let config = config.map_err(|error| chain(&error));
    let shown = format!("{config:?}");
    assert!(!shown.contains("hunter2"), "a secret is shown: {shown}");
    config.map_err(|text| text.replace(&directory.path().display().to_string(), "DIR"))
}

const SERVER: &str = "{server: \"https://a\"}";

#[test]
fn the_current_context_is_used_unless_another_is_named() {
    let kubeconfig = Kubeconfig::read(&fixture("simple.yaml")).unwrap();
    let here = kubeconfig.config(None).unwrap();
    assert_eq!(here.server(), "http://127.0.0.1:8001/prefix");
    assert_eq!(here.namespace(), "default");
    let there = kubeconfig.config(Some("there")).unwrap();
    assert_eq!(
        (there.server(), there.namespace()),
        ("https://kube.test:6443", "work")
    );
}

#[test]
fn c125_what_is_missing_is_named_together_with_the_file() {
    let kubeconfig = Kubeconfig::read(&fixture("simple.yaml")).unwrap();
    let file = fixture("simple.yaml");
    let file = file.display();
    let missing = [
        ("nowhere", format!("context `nowhere` is not in `{file}`")),
        (
            "astray",
            format!("cluster `nowhere`, which context `astray` names, is not in `{file}`"),
        ),
        (
            "stranger",
            format!("user `nobody`, which context `stranger` names, is not in `{file}`"),
        ),
    ];
    for (context, text) in missing {
        let error = kubeconfig.config(Some(context)).unwrap_err();
        assert_eq!(error.to_string(), text);
    }
    let error = read_all(&["empty.yaml"]).unwrap().config(None).unwrap_err();
    assert!(
        error.to_string().starts_with("no context was given"),
        "{error}"
    );
}

#[test]
fn c123_the_first_file_that_has_a_name_gives_the_whole_entry() {
    let both = read_all(&["empty.yaml", "simple.yaml", "second.yaml", "simple.yaml"]).unwrap();
    // The cluster has no field of the second file.
    let mixed = both.config(Some("mixed")).unwrap();
    assert_eq!(mixed.server(), "http://127.0.0.1:8001/prefix");
    assert!(!format!("{mixed:?}").contains("is_insecure: true"));
    let other = read_all(&["second.yaml", "simple.yaml"]).unwrap();
    assert_eq!(
        other.config(Some("mixed")).unwrap().server(),
        "https://second.test"
    );
}

#[test]
fn c123_the_first_current_context_is_the_one() {
    let current = |names: &[&str]| {
        read_all(names)
            .unwrap()
            .config(None)
            .map(|config| config.server().to_owned())
    };
    let first = current(&["empty.yaml", "simple.yaml", "second.yaml"]).unwrap();
    assert_eq!(first, "http://127.0.0.1:8001/prefix");
    // `only-second` is current in the second file, whose authority is not there.
    let Err(Error::Read { path, .. }) = current(&["second.yaml", "simple.yaml"]) else {
        panic!("another context is current");
    };
    assert_eq!(path, fixture("tls/ca.crt"));
}

#[test]
fn c124_relative_paths_begin_at_the_file_that_has_them() {
    let both = read_all(&["simple.yaml", "second.yaml"]).unwrap();
    assert!(both.config(Some("there")).is_ok());
    // The second file's `tls/ca.crt` is looked for beside the second file, where it is not.
    let Err(Error::Read { path, .. }) = both.config(Some("only-second")) else {
        panic!("it is there");
    };
    assert_eq!(path, fixture("tls/ca.crt"));
}

#[test]
fn c123_files_of_a_list_may_be_missing_but_not_all_and_not_the_one_asked_for() {
    assert!(read_all(&["absent", "simple.yaml"]).is_ok());
    let absent = fixture("absent");
    let all = read_all(&["absent"]).unwrap_err();
    assert!(
        all.to_string().contains(&*absent.to_string_lossy()),
        "{all}"
    );
    assert!(matches!(Kubeconfig::read(&absent), Err(Error::Read { path, .. }) if path == absent));
}

#[test]
fn json_is_read_and_ipv6_addresses_keep_their_brackets() {
    let kubeconfig = Kubeconfig::read(&fixture("json.json")).unwrap();
    assert_eq!(
        kubeconfig.config(None).unwrap().server(),
        "https://[::1]:6443"
    );
}

#[test]
fn broken_files_are_errors_that_quote_nothing() {
    for name in ["twice.yaml", "broken.yaml", "wrong-type.yaml"] {
        let error = chain(&Kubeconfig::read(&fixture(name)).unwrap_err());
        assert!(error.contains(name), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}
