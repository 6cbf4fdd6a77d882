//! One entry of a kubeconfig, the file that has it, and what the two say together.
//!
//! An entry alone is not enough to be understood: its paths begin where its file is, and who reads an
//! error wants to know where to look. So a value travels with its name and its file.
//!
//! # Invariants
//! - What a file says twice, as data and as a path, is refused rather than guessed at.
//! - An error names entry, field and file, and quotes no data; `Debug` shows none.
//!
//! # Source
//! client-go `tools/clientcmd/loader.go` (`ResolveLocalPaths`), `validation.go`. What differs: client-go
//! finds a certificate that is not base64 while it reads the file, even in an entry nobody uses.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::client::config::Error;
use crate::client::credentials::Secret;
use crate::client::tls::Pem;

/// An entry with its name and its file. `Debug` shows these two: what is in an entry may be secret.
pub(crate) struct Entry<T> {
    pub(crate) value: T,
    kind: &'static str,
    name: String,
    file: PathBuf,
}

impl<T> Entry<T> {
    /// A `kind` (`cluster`, `user`, `context`) called `name`, as `file` has it.
    pub(crate) fn new(kind: &'static str, name: &str, file: &Path, value: T) -> Self {
        Entry {
            value,
            kind,
            name: name.to_owned(),
            file: file.to_owned(),
        }
    }

    /// A certificate or key that is given either as a path or inline, as base64.
    pub(crate) fn pem(
        &self,
        field: &str,
        path: Option<&PathBuf>,
        data: Option<&str>,
    ) -> Result<Option<Pem>, Error> {
        match (given_path(path), data) {
            (None, None) => Ok(None),
            (Some(_), Some(_)) => {
                Err(self.invalid(format_args!("has both {field} and {field}-data")))
            }
            (Some(path), None) => {
                let path = self.resolve(path);
                let pem = Pem::file(&path).map_err(|source| self.unreadable(field, &path, source));
                pem.map(Some)
            }
            (None, Some(data)) => {
                let content = STANDARD.decode(data.trim()).map_err(|_| {
                    self.invalid(format_args!("has {field}-data that is not base64"))
                })?;
                Ok(Some(Pem::data(content)))
            }
        }
    }

    /// An absolute path stays; a relative one begins where the file is.
    pub(crate) fn resolve(&self, path: &Path) -> PathBuf {
        match self.file.parent() {
            Some(directory) => directory.join(path),
            None => path.to_owned(),
        }
    }

    /// The error that this entry `why`, as in "has no server".
    pub(crate) fn invalid(&self, why: impl fmt::Display) -> Error {
        Error::Invalid(format!("{self} {why}"))
    }

    /// The error that the file that `field` names cannot be read.
    pub(crate) fn unreadable(&self, field: &str, path: &Path, source: io::Error) -> Error {
        Error::Read {
            path: path.to_owned(),
            named_by: Some(format!("{field} of {self}")),
            source,
        }
    }
}

impl<T> fmt::Debug for Entry<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<T> fmt::Display for Entry<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Entry {
            kind, name, file, ..
        } = self;
        write!(f, "{kind} `{name}` in `{}`", file.display())
    }
}

/// An empty text counts as none, as it does in Go.
pub(crate) fn given(text: Option<&String>) -> Option<&str> {
    text.map(String::as_str).filter(|text| !text.is_empty())
}

/// An empty path counts as none.
pub(crate) fn given_path(path: Option<&PathBuf>) -> Option<&Path> {
    path.map(PathBuf::as_path)
        .filter(|path| !path.as_os_str().is_empty())
}

/// An empty secret counts as none.
pub(crate) fn hidden(secret: Option<&Secret>) -> Option<&str> {
    given(secret.map(|secret| &secret.0))
}
