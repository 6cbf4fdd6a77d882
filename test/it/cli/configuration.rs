//! Mirrors `src/cli/configuration.rs`: the same facts, as each reader wants them.

use std::os::unix::fs::PermissionsExt as _;

use bitcoin_controller::bitcoin::Credentials;
use bitcoin_controller::cli::configuration::{Configuration, Format, Password, write_cookie};

fn configuration(password: Password) -> Configuration {
    Configuration {
        rpc: "127.0.0.1:1001".to_owned(),
        p2p: "127.0.0.1:1002".to_owned(),
        zmq_block: "127.0.0.1:1003".to_owned(),
        zmq_tx: "127.0.0.1:1004".to_owned(),
        user: "somebody".to_owned(),
        password,
        wallet: Some("network".to_owned()),
    }
}

fn with_password(format: Format) -> String {
    let password = Password::Text("0a1b".to_owned());
    configuration(password).render(format).unwrap()
}

fn with_cookie(format: Format) -> String {
    let password = Password::CookieFile("/tmp/cookie".into());
    configuration(password).render(format).unwrap()
}

#[test]
fn a_shell_gets_variables() {
    let expected = "\
BITCOIN_NETWORK=regtest
BITCOIN_RPC_URL=http://127.0.0.1:1001
BITCOIN_RPC_USER=somebody
BITCOIN_RPC_PASSWORD=0a1b
BITCOIN_WALLET_URL=http://127.0.0.1:1001/wallet/network
BITCOIN_P2P=127.0.0.1:1002
BITCOIN_ZMQ_BLOCK=tcp://127.0.0.1:1003
BITCOIN_ZMQ_TX=tcp://127.0.0.1:1004
";
    assert_eq!(with_password(Format::Env), expected);
    let line = "BITCOIN_COOKIE_FILE=/tmp/cookie\n";
    assert!(with_cookie(Format::Env).contains(line));
}

#[test]
fn bitcoin_cli_gets_a_section_of_its_chain() {
    let expected = "\
regtest=1
[regtest]
rpcconnect=127.0.0.1
rpcport=1001
rpcuser=somebody
rpcpassword=0a1b
rpcwallet=network
";
    assert_eq!(with_password(Format::BitcoinConf), expected);
    let cookie = with_cookie(Format::BitcoinConf);
    assert!(cookie.contains("rpccookiefile=/tmp/cookie\n") && !cookie.contains("rpcuser"));
}

#[test]
fn lnd_gets_its_backend() {
    let expected = "\
[Bitcoin]
bitcoin.regtest=true
bitcoin.node=bitcoind
[Bitcoind]
bitcoind.rpchost=127.0.0.1:1001
bitcoind.rpcuser=somebody
bitcoind.rpcpass=0a1b
bitcoind.zmqpubrawblock=tcp://127.0.0.1:1003
bitcoind.zmqpubrawtx=tcp://127.0.0.1:1004
";
    assert_eq!(with_password(Format::LndConf), expected);
    let line = "bitcoind.rpccookie=/tmp/cookie\n";
    assert!(with_cookie(Format::LndConf).contains(line));
}

#[test]
fn electrs_gets_its_daemon() {
    let expected = "\
network = \"regtest\"
daemon_rpc_addr = \"127.0.0.1:1001\"
daemon_p2p_addr = \"127.0.0.1:1002\"
auth = \"somebody:0a1b\"
";
    assert_eq!(with_password(Format::Electrs), expected);
    let line = "cookie_file = \"/tmp/cookie\"\n";
    assert!(with_cookie(Format::Electrs).contains(line));
}

#[test]
fn programs_get_json() {
    let value: serde_json::Value = serde_json::from_str(&with_password(Format::Json)).unwrap();
    assert_eq!(value["rpc"], "http://127.0.0.1:1001");
    assert_eq!(value["wallet"], "http://127.0.0.1:1001/wallet/network");
    assert_eq!(
        (&value["user"], &value["password"]),
        (&"somebody".into(), &"0a1b".into())
    );
}

/// A shell and JSON have quotes; files without quotes would cut the password, or take its end for a comment.
#[test]
fn an_odd_password_arrives_whole_or_is_refused() {
    for odd in ["a#b", "a;b", " a", "a\nb", "\"a\""] {
        let odd = configuration(Password::Text(odd.to_owned()));
        for format in [Format::BitcoinConf, Format::LndConf] {
            let error = odd.render(format).unwrap_err().to_string();
            assert!(error.contains("--cookie-file"), "{error}");
        }
        assert!(odd.render(Format::Env).is_ok());
    }
    let spaced = configuration(Password::Text("it's a".to_owned()));
    let env = spaced.render(Format::Env).unwrap();
    assert!(env.contains(r"BITCOIN_RPC_PASSWORD='it'\''s a'"), "{env}");
    assert!(!format!("{spaced:?}").contains("it's"));
}

#[test]
fn an_odd_path_of_the_cookie_is_refused() {
    let odd = configuration(Password::CookieFile("/tmp/a#b".into()));
    for format in [Format::BitcoinConf, Format::LndConf] {
        let error = odd.render(format).unwrap_err().to_string();
        assert!(error.contains("/tmp/a#b"), "{error}");
    }
    assert!(odd.render(Format::Env).is_ok());
}

/// What was there may be open elsewhere, or be a link to what is not ours.
#[test]
fn a_cookie_is_a_new_file_that_only_its_owner_reads() {
    let place = std::env::temp_dir().join(format!("cookie-{}", std::process::id()));
    std::fs::create_dir(&place).unwrap();
    let (other, cookie) = (place.join("other"), place.join("cookie"));
    std::fs::write(&other, "kept").unwrap();
    std::os::unix::fs::symlink(&other, &cookie).unwrap();
    let credentials = Credentials::new("somebody", "0a1b").unwrap();
    write_cookie(&cookie, &credentials).unwrap();
    assert_eq!(std::fs::read_to_string(&other).unwrap(), "kept");
    assert_eq!(std::fs::read_to_string(&cookie).unwrap(), "somebody:0a1b");
    let found = std::fs::symlink_metadata(&cookie).unwrap();
    assert!(found.is_file());
    assert_eq!(found.permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::read_dir(&place).unwrap().count(), 2);
    assert!(write_cookie(&place, &credentials).is_err());
    std::fs::remove_dir_all(&place).unwrap();
}
