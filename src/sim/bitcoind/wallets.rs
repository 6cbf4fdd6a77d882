//! A node's wallets: files on its disk with keys in them, some of which are loaded.
//!
//! A wallet here is a list of `wpkh(KEY/PATH/*)` descriptors. What is its own, and how much that is, it sees by
//! looking at the chain whenever it is asked, so a wallet that is given keys knows their whole past at once.
//!
//! # Invariants
//! - A file is written at once and stays on the disk; what is loaded is forgotten when the node ends, except
//!   that a file says whether it is loaded at the start.
//! - No key is in `Debug`.
//!
//! # Source
//! Bitcoin Core `src/wallet/`, tag v29.0. **What differs**: no other descriptors, addresses or coins; checksums are
//! not checked; looking through the chain takes no time; of the addresses of a descriptor only those
//! that were given away and the next [`LOOKAHEAD`] are known.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use rust_bitcoin::bip32::{ChildNumber, DerivationPath, Xpriv};
use rust_bitcoin::secp256k1::{Secp256k1, SignOnly};
use rust_bitcoin::{Address, CompressedPublicKey, Network, ScriptBuf};

/// How many addresses that were not given away yet a wallet recognises.
pub const LOOKAHEAD: usize = 20;

/// The wallet files on one disk, by name. Clones are the same files.
#[derive(Clone, Debug, Default)]
pub struct WalletFiles(Arc<Mutex<BTreeMap<String, WalletFile>>>);

impl WalletFiles {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, WalletFile>> {
        self.0.lock().expect("no holder of the wallets panics")
    }
}

/// One wallet's file.
#[derive(Clone, Default)]
pub struct WalletFile {
    pub(super) load_on_startup: bool,
    descriptors: Vec<Descriptor>,
}

impl fmt::Debug for WalletFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WalletFile({} descriptors)", self.descriptors.len())
    }
}

/// One `wpkh(KEY/PATH/*)`.
#[derive(Clone)]
struct Descriptor {
    text: String,
    branch: Xpriv,
    is_change: bool,
    next: usize,
    scripts: Vec<ScriptBuf>,
}

impl Descriptor {
    fn read(text: &str, is_change: bool, next: usize) -> Option<Self> {
        let (body, checksum) = text.split_once('#')?;
        let inner = body.strip_prefix("wpkh(")?.strip_suffix("/*)")?;
        let (key, path) = inner.split_once('/')?;
        let (key, path): (Xpriv, DerivationPath) = (key.parse().ok()?, path.parse().ok()?);
        let branch = key.derive_priv(&Secp256k1::signing_only(), &path).ok()?;
        let mut descriptor = Descriptor {
            text: text.to_owned(),
            branch,
            is_change,
            next,
            scripts: Vec::new(),
        };
        descriptor.look_ahead();
        (checksum.len() == 8).then_some(descriptor)
    }

    fn look_ahead(&mut self) {
        let secp = Secp256k1::signing_only();
        for index in self.scripts.len()..self.next + LOOKAHEAD {
            self.scripts.extend(self.script(&secp, index));
        }
    }

    fn script(&self, secp: &Secp256k1<SignOnly>, index: usize) -> Option<ScriptBuf> {
        let index = u32::try_from(index).ok()?;
        let path = [ChildNumber::Normal { index }];
        let key = self.branch.derive_priv(secp, &path).ok()?.private_key;
        let public = CompressedPublicKey(key.public_key(secp));
        Some(ScriptBuf::new_p2wpkh(&public.wpubkey_hash()))
    }
}

impl WalletFile {
    /// Takes a descriptor over as the active one of its kind; one that is there already stays as far as it was
    /// used. False if it is none that is known here.
    pub(super) fn import(&mut self, text: &str, is_change: bool, next: usize) -> bool {
        let known = self.descriptors.iter().find(|known| known.text == text);
        let next = known.map_or(next, |known| known.next.max(next));
        let Some(descriptor) = Descriptor::read(text, is_change, next) else {
            return false;
        };
        self.descriptors.retain(|known| known.text != text);
        // The last one of its kind is the active one.
        self.descriptors.push(descriptor);
        true
    }

    /// Whether an output with this script is its own.
    pub(super) fn owns(&self, script: &ScriptBuf) -> bool {
        let mut descriptors = self.descriptors.iter();
        descriptors.any(|descriptor| descriptor.scripts.contains(script))
    }

    /// The next address to be paid at; `None` without keys.
    pub(super) fn new_address(&mut self) -> Option<Address> {
        let mut active = self.descriptors.iter_mut().rev();
        let descriptor = active.find(|descriptor| !descriptor.is_change)?;
        let script = descriptor.scripts.get(descriptor.next)?.clone();
        descriptor.next += 1;
        descriptor.look_ahead();
        Address::from_script(&script, Network::Regtest).ok()
    }
}

/// The wallets of a node that runs.
#[derive(Debug)]
pub(super) struct Wallets {
    files: WalletFiles,
    loaded: Mutex<BTreeSet<String>>,
}

impl Wallets {
    /// Those on `files`, with those loaded that want to be.
    pub(super) fn open(files: WalletFiles) -> Self {
        let wanting =
            |(name, file): (&String, &WalletFile)| file.load_on_startup.then(|| name.clone());
        let loaded = files.lock().iter().filter_map(wanting).collect();
        Wallets {
            files,
            loaded: Mutex::new(loaded),
        }
    }

    /// Makes one and loads it; false if there is one of that name.
    pub(super) fn create(&self, name: &str, load_on_startup: bool) -> bool {
        let mut files = self.files.lock();
        if files.contains_key(name) {
            return false;
        }
        let file = WalletFile {
            load_on_startup,
            ..WalletFile::default()
        };
        files.insert(name.to_owned(), file);
        self.loaded().insert(name.to_owned())
    }

    /// Loads one; `None` if there is none, false if it is loaded.
    pub(super) fn load(&self, name: &str, load_on_startup: Option<bool>) -> Option<bool> {
        let mut files = self.files.lock();
        let file = files.get_mut(name)?;
        let is_new = self.loaded().insert(name.to_owned());
        if is_new {
            file.load_on_startup = load_on_startup.unwrap_or(file.load_on_startup);
        }
        Some(is_new)
    }

    /// Unloads one; false if it is not loaded.
    pub(super) fn unload(&self, name: &str) -> bool {
        self.loaded().remove(name)
    }

    /// The names of those that are loaded.
    pub(super) fn names(&self) -> Vec<String> {
        self.loaded().iter().cloned().collect()
    }

    /// Works on one that is loaded.
    pub(super) fn with<T>(&self, name: &str, work: impl FnOnce(&mut WalletFile) -> T) -> Option<T> {
        if !self.loaded().contains(name) {
            return None;
        }
        self.files.lock().get_mut(name).map(work)
    }

    fn loaded(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.loaded.lock().expect("no holder of the names panics")
    }
}
