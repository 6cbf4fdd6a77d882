//! The command line of a node, read as bitcoind reads it: unknown options are fatal.
//!
//! Most options change nothing here and are only checked for their names; a typing mistake must end
//! a simulated node as it ends a real one. Those that do something are the fields of [`Options`].
//!
//! # Invariants
//! - Of an option given twice the last counts, except where the option is a list.
//! - No password is in `Debug` output.
//!
//! # Example
//! ```
//! use bitcoin_controller::sim::bitcoind::options::Options;
//! let options = Options::read(&["-regtest", "-uacomment=alpha"].map(str::to_owned)).unwrap();
//! assert_eq!(options.comments, ["alpha"]);
//! let error = Options::read(&["-foo=1".to_owned()]).unwrap_err();
//! assert_eq!(error, "Error: Error parsing command line arguments: Invalid parameter -foo=1");
//! ```
//!
//! # What differs
//! There is no configuration file, and regtest is the only chain.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rust_bitcoin::hashes::{Hash, HashEngine, Hmac, HmacEngine, sha256};

use crate::sim::bitcoind::network::P2P_PORT;

/// What the command line says.
#[derive(Clone, Debug)]
pub struct Options {
    /// `-rpcbind`: where RPC listens, if `-rpcallowip` is there too; otherwise on loopback only.
    pub rpc_binds: Vec<String>,
    /// `-rpcallowip`: who may use RPC, besides loopback.
    pub rpc_allowed: Vec<Subnet>,
    /// `-rpcport`.
    pub rpc_port: u16,
    /// `-rpcauth`, and `-rpcuser` with `-rpcpassword`.
    pub users: Vec<User>,
    /// `-rest`: `/rest/…` is served, without credentials.
    pub rest: bool,
    /// `-disablewallet` was not given.
    pub has_wallets: bool,
    /// `-rpcservertimeout`: idle connections are closed after this time.
    pub rpc_idle_timeout: Duration,
    /// `-port`, or the port of `-bind`.
    pub port: u16,
    /// `-listen`.
    pub listens: bool,
    /// `-uacomment`, in order.
    pub comments: Vec<String>,
    /// `-maxconnections`.
    pub max_connections: usize,
    /// `-timeout`: how long a dial may take.
    pub dial_timeout: Duration,
    /// `-addnode`: on the added list from the start.
    pub added_nodes: Vec<String>,
}

/// Somebody who may use RPC.
#[derive(Clone)]
pub struct User {
    name: String,
    salt: String,
    /// HMAC-SHA256 of the password under the salt's text.
    hash: [u8; 32],
}

/// The password's hash is as good as a password to somebody patient.
impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "User({})", self.name)
    }
}

/// A range of addresses, `10.0.0.0/8`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subnet {
    address: IpAddr,
    prefix_bits: u32,
}

/// The line a process writes to stderr before it exits with code 1.
pub type StartError = String;

impl Options {
    /// Reads the arguments after the program's name.
    ///
    /// # Errors
    /// bitcoind's own words, for stderr.
    pub fn read(arguments: &[String]) -> Result<Options, StartError> {
        let given = Given::read(arguments)?;
        if !given.flag("regtest", false) && given.last("chain") != Some("regtest") {
            return Err("Error: the simulated node knows no chain but -regtest".to_owned());
        }
        let comments: Vec<String> = given.all("uacomment").map(str::to_owned).collect();
        for comment in &comments {
            let safe = |c: char| c.is_ascii_alphanumeric() || " .,;-_/:?@()".contains(c);
            if !comment.chars().all(|c| safe(c) && !"/:()=;".contains(c)) {
                return Err(format!(
                    "Error: User Agent comment ({comment}) contains unsafe characters."
                ));
            }
        }
        let bind_port = given.last("bind").and_then(port_of);
        let options = Options {
            rpc_binds: given.all("rpcbind").map(str::to_owned).collect(),
            rpc_allowed: given.parse_all("rpcallowip", Subnet::read)?,
            rpc_port: given.number("rpcport", RPC_PORT),
            users: given.users()?,
            rest: given.flag("rest", false),
            has_wallets: !given.flag("disablewallet", false),
            rpc_idle_timeout: Duration::from_secs(given.number("rpcservertimeout", 30)),
            port: bind_port.unwrap_or_else(|| given.number("port", P2P_PORT)),
            listens: given.flag("listen", true),
            comments,
            max_connections: given.number("maxconnections", 125),
            dial_timeout: Duration::from_millis(given.number("timeout", 5_000)),
            added_nodes: given.all("addnode").map(str::to_owned).collect(),
        };
        Ok(options)
    }

    /// Whether an `Authorization` header names one of the users and the right password.
    pub fn admits(&self, header: &str) -> bool {
        let decoded = header
            .strip_prefix("Basic ")
            .and_then(|text| STANDARD.decode(text.trim()).ok());
        let Some(Ok(pair)) = decoded.map(String::from_utf8) else {
            return false;
        };
        let Some((name, password)) = pair.split_once(':') else {
            return false;
        };
        let admits = |user: &User| user.name == name && hmac(&user.salt, password) == user.hash;
        self.users.iter().any(admits)
    }

    /// Whether an address may use RPC at all.
    pub fn allows(&self, address: IpAddr) -> bool {
        address.is_loopback()
            || self
                .rpc_allowed
                .iter()
                .any(|subnet| subnet.contains(address))
    }
}

/// The options that were given, in order, with `-nofoo` as `foo = 0`.
struct Given(Vec<(String, String)>);

impl Given {
    fn read(arguments: &[String]) -> Result<Given, StartError> {
        let mut given = Vec::new();
        for argument in arguments {
            let invalid = || {
                format!("Error: Error parsing command line arguments: Invalid parameter {argument}")
            };
            let option = argument.strip_prefix('-').ok_or_else(|| {
                format!("Error: Command line contains unexpected token '{argument}', see bitcoind -h for a list of options.")
            })?;
            let option = option.strip_prefix('-').unwrap_or(option);
            let (name, value) = option.split_once('=').unwrap_or((option, "1"));
            match name.strip_prefix("no") {
                _ if KNOWN.split_whitespace().any(|known| known == name) => {
                    given.push((name.to_owned(), value.to_owned()));
                }
                Some(name) if KNOWN.split_whitespace().any(|known| known == name) => {
                    let value = if value == "0" { "1" } else { "0" };
                    given.push((name.to_owned(), value.to_owned()));
                }
                _ => return Err(invalid()),
            }
        }
        Ok(Given(given))
    }

    fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = self.0.iter().filter(move |(given, _)| given == name);
        named.map(|(_, value)| value.as_str())
    }

    fn last(&self, name: &str) -> Option<&str> {
        let named = self.0.iter().rev().find(|(given, _)| given == name);
        named.map(|(_, value)| value.as_str())
    }

    fn flag(&self, name: &str, default: bool) -> bool {
        self.last(name).map_or(default, |value| value != "0")
    }

    /// As bitcoind's own reading: what is no number is zero; here the default, which harms less.
    fn number<T: std::str::FromStr>(&self, name: &str, default: T) -> T {
        let value = self.last(name).and_then(|value| value.parse().ok());
        value.unwrap_or(default)
    }

    fn parse_all<T>(&self, name: &str, parse: fn(&str) -> Option<T>) -> Result<Vec<T>, StartError> {
        let parsed: Option<Vec<T>> = self.all(name).map(parse).collect();
        parsed.ok_or_else(|| NO_HTTP_SERVER.to_owned())
    }

    fn users(&self) -> Result<Vec<User>, StartError> {
        let mut users = self.parse_all("rpcauth", User::read)?;
        if let (Some(name), Some(password)) = (self.last("rpcuser"), self.last("rpcpassword")) {
            users.push(User::with_password(name, password));
        }
        Ok(users)
    }
}

impl User {
    /// Reads `USER:SALT$HASH`.
    fn read(line: &str) -> Option<User> {
        let (name, rest) = line.split_once(':')?;
        let (salt, hash) = rest.split_once('$')?;
        Some(User {
            name: name.to_owned(),
            salt: salt.to_owned(),
            hash: from_hex(hash)?,
        })
    }

    fn with_password(name: &str, password: &str) -> User {
        let salt = String::new();
        User {
            name: name.to_owned(),
            hash: hmac(&salt, password),
            salt,
        }
    }
}

impl Subnet {
    fn read(text: &str) -> Option<Subnet> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let prefix_bits = prefix.map_or(Some(width), |prefix| prefix.parse().ok())?;
        (prefix_bits <= width).then_some(Subnet {
            address,
            prefix_bits,
        })
    }

    fn contains(&self, address: IpAddr) -> bool {
        let shared_bits = match (self.address, address) {
            (IpAddr::V4(a), IpAddr::V4(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros(),
            (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros(),
            _ => return false,
        };
        shared_bits >= self.prefix_bits
    }
}

fn port_of(address: &str) -> Option<u16> {
    let port = address.rsplit_once(':')?.1;
    port.parse().ok()
}

fn hmac(salt: &str, password: &str) -> [u8; 32] {
    let mut engine = HmacEngine::<sha256::Hash>::new(salt.as_bytes());
    engine.input(password.as_bytes());
    Hmac::from_engine(engine).to_byte_array()
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(bytes)
}

/// What a node says when RPC cannot be set up; the reason is in its log only.
pub(super) const NO_HTTP_SERVER: &str =
    "Error: Unable to start HTTP server. See debug log for details.";

/// Where regtest nodes serve RPC.
const RPC_PORT: u16 = 18_443;

/// The options that every supported version (Core 22 to 31) knows.
const KNOWN: &str = "\
    acceptnonstdtxn addnode addresstype alertnotify assumevalid avoidpartialspends bantime bind \
    blockfilterindex blockmaxweight blockmintxfee blocknotify blockreconstructionextratxn blocksdir \
    blocksonly blockversion bytespersigop chain changetype checkaddrman checkblockindex checkblocks \
    checklevel checkmempool coinstatsindex conf connect consolidatefeerate daemon daemonwait \
    datacarrier datacarriersize datadir dbbatchsize dbcache debug debugexclude debuglogfile \
    deprecatedrpc disablewallet discardfee discover dns dnsseed dustrelayfee externalip fallbackfee \
    fastprune feefilter fixedseeds forcednsseed i2pacceptincoming i2psam includeconf \
    incrementalrelayfee keypool limitancestorcount limitancestorsize limitdescendantcount \
    limitdescendantsize listen listenonion loadblock logips logsourcelocations logthreadnames \
    logtimemicros logtimestamps maxapsfee maxconnections maxmempool maxreceivebuffer maxsendbuffer \
    maxsigcachesize maxtipage maxtxfee maxuploadtarget mempoolexpiry minimumchainwork minrelaytxfee \
    mintxfee mocktime natpmp networkactive onion onlynet par peerblockfilters peerbloomfilters \
    peertimeout permitbaremultisig persistmempool pid port printpriority printtoconsole proxy \
    proxyrandomize prune regtest reindex rest rpcallowip rpcauth rpcbind rpccookiefile rpcdoccheck \
    rpcpassword rpcport rpcservertimeout rpcthreads rpcuser rpcwhitelist rpcwhitelistdefault \
    rpcworkqueue seednode server settings shrinkdebugfile shutdownnotify spendzeroconfchange \
    startupnotify stopafterblockimport stopatheight testactivationheight timeout torcontrol \
    torpassword txconfirmtarget txindex uacomment unsafesqlitesync v2transport vbparams wallet \
    walletbroadcast walletcrosschain walletdir walletnotify walletrbf walletrejectlongchains \
    whitebind whitelist whitelistforcerelay whitelistrelay zmqpubhashblock zmqpubhashblockhwm \
    zmqpubhashtx zmqpubhashtxhwm zmqpubrawblock zmqpubrawblockhwm zmqpubrawtx zmqpubrawtxhwm \
    zmqpubsequence zmqpubsequencehwm";
