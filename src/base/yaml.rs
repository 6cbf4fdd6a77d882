//! YAML, read and written: the only place that names the crate that does it.
//!
//! `serde_yaml` is no longer maintained by its author. Every use goes through this page, so another
//! crate can take its place by changing three lines. JSON is YAML, so both forms of a manifest or
//! kubeconfig are read. As in [`json`](crate::base::json), errors name field and place, not values.
//!
//! # Example
//! ```
//! use bitcoin_controller::base::yaml;
//! let value: serde_json::Value = yaml::from_str("nodes: [1, 2]")?;
//! assert_eq!(value["nodes"][1], 2);
//! assert!(yaml::from_str::<serde_json::Value>("a: [").is_err());
//! # Ok::<(), yaml::Error>(())
//! ```

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Why a text could not be read as YAML: the field and the place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    path: String,
    place: Option<(usize, usize)>,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not the YAML that was expected")?;
        if self.path != "." {
            write!(f, " at `{}`", self.path)?;
        }
        if let Some((line, column)) = self.place {
            write!(f, " (line {line}, column {column})")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

/// Reads one YAML (or JSON) document.
///
/// # Errors
/// Not YAML, or not of the shape of `T`.
pub fn from_str<T: DeserializeOwned>(text: &str) -> Result<T, Error> {
    serde_path_to_error::deserialize(serde_yaml::Deserializer::from_str(text)).map_err(|error| {
        let place = error
            .inner()
            .location()
            .map(|place| (place.line(), place.column()));
        Error {
            path: error.path().to_string(),
            place,
        }
    })
}

/// Reads every document of a text in which `---` parts them; empty documents are left out.
///
/// # Errors
/// As [`from_str`], for the first document that cannot be read.
pub fn all_from_str(text: &str) -> Result<Vec<serde_json::Value>, Error> {
    let mut documents = Vec::new();
    for document in serde_yaml::Deserializer::from_str(text) {
        let value: serde_json::Value =
            serde_path_to_error::deserialize(document).map_err(|error| {
                let place = error
                    .inner()
                    .location()
                    .map(|place| (place.line(), place.column()));
                Error {
                    path: error.path().to_string(),
                    place,
                }
            })?;
        if !value.is_null() {
            documents.push(value);
        }
    }
    Ok(documents)
}

/// Writes `value` as YAML.
///
/// # Errors
/// A map with keys that are not text, which none of our types has.
pub fn to_string<T: Serialize>(value: &T) -> Result<String, Error> {
    serde_yaml::to_string(value).map_err(|_| Error {
        path: ".".to_owned(),
        place: None,
    })
}
