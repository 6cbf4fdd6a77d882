//! A program that runs beside the test: what it says, line by line, and how it ends.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// Longer than any program here is silent for.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs `command` to its end: exit code, standard output, standard error.
pub(crate) fn outcome(command: &mut Command) -> (Option<i32>, String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

/// A running program. Dropping it kills it.
pub(crate) struct Program {
    name: String,
    child: Child,
    lines: mpsc::Receiver<String>,
    said: Vec<String>,
}

impl Program {
    /// Starts `command`, and hears what it says on both its outputs.
    pub(crate) fn start(command: &mut Command) -> Program {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
        let (sender, lines) = mpsc::channel();
        forward(child.stdout.take().unwrap(), sender.clone());
        forward(child.stderr.take().unwrap(), sender);
        Program {
            name: format!("{command:?}"),
            child,
            lines,
            said: Vec::new(),
        }
    }

    /// Reads on until a line contains `text`, and returns that line.
    pub(crate) fn until(&mut self, text: &str) -> String {
        self.until_line(text, |line| line.contains(text))
    }

    /// Reads on until a line is the one, which is `what`.
    pub(crate) fn until_line(&mut self, what: &str, is_it: impl Fn(&str) -> bool) -> String {
        while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
            self.said.push(line.clone());
            if is_it(&line) {
                return line;
            }
        }
        panic!("{} does not say `{what}`, but {:#?}", self.name, self.said);
    }

    /// Sends `signal`, such as `-INT`.
    pub(crate) fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        // The shell's own: a program of that name is not everywhere.
        let script = format!("kill {signal} {pid}");
        let status = Command::new("sh").args(["-c", &script]).status().unwrap();
        assert!(status.success());
    }

    /// Waits for the end, which must come soon: how it ended, and all it has said.
    pub(crate) fn end(mut self) -> (ExitStatus, Vec<String>) {
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => self.said.push(line),
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    panic!("{} does not end; it said {:#?}", self.name, self.said)
                }
            }
        }
        (self.child.wait().unwrap(), std::mem::take(&mut self.said))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends each line of `output`; ends with it.
fn forward(output: impl Read + Send + 'static, lines: mpsc::Sender<String>) {
    std::thread::spawn(move || {
        BufReader::new(output)
            .lines()
            .map_while(Result::ok)
            .try_for_each(|line| lines.send(line))
    });
}
