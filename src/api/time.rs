//! Dates on the wire, RFC 3339: whole seconds almost everywhere, microseconds in Leases and new Events.
//!
//! # Invariants
//! - A [`Timestamp`] is written with `Z` and without a fraction, as `metav1.Time` is.
//! - A [`MicroTime`] is written with `Z` and exactly six fractional digits, as `metav1.MicroTime` is: a
//!   server refuses any other number of them.
//! - Both are read with any offset and any fraction.
//!
//! # Example
//! ```
//! use bitcoin_controller::api::{MicroTime, Timestamp};
//! let text = "\"2016-02-25T20:57:59.25+01:00\"";
//! let read: Timestamp = serde_json::from_str(text)?;
//! assert_eq!(serde_json::to_string(&read)?, "\"2016-02-25T19:57:59Z\"");
//! let read: MicroTime = serde_json::from_str(text)?;
//! assert_eq!(serde_json::to_string(&read)?, "\"2016-02-25T19:57:59.250000Z\"");
//! # Ok::<(), serde_json::Error>(())
//! ```
//!
//! # Source
//! apimachinery `pkg/apis/meta/v1/time.go`, `micro_time.go`. What differs: a MicroTime is read with any
//! number of fractional digits; theirs reads six.

use std::fmt;
use std::time::UNIX_EPOCH;

use serde::de::{Deserialize, Deserializer, Error};
use serde::{Serialize, Serializer};

use crate::base::{Clock, calendar};

/// A date and time to the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The second that `clock` shows.
    pub fn now(clock: &Clock) -> Self {
        Timestamp(clock.unix_seconds())
    }

    /// From Unix seconds.
    pub fn from_unix_seconds(seconds: i64) -> Self {
        Timestamp(seconds)
    }

    /// As Unix seconds.
    pub fn unix_seconds(self) -> i64 {
        self.0
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&calendar::format_seconds(self.0))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (seconds, _) = read_date(deserializer)?;
        Ok(Timestamp(seconds))
    }
}

impl schemars::JsonSchema for Timestamp {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Timestamp".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string", "format": "date-time"})
    }
}

/// A date and time to the microsecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MicroTime(i64);

impl MicroTime {
    /// The microsecond that `clock` shows.
    pub fn now(clock: &Clock) -> Self {
        let micros =
            |duration: std::time::Duration| i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        MicroTime(match clock.now().duration_since(UNIX_EPOCH) {
            Ok(since) => micros(since),
            Err(before) => -micros(before.duration()),
        })
    }

    /// From microseconds since 1970-01-01T00:00:00Z.
    pub fn from_unix_micros(micros: i64) -> Self {
        MicroTime(micros)
    }

    /// As microseconds since 1970-01-01T00:00:00Z.
    pub fn unix_micros(self) -> i64 {
        self.0
    }

    /// The second it lies in.
    pub fn to_second(self) -> Timestamp {
        Timestamp(self.0.div_euclid(MICROS_PER_SECOND))
    }
}

const MICROS_PER_SECOND: i64 = 1_000_000;

impl fmt::Display for MicroTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = u32::try_from(self.0.rem_euclid(MICROS_PER_SECOND))
            .expect("a second has a million microseconds");
        f.write_str(&calendar::format_micros(self.to_second().0, micros))
    }
}

impl Serialize for MicroTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for MicroTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (seconds, micros) = read_date(deserializer)?;
        let whole = seconds.saturating_mul(MICROS_PER_SECOND);
        Ok(MicroTime(whole.saturating_add(i64::from(micros))))
    }
}

impl schemars::JsonSchema for MicroTime {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "MicroTime".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string", "format": "date-time"})
    }
}

/// Unix seconds, and microseconds beyond them.
fn read_date<'de, D: Deserializer<'de>>(deserializer: D) -> Result<(i64, u32), D::Error> {
    let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
    calendar::parse(&text).ok_or_else(|| D::Error::custom("not an RFC 3339 date"))
}
