//! A program that was started on one core: lines to it, lines from it, each awaited with a deadline.
//!
//! # Invariants
//! - Whoever waits says for what; that is in the error if it does not come.
//! - No program outlives its [`Child`].

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{self, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// What went wrong, in words.
pub type Outcome<T> = Result<T, String>;

/// Nanoseconds since 1970.
pub type Nanos = u64;

pub fn now() -> Nanos {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.expect("it is after 1970").as_nanos() as Nanos
}

/// When a run is given up.
#[derive(Clone, Copy)]
pub struct Deadline(Instant);

impl Deadline {
    /// How long a run may take.
    pub const RUN: Duration = Duration::from_secs(120);

    pub fn after(duration: Duration) -> Self {
        Deadline(Instant::now() + duration)
    }

    /// What is left; never nothing, which some callers would read as "for ever".
    pub fn left(self) -> Duration {
        let left = self.0.saturating_duration_since(Instant::now());
        left.max(Duration::from_millis(1))
    }

    pub fn has_passed(self) -> bool {
        Instant::now() >= self.0
    }
}

pub struct Child {
    name: String,
    process: process::Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
    /// The end of what it said on standard error.
    complaints: Arc<Mutex<VecDeque<String>>>,
    pub started: Nanos,
}

impl Child {
    /// Starts `program` on `core`; `name` is for errors.
    pub fn start(name: &str, core: usize, program: &Path, arguments: &[String]) -> Outcome<Child> {
        let mut command = Command::new("taskset");
        command.arg("--cpu-list").arg(core.to_string()).arg(program);
        Child::spawn(name, command, arguments)
    }

    /// Starts `program` on all cores.
    pub fn start_anywhere(name: &str, program: &Path) -> Outcome<Child> {
        Child::spawn(name, Command::new(program), &[])
    }

    fn spawn(name: &str, mut command: Command, arguments: &[String]) -> Outcome<Child> {
        command.args(arguments).stdin(Stdio::piped());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let started = now();
        let mut process = command
            .spawn()
            .map_err(|error| format!("{name}: cannot be started: {error}"))?;
        let output = process.stdout.take().expect("it is piped");
        let errors = process.stderr.take().expect("it is piped");
        Ok(Child {
            name: name.to_owned(),
            input: process.stdin.take(),
            process,
            lines: lines_of(output),
            complaints: last_lines_of(errors),
            started,
        })
    }

    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// The next line, which should be `what`.
    pub fn line(&self, what: &str, deadline: Deadline) -> Outcome<String> {
        self.lines
            .recv_timeout(deadline.left())
            .map_err(|error| match error {
                RecvTimeoutError::Timeout => self.failure(&format!("no {what} in time")),
                RecvTimeoutError::Disconnected => {
                    // What it said last may still be on its way to us.
                    thread::sleep(Duration::from_millis(100));
                    self.failure(&format!("ended before {what} came"))
                }
            })
    }

    /// All lines until it ends by itself.
    pub fn all_lines(&mut self, deadline: Deadline) -> Outcome<Vec<String>> {
        let mut lines = Vec::new();
        loop {
            match self.lines.recv_timeout(deadline.left()) {
                Ok(line) => lines.push(line),
                Err(RecvTimeoutError::Timeout) => {
                    return Err(self.failure(&format!("no end after {} lines", lines.len())));
                }
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        let ended = self.await_end(deadline);
        ended.map_err(|error| {
            let last = lines.len().saturating_sub(COMPLAINTS);
            format!(
                "{error}\n    it printed: {}",
                lines[last..].join("\n    it printed: ")
            )
        })?;
        Ok(lines)
    }

    pub fn tell(&mut self, line: &str) -> Outcome<()> {
        let input = self.input.as_mut().expect("it is open until the end");
        writeln!(input, "{line}")
            .and_then(|()| input.flush())
            .map_err(|error| self.failure(&format!("does not read `{line}`: {error}")))
    }

    /// Closes its standard input, at which it must end with 0.
    pub fn end(mut self, deadline: Deadline) -> Outcome<()> {
        self.input = None;
        self.await_end(deadline)
    }

    fn await_end(&mut self, deadline: Deadline) -> Outcome<()> {
        loop {
            match self.process.try_wait() {
                Ok(Some(status)) => return self.judge(status),
                Ok(None) if deadline.has_passed() => return Err(self.failure("does not end")),
                Ok(None) => thread::sleep(Duration::from_millis(2)),
                Err(error) => return Err(self.failure(&error.to_string())),
            }
        }
    }

    fn judge(&self, status: ExitStatus) -> Outcome<()> {
        match status.success() {
            true => Ok(()),
            false => Err(self.failure(&format!("ended with {status}"))),
        }
    }

    /// `what` went wrong, and what the program itself said of it.
    pub fn failure(&self, what: &str) -> String {
        let complaints = self.complaints.lock().expect("nobody panics with it");
        let mut text = format!("{}: {what}", self.name);
        for line in complaints.iter() {
            text.push_str("\n    it said: ");
            text.push_str(line);
        }
        text
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // An error means that it has ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn lines_of(output: ChildStdout) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

fn last_lines_of(errors: ChildStderr) -> Arc<Mutex<VecDeque<String>>> {
    let kept = Arc::new(Mutex::new(VecDeque::new()));
    let keeping = kept.clone();
    thread::spawn(move || {
        for line in BufReader::new(errors).lines().map_while(Result::ok) {
            let mut kept = keeping.lock().expect("nobody panics with it");
            if kept.len() == COMPLAINTS {
                kept.pop_front();
            }
            kept.push_back(line);
        }
    });
    kept
}

/// How many lines of standard error are kept.
const COMPLAINTS: usize = 5;
