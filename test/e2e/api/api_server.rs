//! The real API server that `hack/cluster/control-plane.sh` has started.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bitcoin_controller::client::{Client, Config};
use bitcoin_controller::http::{
    Body, BoxFuture, BoxStream, Endpoint, HttpClient, Tcp, Transport, read_body, tls_versions,
};
use hyper::Request;
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use tokio::net::UnixStream;

/// The server, and an administrator's connections to it.
pub struct ApiServer {
    url: String,
    http: HttpClient,
    etcd: HttpClient,
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
            etcd: HttpClient::plain(
                Arc::new(Socket(directory.join("run/etcd.sock"))),
                Duration::from_secs(1),
            ),
        }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn http(&self) -> &HttpClient {
        &self.http
    }

    /// Has etcd forget what has happened so far, and tells the API server as another one would that had
    /// done it. It looks every 15 seconds.
    pub async fn forget_history(&self) {
        let key = STANDARD.encode("compact_rev_key");
        let now = self.ask_etcd("range", json!({"key": key})).await;
        let revision = now["header"]["revision"].as_str().unwrap();
        let value = STANDARD.encode(revision);
        self.ask_etcd("put", json!({"key": key, "value": value}))
            .await;
        self.ask_etcd("compaction", json!({"revision": revision}))
            .await;
    }

    /// A call of etcd's API in its JSON form.
    async fn ask_etcd(&self, what: &str, body: Value) -> Value {
        let request = Request::post(format!("http://etcd/v3/kv/{what}"))
            .body(Body::from(body.to_string()))
            .unwrap();
        let answer = self.etcd.send(request).await.unwrap();
        assert_eq!(answer.status(), 200, "{what}");
        let bytes = read_body(answer.into_body(), 1024 * 1024).await.unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    pub fn client(&self) -> Client {
        Client::connect(Config::load(None, None).unwrap()).unwrap()
    }
}

/// A unix socket, whatever the endpoint is called.
struct Socket(PathBuf);

impl Transport for Socket {
    fn connect<'a>(&'a self, _: &'a Endpoint) -> BoxFuture<'a, io::Result<BoxStream>> {
        Box::pin(async move {
            let stream = UnixStream::connect(&self.0).await?;
            Ok(Box::new(stream) as BoxStream)
        })
    }
}
