//! Mirrors `src/bitcoin/mining/assemble.rs`.

use bitcoin_controller::base::Random;
use bitcoin_controller::bitcoin::mining::coinbase::commitment_script;
use bitcoin_controller::bitcoin::mining::{BlockTemplate, assemble};
use rust_bitcoin::consensus::encode::{deserialize_hex, serialize, serialize_hex};
use rust_bitcoin::hashes::Hash;
use rust_bitcoin::{Amount, Block, CompactTarget, OutPoint, ScriptBuf, Target, Transaction, Txid};

use super::{entry, payout, spending, template};

#[test]
fn a_block_is_the_template_with_a_coinbase_before_it() {
    let template = template();
    let block = assemble(&template, &payout(), 7, template.time()).unwrap();
    assert!(block.check_merkle_root() && block.check_witness_commitment());
    assert_eq!(block.bip34_block_height(), Ok(109));
    let header = block.header;
    assert_eq!(header.prev_blockhash, template.previous_block_hash);
    assert_eq!(
        (header.version.to_consensus(), header.bits),
        (0x2000_0000, template.bits)
    );
    assert_eq!((header.time, header.nonce), (2_000, 0));
    assert_eq!(
        block.txdata[0].output[0].value,
        Amount::from_sat(5_000_001_234)
    );
    let others: Vec<&Transaction> = template
        .transactions
        .iter()
        .map(|entry| &entry.data)
        .collect();
    assert_eq!(block.txdata[1..].iter().collect::<Vec<_>>(), others);
    let again: Block = deserialize_hex(&serialize_hex(&block)).unwrap();
    assert_eq!(again, block);
}

#[test]
fn the_same_inputs_give_the_same_bytes_and_others_do_not() {
    let template = template();
    let make =
        |extra_nonce, time| serialize(&assemble(&template, &payout(), extra_nonce, time).unwrap());
    assert_eq!(make(1, 2_000), make(1, 2_000));
    assert_ne!(make(1, 2_000), make(2, 2_000));
    assert_ne!(make(1, 2_000), make(1, 2_001));
    // Below what the chain allows any time is the first one allowed.
    assert_eq!(make(1, 0), make(1, template.min_time));
}

/// Block 108 of the post's chain: its payment, and the commitment its node had worked out.
#[test]
fn a_real_payment_is_committed_to_as_its_node_did() {
    let payment: Transaction = deserialize_hex(PAYMENT).unwrap();
    let id = "b257a1ff6503d2d93fd5c8fc49c91c3cfc14f38f34788217320b32e4a30e9b40";
    assert_eq!(payment.compute_txid().to_string(), id);
    let commitment = "6a24aa21a9ede8d2abc7618be366fa6688272429dac8512666a1610a72c6a72527c4698ccafc";
    let template = BlockTemplate {
        transactions: vec![entry(payment, 1_000, vec![])],
        witness_commitment: Some(ScriptBuf::from_hex(commitment).unwrap()),
        height: 108,
        ..template()
    };
    let block = assemble(&template, &payout(), 0, 0).unwrap();
    assert_eq!(
        block.txdata[0].output[1].script_pubkey.to_hex_string(),
        commitment
    );
}

const PAYMENT: &str = "0200000001a88649b2ec24cb6fa07011acb68749461d7c438e8b89ddbcea3f5bac89e3ad2b010000006b\
483045022100ca652e20c2a0ceae370a2c037d8bbce09498c883a7a98a541e8f9fcea294d8c902207a16331540cd8a892186926646f9\
9220489de0a9a9713f870b1c6989cf22948c012103f9fa8e3fba8af74b6c8ba4bd530000df4cc62bf0a50aeff58b6462888f79a5cef\
effffff0280d1f008000000001976a914625d8e5d40a1b797b47cb66eee958724a668d8d288acd87adfa9000000001976a914731a59d\
04408789756ae353eeba6eefc975bfe7688ac1f000000";

#[test]
fn whatever_is_in_a_template_its_block_is_sound() {
    // Goal: merkle root and commitment hold for any number and order. Method: random chains of transactions.
    let random = Random::seeded(3);
    for n_transactions in 0..60 {
        let mut transactions: Vec<_> = Vec::new();
        for index in 0..n_transactions {
            let parent = random.below(index as u64 + 1) as usize;
            let (coin, depends) = match transactions.get(parent) {
                Some(_) if parent == index => unreachable!(),
                Some(bitcoin_controller::bitcoin::mining::TemplateTransaction { txid, .. }) => {
                    (OutPoint::new(*txid, index as u32), vec![parent + 1])
                }
                None => (
                    OutPoint::new(Txid::from_byte_array([index as u8; 32]), 0),
                    vec![],
                ),
            };
            transactions.push(entry(
                spending(coin, random.below(1 << 40)),
                random.below(99),
                depends,
            ));
        }
        let template = BlockTemplate {
            witness_commitment: Some(commitment_script(
                transactions.iter().map(|entry| &entry.data),
            )),
            transactions,
            height: random.below(1 << 22) as u32 + 1,
            ..template()
        };
        let block = assemble(&template, &payout(), random.next_u64(), 0).unwrap();
        assert!(block.check_merkle_root() && block.check_witness_commitment());
        assert_eq!(block.txdata.len(), n_transactions + 1);
    }
}

#[test]
fn a_claim_that_does_not_hold_is_named() {
    type Change = fn(&mut BlockTemplate);
    let cases: [(&str, Change); 22] = [
        ("rules", |it| it.rules.push("!tomorrow".to_owned())),
        ("vbrequired", |it| it.required_version_bits = 2),
        ("signet_challenge", |it| {
            it.signet_challenge = Some(ScriptBuf::new())
        }),
        ("height", |it| it.height = 0),
        ("bits", |it| it.bits = CompactTarget::from_consensus(0)),
        ("bits", |it| {
            it.bits = CompactTarget::from_consensus(0x0480_0001)
        }),
        ("target", |it| {
            it.bits = CompactTarget::from_consensus(0x207f_fffe)
        }),
        ("target", |it| it.target = Target::ZERO),
        ("transactions[2].txid", |it| {
            it.transactions[2].txid = Txid::all_zeros()
        }),
        ("transactions[1].hash", |it| {
            it.transactions[1].hash = it.transactions[0].hash
        }),
        ("transactions[3].weight", |it| {
            it.transactions[3].weight += 1
        }),
        ("transactions[0].depends", |it| {
            it.transactions[0].depends = vec![1]
        }),
        ("transactions[2].depends", |it| {
            it.transactions[2].depends = vec![4]
        }),
        ("transactions[4].txid", |it| {
            it.transactions.push(it.transactions[1].clone())
        }),
        ("transactions[0].data", |it| {
            let coinbase = rust_bitcoin::constants::genesis_block(rust_bitcoin::Network::Regtest);
            it.transactions[0].data = coinbase.txdata[0].clone();
        }),
        ("coinbasevalue", |it| it.coinbase_value_sat = 1_233),
        ("coinbasevalue", |it| it.transactions[0].fee_sat = u64::MAX),
        ("default_witness_commitment", |it| {
            it.witness_commitment = None
        }),
        ("default_witness_commitment", |it| {
            it.transactions.pop();
        }),
        ("weightlimit", |it| it.weight_limit = Some(2_000)),
        ("sizelimit", |it| it.size_limit = 600),
        ("sigoplimit", |it| it.sigop_limit = 3),
    ];
    for (field, change) in cases {
        let mut template = template();
        change(&mut template);
        let error = assemble(&template, &payout(), 0, 0).unwrap_err();
        assert_eq!(error.field(), field, "{error}");
        let start = format!("no block comes of this template: `{field}`: ");
        assert!(error.to_string().starts_with(&start), "{error}");
    }
}

#[test]
fn old_signature_operations_of_the_payout_count_four() {
    let old = bitcoin_controller::bitcoin::mining::payout_script(
        "mhjfPZW5gTHetzzmSwpEqhvZC9TZ1sCAdu",
        "regtest",
    );
    let old = old.unwrap();
    let limited = |sigop_limit| BlockTemplate {
        sigop_limit,
        ..template()
    };
    // Four transactions have one each.
    assert!(assemble(&limited(8), &old, 0, 0).is_ok());
    assert_eq!(
        assemble(&limited(7), &old, 0, 0).unwrap_err().field(),
        "sigoplimit"
    );
    assert!(assemble(&limited(4), &payout(), 0, 0).is_ok());
}

#[test]
fn where_segwit_is_not_active_nothing_is_committed_to() {
    let plain = BlockTemplate {
        transactions: Vec::new(),
        witness_commitment: None,
        weight_limit: None,
        ..template()
    };
    let block = assemble(&plain, &payout(), 0, 0).unwrap();
    assert_eq!((block.txdata.len(), block.txdata[0].output.len()), (1, 1));
    assert!(block.txdata[0].input[0].witness.is_empty());
}
