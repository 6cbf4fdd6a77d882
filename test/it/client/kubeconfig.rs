//! Files as people have them: merged, chosen from, and refused.

use std::path::{Path, PathBuf};

use bitcoin_controller::client::Config;
use bitcoin_controller::client::config::Error;
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

/// A kubeconfig with one context of this cluster and user.
fn config(cluster: &str, user: &str) -> Result<Config, String> {
    let directory = TemporaryDirectory::new();
    std::fs::write(directory.path().join("token"), "hunter2\n").unwrap();
    std::fs::write(directory.path().join("ca.crt"), "x").unwrap();
    let text = format!(
        "current-context: a\nclusters: [{{name: a, cluster: {cluster}}}]\n\
         users: [{{name: a, user: {user}}}]\ncontexts: [{{name: a, context: {{cluster: a, user: a}}}}]\n"
    );
    let path = directory.path().join("config");
    std::fs::write(&path, text).unwrap();
    let config = Kubeconfig::read(&path).and_then(|kubeconfig| kubeconfig.config(None));
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
fn what_is_missing_is_named_together_with_the_file() {
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
fn the_first_file_that_has_a_name_gives_the_whole_entry() {
    let both = read_all(&["empty.yaml", "simple.yaml", "second.yaml", "simple.yaml"]).unwrap();
    // The current context, too, is the first file's; the cluster has no field of the second file.
    let mixed = both.config(Some("mixed")).unwrap();
    assert_eq!(mixed.server(), "http://127.0.0.1:8001/prefix");
    assert!(!format!("{mixed:?}").contains("is_insecure: true"));
    assert_eq!(both.config(None).unwrap().server(), mixed.server());
    let other = read_all(&["second.yaml", "simple.yaml"]).unwrap();
    assert_eq!(
        other.config(Some("mixed")).unwrap().server(),
        "https://second.test"
    );
}

#[test]
fn relative_paths_begin_at_the_file_that_has_them() {
    let both = read_all(&["simple.yaml", "second.yaml"]).unwrap();
    assert!(both.config(Some("there")).is_ok());
    // The second file's `tls/ca.crt` is looked for beside the second file, where it is not.
    let Err(Error::Read { path, .. }) = both.config(Some("only-second")) else {
        panic!("it is there");
    };
    assert_eq!(path, fixture("tls/ca.crt"));
}

#[test]
fn files_of_a_list_may_be_missing_but_not_all_and_not_the_one_asked_for() {
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

#[test]
fn what_contradicts_itself_is_refused() {
    let table = [
        ("{}", "{}", "cluster `a` in `DIR/config` has no server"),
        (
            "{server: 'https://a', certificate-authority: ca.crt, certificate-authority-data: eA==}",
            "{}",
            "cluster `a` in `DIR/config` has both certificate-authority and certificate-authority-data",
        ),
        (
            "{server: 'https://a', certificate-authority-data: eA==, insecure-skip-tls-verify: true}",
            "{}",
            "cluster `a` in `DIR/config` has both a certificate authority and insecure-skip-tls-verify",
        ),
        (
            "{server: 'https://a', certificate-authority-data: '*'}",
            "{}",
            "cluster `a` in `DIR/config` has certificate-authority-data that is not base64",
        ),
        (
            "{server: 'ftp://a'}",
            "{}",
            "the server's address `ftp://a` begins neither with https nor http",
        ),
        (
            "{server: 'https://me:hunter2@a'}",
            "{}",
            "the server's address must not hold a user or password",
        ),
        (
            SERVER,
            "{token: hunter2, username: me, password: hunter2}",
            "user `a` in `DIR/config` has both a token and a username",
        ),
        (
            SERVER,
            "{tokenFile: token, password: hunter2}",
            "user `a` in `DIR/config` has both a token and a username",
        ),
        (
            SERVER,
            "{client-certificate-data: eA==}",
            "user `a` in `DIR/config` has a certificate, but no key",
        ),
        (
            SERVER,
            "{client-key-data: eA==}",
            "user `a` in `DIR/config` has a key, but no certificate",
        ),
        (
            SERVER,
            "{client-key-data: aHVudGVyMg==, client-key: token, client-certificate-data: eA==}",
            "user `a` in `DIR/config` has both client-key and client-key-data",
        ),
        (
            SERVER,
            "{tokenFile: absent}",
            "failed to read `DIR/absent`: No such file or directory (os error 2)",
        ),
    ];
    for (cluster, user, text) in table {
        assert_eq!(config(cluster, user).unwrap_err(), text);
    }
}

#[test]
fn what_we_cannot_do_is_refused_by_name() {
    let table = [
        (
            SERVER,
            "{exec: {apiVersion: v1, command: aws, env: null}}",
            "the exec plugin `aws`",
        ),
        (SERVER, "{auth-provider: {name: gcp}}", "an auth-provider"),
        (SERVER, "{token: hunter2, as: root}", "impersonation"),
        (SERVER, "{as-groups: [admins]}", "impersonation"),
        (
            "{server: 'https://a', proxy-url: 'http://p'}",
            "{}",
            "a proxy (proxy-url)",
        ),
    ];
    for (cluster, user, what) in table {
        let error = config(cluster, user).unwrap_err();
        assert!(
            error.contains(&format!("needs {what}, which is not supported")),
            "{error}"
        );
    }
}

#[test]
fn an_address_without_scheme_is_https_if_there_is_anything_about_tls() {
    let server = |cluster: &str| config(cluster, "{}").unwrap().server().to_owned();
    assert_eq!(server("{server: 'a:8080'}"), "http://a:8080");
    assert_eq!(
        server("{server: 'a:8080', insecure-skip-tls-verify: true}"),
        "https://a:8080"
    );
}

#[test]
fn empty_fields_count_as_absent_and_unknown_ones_are_tolerated() {
    let cluster = "{server: 'https://a', certificate-authority: '', proxy-url: '', disable-compression: true}";
    let user = "{token: '', tokenFile: token, username: '', as: '', as-groups: [], as-user-extra: {}, x: 1}";
    assert!(config(cluster, user).is_ok());
}
