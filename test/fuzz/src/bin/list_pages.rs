//! A page of a list whose bytes are anything: it is read or refused, the same in whatever pieces it comes.
#![no_main]

use bitcoin_controller::api::core::Pod;
use bitcoin_controller::client::list::{Malformed, Page, PageReader};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((&size, body)) = data.split_first() else {
        return;
    };
    let whole = read(body, body.len());
    let cut = read(body, usize::from(size % 16) + 1);
    assert_eq!(whole, cut, "the pieces made a difference");
});

fn read(body: &[u8], size: usize) -> Result<Page<Pod>, Malformed> {
    let mut reader = PageReader::new(Default::default());
    for piece in body.chunks(size.max(1)) {
        reader.push(piece)?;
    }
    reader.finish()
}
