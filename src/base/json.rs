//! Reading JSON from outside, with errors that name the place and keep the value to themselves.
//!
//! serde's own message quotes what it found: `invalid type: string "hunter2", expected u16`. Bodies
//! carry passwords, so such a message must reach no log, event or status. An [`Error`] here has the
//! path of the field, the position, and what kind of thing went wrong. That finds the mistake.
//!
//! # Invariants
//! - No text of the document is in an [`Error`], except names of fields on the path.
//! - A field name on the path is cut at 64 characters.
//! - A document without a mistake is read once and nothing is kept beside it; see [`json_path`](crate::base::json_path).
//!
//! # Example
//! ```
//! use bitcoin_controller::base::json;
//! #[derive(serde::Deserialize, Debug)]
//! struct Answer { port: u16 }
//!
//! let error = json::from_slice::<Answer>(br#"{"port": "hunter2"}"#).unwrap_err();
//! assert_eq!(error.to_string(), "wrong type or value at `port` (line 1, column 18)");
//! ```

use std::fmt;

use serde::Deserialize;
use serde_json::error::Category;

use crate::base::json_path::path_at;

/// Why a document could not be read: what, where, and never the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    what: &'static str,
    path: String,
    line: usize,
    column: usize,
}

impl Error {
    /// The path of the field that did not decode, `.` if it is the document itself.
    pub fn path(&self) -> &str {
        &self.path
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.what)?;
        if self.path != "." {
            write!(f, " at `{}`", self.path)?;
        }
        write!(f, " (line {}, column {})", self.line, self.column)
    }
}

impl std::error::Error for Error {}

/// Reads one JSON document; `T` may borrow from it.
///
/// # Errors
/// Not JSON, cut short, or not of the shape of `T`.
pub fn from_slice<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, Error> {
    serde_json::from_slice(bytes).map_err(|error| {
        let what = match error.classify() {
            Category::Eof => "the text ends too soon",
            Category::Syntax => "not JSON",
            Category::Data | Category::Io => "wrong type or value",
        };
        Error {
            what,
            path: path_at(bytes, error.line(), error.column()),
            line: error.line(),
            column: error.column(),
        }
    })
}
