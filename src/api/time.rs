//! Dates on the wire, RFC 3339: to the second, or to the microsecond.
//!
//! # Invariants
//! - A [`Timestamp`] is written with `Z` and without a fraction, as `metav1.Time` is; a [`MicroTime`] with
//!   exactly six digits of one: the server refuses any other number of them.
//! - Both are read with any offset and fraction.
//!
//! # Example
//! ```
//! use bitcoin_controller::api::Timestamp;
//! let read: Timestamp = serde_json::from_str("\"2016-02-25T20:57:59.25+01:00\"")?;
//! assert_eq!(serde_json::to_string(&read)?, "\"2016-02-25T19:57:59Z\"");
//! # Ok::<(), serde_json::Error>(())
//! ```

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
        let (seconds, _) = read(deserializer)?;
        Ok(Timestamp(seconds))
    }
}

/// A date and time to the microsecond: when a lease was renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MicroTime {
    seconds: i64,
    micros: u32,
}

impl MicroTime {
    /// The microsecond that `clock` shows; a date before 1970 counts as 1970.
    pub fn now(clock: &Clock) -> Self {
        let since_1970 = clock.now().duration_since(UNIX_EPOCH).unwrap_or_default();
        MicroTime {
            seconds: i64::try_from(since_1970.as_secs()).unwrap_or(i64::MAX),
            micros: since_1970.subsec_micros(),
        }
    }
}

impl fmt::Display for MicroTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&calendar::format_micros(self.seconds, self.micros))
    }
}

impl Serialize for MicroTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for MicroTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (seconds, micros) = read(deserializer)?;
        Ok(MicroTime { seconds, micros })
    }
}

/// Unix seconds and microseconds.
fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<(i64, u32), D::Error> {
    let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
    calendar::parse(&text).ok_or_else(|| D::Error::custom("not an RFC 3339 date"))
}

impl schemars::JsonSchema for Timestamp {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Timestamp".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string", "format": "date-time"})
    }
}
