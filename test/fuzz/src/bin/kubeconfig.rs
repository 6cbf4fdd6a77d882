//! A kubeconfig that is anything: a configuration, or an error that names the file.
#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use bitcoin_controller::client::kubeconfig::Kubeconfig;
use libfuzzer_sys::fuzz_target;

static FILE: LazyLock<PathBuf> = LazyLock::new(|| {
    let name = format!("kubeconfig-fuzz-{}", std::process::id());
    std::env::temp_dir().join(name)
});

fuzz_target!(|data: &[u8]| {
    std::fs::write(&*FILE, data).expect("a temporary file can be written");
    match Kubeconfig::read(&FILE) {
        Ok(kubeconfig) => {
            let _ = kubeconfig.config(None).map(|config| config.server().len());
        }
        Err(error) => assert!(error.to_string().contains("kubeconfig-fuzz"), "{error}"),
    }
});
