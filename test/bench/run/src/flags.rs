//! The flags, and which rows.

use std::path::PathBuf;

use crate::child::Outcome;
use crate::rows::{self, Row};

pub enum Command {
    /// Measure.
    Run(Flags),
    /// Print the table of results that are there.
    Render(PathBuf),
}

pub struct Flags {
    pub programs: PathBuf,
    pub runs: usize,
    /// Where the results go, besides standard output.
    pub json: Option<PathBuf>,
    pub rows: Vec<&'static Row>,
}

/// # Errors
/// A flag or a row is not known, or a value makes no sense.
pub fn parse(mut arguments: impl Iterator<Item = String>) -> Outcome<Command> {
    let mut flags = Flags {
        programs: PathBuf::from("target/bench/programs"),
        runs: 5,
        json: None,
        rows: Vec::new(),
    };
    while let Some(argument) = arguments.next() {
        let mut value = || {
            let value = arguments.next();
            value.ok_or_else(|| format!("`{argument}` has no value"))
        };
        match argument.as_str() {
            "--render" => return Ok(Command::Render(value()?.into())),
            "--programs" => flags.programs = value()?.into(),
            "--json" => flags.json = Some(value()?.into()),
            "--runs" => {
                let text = value()?;
                let number = text.parse().ok().filter(|number| *number > 0);
                flags.runs = number.ok_or_else(|| format!("`--runs {text}`: no number of runs"))?;
            }
            flag if flag.starts_with('-') => return Err(format!("there is no flag `{flag}`")),
            name => flags.rows.push(row(name)?),
        }
    }
    if flags.rows.is_empty() {
        flags.rows = rows::ALL.iter().collect();
    }
    Ok(Command::Run(flags))
}

fn row(name: &str) -> Outcome<&'static Row> {
    let found = rows::ALL.iter().find(|row| row.name == name);
    found.ok_or_else(|| {
        let names: Vec<&str> = rows::ALL.iter().map(|row| row.name).collect();
        format!("there is no row `{name}`; there is: {}", names.join(" "))
    })
}
