//! The first transaction of a block: it spends nothing, and pays whoever found the block.
//!
//! Its input script is the only text in a block that is the miner's own, up to 100 bytes. It must begin with
//! the block's height (BIP 34), so that no two coinbases are equal. Behind it stands the *extra nonce*: the
//! header has room for four billion attempts only, which a machine of today is through with in seconds, and
//! then another number here gives another merkle root and four billion more.
//!
//! ```text
//!   input script    height push │ push of 8 bytes: extra nonce │ push of a tag
//!   input witness   32 zero bytes                      (BIP 141, with a commitment only)
//!   output 0        payout: subsidy and fees
//!   output 1        OP_RETURN aa21a9ed HASH            (BIP 141: commits to all witnesses)
//! ```
//!
//! # Invariants
//! - The script has 2 to [`MAX_SCRIPT_BYTES`] bytes and begins with the shortest push of the height.
//! - With a commitment there is the witness it is computed with, and without one there is none.
//! - Other extra nonces give other transactions.
//!
//! # Example
//! ```
//! use bitcoin_controller::bitcoin::mining::coinbase::height_push;
//! assert_eq!(height_push(16).to_hex_string(), "60"); // OP_16
//! assert_eq!(height_push(400_020).to_hex_string(), "03941a06"); // 3 bytes, the lowest first
//! ```
//!
//! # Source
//! BIP 34, BIP 141; Bitcoin Core `src/node/miner.cpp` (`CreateNewBlock`). **What differs**: it pads the script
//! with `OP_0`, since heights up to 16 are one byte and a script needs two; the extra nonce does that here.

use rust_bitcoin::absolute::LockTime;
use rust_bitcoin::hashes::Hash;
use rust_bitcoin::script::{Builder, PushBytesBuf};
use rust_bitcoin::{
    Amount, Block, OutPoint, Script, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Witness,
    WitnessMerkleNode, Wtxid, merkle_tree, opcodes, transaction,
};

/// The longest input script a coinbase may have, in bytes.
pub const MAX_SCRIPT_BYTES: usize = 100;

/// Who made the block, for whoever looks at it.
pub const TAG: &[u8; 20] = b"/bitcoin-controller/";

/// The coinbase of the block at `height`.
///
/// `commitment` is the script of [`commitment_script`]; `None` where segwit is not active.
pub fn coinbase(
    height: u32,
    value: Amount,
    payout: &Script,
    extra_nonce: u64,
    commitment: Option<ScriptBuf>,
) -> Transaction {
    let mut witness = Witness::new();
    if commitment.is_some() {
        witness.push(WITNESS_RESERVED_VALUE);
    }
    let paid = TxOut {
        value,
        script_pubkey: payout.to_owned(),
    };
    let committed = commitment.map(|script_pubkey| TxOut {
        value: Amount::ZERO,
        script_pubkey,
    });
    Transaction {
        version: transaction::Version::TWO,
        lock_time: LockTime::ZERO,
        input: vec![TxIn {
            previous_output: OutPoint::null(),
            script_sig: input_script(height, extra_nonce),
            sequence: Sequence::MAX,
            witness,
        }],
        output: [paid].into_iter().chain(committed).collect(),
    }
}

/// The push that a coinbase must begin with: the height as a script number, in as few bytes as it takes.
///
/// Up to 16 there are instructions of one byte for it; from 128 on a byte more than it seems, since the
/// highest bit is the sign.
pub fn height_push(height: u32) -> ScriptBuf {
    Builder::new().push_int(i64::from(height)).into_script()
}

/// The extra nonce of a coinbase that was made here.
pub fn extra_nonce(coinbase: &Transaction) -> Option<u64> {
    let mut instructions = coinbase.input.first()?.script_sig.instructions();
    let after_height = instructions.nth(1)?.ok()?;
    let bytes = after_height.push_bytes()?.as_bytes();
    bytes.try_into().ok().map(u64::from_le_bytes)
}

fn input_script(height: u32, extra_nonce: u64) -> ScriptBuf {
    let script = Builder::from(height_push(height).into_bytes())
        .push_slice(extra_nonce.to_le_bytes())
        .push_slice(TAG)
        .into_script();
    debug_assert!((2..=MAX_SCRIPT_BYTES).contains(&script.len()));
    script
}

/// The output script that commits to the witnesses of a block: of the coinbase, which counts as zeros,
/// and of `transactions`, which follow it.
pub fn commitment_script<'a>(transactions: impl IntoIterator<Item = &'a Transaction>) -> ScriptBuf {
    let hashes = transactions.into_iter().map(Transaction::compute_wtxid);
    let hashes = std::iter::once(Wtxid::all_zeros()).chain(hashes);
    let root = merkle_tree::calculate_root(hashes.map(Wtxid::to_raw_hash))
        .expect("there is a coinbase at least");
    let root = WitnessMerkleNode::from_raw_hash(root);
    let commitment = Block::compute_witness_commitment(&root, &WITNESS_RESERVED_VALUE);
    let mut bytes = PushBytesBuf::from(COMMITMENT_HEADER);
    bytes
        .extend_from_slice(&commitment.to_byte_array())
        .expect("36 bytes can be pushed");
    Builder::new()
        .push_opcode(opcodes::all::OP_RETURN)
        .push_slice(bytes)
        .into_script()
}

/// The coinbase's witness. BIP 141 keeps it for commitments to come.
const WITNESS_RESERVED_VALUE: [u8; 32] = [0; 32];

/// What a commitment is recognised by.
const COMMITMENT_HEADER: [u8; 4] = [0xaa, 0x21, 0xa9, 0xed];
