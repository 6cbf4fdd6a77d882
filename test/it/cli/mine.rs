//! Mirrors `src/cli/mine.rs` and `src/cli/rpc_flags.rs`: the program, on a pretend node and on a real one.

use std::process::Command;

use bitcoin_controller::bitcoin::mining::coinbase::TAG;
use rust_bitcoin::Block;
use rust_bitcoin::consensus::encode::deserialize_hex;
use serde_json::json;

use crate::support::doorway::Doorway;
use crate::support::program::{Program, outcome};

const ALICE: &str = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";

/// The program with these arguments, and an environment that says nothing of nodes.
fn mine(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bitcoin-controller"));
    command.arg("mine").args(arguments);
    command
        .env_remove("BC_RPC_USER")
        .env_remove("BC_RPC_PASSWORD");
    command
}

/// A file of this test, gone when it ends.
struct File(std::path::PathBuf);

impl File {
    fn new(name: &str, text: &str) -> File {
        let name = format!("bitcoin-controller-mine-{}-{name}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, text).unwrap();
        File(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn on_both(name: &str, scenario: impl Fn(&Doorway, &File)) {
    let cookie = File::new(name, "u:p\n");
    scenario(&Doorway::to_pretend(), &cookie);
    if let Some(real) = Doorway::to_real() {
        scenario(&real, &cookie);
    }
}

#[test]
fn blocks_are_mined_and_told_line_by_line() {
    on_both("blocks", |door, cookie| {
        let genesis = door.ask(door.node.tip());
        let (code, said, error) = outcome(&mut mine(&[
            "--rpc",
            &door.url,
            "--cookie",
            cookie.path(),
            "--address",
            ALICE,
            "--blocks",
            "3",
        ]));
        assert_eq!((code, error.as_str()), (Some(0), ""), "{said}");
        let lines: Vec<&str> = said.lines().collect();
        assert_eq!(lines.len(), 6, "{said}");
        assert_eq!(
            lines[0],
            format!("before      regtest at height 0, tip {genesis}")
        );
        let target = format!("7fffff{}", "0".repeat(58));
        assert_eq!(
            lines[1],
            format!(
                "work        bits 0x207fffff, target {target}, difficulty 4.6565423739069247e-10, 2 hashes a block"
            )
        );
        let tip = door.ask(door.node.tip());
        let start =
            format!("mined       height 3, {tip}, 1 transaction, fees 0 BTC, paid 50 BTC, ");
        assert!(lines[4].starts_with(&start), "{}", lines[4]);
        assert!(
            lines[4].contains(" attempt") && lines[4].ends_with("H/s"),
            "{}",
            lines[4]
        );
        assert_eq!(lines[5], format!("after       height 3, tip {tip}"));
        // It was this program that made it.
        let block = door.ask(door.node.call("getblock", json!([tip, 0])));
        let block: Block = deserialize_hex(block.as_str().unwrap()).unwrap();
        let script = block.txdata[0].input[0].script_sig.as_bytes().to_vec();
        assert!(script.ends_with(TAG));
    });
}

#[test]
fn who_is_asking_can_be_said_in_three_ways() {
    on_both("ways", |door, cookie| {
        let password = File::new("password", "p\n");
        let base = ["--rpc", &door.url, "--address", ALICE];
        let with = |more: &[&str]| mine(&[&base, more].concat());
        let mut commands = [
            with(&["--cookie", cookie.path()]),
            with(&["--user", "u", "--password-file", password.path()]),
            with(&["--user", "u"]),
            with(&[]),
        ];
        // A cookie is said aloud: it counts more than what happens to be in the environment.
        commands[0]
            .env("BC_RPC_USER", "v")
            .env("BC_RPC_PASSWORD", "q");
        commands[2].env("BC_RPC_PASSWORD", "p");
        commands[3]
            .env("BC_RPC_USER", "u")
            .env("BC_RPC_PASSWORD", "p");
        for command in &mut commands {
            let (code, _, error) = outcome(command);
            assert_eq!(code, Some(0), "{error}");
        }
        assert_eq!(door.ask(door.node.height()), 4);
    });
}

#[test]
fn what_is_wrong_is_said_before_anything_is_mined() {
    on_both("wrong", |door, cookie| {
        let cases = [
            (ALICE.replace("bcrt1", "tb1"), "is no address"),
            (
                "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4".to_owned(),
                "is an address of main, the node is on regtest",
            ),
        ];
        for (address, why) in cases {
            let arguments = [
                "--rpc",
                &door.url,
                "--cookie",
                cookie.path(),
                "--address",
                &address,
            ];
            let (code, said, error) = outcome(&mut mine(&arguments));
            assert_eq!((code, said.as_str()), (Some(1), ""));
            assert!(
                error.starts_with("error: ") && error.contains(why),
                "{error}"
            );
        }
        let mut command = mine(&["--rpc", &door.url, "--user", "u", "--address", ALICE]);
        let (code, _, error) = outcome(command.env("BC_RPC_PASSWORD", "correct-horse"));
        assert_eq!(code, Some(1));
        assert!(
            error.contains("wrong user name or password (401)"),
            "{error}"
        );
        assert!(!error.contains("horse"), "{error}");
        assert_eq!(door.ask(door.node.height()), 0);
    });
}

#[test]
fn a_first_signal_stops_it_between_blocks() {
    on_both("signal", |door, cookie| {
        let arguments = [
            "--rpc",
            &door.url,
            "--cookie",
            cookie.path(),
            "--address",
            ALICE,
            "--blocks",
            "4000000",
        ];
        let mut program = Program::start(&mut mine(&arguments));
        program.until("mined       height 2, ");
        program.signal("-INT");
        let (status, said) = program.end();
        assert_eq!(status.code(), Some(1), "{said:?}");
        let last = said
            .iter()
            .rev()
            .find(|line| line.starts_with("mined"))
            .unwrap();
        let mined: u64 = last.split([' ', ',']).nth(8).unwrap().parse().unwrap();
        let height = door.ask(door.node.height());
        assert_eq!(height, mined, "what was said is what there is");
        let tip = door.ask(door.node.tip());
        let after = format!("after       height {height}, tip {tip}");
        assert!(said.contains(&after), "{said:?}");
        let stopped = format!("error: stopped after {height} of 4000000 blocks");
        assert!(said.contains(&stopped), "{said:?}");
    });
}

#[test]
fn a_transaction_id_that_is_none_is_refused() {
    let (code, _, error) = outcome(&mut mine(&["--address", ALICE, "--exclude", "zz"]));
    assert_eq!(code, Some(2));
    assert!(error.contains("--exclude"), "{error}");
    let (code, _, error) = outcome(&mut mine(&["--address", ALICE, "--blocks", "0"]));
    assert_eq!(code, Some(2));
    assert!(error.contains("--blocks"), "{error}");
}

#[test]
fn a_node_that_is_no_url_or_nobody_is_refused_without_its_secrets() {
    let cookie = File::new("no-cookie", "no colon");
    let nobody = ["--rpc", "http://127.0.0.1:1", "--user", "u"];
    let cases: [(&[&str], &str); 11] = [
        (
            &["--rpc", "https://h:1", "--user", "u"],
            "--rpc: bitcoind does not speak TLS",
        ),
        (
            &["--rpc", "ftp://h:1", "--user", "u"],
            "--rpc: it must be http://HOST:PORT",
        ),
        (
            &["--rpc", "http://u:hunter2@h:1", "--user", "u"],
            "--rpc: no user name and password here",
        ),
        (
            &["--rpc", "hunter2", "--user", "u"],
            "--rpc: it must be http://HOST:PORT, with a port",
        ),
        (
            &["--rpc", "h:0", "--user", "u"],
            "--rpc: it must be http://HOST:PORT, with a port",
        ),
        (
            &["--rpc", "h:70000", "--user", "u"],
            "--rpc: it must be http://HOST:PORT, with a port",
        ),
        (
            &["--rpc", "http://[::1:1", "--user", "u"],
            "--rpc: it must be http://HOST:PORT, with a port",
        ),
        (
            &["--rpc", "http://h/x:1", "--user", "u"],
            "--rpc: it must be http://HOST:PORT, with a port",
        ),
        (&[], "say who you are to the node"),
        (
            &["--user", "u", "--password-file", "/nowhere"],
            "--password-file: /nowhere: ",
        ),
        (
            &["--cookie", cookie.path()],
            "is no cookie file: there is no colon in it",
        ),
    ];
    for (arguments, why) in cases {
        let arguments = [&["--address", ALICE], arguments].concat();
        let mut command = mine(&arguments);
        if !arguments.contains(&"--password-file") {
            command.env("BC_RPC_PASSWORD", "hunter2");
        }
        let (code, _, error) = outcome(&mut command);
        assert_eq!(code, Some(1), "{arguments:?}");
        assert!(error.contains(why), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
    let arguments = [&["--address", ALICE], &nobody[..]].concat();
    let (code, _, error) = outcome(&mut mine(&arguments));
    assert_eq!(code, Some(1));
    assert!(
        error.contains("the password of --user is missing"),
        "{error}"
    );
    let (_, _, error) = outcome(mine(&arguments).env("BC_RPC_PASSWORD", "hunter2"));
    assert!(error.contains("on 127.0.0.1:1: no connection"), "{error}");
    let both = ["--address", ALICE, "--user", "u", "--cookie", cookie.path()];
    let (code, _, error) = outcome(&mut mine(&both));
    assert_eq!(code, Some(2));
    assert!(error.contains("cannot be used with"), "{error}");
}
