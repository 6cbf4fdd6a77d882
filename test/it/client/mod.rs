//! Mirrors `src/client`.

mod config;
mod connections;
mod credentials;
mod error;
mod exec_credential;
mod exec_plugin;
mod gzip;
mod http2;
mod impersonation;
mod kubeconfig;
mod list;
mod path;
mod port_forward;
mod proxy_choice;
mod rest;
mod scan;
pub(crate) mod server;
mod through_proxy;
mod tls;
mod warnings;
mod watch;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// A directory that is gone when the test is.
struct TemporaryDirectory(PathBuf);

impl TemporaryDirectory {
    fn new() -> Self {
        static N_MADE: AtomicU32 = AtomicU32::new(0);
        let number = N_MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("bitcoin-controller-test-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        TemporaryDirectory(path)
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TemporaryDirectory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// An error and its causes, as `main` prints them.
fn chain(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", chain(source)),
        None => error.to_string(),
    }
}
