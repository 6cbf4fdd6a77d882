//! Mirrors `src/cli/difficulty/at_height.rs`: a node with real blocks, and one that tells of a chain made up here.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;

use rust_bitcoin::block::{Header, Version};
use rust_bitcoin::hashes::Hash;
use rust_bitcoin::{BlockHash, CompactTarget, TxMerkleNode};
use serde_json::{Value, json};

use crate::support::doorway::Doorway;
use crate::support::program::outcome;

/// Exit code, standard output, standard error.
fn difficulty(url: &str, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_bitcoin-controller"));
    program
        .args(["difficulty", "--rpc", url, "--user", "u"])
        .args(arguments)
        .env("BC_RPC_PASSWORD", "p");
    outcome(&mut program)
}

#[test]
fn a_block_of_a_regtest_node_is_explained() {
    for door in [Some(Doorway::to_pretend()), Doorway::to_real()]
        .into_iter()
        .flatten()
    {
        let address = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";
        let hash = door.ask(door.node.mine(3, address)).pop().unwrap();
        let (code, said, error) = difficulty(&door.url, &["--height", "tip"]);
        assert_eq!((code, error.as_str()), (Some(0), ""), "{said}");
        let without_date: String = said
            .split_inclusive('\n')
            .filter(|line| !line.starts_with("mined"))
            .collect();
        let expected = format!(
            "\
chain       regtest, tip at height 3
height      3
hash        {hash}
bits        0x207fffff (545259519)
target      7fffff0000000000000000000000000000000000000000000000000000000000
difficulty  4.6565423739069247e-10
hashes      2.000e0 on average
rate        3.333e-3 hashes a second find a block in ten minutes
work        done
expected    these bits, by the rules of regtest
period      blocks 0 to 2015
retarget    never on regtest
"
        );
        assert_eq!(without_date, expected);
        let (code, said, _) = difficulty(&door.url, &["--height", "next"]);
        assert_eq!(code, Some(0));
        assert!(
            said.contains("\nheight      4, not mined yet\nbits        0x207fffff"),
            "{said}"
        );
        let (code, said, _) = difficulty(&door.url, &["--height", "0"]);
        assert_eq!(
            (code, said.contains("expected")),
            (Some(0), false),
            "{said}"
        );
        let (code, _, error) = difficulty(&door.url, &["--height", "5"]);
        assert_eq!(code, Some(1));
        assert!(
            error.contains("the chain ends at height 3; what block 5 needs"),
            "{error}"
        );
    }
}

#[test]
fn after_a_period_the_next_block_is_harder_by_four_at_most() {
    // A period as in Bitcoin Core's pow_tests.cpp: much too fast.
    let mut times = vec![1_279_008_237; 2016];
    times[2015] = 1_279_297_671;
    let node = Chain::new("main", &times, |_| 0x1c05_a3f4).serve();
    let (code, said, error) = difficulty(&node, &["--height", "next"]);
    assert_eq!((code, error.as_str()), (Some(0), ""), "{said}");
    assert!(
        said.contains("\nheight      2016, not mined yet\nbits        0x1c0168fd"),
        "{said}"
    );
    assert!(
        said.ends_with(
            "\nperiod      blocks 2016 to 4031\nretarget    at height 4032, in 2017 blocks\n"
        ),
        "{said}"
    );
}

#[test]
fn within_a_period_the_pace_so_far_says_what_will_come() {
    let times: Vec<u32> = (0..=100)
        .map(|height| 1_600_000_000 + 300 * height)
        .collect();
    let node = Chain::new("main", &times, |_| 0x1b04_04cb).serve();
    let (code, said, _) = difficulty(&node, &["--height", "next"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("\nbits        0x1b0404cb"), "{said}");
    let pace = "retarget    at height 2016, in 1916 blocks; at 300 s a block, as so far: bits 0x1b0404cb to ";
    assert!(
        said.contains(pace) && said.ends_with(", 2.001 times as hard\n"),
        "{said}"
    );
}

#[test]
fn on_testnet_a_block_that_is_late_may_be_easy() {
    let hard = |height: usize| {
        if height == 9 {
            0x1d00_ffff
        } else {
            0x1b04_04cb
        }
    };
    let now = bitcoin_controller::base::Clock::system().unix_seconds() as u32;
    for (chain, last, bits) in [
        ("test", now - 1_300, "0x1d00ffff"),
        ("testnet4", now - 1_300, "0x1d00ffff"),
        ("test", now, "0x1b0404cb"),
        ("testnet4", now, "0x1b0404cb"),
        // No such rule: as the block before.
        ("main", now - 1_300, "0x1d00ffff"),
    ] {
        let mut times = vec![1_700_000_000; 10];
        times[9] = last;
        let node = Chain::new(chain, &times, hard).serve();
        let (code, said, _) = difficulty(&node, &["--height", "next"]);
        assert_eq!(code, Some(0), "{said}");
        assert!(
            said.contains(&format!("\nbits        {bits} ")),
            "{chain} {last}: {said}"
        );
        let exception =
            "\nexception   bits 0x1d00ffff will do more than 20 minutes after the block before\n";
        assert_eq!(said.contains(exception), chain != "main", "{said}");
    }
}

#[test]
fn a_block_with_other_bits_than_the_rules_ask_for_is_an_error() {
    let other = |height: usize| {
        if height == 2 {
            0x207f_fffe
        } else {
            0x207f_ffff
        }
    };
    let node = Chain::new("regtest", &[1, 2, 3], other).serve();
    let (code, said, error) = difficulty(&node, &["--height", "2"]);
    assert_eq!(code, Some(1));
    assert!(
        said.contains("work        done\nexpected    bits 0x207fffff\n"),
        "{said}"
    );
    assert_eq!(
        error,
        "error: the block does not carry the bits that the chain's rules ask for\n"
    );
    let (code, _, _) = difficulty(&node, &["--height", "1"]);
    assert_eq!(code, Some(0));
}

#[test]
fn a_past_retarget_is_told_as_it_was() {
    let times: Vec<u32> = (0..2020).collect();
    let bits = |height: usize| {
        if height < 2016 {
            0x207f_ffff
        } else {
            0x2001_ffff
        }
    };
    let node = Chain::new("signet", &times, bits).serve();
    let (_, said, error) = difficulty(&node, &["--height", "5"]);
    // Such blocks are none of signet's: that is an error, and all the same everything is said.
    assert!(error.contains("easier than the chain allows"), "{error}");
    let work = "\nwork        not done\nexpected    these bits, by the rules of signet\n";
    assert!(said.contains(work), "{said}");
    let change = "bits 0x207fffff to 0x2001ffff, 64.000 times as hard";
    let retarget = format!("\nretarget    at height 2016: {change}\n");
    assert!(said.ends_with(&retarget), "{said}");
    let (code, said, _) = difficulty(&node, &["--height", "next"]);
    assert_eq!(code, Some(0));
    assert!(said.contains("period      blocks 2016 to 4031"), "{said}");
}

#[test]
fn a_height_excludes_a_value_and_must_be_one() {
    let cases: [&[&str]; 4] = [
        &["--height", "-1"],
        &["--height", "first"],
        &["--height", "1", "0x1d00ffff"],
        &[],
    ];
    for arguments in cases {
        let (code, _, error) = difficulty("http://127.0.0.1:1", arguments);
        assert_eq!(code, Some(2), "{error}");
    }
    let node = Chain::new("liquid", &[1], |_| 0x207f_ffff).serve();
    let (code, _, error) = difficulty(&node, &["--height", "0"]);
    assert_eq!(code, Some(1));
    assert!(
        error.contains("on chain `liquid`, whose rules are unknown here"),
        "{error}"
    );
}

/// A chain of headers, as a node would tell of it. No work is done where there is much to do.
struct Chain {
    name: &'static str,
    headers: Vec<Header>,
    hashes: Vec<String>,
}

impl Chain {
    fn new(name: &'static str, times: &[u32], bits: impl Fn(usize) -> u32) -> Chain {
        let mut headers: Vec<Header> = Vec::new();
        for (height, time) in times.iter().enumerate() {
            let mut header = Header {
                version: Version::from_consensus(0x2000_0000),
                prev_blockhash: headers
                    .last()
                    .map_or(BlockHash::all_zeros(), Header::block_hash),
                merkle_root: TxMerkleNode::all_zeros(),
                time: *time,
                bits: CompactTarget::from_consensus(bits(height)),
                nonce: 0,
            };
            while bits(height) > 0x2000_0000 && header.validate_pow(header.target()).is_err() {
                header.nonce += 1;
            }
            headers.push(header);
        }
        let hashes = headers.iter().map(|header| header.block_hash().to_string());
        Chain {
            name,
            hashes: hashes.collect(),
            headers,
        }
    }

    /// Answers until the test's process ends; returns the address.
    fn serve(self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let chain = Arc::new(self);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let chain = Arc::clone(&chain);
                std::thread::spawn(move || chain.answer_all(stream));
            }
        });
        url
    }

    fn answer_all(&self, stream: TcpStream) -> Option<()> {
        let mut reader = BufReader::new(stream.try_clone().ok()?);
        let mut stream = stream;
        loop {
            let (mut length, mut line) = (0, String::new());
            while line != "\r\n" {
                line.clear();
                (reader.read_line(&mut line).ok()? > 0).then_some(())?;
                if let Some(value) = line.to_lowercase().strip_prefix("content-length: ") {
                    length = value.trim().parse().ok()?;
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).ok()?;
            let question: Value = serde_json::from_slice(&body).ok()?;
            let result = self.result(question["method"].as_str()?, &question["params"])?;
            let answer =
                json!({"jsonrpc": "2.0", "result": result, "id": question["id"]}).to_string();
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n",
                answer.len()
            );
            stream.write_all((head + &answer).as_bytes()).ok()?;
        }
    }

    fn result(&self, method: &str, params: &Value) -> Option<Value> {
        let tip = self.headers.len() - 1;
        let hash = |height: usize| &self.hashes[height];
        match method {
            "getblockchaininfo" => Some(json!({
                "chain": self.name, "blocks": tip, "headers": tip, "bestblockhash": hash(tip),
                "chainwork": "02", "initialblockdownload": false,
            })),
            "getblockhash" => Some(json!(hash(params[0].as_u64()? as usize))),
            "getblockheader" => {
                let height = self.hashes.iter().position(|hash| params[0] == *hash)?;
                let header = self.headers[height];
                let mut info = json!({
                    "confirmations": tip - height + 1, "height": height,
                    "version": header.version.to_consensus(), "merkleroot": header.merkle_root.to_string(),
                    "time": header.time, "mediantime": header.time, "nonce": header.nonce,
                    "bits": format!("{:08x}", header.bits.to_consensus()),
                });
                if height > 0 {
                    info["previousblockhash"] = json!(hash(height - 1));
                }
                Some(info)
            }
            _ => None,
        }
    }
}
