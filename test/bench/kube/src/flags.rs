//! What the program is asked to do.

use std::time::Duration;

/// The flags of the program.
pub struct Flags {
    pub server: String,
    pub shape: Shape,
    pub mode: Mode,
    /// Lists in pages instead of a watch that tells what there is.
    pub list: bool,
    /// Clears `managedFields` before an object is stored.
    pub prune: bool,
    /// How many handlers there are, the first included.
    pub handlers: usize,
    /// How long the last handler sleeps at each notification.
    pub slow: Duration,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    Pods,
    Nodes,
    Networks,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Typed,
    Metadata,
}

const USAGE: &str = "--server URL --shape P|N|C --mode typed|metadata [--list] [--prune] [--handlers K] [--slow MS]";

impl Flags {
    /// # Errors
    /// Names the flag that is missing, unknown, or has no sense.
    pub fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let (mut server, mut shape, mut mode) = (None, None, None);
        let (mut list, mut prune, mut handlers, mut slow) = (false, false, 1, 0);
        while let Some(flag) = arguments.next() {
            let mut value = || {
                arguments
                    .next()
                    .ok_or(format!("{flag} needs a value; usage: {USAGE}"))
            };
            match flag.as_str() {
                "--server" => server = Some(value()?),
                "--shape" => shape = Some(shape_of(&value()?)?),
                "--mode" => mode = Some(mode_of(&value()?)?),
                "--list" => list = true,
                "--prune" => prune = true,
                "--handlers" => handlers = number(&flag, &value()?)? as usize,
                "--slow" => slow = number(&flag, &value()?)?,
                _ => return Err(format!("unknown flag {flag}; usage: {USAGE}")),
            }
        }
        let missing = |flag: &str| format!("{flag} is missing; usage: {USAGE}");
        if handlers == 0 {
            return Err("--handlers must be at least 1".to_owned());
        }
        Ok(Flags {
            server: server.ok_or_else(|| missing("--server"))?,
            shape: shape.ok_or_else(|| missing("--shape"))?,
            mode: mode.ok_or_else(|| missing("--mode"))?,
            list,
            prune,
            handlers,
            slow: Duration::from_millis(slow),
        })
    }
}

fn shape_of(value: &str) -> Result<Shape, String> {
    match value {
        "P" => Ok(Shape::Pods),
        "N" => Ok(Shape::Nodes),
        "C" => Ok(Shape::Networks),
        _ => Err(format!("--shape is P, N or C, not {value:?}")),
    }
}

fn mode_of(value: &str) -> Result<Mode, String> {
    match value {
        "typed" => Ok(Mode::Typed),
        "metadata" => Ok(Mode::Metadata),
        _ => Err(format!("--mode is typed or metadata, not {value:?}")),
    }
}

fn number(flag: &str, value: &str) -> Result<u64, String> {
    value
        .parse()
        .map_err(|_| format!("{flag} takes a whole number, not {value:?}"))
}
