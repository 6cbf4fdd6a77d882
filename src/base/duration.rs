//! Durations as people write them: `10s`, `1m30s`, `500ms`.
//!
//! # Invariants
//! - What [`show`] writes, [`parse`] reads back as the same duration, if it is one of whole milliseconds.
//! - A number without a unit is refused: nobody can tell whether seconds or milliseconds are meant.
//!
//! # Example
//! ```
//! use bitcoin_controller::base::duration;
//! use std::time::Duration;
//! assert_eq!(duration::parse("1m30s"), Ok(Duration::from_secs(90)));
//! assert_eq!(duration::show(Duration::from_secs(90)), "1m30s");
//! assert!(duration::parse("90").is_err());
//! ```
//!
//! # Source
//! Go `time.ParseDuration`, which Kubernetes uses for `metav1.Duration`. What differs: neither signs nor
//! units below a millisecond, and zero is written `0s`.

use std::fmt;
use std::time::Duration;

/// Reads numbers with units, the sum of which is meant: `h`, `m`, `s`, `ms`.
///
/// # Errors
/// It is not of that form, or longer than can be counted.
pub fn parse(text: &str) -> Result<Duration, Error> {
    let mut rest = text;
    let mut sum = Duration::ZERO;
    while !rest.is_empty() || text.is_empty() {
        let digits = length(rest, |byte| byte.is_ascii_digit() || byte == b'.');
        let (number, after) = rest.split_at(digits);
        let letters = length(after, |byte| byte.is_ascii_alphabetic());
        let (unit, after) = after.split_at(letters);
        let unit = unit_nanos(unit).ok_or(Error)?;
        let part = nanos(number, unit).ok_or(Error)?;
        sum = sum.checked_add(Duration::from_nanos(part)).ok_or(Error)?;
        rest = after;
    }
    Ok(sum)
}

/// Writes `duration` so that [`parse`] reads it, in whole milliseconds.
pub fn show(duration: Duration) -> String {
    let (seconds, millis) = (duration.as_secs(), duration.subsec_millis());
    let mut text = String::new();
    for (count, unit) in [
        (seconds / 3_600, "h"),
        (seconds / 60 % 60, "m"),
        (seconds % 60, "s"),
        (u64::from(millis), "ms"),
    ] {
        if count > 0 {
            text.push_str(&format!("{count}{unit}"));
        }
    }
    if text.is_empty() {
        "0s".to_owned()
    } else {
        text
    }
}

/// Something is no duration. The text is not in it: whoever read it knows its field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error;

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a duration such as 10s, 1m30s or 500ms")
    }
}

impl std::error::Error for Error {}

fn length(text: &str, belongs: impl Fn(u8) -> bool) -> usize {
    text.bytes().take_while(|byte| belongs(*byte)).count()
}

fn unit_nanos(unit: &str) -> Option<u64> {
    Some(match unit {
        "h" => 3_600 * NANOS_PER_SECOND,
        "m" => 60 * NANOS_PER_SECOND,
        "s" => NANOS_PER_SECOND,
        "ms" => NANOS_PER_SECOND / 1_000,
        _ => return None,
    })
}

const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// `number` times `unit`; what is less than a nanosecond is dropped.
fn nanos(number: &str, unit: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let mut sum = whole.parse::<u64>().ok()?.checked_mul(unit)?;
    let mut place = unit;
    if fraction.is_empty() {
        return None;
    }
    for digit in fraction.chars() {
        place /= 10;
        sum = sum.checked_add(u64::from(digit.to_digit(10)?) * place)?;
    }
    Some(sum)
}
