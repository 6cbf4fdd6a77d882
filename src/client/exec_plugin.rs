//! Exec plugins: a program that knows who we are, and is asked when nobody else does.
//!
//! Clouds give out tokens that live for minutes, by their own rules. A kubeconfig then names a command
//! (`aws eks get-token`, `gke-gcloud-auth-plugin`, `kubelogin`) that prints one. What it has printed is
//! used until it expires or the server refuses it; then it is asked again, by the next request, and the
//! requests that come meanwhile wait for the same answer.
//!
//! ```text
//!   request ── credential() ── good? ──────────────────────────────────────> header, certificate
//!                                └─ no: one after another ─ still no? ─ run ──────────^
//!   401 ────── refused(what was said) ── is it still the one we have? ─> no longer good
//! ```
//!
//! # Invariants
//! - One run at a time; who has waited for it uses its outcome, whatever it is, and does not run it
//!   again: fifty requests and a plugin that fails after a minute are a minute, and not fifty.
//! - A 401 spends the token it was said with, and not the one that has replaced it since.
//! - Standard output, arguments and variables are in no error, log or `Debug`: they hold secrets.
//! - A run ends: by itself, at [`RUN_DEADLINE`], or with the request that waits for it.
//!
//! # Example
//! ```
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use bitcoin_controller::base::Clock;
//! use bitcoin_controller::client::credentials::Credentials;
//! use bitcoin_controller::client::exec_credential::ApiVersion;
//! use bitcoin_controller::client::exec_plugin::{ExecPlugin, Invocation};
//!
//! let answer = r#"{"kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1",
//!                  "status": {"token": "hunter2"}}"#;
//! let mut invocation = Invocation::new(ApiVersion::V1, "printf");
//! invocation.arguments = vec!["%s".to_owned(), answer.to_owned()];
//! let credentials = Credentials::plugin(ExecPlugin::new(invocation, Clock::system()));
//! assert_eq!(credentials.authorization().await?.unwrap().as_bytes(), b"Bearer hunter2");
//! # Ok(()) }
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(example())?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Source
//! client-go `plugin/pkg/client/auth/exec/exec.go`. What differs: a run has a deadline; who has waited for
//! one that failed, or whose answer has expired already, does not start another; after a 401 the
//! next request runs the plugin, not the one that failed; an installation hint is part of each error and
//! not held back after ten an hour; there is no list of allowed plugins.

use std::fmt;
use std::io;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::base::Clock;
use crate::client::exec_credential::{self, ApiVersion, ExecCredential, INFO_VARIABLE, question};
use crate::client::tls::{IdentitySource, KeyPair};

/// How long one run may take; long enough for a person to log in with a browser.
pub const RUN_DEADLINE: Duration = Duration::from_secs(60);

/// How much a plugin may print, in bytes: a token and a chain of certificates are a few thousand.
const MAX_OUTPUT: usize = 1 << 20;

/// How a plugin is run. `Debug` shows the command only.
#[derive(Clone)]
pub struct Invocation {
    /// Which version of the protocol it is to speak.
    pub version: ApiVersion,
    /// A path, or a name that is looked for in `PATH`.
    pub command: String,
    /// What follows the command.
    pub arguments: Vec<String>,
    /// Variables on top of our own.
    pub environment: Vec<(String, String)>,
    /// Whether it may ask somebody: then it has our standard input.
    pub is_interactive: bool,
    /// What to do if it is not there.
    pub install_hint: Option<String>,
    /// What it is told about the cluster.
    pub cluster: Option<Value>,
}

impl Invocation {
    /// Runs `command` alone, with nobody to ask.
    pub fn new(version: ApiVersion, command: impl Into<String>) -> Self {
        Invocation {
            version,
            command: command.into(),
            arguments: Vec::new(),
            environment: Vec::new(),
            is_interactive: false,
            install_hint: None,
            cluster: None,
        }
    }
}

impl fmt::Debug for Invocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Invocation")
            .field("command", &self.command)
            .finish_non_exhaustive()
    }
}

/// A plugin, and what it has last answered.
#[derive(Debug)]
pub struct ExecPlugin {
    invocation: Invocation,
    clock: Clock,
    last: Mutex<Last>,
    /// Held by whoever runs it, over the whole run.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Last {
    credential: Option<Arc<ExecCredential>>,
    is_refused: bool,
    /// How many runs have come to an end, good or bad.
    n_runs: u64,
    /// How the last of them failed, if it did.
    failure: Option<Error>,
}

impl ExecPlugin {
    /// A plugin that has not been run yet; `clock` says when what it answers has expired.
    pub fn new(invocation: Invocation, clock: Clock) -> Self {
        ExecPlugin {
            invocation,
            clock,
            last: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
        }
    }

    /// The credential of the moment; the plugin is run if there is none that is good.
    ///
    /// # Errors
    /// The plugin did not give one. The next call tries again.
    ///
    /// # Cancel safety
    /// If it is this call that runs the plugin, the run ends with it, and the next call starts another.
    pub(crate) async fn credential(&self) -> Result<Arc<ExecCredential>, Error> {
        if let Some(credential) = self.good() {
            return Ok(credential);
        }
        let n_runs = self.lock().n_runs;
        let _turn = self.turn.lock().await;
        // Whoever had the turn before us has run it for us, too.
        if let Some(outcome) = self.outcome_after(n_runs) {
            return outcome;
        }
        let outcome = self.run().await.map(Arc::new);
        let mut last = self.lock();
        last.n_runs += 1;
        last.failure = outcome.as_ref().err().cloned();
        if let Ok(credential) = &outcome {
            last.credential = Some(Arc::clone(credential));
            last.is_refused = false;
        }
        outcome
    }

    /// What the last run has brought, if it is not one of the first `n_runs`.
    fn outcome_after(&self, n_runs: u64) -> Option<Result<Arc<ExecCredential>, Error>> {
        let last = self.lock();
        if last.n_runs == n_runs {
            return None;
        }
        match &last.failure {
            Some(failure) => Some(Err(failure.clone())),
            None => last.credential.clone().map(Ok),
        }
    }

    /// The server has refused somebody who said this token, or showed a certificate only.
    pub(crate) fn refused(&self, token: Option<&str>) {
        let mut last = self.lock();
        let own = last.credential.as_ref();
        let is_own = own.is_some_and(|own| own.token.as_ref().map(|own| own.0.as_str()) == token);
        last.is_refused |= is_own;
    }

    fn good(&self) -> Option<Arc<ExecCredential>> {
        let last = self.lock();
        let credential = last.credential.as_ref().filter(|_| !last.is_refused)?;
        let is_good = !credential.has_expired(self.clock.now());
        is_good.then(|| Arc::clone(credential))
    }

    async fn run(&self) -> Result<ExecCredential, Error> {
        let command = &self.invocation.command;
        tracing::debug!(command, "exec plugin is run");
        let child = self
            .command()
            .spawn()
            .map_err(|source| self.no_start(source))?;
        let run = timeout(RUN_DEADLINE, finish(child)).await;
        let (status, output) = run
            .map_err(|_| self.error(Fault::Deadline))?
            .map_err(|source| self.error(Fault::Run(source)))?;
        // Before the exit code: a program that is not read to the end may fail for that.
        if output.len() > MAX_OUTPUT {
            return Err(self.error(Fault::TooLong));
        }
        if !status.success() {
            return Err(self.error(Fault::Exit(status)));
        }
        ExecCredential::read(self.invocation.version, &output)
            .map_err(|what| self.error(Fault::Answer(what)))
    }

    fn command(&self) -> Command {
        let own = &self.invocation;
        let stdin = match own.is_interactive {
            true => Stdio::inherit(),
            false => Stdio::null(),
        };
        let mut command = Command::new(&own.command);
        command
            .args(&own.arguments)
            .envs(own.environment.iter().cloned())
            .env(
                INFO_VARIABLE,
                question(own.version, own.is_interactive, own.cluster.as_ref()),
            )
            .stdin(stdin)
            .stdout(Stdio::piped())
            // What it has to say to people goes where we say ours.
            .stderr(Stdio::inherit())
            .kill_on_drop(true);
        command
    }

    fn no_start(&self, source: io::Error) -> Error {
        let hint = self.invocation.install_hint.clone();
        self.error(match source.kind() {
            io::ErrorKind::NotFound => Fault::NotFound(hint),
            _ => Fault::Run(source),
        })
    }

    fn error(&self, fault: Fault) -> Error {
        Error {
            command: self.invocation.command.clone(),
            fault: Arc::new(fault),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Last> {
        self.last
            .lock()
            .expect("nothing panics while a credential is looked at")
    }
}

/// What it prints, up to a little more than it may, and how it ends.
async fn finish(mut child: Child) -> io::Result<(ExitStatus, Vec<u8>)> {
    let mut output = Vec::new();
    if let Some(pipe) = child.stdout.take() {
        let mut bounded = pipe.take(MAX_OUTPUT as u64 + 1);
        bounded.read_to_end(&mut output).await?;
    }
    Ok((child.wait().await?, output))
}

/// The certificate of the moment: that of the last answer, which the request at hand has asked for.
impl IdentitySource for ExecPlugin {
    fn current(&self) -> Option<KeyPair> {
        self.lock().credential.as_ref()?.key_pair.clone()
    }
}

/// Why a plugin gave no credential.
#[derive(Clone, Debug)]
pub struct Error {
    command: String,
    fault: Arc<Fault>,
}

/// What went wrong.
#[derive(Debug)]
enum Fault {
    /// There is no such program; how to get it, if the kubeconfig says so.
    NotFound(Option<String>),
    /// It cannot be run, or what it prints cannot be read.
    Run(io::Error),
    Exit(ExitStatus),
    Deadline,
    TooLong,
    Answer(exec_credential::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exec plugin `{}`", self.command)?;
        match &*self.fault {
            Fault::NotFound(None) => f.write_str(" was not found"),
            Fault::NotFound(Some(hint)) => write!(f, " was not found: {}", hint.trim()),
            Fault::Run(_) => f.write_str(" could not be run"),
            Fault::Exit(status) => match status.code() {
                Some(code) => write!(f, " failed with exit code {code}"),
                None => f.write_str(" was ended by a signal"),
            },
            Fault::Deadline => write!(f, " did not end within {RUN_DEADLINE:?}"),
            Fault::TooLong => write!(f, " printed more than {MAX_OUTPUT} bytes"),
            Fault::Answer(_) => f.write_str(" gave an answer that cannot be used"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &*self.fault {
            Fault::Run(source) => Some(source),
            Fault::Answer(what) => Some(what),
            Fault::NotFound(_) | Fault::Exit(_) | Fault::Deadline | Fault::TooLong => None,
        }
    }
}
