//! Arguments of a user's own: which may be given, and why the others may not.
//!
//! bitcoind has some two hundred options, and people need many of them. Refused are those that would
//! take a node from under the controller: it could not reach it, would not find its peers, or could not
//! tell whose it is. They are one table, with the reason that is told. Three that we set may be given all the
//! same, since nothing depends on their values: `-dbcache`, `-maxmempool`, `-fallbackfee`; of an option given twice the last counts.
//!
//! # Invariants
//! - An argument is judged as bitcoind reads it: `-listen=0`, `--listen=0` and `-nolisten` are one option.
//! - Nothing is accepted that would end the reading of arguments, or is no option at all.
//!
//! # Example
//! ```
//! use bitcoin_controller::controller::desired::extra_args::refusal;
//! assert_eq!(refusal("-debug=net"), None);
//! assert!(refusal("--noserver").is_some_and(|why| why.contains("-server")));
//! ```
//!
//! # Source
//! Bitcoin Core `src/common/args.cpp`, `ArgsManager::ParseParameters` and `InterpretKey`.

/// Why `argument` may not be given; `None` if it may.
pub fn refusal(argument: &str) -> Option<String> {
    let (name, value) = match name_and_value(argument) {
        Ok(read) => read,
        Err(why) => return Some(format!("`{}` {why}", shown(argument))),
    };
    let owned = OWNED
        .iter()
        .find(|(names, _)| names.split(' ').any(|owned| matches(owned, name)));
    let why = match owned {
        Some((_, why)) => *why,
        None if name == "maxconnections" && is_less(value, LEAST_CONNECTIONS) => {
            "must be at least 125, or links find no room"
        }
        None => return None,
    };
    Some(format!("`-{name}` {why}"))
}

/// An option without dashes and without the `no` that negates it, and its value.
fn name_and_value(argument: &str) -> Result<(&str, &str), &'static str> {
    let option = argument.strip_prefix('-').ok_or("is no option")?;
    let option = option.strip_prefix('-').unwrap_or(option);
    let (name, value) = option.split_once('=').unwrap_or((option, ""));
    let name = name.strip_prefix("no").unwrap_or(name);
    let is_letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    match () {
        () if name == "?" => Ok((name, value)),
        () if name.is_empty() || name.starts_with('-') || !name.chars().all(is_letter) => {
            Err("is no option")
        }
        () if value.chars().any(char::is_control) => Err("has a line break in it"),
        () => Ok((name, value)),
    }
}

/// The argument up to its value, which may be anything.
fn shown(argument: &str) -> String {
    let name = argument.split('=').next().unwrap_or_default();
    name.chars().take(64).collect()
}

/// `owned` may end in `*`.
fn matches(owned: &str, name: &str) -> bool {
    match owned.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning) && !ALLOWED.contains(&name),
        None => owned == name,
    }
}

/// What is no number is none, as bitcoind reads it.
fn is_less(value: &str, least: u32) -> bool {
    value.parse::<u32>().unwrap_or(0) < least
}

/// bitcoind's default.
const LEAST_CONNECTIONS: u32 = 125;

/// Exceptions from the names below that end in `*`: how many callers are served at the same time.
const ALLOWED: [&str; 2] = ["rpcthreads", "rpcworkqueue"];

/// The options that are refused, and why, as it follows on their name.
const OWNED: &[(&str, &str)] = &[
    (
        "regtest chain testnet testnet4 signet signetchallenge signetseednode",
        "chooses another chain; all networks are on regtest",
    ),
    (
        "conf includeconf settings",
        "reads settings from a file; here they are all arguments",
    ),
    (
        "datadir blocksdir walletdir pid",
        "has another place in the pod; the volume is at the data directory",
    ),
    (
        "daemon daemonwait",
        "would end the container while bitcoind goes on without it",
    ),
    ("h help ? version", "has bitcoind print a text and end"),
    (
        "server rest rpc*",
        "is how the controller, the probes and the Secret's readers reach the node",
    ),
    (
        "zmqpubrawblock zmqpubrawtx",
        "is set already: blocks are published on port 28332 and transactions on 28333",
    ),
    (
        "listen port bind whitebind networkactive",
        "is how nodes of the network reach one another",
    ),
    (
        "connect addnode seednode",
        "makes connections that the controller would cut; say them with `topology` or `externalPeers`",
    ),
    (
        "dnsseed forcednsseed fixedseeds natpmp listenonion",
        "is set already: nothing outside is looked for",
    ),
    (
        "uacomment",
        "is how nodes of the network are told from strangers",
    ),
    (
        "txindex prune",
        "would take away the index of transactions that wallets and explorers ask for",
    ),
    (
        "printtoconsole",
        "is set already: the log is what `kubectl logs` shows",
    ),
];
