//! The flags, read by hand: there are six.

use std::time::Duration;

/// What the program was asked to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flags {
    pub server: String,
    pub shape: Shape,
    pub mode: Mode,
    /// Lists instead of initial events of a watch.
    pub list: bool,
    /// How many handlers there are, the first included.
    pub handlers: usize,
    /// How long the last of those beside the first sleeps at each notification.
    pub slow: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    P,
    N,
    C,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Typed,
    Metadata,
}

impl Flags {
    /// # Errors
    /// A flag that is not known, has no value, or has one that makes no sense; or one is missing.
    pub fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Flags, String> {
        let (mut server, mut shape, mut mode) = (None, None, None);
        let (mut list, mut handlers, mut slow) = (false, 1, Duration::ZERO);
        while let Some(flag) = arguments.next() {
            if flag == "--list" {
                list = true;
                continue;
            }
            let value = arguments
                .next()
                .ok_or_else(|| format!("`{flag}` has no value"))?;
            let wrong = |what| format!("`{flag} {value}`: {what}");
            match flag.as_str() {
                "--server" => server = Some(value),
                "--shape" => {
                    shape = Some(match value.as_str() {
                        "P" => Shape::P,
                        "N" => Shape::N,
                        "C" => Shape::C,
                        _ => return Err(wrong("a shape is P, N or C")),
                    });
                }
                "--mode" => {
                    mode = Some(match value.as_str() {
                        "typed" => Mode::Typed,
                        "metadata" => Mode::Metadata,
                        _ => return Err(wrong("a mode is typed or metadata")),
                    });
                }
                "--handlers" => {
                    let number = value.parse().ok().filter(|number| *number > 0);
                    handlers = number.ok_or_else(|| wrong("there is at least one handler"))?;
                }
                "--slow" => {
                    let milliseconds = value.parse();
                    let milliseconds = milliseconds.map_err(|_| wrong("no number of ms"))?;
                    slow = Duration::from_millis(milliseconds);
                }
                _ => return Err(format!("there is no flag `{flag}`")),
            }
        }
        Ok(Flags {
            server: server.ok_or("`--server URL` is missing")?,
            shape: shape.ok_or("`--shape P|N|C` is missing")?,
            mode: mode.ok_or("`--mode typed|metadata` is missing")?,
            list,
            handlers,
            slow,
        })
    }
}
