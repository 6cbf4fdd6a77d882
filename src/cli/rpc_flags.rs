//! Which node a subcommand talks to, and who it is to that node: flags that several subcommands share.
//!
//! # Invariants
//! - A password comes from a file or from the environment. There is no flag for one, since everybody on a machine
//!   can read the arguments of its programs.
//! - What is wrong is told without repeating a value that may hold a password.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use crate::base::Report;
use crate::bitcoin::{Credentials, RpcClient};
use crate::http::{Endpoint, Tcp};

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Where user name and password are looked for: the names they have in the Secrets that people give to networks.
const USER_VARIABLE: &str = "BC_RPC_USER";
const PASSWORD_VARIABLE: &str = "BC_RPC_PASSWORD";

#[derive(Debug, Args)]
#[command(next_help_heading = "The node")]
pub(super) struct RpcFlags {
    /// Where the node's RPC is
    #[arg(
        long,
        value_name = "http://HOST:PORT",
        default_value = "http://127.0.0.1:18443"
    )]
    rpc: String,

    /// The user name [default: $BC_RPC_USER]; its password is in --password-file, or in $BC_RPC_PASSWORD
    #[arg(long, value_name = "USER")]
    user: Option<String>,

    /// The file with the password
    #[arg(long, value_name = "FILE", conflicts_with = "cookie")]
    password_file: Option<PathBuf>,

    /// The node's cookie file, such as ~/.bitcoin/regtest/.cookie: user name and password of a node that was given none
    #[arg(long, value_name = "FILE", conflicts_with = "user")]
    cookie: Option<PathBuf>,
}

impl RpcFlags {
    /// A client for that node. Nothing is sent yet.
    ///
    /// # Errors
    /// It is not said where the node is or who we are, or the file that says it cannot be read.
    pub(super) fn client(&self) -> Result<RpcClient, Report> {
        let endpoint = endpoint(&self.rpc).map_err(|why| Report::new(format!("--rpc: {why}")))?;
        let credentials = self.credentials()?;
        let tcp = Arc::new(Tcp::new(CONNECT_TIMEOUT));
        Ok(RpcClient::new(tcp, endpoint, &credentials))
    }

    fn credentials(&self) -> Result<Credentials, Report> {
        if let Some(file) = &self.cookie {
            let text = read("--cookie", file)?;
            let (user, password) = text.split_once(':').ok_or_else(|| {
                let file = file.display();
                Report::new(format!(
                    "--cookie: {file} is no cookie file: there is no colon in it"
                ))
            })?;
            return Ok(Credentials::new(user, password)?);
        }
        let user = self
            .user
            .clone()
            .or_else(|| std::env::var(USER_VARIABLE).ok());
        let user = user.ok_or_else(|| {
            Report::new(format!(
                "say who you are to the node: with --user (or {USER_VARIABLE}), or with --cookie"
            ))
        })?;
        let password = match &self.password_file {
            Some(file) => read("--password-file", file)?,
            None => std::env::var(PASSWORD_VARIABLE).map_err(|_| {
                Report::new(format!(
                    "the password of --user is missing: give it with --password-file, or as {PASSWORD_VARIABLE}"
                ))
            })?,
        };
        Ok(Credentials::new(user, password)?)
    }
}

/// The first line of a file, without its end.
fn read(flag: &str, file: &PathBuf) -> Result<String, Report> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| Report::new(format!("{flag}: {}: {error}", file.display())))?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

/// Reads `http://HOST:PORT` or `HOST:PORT`. The text is not repeated in what is wrong with it.
fn endpoint(text: &str) -> Result<Endpoint, &'static str> {
    let rest = match text.split_once("://") {
        Some(("http", rest)) => rest,
        Some(("https", _)) => return Err("bitcoind does not speak TLS: use http://HOST:PORT"),
        Some(_) => return Err("it must be http://HOST:PORT"),
        None => text,
    };
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    if rest.contains('@') {
        return Err("no user name and password here: use --user with --password-file, or --cookie");
    }
    let parts = rest.rsplit_once(':');
    let parts = parts.and_then(|(host, port)| Some((host, port.parse::<u16>().ok()?)));
    match parts {
        Some((host, port)) if port > 0 && is_host(host) => Ok(Endpoint::new(host, port)),
        _ => Err("it must be http://HOST:PORT, with a port from 1 to 65535"),
    }
}

/// A name or an address; one of IPv6 in brackets, as in a URL.
fn is_host(host: &str) -> bool {
    let bare = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    match bare {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            let is_fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
            !host.is_empty() && host.chars().all(is_fine)
        }
    }
}
