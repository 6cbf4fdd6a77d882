//! The real API server that `hack/cluster/control-plane.sh` has started.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bitcoin_controller::client::{Client, Config};
use bitcoin_controller::http::{HttpClient, Tcp, tls_versions};
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// The server, and an administrator's connections to it.
pub struct ApiServer {
    url: String,
    http: HttpClient,
}

impl ApiServer {
    pub async fn start() -> Self {
        let directory = PathBuf::from(std::env::var_os("CLUSTER_DIR").unwrap());
        let pki = |name: &str| directory.join("pki").join(name);
        let url = std::fs::read_to_string(directory.join("run/server")).unwrap();
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_file(pki("ca.crt")).unwrap())
            .unwrap();
        let certificate = CertificateDer::from_pem_file(pki("admin.crt")).unwrap();
        let key = PrivateKeyDer::from_pem_file(pki("admin.key")).unwrap();
        let tls = tls_versions()
            .with_root_certificates(roots)
            .with_client_auth_cert(vec![certificate], key)
            .unwrap();
        let transport = Arc::new(Tcp::new(Duration::from_secs(5)));
        ApiServer {
            url: url.trim().to_owned(),
            http: HttpClient::tls(transport, tls, None, Duration::from_secs(1)),
        }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn http(&self) -> &HttpClient {
        &self.http
    }

    pub fn client(&self) -> Client {
        Client::connect(Config::load(None, None).unwrap()).unwrap()
    }
}
