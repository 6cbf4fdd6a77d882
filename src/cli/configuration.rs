//! How applications are told where a node is and who they are: one set of facts, in the forms they read.
//!
//! # Invariants
//! - Every form says the same, and its reader takes each value as it is: what a form cannot carry is refused.
//!
//! # Example
//! ```
//! use bitcoin_controller::cli::configuration::{Configuration, Format, Password};
//! let configuration = Configuration {
//!     rpc: "127.0.0.1:4001".to_owned(),
//!     p2p: "127.0.0.1:4002".to_owned(),
//!     zmq_block: "127.0.0.1:4003".to_owned(),
//!     zmq_tx: "127.0.0.1:4004".to_owned(),
//!     user: "somebody".to_owned(),
//!     password: Password::Text("it's".to_owned()),
//!     wallet: None,
//! };
//! let env = configuration.render(Format::Env).map_err(|error| error.to_string())?;
//! assert!(env.contains(r"BITCOIN_RPC_PASSWORD='it'\''s'"));
//! # Ok::<(), String>(())
//! ```
//!
//! # Source
//! Bitcoin Core `doc/bitcoin-conf.md`; LND `sample-lnd.conf`, 0.20; electrs `doc/config_example.toml`, 0.10.

use std::fmt;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::base::{Random, Report};
use crate::bitcoin::Credentials;

/// What an application has to know.
#[derive(Clone, Debug)]
pub struct Configuration {
    /// JSON-RPC, as `HOST:PORT`.
    pub rpc: String,
    /// The peer-to-peer protocol, likewise.
    pub p2p: String,
    /// Where raw blocks are published, likewise.
    pub zmq_block: String,
    /// Where raw transactions are published, likewise.
    pub zmq_tx: String,
    /// Who it is.
    pub user: String,
    /// How it proves that.
    pub password: Password,
    /// The wallet it may use, by name.
    pub wallet: Option<String>,
}

/// A password, or where it is.
#[derive(Clone)]
pub enum Password {
    /// The password itself.
    Text(String),
    /// A file with `user:password`, in an absolute place.
    CookieFile(PathBuf),
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Password::Text(_) => f.write_str("Text(…)"),
            Password::CookieFile(path) => f.debug_tuple("CookieFile").field(path).finish(),
        }
    }
}

/// What reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A shell.
    Env,
    /// bitcoin-cli.
    BitcoinConf,
    /// LND.
    LndConf,
    /// electrs.
    Electrs,
    /// Programs.
    Json,
}

impl Configuration {
    /// In the form that `format` reads.
    ///
    /// # Errors
    /// A value cannot be written in that form.
    pub fn render(&self, format: Format) -> Result<String, Report> {
        match format {
            Format::Env => Ok(self.env()),
            Format::BitcoinConf => self.bitcoin_conf(),
            Format::LndConf => self.lnd_conf(),
            Format::Electrs => Ok(self.electrs()),
            Format::Json => Ok(self.json()),
        }
    }

    fn wallet_url(&self) -> Option<String> {
        let name = self.wallet.as_ref()?;
        Some(format!("http://{}/wallet/{name}", self.rpc))
    }

    fn env(&self) -> String {
        let mut pairs = vec![
            ("BITCOIN_NETWORK", "regtest".to_owned()),
            ("BITCOIN_RPC_URL", format!("http://{}", self.rpc)),
            ("BITCOIN_RPC_USER", self.user.clone()),
        ];
        pairs.push(match &self.password {
            Password::Text(password) => ("BITCOIN_RPC_PASSWORD", password.clone()),
            Password::CookieFile(path) => ("BITCOIN_COOKIE_FILE", path.display().to_string()),
        });
        pairs.extend(self.wallet_url().map(|url| ("BITCOIN_WALLET_URL", url)));
        pairs.push(("BITCOIN_P2P", self.p2p.clone()));
        pairs.push(("BITCOIN_ZMQ_BLOCK", format!("tcp://{}", self.zmq_block)));
        pairs.push(("BITCOIN_ZMQ_TX", format!("tcp://{}", self.zmq_tx)));
        let line = |(name, value): (&str, String)| format!("{name}={}\n", shell_word(&value));
        pairs.into_iter().map(line).collect()
    }

    fn bitcoin_conf(&self) -> Result<String, Report> {
        let (host, port) = self.rpc.rsplit_once(':').unwrap_or((&self.rpc, ""));
        let mut lines = vec![
            "regtest=1".to_owned(),
            "[regtest]".to_owned(),
            format!("rpcconnect={host}"),
            format!("rpcport={port}"),
        ];
        match &self.password {
            Password::Text(password) => {
                lines.push(format!("rpcuser={}", ini(&self.user)?));
                lines.push(format!("rpcpassword={}", ini(password)?));
            }
            Password::CookieFile(path) => lines.push(format!("rpccookiefile={}", ini_path(path)?)),
        }
        lines.extend(self.wallet.iter().map(|name| format!("rpcwallet={name}")));
        Ok(lines.join("\n") + "\n")
    }

    fn lnd_conf(&self) -> Result<String, Report> {
        let mut lines = vec![
            "[Bitcoin]".to_owned(),
            "bitcoin.regtest=true".to_owned(),
            "bitcoin.node=bitcoind".to_owned(),
            "[Bitcoind]".to_owned(),
            format!("bitcoind.rpchost={}", self.rpc),
        ];
        match &self.password {
            Password::Text(password) => {
                lines.push(format!("bitcoind.rpcuser={}", ini(&self.user)?));
                lines.push(format!("bitcoind.rpcpass={}", ini(password)?));
            }
            Password::CookieFile(path) => {
                lines.push(format!("bitcoind.rpccookie={}", ini_path(path)?));
            }
        }
        lines.push(format!("bitcoind.zmqpubrawblock=tcp://{}", self.zmq_block));
        lines.push(format!("bitcoind.zmqpubrawtx=tcp://{}", self.zmq_tx));
        Ok(lines.join("\n") + "\n")
    }

    /// TOML, whose strings are those of JSON as far as these values go.
    fn electrs(&self) -> String {
        let auth = match &self.password {
            Password::Text(password) => {
                format!("auth = {}", json!(format!("{}:{password}", self.user)))
            }
            Password::CookieFile(path) => {
                format!("cookie_file = {}", json!(path.display().to_string()))
            }
        };
        format!(
            "network = \"regtest\"\ndaemon_rpc_addr = {}\ndaemon_p2p_addr = {}\n{auth}\n",
            json!(self.rpc),
            json!(self.p2p)
        )
    }

    fn json(&self) -> String {
        let mut value = json!({
            "network": "regtest",
            "rpc": format!("http://{}", self.rpc),
            "user": self.user,
            "p2p": self.p2p,
            "zmqBlock": format!("tcp://{}", self.zmq_block),
            "zmqTx": format!("tcp://{}", self.zmq_tx),
        });
        match &self.password {
            Password::Text(password) => value["password"] = json!(password),
            Password::CookieFile(path) => value["cookieFile"] = json!(path.display().to_string()),
        }
        if let Some(url) = self.wallet_url() {
            value["wallet"] = json!(url);
        }
        format!("{value:#}\n")
    }
}

/// A word as every shell reads it.
fn shell_word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./:@%+,=".contains(c);
    match !text.is_empty() && text.chars().all(is_plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

/// A value of a configuration file whose readers take `#` and `;` for the start of a comment, cut spaces off, and
/// know no quotes.
fn ini(text: &str) -> Result<&str, Report> {
    match is_ini(text) {
        true => Ok(text),
        false => Err(Report::new(
            "user or password has a character that this format cannot carry; use --cookie-file",
        )),
    }
}

/// A path, likewise.
fn ini_path(path: &Path) -> Result<&str, Report> {
    path.to_str().filter(|text| is_ini(text)).ok_or_else(|| {
        let path = path.display();
        Report::new(format!(
            "`{path}` has a character that this format cannot carry; give --cookie-file another name"
        ))
    })
}

fn is_ini(text: &str) -> bool {
    let is_odd = |c: char| c.is_control() || "#;\"".contains(c);
    !text.contains(is_odd) && text.trim() == text
}

/// Makes `path` a new file with `user:password`, as bitcoind writes it; readable by nobody else from the first byte
/// on. What was there, or what a link there leads to, is left as it is: others may have it open.
///
/// # Errors
/// The file cannot be made.
pub fn write_cookie(path: &Path, credentials: &Credentials) -> Result<(), Report> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = path.with_file_name(format!(".{name}.{:016x}", Random::os().next_u64()));
    let write = || {
        let mut options = std::fs::OpenOptions::new();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&beside)?;
        write!(file, "{}:{}", credentials.user(), credentials.password())?;
        std::fs::rename(&beside, path)
    };
    write().map_err(|error: std::io::Error| {
        // If it was not made, there is nothing to remove.
        let _ = std::fs::remove_file(&beside);
        Report::new(format!("cannot write `{}`: {error}", path.display()))
    })
}
