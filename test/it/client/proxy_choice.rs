//! Which proxy the variables name, and what they leave out.

use bitcoin_controller::client::proxy_choice::{Bypass, proxy_of_variables};

fn chosen(server: &str, variables: &[(&str, &str)]) -> Result<Option<String>, &'static str> {
    let variable = |name: &str| {
        let mut known = variables.iter().filter(|(known, _)| *known == name);
        known.next().map(|(_, value)| (*value).to_owned())
    };
    proxy_of_variables(server, variable)
}

#[test]
fn the_scheme_of_the_server_says_which_variable_counts() {
    let variables = [
        ("HTTPS_PROXY", "http://s.test"),
        ("HTTP_PROXY", "http://p.test"),
    ];
    assert_eq!(
        chosen("https://a", &variables).unwrap().unwrap(),
        "http://s.test"
    );
    assert_eq!(
        chosen("http://a", &variables).unwrap().unwrap(),
        "http://p.test"
    );
    assert_eq!(chosen("https://a", &variables[1..]), Ok(None));
    assert_eq!(chosen("http://a", &variables[..1]), Ok(None));
    assert_eq!(
        chosen("http://a", &[("ALL_PROXY", "http://p.test")]),
        Ok(None)
    );
}

#[test]
fn upper_case_comes_first_and_an_empty_variable_is_none() {
    let both = [
        ("https_proxy", "http://lower.test"),
        ("HTTPS_PROXY", "http://upper.test"),
    ];
    assert_eq!(
        chosen("https://a", &both).unwrap().unwrap(),
        "http://upper.test"
    );
    let empty = [both[0], ("HTTPS_PROXY", "")];
    assert_eq!(
        chosen("https://a", &empty).unwrap().unwrap(),
        "http://lower.test"
    );
    let bypassed = [both[1], ("NO_PROXY", ""), ("no_proxy", "a")];
    assert_eq!(chosen("https://a", &bypassed), Ok(None));
}

#[test]
fn an_address_may_lack_its_scheme_but_not_make_no_sense() {
    let proxy = |value: &str| chosen("https://a", &[("HTTPS_PROXY", value)]);
    assert_eq!(proxy("p.test:3128").unwrap().unwrap(), "http://p.test:3128");
    assert_eq!(proxy("me:x@p.test").unwrap().unwrap(), "http://me:x@p.test");
    assert_eq!(
        proxy("socks5://p.test").unwrap().unwrap(),
        "socks5://p.test"
    );
    for nonsense in ["ftp://p.test", "http://", "p test"] {
        assert_eq!(proxy(nonsense), Err("HTTPS_PROXY"), "{nonsense}");
    }
    let lower = chosen("http://a", &[("http_proxy", "p test")]);
    assert_eq!(lower, Err("http_proxy"));
}

#[test]
fn this_machine_is_reached_directly() {
    let variables = [
        ("HTTPS_PROXY", "http://p.test"),
        ("HTTP_PROXY", "http://p.test"),
    ];
    for host in [
        "localhost",
        "LocalHost:6443",
        "127.0.0.1:6443",
        "127.8.9.1",
        "[::1]:6443",
        "[::ffff:127.0.0.1]",
    ] {
        assert_eq!(
            chosen(&format!("https://{host}"), &variables),
            Ok(None),
            "{host}"
        );
        assert_eq!(
            chosen(&format!("http://{host}"), &variables),
            Ok(None),
            "{host}"
        );
    }
    assert!(
        chosen("https://localhost.test", &variables)
            .unwrap()
            .is_some()
    );
}

#[test]
fn the_port_that_a_server_does_not_name_is_that_of_its_scheme() {
    let proxies = [
        ("HTTPS_PROXY", "http://p.test"),
        ("HTTP_PROXY", "http://p.test"),
    ];
    let with = |entry| [proxies[0], proxies[1], ("NO_PROXY", entry)];
    assert_eq!(chosen("https://a.test", &with("a.test:443")), Ok(None));
    assert_eq!(chosen("http://a.test", &with("a.test:80")), Ok(None));
    assert!(
        chosen("https://a.test", &with("a.test:80"))
            .unwrap()
            .is_some()
    );
    assert!(
        chosen("https://a.test:6443", &with("a.test:443"))
            .unwrap()
            .is_some()
    );
}

#[test]
fn entries_cover_what_they_do_in_a_go_program() {
    // What an entry covers, and what it does not, on port 6443.
    let table: [(&str, &[&str], &[&str]); 13] = [
        ("*", &["a.test", "10.0.0.1", "::1"], &[]),
        (
            "b.test",
            &["b.test", "B.TEST", "x.b.test", "y.x.b.test"],
            &["xb.test", "test"],
        ),
        (".b.test", &["x.b.test"], &["b.test", "xb.test"]),
        ("*.b.test", &["x.b.test"], &["b.test"]),
        ("b.test:6443", &["b.test", "x.b.test"], &[]),
        ("b.test:443", &[], &["b.test", "x.b.test"]),
        (
            "10.0.0.1",
            &["10.0.0.1", "::ffff:10.0.0.1"],
            &["10.0.0.2", "10.0.0.10"],
        ),
        ("10.0.0.1:443", &[], &["10.0.0.1"]),
        ("[fd00::1]:6443", &["fd00::1", "fd00:0::1"], &["fd00::2"]),
        ("fd00::1", &["fd00::1"], &["fd00::2"]),
        (
            "10.96.0.0/12",
            &["10.96.0.1", "10.111.255.255"],
            &["10.112.0.0", "10.95.255.255", "fd00::1", "a.test"],
        ),
        ("fd00::/8", &["fd00::1", "fdff::"], &["fe00::", "10.0.0.1"]),
        ("0.0.0.0/0", &["10.0.0.1"], &["fd00::1", "a.test"]),
    ];
    for (entry, covered, others) in table {
        let bypass = Bypass::parse(entry);
        for host in covered {
            assert!(bypass.covers(host, 6443), "`{entry}` covers {host}");
        }
        for host in others {
            assert!(
                !bypass.covers(host, 6443),
                "`{entry}` does not cover {host}"
            );
        }
    }
}

#[test]
fn a_list_is_read_entry_by_entry_and_nonsense_covers_nothing() {
    let list = Bypass::parse(" a.test , , .,10.0.0.0/33, 10.0.0.0/x,:443,10.0.0.9/32,b.test");
    for host in ["a.test", "b.test", "10.0.0.9"] {
        assert!(list.covers(host, 443), "{host}");
    }
    for host in ["c.test", "10.0.0.1", ""] {
        assert!(!list.covers(host, 443), "{host}");
    }
    assert_eq!(Bypass::parse(""), Bypass::default());
}
