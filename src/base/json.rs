//! Reading JSON from outside, with errors that name the place and keep the value to themselves.
//!
//! serde's own message quotes what it found: `invalid type: string "hunter2", expected u16`. Bodies
//! carry passwords, so such a message must reach no log, event or status. An [`Error`] here has the
//! path of the field, the position, and what kind of thing went wrong. That finds the mistake.
//!
//! # Invariants
//! - No text of the document is in an [`Error`], except names of fields on the path.
//! - A field name on the path is cut at 64 characters.
//! - A document without a mistake is read once. Keeping the path takes as long as the reading itself, so only what
//!   could not be read is read again, to find out where.
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
use serde::de::DeserializeOwned;
use serde_json::error::Category;

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
    serde_json::from_slice(bytes).or_else(|_| from_slice_with_path(bytes))
}

fn from_slice_with_path<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, Error> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = shortened(&error.path().to_string());
        describe(error.inner(), path)
    })?;
    reader
        .end()
        .map_err(|error| describe(&error, ".".to_owned()))?;
    Ok(value)
}

/// Reads a `T` out of a JSON value that has been read already.
///
/// # Errors
/// Not of the shape of `T`; there is no position in this case.
pub fn from_value<T: DeserializeOwned>(value: serde_json::Value) -> Result<T, Error> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = shortened(&error.path().to_string());
        describe(error.inner(), path)
    })
}

fn describe(error: &serde_json::Error, path: String) -> Error {
    let what = match error.classify() {
        Category::Eof => "the text ends too soon",
        Category::Syntax => "not JSON",
        Category::Data | Category::Io => "wrong type or value",
    };
    Error {
        what,
        path,
        line: error.line(),
        column: error.column(),
    }
}

fn shortened(path: &str) -> String {
    path.split('.')
        .map(|name| name.chars().take(64).collect::<String>())
        .collect::<Vec<_>>()
        .join(".")
}
