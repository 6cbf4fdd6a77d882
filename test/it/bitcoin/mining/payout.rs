//! Mirrors `src/bitcoin/mining/payout.rs`.

use std::error::Error;

use bitcoin_controller::bitcoin::mining::{PayoutError, payout_script};

const REGTEST: &str = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";
const TESTNET: &str = "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx";
const MAIN: &str = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4";
/// Where the miner of the post pays to when nobody tells it otherwise.
const OLD: &str = "mhjfPZW5gTHetzzmSwpEqhvZC9TZ1sCAdu";

#[test]
fn an_address_of_the_chain_is_a_script() {
    let same = "0014751e76e8199196d454941c45d1b3a323f1433bd6";
    let cases = [
        (REGTEST, "regtest", same),
        (TESTNET, "test", same),
        (TESTNET, "testnet4", same),
        (MAIN, "main", same),
        (
            OLD,
            "regtest",
            "76a91418578c2576dbd6c54e1d8bd68cfdd080f9d0e56b88ac",
        ),
    ];
    for (address, chain, script) in cases {
        let found = payout_script(address, chain).unwrap().to_hex_string();
        assert_eq!(found, script, "{address} on {chain}");
    }
}

#[test]
fn an_address_of_another_chain_is_refused_with_both_names() {
    let cases = [
        (
            TESTNET,
            "regtest",
            "is an address of test, testnet4, signet, the node is on regtest",
        ),
        (
            REGTEST,
            "test",
            "is an address of regtest, the node is on test",
        ),
        (
            MAIN,
            "regtest",
            "is an address of main, the node is on regtest",
        ),
        (
            OLD,
            "main",
            "is an address of test, testnet4, signet, regtest, the node is on main",
        ),
    ];
    for (address, chain, why) in cases {
        let error = payout_script(address, chain).unwrap_err();
        assert_eq!(error.to_string(), format!("`{address}` {why}"));
    }
}

#[test]
fn what_is_no_address_is_refused_with_the_reason() {
    for address in [
        "",
        "nobody",
        &REGTEST[..43],
        "BCRT1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080",
    ] {
        let error = payout_script(address, "regtest").unwrap_err();
        assert_eq!(error.to_string(), format!("`{address}` is no address"));
        assert!(error.source().is_some());
    }
}

#[test]
fn nobody_mines_on_a_signet() {
    let error = payout_script(TESTNET, "signet").unwrap_err();
    assert!(matches!(error, PayoutError::Signet));
    assert!(error.to_string().contains("must be signed"), "{error}");
    let error = payout_script(TESTNET, "liquid").unwrap_err();
    assert!(matches!(error, PayoutError::UnknownChain(_)));
}
