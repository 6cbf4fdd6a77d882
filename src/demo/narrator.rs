//! Tells the story while it happens: lines for a pipe, lines and a moving one for a terminal.
//!
//! Each line starts with the seconds since the story began. On a terminal the last line shows how far
//! a wait has come and is overwritten; in a pipe it is left out, so a log has only what happened.
//!
//! # Invariants
//! - A line once told is never overwritten.
//! - Telling never fails the story: a closed pipe is ignored.

use std::io::{IsTerminal, Write, stdout};
use std::sync::{Arc, Mutex};

use tokio::time::Instant;

/// Tells the story. Clones tell the same one.
#[derive(Clone)]
pub struct Narrator {
    began: Instant,
    is_terminal: bool,
    /// What stands in the moving line; held while writing, so that lines never mix.
    moving: Arc<Mutex<String>>,
}

impl Default for Narrator {
    fn default() -> Self {
        Narrator {
            began: Instant::now(),
            is_terminal: stdout().is_terminal(),
            moving: Arc::default(),
        }
    }
}

impl Narrator {
    /// Tells something that has happened.
    pub fn tell(&self, text: &str) {
        let mut moving = self.moving.lock().expect("nobody panics while telling");
        let seconds = self.began.elapsed().as_secs_f64();
        self.write(&format!(
            "{CLEAR}[{seconds:6.2}s] {text}\n",
            CLEAR = self.clear()
        ));
        moving.clear();
    }

    /// Tells something that has no time: headings, hints, what to type next.
    pub fn say(&self, text: &str) {
        let mut moving = self.moving.lock().expect("nobody panics while telling");
        self.write(&format!("{}{text}\n", self.clear()));
        moving.clear();
    }

    /// Shows how far the present wait has come; on a terminal only.
    pub fn show(&self, text: &str) {
        if !self.is_terminal {
            return;
        }
        let mut moving = self.moving.lock().expect("nobody panics while telling");
        if *moving != text {
            let seconds = self.began.elapsed().as_secs_f64();
            self.write(&format!("{}[{seconds:6.2}s] … {text}", self.clear()));
            text.clone_into(&mut moving);
        }
    }

    /// Returns to the start of the line and empties it; nothing in a pipe.
    fn clear(&self) -> &'static str {
        if self.is_terminal { "\r\x1b[2K" } else { "" }
    }

    fn write(&self, text: &str) {
        let mut out = stdout().lock();
        let _ = out.write_all(text.as_bytes());
        let _ = out.flush();
    }
}
