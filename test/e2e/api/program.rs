//! Programs beside the test: those of test/peers, helm, kubectl and our own.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::harness;

/// No line is waited for longer than this. client-go's reflectors wait up to 30 s before they try again.
const DEADLINE: Duration = Duration::from_secs(60);

/// A program that `hack/peers.sh` has built.
pub fn peer(name: &str) -> Command {
    let folder = std::env::var_os("E2E_PEERS").expect("E2E_PEERS is what hack/peers.sh prints");
    Command::new(PathBuf::from(folder).join(name))
}

/// Runs a program to its end: what it printed, or what it complained of.
pub async fn run(
    mut program: Command,
    kubeconfig: &Path,
    arguments: &[&str],
) -> Result<String, String> {
    let output = program
        .args(arguments)
        .env("KUBECONFIG", kubeconfig)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = output.await.map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    match output.status.success() {
        true => Ok(text),
        false => Err(format!("{text}{}", String::from_utf8_lossy(&output.stderr))),
    }
}

/// A program that runs and prints lines; killed when it is dropped.
pub struct Running {
    name: String,
    child: Child,
    input: Option<ChildStdin>,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Running {
    /// As [`start`](Self::start), for a program that tells in its log, on standard error.
    pub fn start_with_log(name: &str, program: Command) -> Self {
        let program = program.as_std();
        let mut shell = Command::new("sh");
        shell
            .args(["-c", "exec \"$0\" \"$@\" 2>&1"])
            .arg(program.get_program())
            .args(program.get_args());
        Running::start(name, shell)
    }

    pub fn start(name: &str, mut program: Command) -> Self {
        let mut child = program
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        Running {
            name: name.to_owned(),
            input: child.stdin.take(),
            lines: BufReader::new(child.stdout.take().unwrap()).lines(),
            child,
        }
    }

    /// The next line; panics if there is none.
    pub async fn line(&mut self) -> String {
        let line = tokio::time::timeout(DEADLINE, self.lines.next_line()).await;
        let line = line.unwrap_or_else(|_| panic!("{} says nothing more", self.name));
        line.unwrap()
            .unwrap_or_else(|| panic!("{} has ended", self.name))
    }

    /// Reads lines until one has this in it.
    pub async fn until(&mut self, wanted: &str) {
        while !self.line().await.contains(wanted) {}
    }

    /// An empty line for its standard input.
    pub async fn ask(&mut self) {
        self.input.as_mut().unwrap().write_all(b"\n").await.unwrap();
    }

    pub fn signal(&self, signal: &str) {
        let id = self.child.id().expect("it runs").to_string();
        harness::run(std::process::Command::new("kill").args(["-s", signal, &id])).unwrap();
    }

    /// Sends it this signal and waits for its end.
    pub async fn end_by(mut self, signal: &str) {
        self.signal(signal);
        let end = tokio::time::timeout(DEADLINE, self.child.wait()).await;
        end.unwrap_or_else(|_| panic!("{} outlives {signal}", self.name))
            .unwrap();
    }

    /// Ends its standard input and waits for its end, which must be a good one.
    pub async fn end(mut self) {
        drop(self.input.take());
        let end = tokio::time::timeout(DEADLINE, self.child.wait()).await;
        let status = end.unwrap_or_else(|_| panic!("{} does not end", self.name));
        assert!(status.unwrap().success(), "{}", self.name);
    }
}
