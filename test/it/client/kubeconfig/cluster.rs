//! Where the server is, whom to trust, and through which proxy, as an entry says it.

use std::path::Path;

use bitcoin_controller::client::environment::Environment;

use super::{SERVER, config, config_of};

#[test]
fn c125_a_cluster_that_contradicts_itself_is_an_error_with_its_name() {
    let table = [
        ("{}", "has no server"),
        (
            "{server: 'https://a', certificate-authority: ca.crt, certificate-authority-data: eA==}",
            "has both certificate-authority and certificate-authority-data",
        ),
        (
            "{server: 'https://a', certificate-authority-data: eA==, insecure-skip-tls-verify: true}",
            "has both a certificate authority and insecure-skip-tls-verify",
        ),
        (
            "{server: 'https://a', certificate-authority-data: '*'}",
            "has certificate-authority-data that is not base64",
        ),
        (
            "{server: 'ftp://a'}",
            "has a server whose address begins neither with https:// nor http://",
        ),
        (
            "{server: 'https://a b'}",
            "has a server whose address is no URL",
        ),
        (
            "{server: 'https://me:hunter2@a'}",
            "has a server whose address holds a user or password",
        ),
        (
            "{server: 'https://a', proxy-url: 'ftp://me:hunter2@p'}",
            "has an unusable proxy-url: the proxy's address begins with none of http, https, socks5",
        ),
    ];
    for (cluster, why) in table {
        let expected = format!("cluster `a` in `DIR/config` {why}");
        assert_eq!(config(cluster, "{}").unwrap_err(), expected);
    }
}

#[test]
fn c125_an_authority_that_cannot_be_read_is_an_error_with_file_field_and_name() {
    let cluster = "{server: 'https://a', certificate-authority: absent}";
    assert_eq!(
        config(cluster, "{}").unwrap_err(),
        "failed to read `DIR/absent`, the certificate-authority of cluster `a` in `DIR/config`: \
         No such file or directory (os error 2)"
    );
}

#[test]
fn c117_the_path_prefix_of_a_server_is_kept_and_its_query_is_not() {
    let server = |cluster: &str| config(cluster, "{}").unwrap().server().to_owned();
    assert_eq!(
        server("{server: 'https://a:6443/k8s/one/?x=1#y'}"),
        "https://a:6443/k8s/one"
    );
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
fn a_proxy_that_is_named_counts_more_than_the_variables_and_shows_no_password() {
    let variables = |name: &str| match name {
        "HTTPS_PROXY" => Some("http://me:hunter2@variable.test:3128".to_owned()),
        "NO_PROXY" => Some("b.test".to_owned()),
        _ => None,
    };
    let environment = Environment::new(variables, Path::new("/nonexistent"));
    let proxy = |cluster: &str| config_of(&environment, cluster, "{}").unwrap().proxy();
    let named = |server: &str| {
        proxy(&format!(
            "{{server: '{server}', proxy-url: 'socks5://me:hunter2@named.test'}}"
        ))
    };
    for server in [
        "https://a",
        "https://b.test",
        "https://127.0.0.1:6443",
        "http://a",
    ] {
        assert_eq!(
            named(server).unwrap(),
            "socks5://named.test:1080",
            "{server}"
        );
    }
    assert_eq!(proxy(SERVER).unwrap(), "http://variable.test:3128");
    assert_eq!(proxy("{server: 'https://b.test', proxy-url: ''}"), None);
    assert_eq!(config(SERVER, "{}").unwrap().proxy(), None);
}

#[test]
fn a_variable_that_names_no_proxy_is_an_error_that_does_not_quote_it() {
    let variables = |name: &str| (name == "https_proxy").then(|| "ftp://hunter2".to_owned());
    let environment = Environment::new(variables, Path::new("/nonexistent"));
    assert_eq!(
        config_of(&environment, SERVER, "{}").unwrap_err(),
        "https_proxy is no address of a proxy (http, https or socks5)"
    );
}

#[test]
fn empty_fields_count_as_absent_and_unknown_ones_are_tolerated() {
    let cluster = "{server: 'https://a', certificate-authority: '', proxy-url: '', tls-server-name: '', \
                    disable-compression: true, extensions: [{name: x, extension: 1}, {}], x: 1}";
    let user = "{token: '', tokenFile: token, username: '', as: '', as-uid: '', as-groups: [], \
                 as-user-extra: {}, exec: null, x: 1}";
    config(cluster, user).unwrap();
}
