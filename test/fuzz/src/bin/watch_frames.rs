//! A watch whose bytes are anything: it ends, and where the bytes are cut makes no difference.
#![no_main]

use bitcoin_controller::api::core::Pod;
use bitcoin_controller::client::{Scope, WatchParams};
use bitcoin_controller_fuzz::{against, chunked, client};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((&size, body)) = data.split_first() else {
        return;
    };
    let whole = events(body, body.len());
    let cut = events(body, usize::from(size % 16) + 1);
    assert_eq!(whole, cut, "the pieces made a difference");
    let lines = body.split(|byte| *byte == b'\n').count();
    assert!(whole.len() <= lines, "more events than lines");
});

fn events(body: &[u8], size: usize) -> Vec<String> {
    against(chunked(200, body, size), async |transport| {
        let client = client(transport);
        let params = WatchParams::default();
        let watching = client.watch::<Pod>(&Scope::All, &params).await;
        let mut stream = watching.expect("the head of the answer is good");
        let mut events = Vec::new();
        while let Some(event) = stream.next().await {
            events.push(format!("{event:?}"));
        }
        events
    })
}
