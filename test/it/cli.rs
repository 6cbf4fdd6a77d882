//! Subcommands and flags that need no server, as programs.

mod configuration;
mod connect;
mod difficulty_at_height;
mod fund;
mod mine;

use std::process::Command;

use crate::support::program::outcome;

const GENESIS: &str = "0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4a29ab5f49ffff001d1dac2b7c";

fn difficulty(arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_bitcoin-controller"));
    program.arg("difficulty").args(arguments);
    outcome(&mut program)
}

#[test]
fn bits_are_explained_in_full() {
    let (code, said, _) = difficulty(&["391129783"]);
    let all = "\
bits        0x17502ab7 (391129783)
target      000000000000000000502ab70000000000000000000000000000000000000000
difficulty  3511060552899.72
hashes      1.508e22 on average
rate        2.513e19 hashes a second find a block in ten minutes
";
    assert_eq!((code, said.as_str()), (Some(0), all));
    let (_, said, _) = difficulty(&["0x207fffff", "--hash-rate", "1e6"]);
    assert!(
        said.contains("difficulty  4.6565423739069247e-10\n"),
        "{said}"
    );
    assert!(
        said.ends_with("time        2.000e-6 s on average\n"),
        "{said}"
    );
}

#[test]
fn a_header_is_held_to_its_bits_and_to_its_chain() {
    let (code, said, _) = difficulty(&[GENESIS]);
    assert_eq!(code, Some(0));
    let hash = "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f";
    assert!(
        said.ends_with(&format!("hash        {hash}\nwork        done\n")),
        "{said}"
    );

    let other = GENESIS.replace("1dac2b7c", "1eac2b7c");
    let (code, said, error) = difficulty(&[&other]);
    assert_eq!(code, Some(1));
    assert!(said.ends_with("work        not done\n"), "{said}");
    assert_eq!(error, "error: the hash is larger than the target\n");

    let (code, _, error) = difficulty(&["--chain", "signet", GENESIS]);
    assert_eq!(
        (code, error.as_str()),
        (Some(0), ""),
        "signet is easier than main"
    );
}

#[test]
fn what_is_no_bits_and_no_header_is_refused_by_name() {
    for (value, why) in [
        ("zz", "error: `zz` is neither bits in hex"),
        (
            "0x1d80ffff",
            "error: bits 0x1d80ffff stand for a negative target",
        ),
        (&GENESIS[2..], "is neither bits in hex"),
    ] {
        let (code, _, error) = difficulty(&[value]);
        assert_eq!(code, Some(1), "{value}");
        assert!(error.contains(why), "{error}");
    }
    let (code, _, error) = difficulty(&["1", "--hash-rate", "0"]);
    assert_eq!(code, Some(2));
    assert!(error.contains("--hash-rate"), "{error}");
}

/// What the program says to flags it refuses: it ends before it looks for a server.
fn refused(arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_bitcoin-controller"))
        .args(arguments)
        .env("KUBECONFIG", "/nowhere")
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    (output.status.code(), said)
}

#[test]
fn an_address_to_listen_on_that_is_none_is_refused_and_the_flag_named() {
    for value in ["8080", ":http", ":70000", "::1:8080", "[::1]", "a b:1"] {
        let (code, said) = refused(&[&format!("--listen={value}")]);
        assert_eq!(code, Some(2), "{value}: {said}");
        assert!(said.contains("--listen") && said.contains(value), "{said}");
    }
}

#[test]
fn an_address_that_is_taken_ends_the_program_before_it_asks_any_server() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (code, said) = refused(&["--listen", &address]);
    assert_eq!(code, Some(1));
    assert!(said.contains("cannot serve health and metrics"), "{said}");
    assert!(
        said.contains(&format!("cannot listen on `{address}`")),
        "{said}"
    );
}
