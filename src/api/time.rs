//! Dates on the wire: whole seconds, RFC 3339.
//!
//! # Invariants
//! - Written with `Z` and without a fraction, as `metav1.Time` is; read with any offset and fraction.
//!
//! # Example
//! ```
//! use bitcoin_controller::api::Timestamp;
//! let read: Timestamp = serde_json::from_str("\"2016-02-25T20:57:59.25+01:00\"")?;
//! assert_eq!(serde_json::to_string(&read)?, "\"2016-02-25T19:57:59Z\"");
//! # Ok::<(), serde_json::Error>(())
//! ```

use std::fmt;

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
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        let (seconds, _) =
            calendar::parse(&text).ok_or_else(|| D::Error::custom("not an RFC 3339 date"))?;
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
