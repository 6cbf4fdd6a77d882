//! A refusal whose code and body are anything: it becomes an error that can be asked and shown.
#![no_main]

use bitcoin_controller::api::ObjectKey;
use bitcoin_controller::api::core::Pod;
use bitcoin_controller_fuzz::{against, chunked, client};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let [high, low, body @ ..] = data else {
        return;
    };
    let code = 300 + u16::from_be_bytes([*high, *low]) % 300;
    let outcome = against(chunked(code, body, 64), async |transport| {
        client(transport)
            .get::<Pod>(&ObjectKey::new("default", "a"))
            .await
    });
    let error = outcome.expect_err("such a code is no success");
    assert!(!error.to_string().is_empty());
    let _ = (error.is_gone(), error.is_too_large_resource_version());
    let _ = (error.is_namespace_terminating(), error.is_transient());
    let _ = (error.undeclared_fields(), error.retry_after());
});
