//! Who we are: a token, one in a file that somebody renews, one that a plugin gives, or a name and a
//! password.
//!
//! The kubelet renews a pod's token well before it expires, by writing the file anew. Who reads it
//! once works for an hour and then is a stranger. So the file is read again, on demand, when what we
//! have is older than [`TOKEN_FILE_PERIOD`].
//!
//! # Invariants
//! - `Debug` shows that there is a secret, and not which.
//! - A token that could be read once is used until another can be read.
//!
//! # Example
//! ```
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use bitcoin_controller::client::credentials::Credentials;
//! let credentials = Credentials::token("hunter2");
//! assert_eq!(credentials.authorization().await?.unwrap().as_bytes(), b"Bearer hunter2");
//! assert!(!format!("{credentials:?}").contains("hunter2"));
//! # Ok(()) }
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(example())?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Source
//! client-go `transport/token_source.go`. What differs: the file is looked at by the request that
//! needs it; there is no cached source in between.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::header::HeaderValue;
use tokio::time::Instant;

use crate::client::exec_plugin::{self, ExecPlugin};

/// How old a token read from a file may be. client-go: a minute, less ten seconds of leeway.
pub const TOKEN_FILE_PERIOD: Duration = Duration::from_secs(50);

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq, serde::Deserialize)]
pub(crate) struct Secret(pub(crate) String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hidden)")
    }
}

/// What a request says about who sends it.
#[derive(Debug, Default)]
pub struct Credentials(Kind);

#[derive(Debug, Default)]
enum Kind {
    /// Nothing; a client certificate may still do.
    #[default]
    None,
    Token(Secret),
    File(TokenFile),
    Basic {
        user: String,
        password: Secret,
    },
    Plugin(Arc<ExecPlugin>),
}

impl Credentials {
    /// A bearer token that does not change.
    pub fn token(token: impl Into<String>) -> Self {
        Credentials(Kind::Token(Secret(token.into())))
    }

    /// A bearer token in the file at `path`. With `initial`, that one is used until the file can be read.
    ///
    /// # Errors
    /// There is no `initial`, and the file cannot be read now or is empty.
    pub fn token_file(path: &Path, initial: Option<String>) -> io::Result<Self> {
        let file = TokenFile {
            path: path.to_owned(),
            last: Mutex::new(Last {
                token: initial.map(Secret),
                read_at: None,
            }),
        };
        let has_initial = file.lock().token.is_some();
        if !has_initial {
            file.token()?;
        }
        Ok(Credentials(Kind::File(file)))
    }

    /// A name and a password.
    pub fn basic(user: impl Into<String>, password: impl Into<String>) -> Self {
        Credentials(Kind::Basic {
            user: user.into(),
            password: Secret(password.into()),
        })
    }

    /// Whatever `plugin` says at the moment. If it hands out certificates, TLS must be told of it, too.
    pub fn plugin(plugin: impl Into<Arc<ExecPlugin>>) -> Self {
        Credentials(Kind::Plugin(plugin.into()))
    }

    /// The value of the `Authorization` header, marked as sensitive.
    ///
    /// # Errors
    /// No token has ever been read, a plugin gives none, or it has characters that no header may have.
    ///
    /// # Cancel safety
    /// Nothing is lost but a plugin's run, which the next call starts anew.
    pub async fn authorization(&self) -> Result<Option<HeaderValue>, Error> {
        let text = match &self.0 {
            Kind::None => return Ok(None),
            Kind::Token(token) => format!("Bearer {}", token.0),
            Kind::File(file) => {
                let token = file.token().map_err(Error::TokenFile)?;
                format!("Bearer {}", token.0)
            }
            Kind::Plugin(plugin) => {
                let credential = plugin.credential().await.map_err(Error::Plugin)?;
                match &credential.token {
                    Some(token) => format!("Bearer {}", token.0),
                    // It has given a certificate, and that is all.
                    None => return Ok(None),
                }
            }
            Kind::Basic { user, password } => {
                format!(
                    "Basic {}",
                    STANDARD.encode(format!("{user}:{}", password.0))
                )
            }
        };
        let mut value = HeaderValue::try_from(text).map_err(|_| Error::Unsendable)?;
        value.set_sensitive(true);
        Ok(Some(value))
    }

    /// The server does not know who sent `said`, a value of [`authorization`](Self::authorization).
    ///
    /// The next call has a plugin say something else. A file is not read again for that: whoever renews
    /// it does so in time.
    pub fn refused(&self, said: Option<&HeaderValue>) {
        if let Kind::Plugin(plugin) = &self.0 {
            let said = said.and_then(|said| said.to_str().ok());
            plugin.refused(said.and_then(|said| said.strip_prefix("Bearer ")));
        }
    }
}

/// Why we cannot say who we are; no secret is in it.
#[derive(Debug)]
pub enum Error {
    /// The token's file cannot be read, and never could.
    TokenFile(io::Error),
    /// The plugin gives nothing.
    Plugin(exec_plugin::Error),
    /// There are characters in it that no header may have.
    Unsendable,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::TokenFile(_) => f.write_str("the token's file cannot be read"),
            Error::Plugin(error) => error.fmt(f),
            Error::Unsendable => {
                f.write_str("the credentials have characters that no header may have")
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::TokenFile(source) => Some(source),
            // Its message has been said above.
            Error::Plugin(error) => error.source(),
            Error::Unsendable => None,
        }
    }
}

#[derive(Debug)]
struct TokenFile {
    path: PathBuf,
    last: Mutex<Last>,
}

#[derive(Debug)]
struct Last {
    token: Option<Secret>,
    /// `None`: not read from the file yet.
    read_at: Option<Instant>,
}

impl TokenFile {
    fn token(&self) -> io::Result<Secret> {
        let mut last = self.lock();
        let is_fresh = last
            .read_at
            .is_some_and(|read_at| read_at.elapsed() < TOKEN_FILE_PERIOD);
        if let (true, Some(token)) = (is_fresh, &last.token) {
            return Ok(token.clone());
        }
        match read_token(&self.path) {
            Ok(token) => {
                last.read_at = Some(Instant::now());
                last.token = Some(token.clone());
                Ok(token)
            }
            Err(error) => match &last.token {
                Some(token) => {
                    let path = self.path.display();
                    tracing::warn!(%path, %error, "token file not readable, the last token stays in use");
                    Ok(token.clone())
                }
                None => Err(error),
            },
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Last> {
        self.last
            .lock()
            .expect("nothing panics while a token is looked at")
    }
}

/// A blocking read: a kilobyte from a file system in memory, once in [`TOKEN_FILE_PERIOD`].
fn read_token(path: &Path) -> io::Result<Secret> {
    let text = std::fs::read_to_string(path)?;
    let token = text.trim();
    if token.is_empty() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "the token file is empty",
        ));
    }
    Ok(Secret(token.to_owned()))
}
