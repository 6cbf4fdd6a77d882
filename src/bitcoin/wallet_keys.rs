//! The keys of a wallet, all of them from one seed: whoever has the seed has the money, wherever the node is.
//!
//! A wallet's file goes with its node. So the keys are not the node's: they follow from 32 bytes that are kept
//! elsewhere, by the paths that every wallet uses (BIP 84). A node is told them as two *descriptors*, one for
//! addresses to be paid at and one for change; it then finds the money in the chain by itself.
//!
//! ```text
//!   seed ── BIP 32 ──> master ── m/84'/1'/0'/0/i ──> addresses      wpkh(tprv…/84h/1h/0h/0/*)#checksum
//!                             └─ m/84'/1'/0'/1/i ──> change         wpkh(tprv…/84h/1h/0h/1/*)#checksum
//! ```
//!
//! # Invariants
//! - The same seed gives the same keys, addresses and descriptors.
//! - No secret is in `Debug`; who asks for one by name answers for where it goes.
//!
//! # Example
//! ```
//! use bitcoin_controller::bitcoin::WalletKeys;
//! let keys = WalletKeys::of_seed(&"0".repeat(64)).ok_or("no seed")?;
//! assert!(keys.address().starts_with("bcrt1q"));
//! assert_eq!(format!("{keys:?}"), "WalletKeys(…)");
//! # Ok::<(), &str>(())
//! ```
//!
//! # Source
//! BIP 32, BIP 84; the checksum is BIP 380's, Bitcoin Core `src/script/descriptor.cpp`.

use std::fmt;

use rust_bitcoin::bip32::{ChildNumber, DerivationPath, Xpriv};
use rust_bitcoin::hex::{DisplayHex, FromHex};
use rust_bitcoin::secp256k1::{Secp256k1, SignOnly};
use rust_bitcoin::{Address, CompressedPublicKey, Network};

use crate::base::Random;

/// What keys are made of, in bytes: beyond guessing.
pub const SEED_BYTES: usize = 32;

/// The keys of one regtest wallet.
#[derive(Clone, PartialEq, Eq)]
pub struct WalletKeys {
    seed: [u8; SEED_BYTES],
    master: Xpriv,
    address: String,
    change_address: String,
}

impl WalletKeys {
    /// Makes up a seed.
    pub fn generate(random: &Random) -> Self {
        let attempt = || {
            let mut seed = [0; SEED_BYTES];
            random.fill(&mut seed);
            WalletKeys::new(seed)
        };
        std::iter::repeat_with(attempt)
            .flatten()
            .next()
            .expect("fewer than one seed in 2^127 gives no key")
    }

    /// The keys of a seed in hexadecimal; `None` if it is none.
    pub fn of_seed(seed: &str) -> Option<Self> {
        WalletKeys::new(FromHex::from_hex(seed).ok()?)
    }

    fn new(seed: [u8; SEED_BYTES]) -> Option<Self> {
        let secp = Secp256k1::signing_only();
        let master = Xpriv::new_master(Network::Regtest, &seed).ok()?;
        let address = first_address(&secp, &master, 0)?;
        let change_address = first_address(&secp, &master, 1)?;
        Some(WalletKeys {
            seed,
            master,
            address,
            change_address,
        })
    }

    /// The seed in hexadecimal: the secret itself.
    pub fn seed(&self) -> String {
        self.seed.to_lower_hex_string()
    }

    /// The wallet's first address: known before any node has the wallet.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The first address that its change goes to.
    pub fn change_address(&self) -> &str {
        &self.change_address
    }

    /// The private descriptors, with checksum: where it is paid, and where its change goes.
    pub fn descriptors(&self) -> [String; 2] {
        [0, 1].map(|chain| {
            let descriptor = format!("wpkh({}/84h/1h/0h/{chain}/*)", self.master);
            let checksum = checksum(&descriptor).expect("a descriptor of ours has no odd letter");
            format!("{descriptor}#{checksum}")
        })
    }
}

impl fmt::Debug for WalletKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WalletKeys(…)")
    }
}

fn first_address(secp: &Secp256k1<SignOnly>, master: &Xpriv, chain: u32) -> Option<String> {
    let hardened = |index| ChildNumber::Hardened { index };
    let normal = |index| ChildNumber::Normal { index };
    let path = DerivationPath::from(vec![
        hardened(84),
        hardened(1),
        hardened(0),
        normal(chain),
        normal(0),
    ]);
    let key = master.derive_priv(secp, &path).ok()?.private_key;
    let public = CompressedPublicKey(key.public_key(secp));
    Some(Address::p2wpkh(&public, Network::Regtest).to_string())
}

/// The eight letters that guard a descriptor against typing errors; `None` if it has a letter that none has.
pub fn checksum(descriptor: &str) -> Option<String> {
    let mut remainder = 1;
    let (mut group, mut n_grouped) = (0, 0);
    for letter in descriptor.bytes() {
        let position = LETTERS.iter().position(|known| *known == letter)?;
        let position = u64::try_from(position).ok()?;
        remainder = step(remainder, position & 31);
        group = group * 3 + (position >> 5);
        n_grouped += 1;
        if n_grouped == 3 {
            remainder = step(remainder, group);
            (group, n_grouped) = (0, 0);
        }
    }
    if n_grouped > 0 {
        remainder = step(remainder, group);
    }
    let remainder = (0..8).fold(remainder, |remainder, _| step(remainder, 0)) ^ 1;
    let letter = |place: u32| BECH32[usize::try_from((remainder >> (5 * place)) & 31).unwrap_or(0)];
    Some(
        (0..8)
            .rev()
            .map(|place| char::from(letter(place)))
            .collect(),
    )
}

/// One step of the polynomial division over GF(32).
fn step(remainder: u64, value: u64) -> u64 {
    let top = remainder >> 35;
    let shifted = ((remainder & 0x7_ffff_ffff) << 5) ^ value;
    GENERATOR
        .iter()
        .enumerate()
        .filter(|(bit, _)| top >> bit & 1 == 1)
        .fold(shifted, |sum, (_, generator)| sum ^ generator)
}

const GENERATOR: [u64; 5] = [
    0xf5_dee5_1989,
    0xa9_fdca_3312,
    0x1b_ab10_e32d,
    0x37_06b1_677a,
    0x64_4d62_6ffd,
];

/// Every letter a descriptor may have, in the order that counts.
const LETTERS: &[u8] =
    b"0123456789()[],'/*abcdefgh@:$%{}IJKLMNOPQRSTUVWXYZ&+-.;<=>?!^_|~ijklmnopqrstuvwxyzABCDEFGH`#\"\\ ";

const BECH32: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
