//! The runner's orders, a line each, and the answers.

use std::io::{self, BufRead, Write};
use std::sync::Arc;

use bitcoin_controller::base::Report;
use bitcoin_controller::cache::{Lister, Selector};
use serde_json::{Value, json};
use tokio::select;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::program::Program;
use crate::shapes::Read;

/// Answers orders until standard input ends.
///
/// # Errors
/// An order is none, or nobody reads the answers.
pub async fn serve<R: Read>(program: &Program<R>) -> Result<(), Report> {
    let (mut lines, ended) = lines();
    while let Some(line) = lines.recv().await {
        let answer = select! {
            biased;
            answer = answer(program, &line) => answer?,
            // Whoever gave the order is gone.
            () = ended.cancelled() => return Ok(()),
        };
        say(&answer)?;
    }
    Ok(())
}

async fn answer<R: Read>(program: &Program<R>, order: &str) -> Result<Value, Report> {
    let words: Vec<&str> = order.split_whitespace().collect();
    Ok(match words[..] {
        ["until", version] => {
            let version = version
                .parse()
                .map_err(|_| Report::new(format!("`{order}`: the version is no number")))?;
            json!({"until": version, "at": program.progress.until(version).await})
        }
        ["hash"] => hash(&program.lister),
        ["handled"] => {
            let counts = program.progress.counts();
            json!({"added": counts.added, "updated": counts.updated, "deleted": counts.deleted})
        }
        ["probes"] => {
            json!({"reconciled": program.reconciled.list(), "handled": program.handled.list()})
        }
        ["live"] => json!({"live": live()?}),
        _ => return Err(Report::new(format!("there is no order `{order}`"))),
    })
}

fn hash<R: Read>(lister: &Lister<R>) -> Value {
    let objects = all(lister);
    let sum = objects
        .iter()
        .fold(0_u64, |sum, object| sum.wrapping_add(object.hash()));
    json!({"hash": format!("{sum:016x}"), "count": objects.len()})
}

/// Every object in the store.
pub fn all<R: Read>(lister: &Lister<R>) -> Vec<Arc<R>> {
    lister.list(None, &Selector::everything())
}

#[cfg(feature = "count")]
fn live() -> Result<i64, Report> {
    Ok(crate::count::live())
}

#[cfg(not(feature = "count"))]
fn live() -> Result<i64, Report> {
    let why = "`live` is answered by a program built with `--features count`";
    Err(Report::new(why))
}

/// Prints one line, at once.
///
/// # Errors
/// Nobody reads it.
pub fn say(line: &Value) -> Result<(), Report> {
    let mut output = io::stdout().lock();
    writeln!(output, "{line}")?;
    Ok(output.flush()?)
}

/// The lines of standard input, and the news that it has ended, which does not stand in line behind them.
fn lines() -> (mpsc::UnboundedReceiver<String>, CancellationToken) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let ended = CancellationToken::new();
    let guard = ended.clone().drop_guard();
    std::thread::spawn(move || {
        let _guard = guard;
        for line in io::stdin().lock().lines() {
            // An error ends it, too: there is nobody to ask.
            let Ok(line) = line else { return };
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    (receiver, ended)
}
