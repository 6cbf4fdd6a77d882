//! Whom we trust, under which name, and the certificate we show: TLS for one server.
//!
//! # Invariants
//! - A given authority is the only one trusted; without one the system's are.
//! - Not verifying is asked for in so many words, and even then the server's name is sent (SNI).
//! - `Debug` shows no key.
//!
//! # Example
//! ```
//! use bitcoin_controller::client::tls::TlsSettings;
//! let settings = TlsSettings { roots: Some(b"no certificate".to_vec()), ..TlsSettings::default() };
//! let error = settings.client_config().unwrap_err();
//! assert_eq!(error.to_string(), "the certificate authority holds no certificate in PEM form");
//! ```
//!
//! # Source
//! client-go `transport/transport.go` (`TLSConfigFor`), `rest/config.go` (`TLSClientConfig`). What
//! differs: a certificate authority of which a part cannot be read is an error, not silently smaller.

use std::fmt;
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
    /// The certificates (PEM) of the only authorities that are trusted; `None`: the system's.
    pub roots: Option<Vec<u8>>,
    /// Do not verify who the server is. Not together with `roots`.
    pub is_insecure: bool,
    /// The name to ask for and to verify, if it is not the address's.
    pub server_name: Option<String>,
    /// The certificate we show.
    pub identity: Option<Identity>,
}

/// A certificate and its key, both PEM. `Debug` shows neither.
#[derive(Clone)]
pub struct Identity {
    /// The certificate, then those of the authorities in between.
    pub certificate: Vec<u8>,
    /// The key: PKCS#8, PKCS#1 or SEC1.
    pub key: Vec<u8>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity(hidden)")
    }
}

impl TlsSettings {
    /// The configuration for rustls.
    ///
    /// # Errors
    /// Certificates or key that cannot be read, or do not fit each other; no authority to trust.
    pub fn client_config(&self) -> Result<ClientConfig, Error> {
        let versions = http::tls_versions();
        let verifying = if self.is_insecure {
            let provider = Arc::clone(versions.crypto_provider());
            versions
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(TrustAnyone(provider)))
        } else {
            let roots = match &self.roots {
                Some(pem) => given_roots(pem)?,
                None => system_roots()?,
            };
            versions.with_root_certificates(roots)
        };
        let Some(identity) = &self.identity else {
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
