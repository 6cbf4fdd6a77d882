//! One run: a stub and a program, each on its core, and what is asked of both.
//!
//! # Invariants
//! - A store that differs from the stub's truth is a failure that says what differs.
//! - Nothing is waited for longer than [`Deadline::RUN`] after the start.

use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;

use crate::bench::Bench;
use crate::child::{Child, Deadline, Nanos, Outcome};
use crate::contestant::Contestant;
use crate::process;
use crate::stub::{self, Load, Sent, Stub};

pub struct Trial {
    pub stub: Stub,
    program: Child,
    contestant: Contestant,
    deadline: Deadline,
    /// When the first key entered the reconciler, if the program has said so.
    reconciled: Option<Nanos>,
}

/// What the first handler was told so far.
#[derive(Clone, Copy, Debug)]
pub struct Handled {
    pub added: u64,
    pub updated: u64,
    pub deleted: u64,
}

impl Handled {
    pub fn all(&self) -> u64 {
        self.added + self.updated + self.deleted
    }
}

impl Trial {
    pub fn start(
        bench: &Bench,
        contestant: Contestant,
        load: &Load,
        flags: &[&str],
    ) -> Outcome<Trial> {
        let program = contestant.library.program(&bench.programs);
        Trial::start_program(bench, contestant, &program, load, flags)
    }

    /// The same with the program that counts what it allocates.
    pub fn start_counting(bench: &Bench, contestant: Contestant, load: &Load) -> Outcome<Trial> {
        let program = contestant.library.counting_program(&bench.programs);
        Trial::start_program(bench, contestant, &program, load, &[])
    }

    fn start_program(
        bench: &Bench,
        contestant: Contestant,
        program: &std::path::Path,
        load: &Load,
        flags: &[&str],
    ) -> Outcome<Trial> {
        let deadline = Deadline::after(Deadline::RUN);
        let stub = Stub::start(&bench.programs, bench.stub_core, load, deadline)?;
        let mode = contestant.mode_name();
        let common = ["--server", &stub.url, "--shape", load.shape, "--mode", mode];
        let recommended = contestant.library.recommended_flags();
        let flags = common.iter().chain(recommended).chain(flags);
        let flags = flags.map(|flag| (*flag).to_owned());
        let flags: Vec<String> = flags.collect();
        let program = Child::start(&contestant.name(), bench.program_core, program, &flags)?;
        Ok(Trial {
            stub,
            program,
            contestant,
            deadline,
            reconciled: None,
        })
    }

    pub fn pid(&self) -> u32 {
        self.program.pid()
    }

    pub fn started(&self) -> Nanos {
        self.program.started
    }

    pub fn rss(&self) -> Outcome<u64> {
        process::rss(self.pid())
    }

    /// Waits for the first state; says when it was complete.
    pub fn synced(&mut self) -> Outcome<Nanos> {
        let answer = self.answer("synced", "`synced`")?;
        stub::number(&answer, "at", "`synced`")
    }

    /// When the first key entered the reconciler; waits until one has.
    pub fn reconciled(&mut self) -> Outcome<Nanos> {
        while self.reconciled.is_none() {
            let line = self.program.line("`reconciled`", self.deadline)?;
            if !self.note_reconciled(&stub::parse(&line)?) {
                let what = format!("said `{line}` instead of `reconciled`");
                return Err(self.program.failure(&what));
            }
        }
        Ok(self.reconciled.expect("it was just noted"))
    }

    /// Asks for `version` before `send` sends it; when it reached the first handler, and what was sent.
    pub fn until_sent(
        &mut self,
        events: u64,
        send: impl FnOnce(&Stub) -> Outcome<Sent>,
    ) -> Outcome<(Nanos, Sent)> {
        let before = self.stub.truth(self.contestant.mode)?.version;
        let expected = before + events;
        self.program.tell(&format!("until {expected}"))?;
        let sent = send(&self.stub)?;
        if sent.version != expected {
            return Err(format!(
                "the stub sent {events} events after version {before}, and the last one has {}",
                sent.version
            ));
        }
        Ok((self.reached(expected)?, sent))
    }

    /// Waits until `version` has reached the first handler.
    pub fn until(&mut self, version: u64) -> Outcome<Nanos> {
        self.program.tell(&format!("until {version}"))?;
        self.reached(version)
    }

    fn reached(&mut self, version: u64) -> Outcome<Nanos> {
        let answer = self.answer("until", &format!("event of version {version}"))?;
        stub::number(&answer, "at", "`until`")
    }

    /// Waits until the store is as the stub's truth.
    ///
    /// # Errors
    /// It still differs after a while without a change; says in what.
    pub fn check(&mut self) -> Outcome<()> {
        let deadline = Deadline::after(PATIENCE);
        loop {
            let answer = self.ask("hash")?;
            let hash = stub::text(&answer, "hash", "`hash`")?;
            let count = stub::number(&answer, "count", "`hash`")?;
            let truth = self.stub.truth(self.contestant.mode)?;
            if (&hash, count) == (&truth.hash, truth.count) {
                return Ok(());
            }
            if deadline.has_passed() {
                return Err(format!(
                    "{}: its store differs from the truth: it has {count} objects with hash {hash}, the stub {} with {} at version {}",
                    self.contestant, truth.count, truth.hash, truth.version
                ));
            }
            sleep(Duration::from_millis(20));
        }
    }

    pub fn handled(&mut self) -> Outcome<Handled> {
        let answer = self.ask("handled")?;
        let number = |field| stub::number(&answer, field, "`handled`");
        Ok(Handled {
            added: number("added")?,
            updated: number("updated")?,
            deleted: number("deleted")?,
        })
    }

    /// What is allocated, in bytes.
    pub fn live(&mut self) -> Outcome<f64> {
        let answer = self.ask("live")?;
        Ok(stub::number(&answer, "live", "`live`")? as f64)
    }

    /// When probes were reconciled, and when handled by a further handler.
    pub fn probes(&mut self) -> Outcome<[Vec<(u64, Nanos)>; 2]> {
        let answer = self.ask("probes")?;
        let list = |field| stub::pairs(&answer, field, "`probes`");
        Ok([list("reconciled")?, list("handled")?])
    }

    /// Both end, and must do so properly.
    pub fn end(self) -> Outcome<()> {
        self.program.end(self.deadline)?;
        self.stub.end()
    }

    fn ask(&mut self, order: &str) -> Outcome<Value> {
        self.program.tell(order)?;
        // The first key of all of an answer: `probes` is answered by `reconciled`, with a list.
        let field = match order {
            "handled" => "added",
            "probes" => "handled",
            other => other,
        };
        self.answer(field, &format!("answer to `{order}`"))
    }

    /// The next line that has `field`.
    fn answer(&mut self, field: &str, what: &str) -> Outcome<Value> {
        loop {
            let line = self.program.line(what, self.deadline)?;
            let answer = stub::parse(&line)?;
            if answer.get(field).is_some() {
                return Ok(answer);
            }
            if !self.note_reconciled(&answer) {
                let what = format!("said `{line}` instead of the {what}");
                return Err(self.program.failure(&what));
            }
        }
    }

    fn note_reconciled(&mut self, answer: &Value) -> bool {
        let at = answer["reconciled"].as_u64();
        self.reconciled = self.reconciled.or(at);
        at.is_some()
    }
}

/// For how long a store may lag behind the truth when nothing is sent any more.
const PATIENCE: Duration = Duration::from_secs(30);
