//! Whom we trust, under which name, and the certificate we show: TLS for one server.
//!
//! Certificates are replaced while programs run: the kubelet renews a mounted authority, a client
//! certificate lives for a day. So what came from a file is known by its [path](Pem::file) and read
//! again, and what somebody hands out anew, as an exec plugin does, comes from an [`IdentitySource`].
//! When it is looked at again, and what becomes of connections, says
//! [connections](crate::client::connections).
//!
//! # Invariants
//! - A given authority is the only one trusted; without one the system's are.
//! - Not verifying is asked for in so many words, and even then the server's name is sent (SNI).
//! - `Debug` shows no key.
//!
//! # Example
//! ```
//! use bitcoin_controller::client::tls::{Pem, TlsSettings};
//! let roots = Some(Pem::data("no certificate"));
//! let settings = TlsSettings { roots, ..TlsSettings::default() };
//! let error = settings.client_config().unwrap_err();
//! assert_eq!(error.to_string(), "the certificate authority holds no certificate in PEM form");
//! ```
//!
//! # Source
//! client-go `transport/transport.go` (`TLSConfigFor`), `rest/config.go` (`TLSClientConfig`). What
//! differs: a certificate authority of which a part cannot be read is an error, not silently smaller;
//! an `https` proxy is verified by the system's authorities as well, and shown no certificate.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use crate::client::config::Error;
use crate::http;

/// What TLS needs to know besides the address.
#[derive(Clone, Debug, Default)]
pub struct TlsSettings {
    /// The certificates of the only authorities that are trusted; `None`: the system's.
    pub roots: Option<Pem>,
    /// Do not verify who the server is. Not together with `roots`.
    pub is_insecure: bool,
    /// The name to ask for and to verify, if it is not the address's.
    pub server_name: Option<String>,
    /// The certificate we show.
    pub identity: Option<Identity>,
}

/// Certificates or a key as text, which does not change, or in a file, which may. `Debug` shows the
/// file only.
#[derive(Clone)]
pub enum Pem {
    /// The text.
    Data(Vec<u8>),
    /// Where the text is.
    File(PathBuf),
}

impl Pem {
    /// A text that does not change.
    pub fn data(text: impl Into<Vec<u8>>) -> Self {
        Pem::Data(text.into())
    }

    /// What is in the file at `path`, now and later.
    ///
    /// # Errors
    /// It cannot be read now.
    pub fn file(path: &Path) -> io::Result<Self> {
        std::fs::read(path)?;
        Ok(Pem::File(path.to_owned()))
    }

    /// What it is at this moment. A blocking read, of a few kilobytes and rarely.
    pub(crate) fn read(&self) -> Result<Vec<u8>, Error> {
        match self {
            Pem::Data(text) => Ok(text.clone()),
            Pem::File(path) => std::fs::read(path).map_err(|source| Error::read(path, source)),
        }
    }
}

impl fmt::Debug for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Pem::Data(_) => f.write_str("Pem(hidden)"),
            Pem::File(path) => write!(f, "Pem({})", path.display()),
        }
    }
}

/// The certificate we show, and its key.
#[derive(Clone)]
pub enum Identity {
    /// A pair, each part of it given or in a file.
    Pair {
        /// The certificate, then those of the authorities in between.
        certificate: Pem,
        /// The key: PKCS#8, PKCS#1 or SEC1.
        key: Pem,
    },
    /// Whatever somebody says at the moment.
    Source(Arc<dyn IdentitySource>),
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Identity::Pair { certificate, .. } => write!(f, "Identity({certificate:?})"),
            Identity::Source(_) => f.write_str("Identity(from a source)"),
        }
    }
}

/// Somebody who hands out certificates while we run, such as an exec plugin.
pub trait IdentitySource: Send + Sync + 'static {
    /// The pair to show now; `None`: none. It is asked before each request, and must not block.
    fn current(&self) -> Option<KeyPair>;
}

/// A certificate and its key, both PEM. `Debug` shows neither.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyPair {
    /// The certificate, then those of the authorities in between.
    pub certificate: Vec<u8>,
    /// The key: PKCS#8, PKCS#1 or SEC1.
    pub key: Vec<u8>,
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyPair(hidden)")
    }
}

/// What the files and sources of a [`TlsSettings`] held at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Material {
    roots: Option<Vec<u8>>,
    identity: Option<KeyPair>,
}

impl TlsSettings {
    /// The configuration for rustls, from what files and sources hold now.
    ///
    /// # Errors
    /// Files that cannot be read; certificates or a key that make no sense, or do not fit each other; no
    /// authority to trust, or one together with trusting anyone.
    pub fn client_config(&self) -> Result<ClientConfig, Error> {
        self.client_config_from(&self.material()?)
    }

    /// What files and sources hold now.
    pub(crate) fn material(&self) -> Result<Material, Error> {
        let identity = match &self.identity {
            None => None,
            Some(Identity::Source(source)) => source.current(),
            Some(Identity::Pair { certificate, key }) => Some(KeyPair {
                certificate: certificate.read()?,
                key: key.read()?,
            }),
        };
        Ok(Material {
            roots: self.roots.as_ref().map(Pem::read).transpose()?,
            identity,
        })
    }

    /// Whether the certificate we show may be another one with every request.
    pub(crate) fn has_source(&self) -> bool {
        matches!(self.identity, Some(Identity::Source(_)))
    }

    pub(crate) fn client_config_from(&self, material: &Material) -> Result<ClientConfig, Error> {
        let versions = http::tls_versions();
        let verifying = if self.is_insecure {
            if material.roots.is_some() {
                let what = "a certificate authority is of no use without verification";
                return Err(Error::Invalid(what.to_owned()));
            }
            let provider = Arc::clone(versions.crypto_provider());
            versions
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(TrustAnyone(provider)))
        } else {
            let roots = match &material.roots {
                Some(pem) => given_roots(pem)?,
                None => system_roots()?,
            };
            versions.with_root_certificates(roots)
        };
        let Some(identity) = &material.identity else {
            return Ok(verifying.with_no_client_auth());
        };
        let chain = certificates(&identity.certificate, "client certificate")?;
        let key = PrivateKeyDer::from_pem_slice(&identity.key).map_err(|_| {
            Error::Invalid("the client key is no PKCS#8, PKCS#1 or SEC1 key in PEM form".to_owned())
        })?;
        verifying
            .with_client_auth_cert(chain, key)
            .map_err(|source| Error::Tls {
                what: "the client certificate or its key",
                source,
            })
    }

    /// The configuration for an `https` proxy: it is another server than ours, so it is verified by the
    /// system's authorities too, always, and shown no certificate.
    pub(crate) fn proxy_config(&self) -> Result<ClientConfig, Error> {
        let mut roots = match &self.roots {
            Some(pem) => given_roots(&pem.read()?)?,
            None => RootCertStore::empty(),
        };
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let verifying = http::tls_versions().with_root_certificates(roots);
        Ok(verifying.with_no_client_auth())
    }

    /// The name to ask for and to verify.
    ///
    /// # Errors
    /// It is neither a DNS name nor an address.
    pub fn server_name(&self) -> Result<Option<ServerName<'static>>, Error> {
        let parse = |name: &String| {
            ServerName::try_from(name.clone()).map_err(|_| {
                Error::Invalid(format!(
                    "tls-server-name `{name}` is no DNS name and no address"
                ))
            })
        };
        self.server_name.as_ref().map(parse).transpose()
    }
}

fn given_roots(pem: &[u8]) -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(pem, "certificate authority")? {
        roots.add(certificate).map_err(|source| Error::Tls {
            what: "the certificate authority",
            source,
        })?;
    }
    Ok(roots)
}

fn system_roots() -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    // Some of a system's hundred certificates may be odd; those that can be read count.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        let what = "no certificate authority is given, and the system has none";
        return Err(Error::Invalid(what.to_owned()));
    }
    Ok(roots)
}

fn certificates(pem: &[u8], what: &str) -> Result<Vec<CertificateDer<'static>>, Error> {
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|_| Error::Invalid(format!("the {what} is not in PEM form")))?;
    if certificates.is_empty() {
        return Err(Error::Invalid(format!(
            "the {what} holds no certificate in PEM form"
        )));
    }
    Ok(certificates)
}

/// `insecure-skip-tls-verify`: any certificate will do, but its holder must have the key.
#[derive(Debug)]
struct TrustAnyone(Arc<CryptoProvider>);

impl ServerCertVerifier for TrustAnyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
