//! Ages as kubectl's users know them: `90s`, `2m3s`, `4d2h`.
//!
//! Two units at most, and fewer of them the longer it is: who reads `4d2h` does not miss the minutes.
//!
//! # Source
//! apimachinery `pkg/util/duration/duration.go`, `HumanDuration`.

use crate::base::calendar;

/// What is shown for a date that is not there.
pub(super) const UNKNOWN: &str = "<unknown>";
/// What is shown for a date that cannot be read, and for one that is still to come.
pub(super) const INVALID: &str = "<invalid>";

/// The time from `date` (RFC 3339) to `now`, as text; `None` if it is no date.
pub(super) fn since(date: &str, now: i64) -> Option<String> {
    calendar::parse(date).map(|(then, _)| human_duration(now - then))
}

/// Writes a number of seconds as an age: `90s`, `2m3s`, `5h`, `4d2h`, `3y12d`.
pub fn human_duration(seconds: i64) -> String {
    let (minutes, hours) = (seconds / 60, seconds / 3_600);
    let (days, years) = (hours / 24, hours / (24 * 365));
    match () {
        () if seconds < -1 => INVALID.to_owned(),
        () if seconds < 0 => "0s".to_owned(),
        () if seconds < 2 * 60 => format!("{seconds}s"),
        () if minutes < 10 => pair(minutes, 'm', seconds % 60, 's'),
        () if minutes < 3 * 60 => format!("{minutes}m"),
        () if hours < 8 => pair(hours, 'h', minutes % 60, 'm'),
        () if hours < 2 * 24 => format!("{hours}h"),
        () if days < 8 => pair(days, 'd', hours % 24, 'h'),
        () if years < 2 => format!("{days}d"),
        () if years < 8 => pair(years, 'y', days % 365, 'd'),
        () => format!("{years}y"),
    }
}

fn pair(large: i64, unit: char, small: i64, smaller: char) -> String {
    match small {
        0 => format!("{large}{unit}"),
        _ => format!("{large}{unit}{small}{smaller}"),
    }
}
