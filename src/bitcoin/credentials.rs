//! Who we are to a node, without telling anybody else.
//!
//! Requests carry a user name and a password (HTTP basic authentication). The node itself never
//! needs the password: it is started with `-rpcauth=USER:SALT$HASH` and compares hashes, so neither
//! its arguments nor its process list give the password away.
//!
//! # Invariants
//! - A [`Credentials`] has a user name that both forms can carry: not empty, no `:`, no control
//!   characters. Its password is not empty.
//! - `Debug` shows neither the password nor its length.
//!
//! # Example
//! ```
//! use bitcoin_controller::base::Random;
//! use bitcoin_controller::bitcoin::credentials::{Credentials, random_salt, rpcauth_line};
//!
//! let random = Random::os();
//! let ours = Credentials::generate("controller", &random)?;
//! let argument = format!("-rpcauth={}", rpcauth_line(ours.user(), ours.password(), &random_salt(&random)));
//! assert!(argument.starts_with("-rpcauth=controller:") && !argument.contains(ours.password()));
//! assert_eq!(format!("{ours:?}"), r#"Credentials { user: "controller", password: "…" }"#);
//! # Ok::<(), bitcoin_controller::bitcoin::credentials::Error>(())
//! ```
//!
//! # Source
//! Bitcoin Core `share/rpcauth/rpcauth.py`, and `CheckUserAuthorized` in `src/httprpc.cpp`.
//! **What differs**: the generated password is hexadecimal (theirs is URL-safe base64), so that it
//! can be pasted anywhere.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hyper::header::HeaderValue;
use rust_bitcoin::hashes::{Hash, HashEngine, Hmac, HmacEngine, sha256};

use crate::base::Random;

/// A user name and a password for a node's RPC.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    user: String,
    password: String,
}

impl Credentials {
    /// Takes over what somebody chose.
    ///
    /// # Errors
    /// The user name is empty or has a `:` or a control character in it (`-rpcauth` and basic
    /// authentication end the name at the first `:`), or the password is empty.
    pub fn new(user: impl Into<String>, password: impl Into<String>) -> Result<Self, Error> {
        let (user, password) = (user.into(), password.into());
        if user.is_empty() {
            Err(Error::NoUser)
        } else if user.contains(|c: char| c == ':' || c.is_control()) {
            Err(Error::BadUser)
        } else if password.is_empty() {
            Err(Error::NoPassword)
        } else {
            Ok(Credentials { user, password })
        }
    }

    /// Makes up a password of [`PASSWORD_BYTES`] random bytes, in hexadecimal.
    ///
    /// # Errors
    /// As [`Credentials::new`], about the user name.
    pub fn generate(user: impl Into<String>, random: &Random) -> Result<Self, Error> {
        Credentials::new(user, random_hex::<PASSWORD_BYTES>(random))
    }

    /// The user name.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The password. Whoever calls this answers for where it goes.
    pub fn password(&self) -> &str {
        &self.password
    }

    /// The value of the `Authorization` header; marked sensitive, so that hyper does not print it.
    pub fn basic_authorization(&self) -> HeaderValue {
        let text = format!("{}:{}", self.user, self.password);
        let mut value = HeaderValue::try_from(format!("Basic {}", BASE64.encode(text)))
            .expect("base64 is visible ASCII");
        value.set_sensitive(true);
        value
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("user", &self.user)
            .field("password", &"…")
            .finish()
    }
}

/// What a generated password is made of: 256 bits, beyond guessing.
pub const PASSWORD_BYTES: usize = 32;

/// What a salt is made of, as in Bitcoin Core's own script.
pub const SALT_BYTES: usize = 16;

/// The value of `-rpcauth`: `USER:SALT$HASH`, where `HASH` is HMAC-SHA256 of the password under the
/// salt's *text*.
///
/// The same salt gives the same line: keep it beside the password, or a node's arguments change
/// each time they are worked out.
pub fn rpcauth_line(user: &str, password: &str, salt: &str) -> String {
    let mut engine = HmacEngine::<sha256::Hash>::new(salt.as_bytes());
    engine.input(password.as_bytes());
    format!("{user}:{salt}${:x}", Hmac::from_engine(engine))
}

/// A new salt, in hexadecimal.
pub fn random_salt(random: &Random) -> String {
    random_hex::<SALT_BYTES>(random)
}

fn random_hex<const N: usize>(random: &Random) -> String {
    let mut bytes = [0; N];
    random.fill(&mut bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Why a user name and a password cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// The user name is empty.
    NoUser,
    /// The user name has a `:` or a control character in it.
    BadUser,
    /// The password is empty.
    NoPassword,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Error::NoUser => "the user name is empty",
            Error::BadUser => "the user name has a colon or a control character in it",
            Error::NoPassword => "the password is empty",
        })
    }
}

impl std::error::Error for Error {}
