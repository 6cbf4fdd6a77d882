//! A node whose whole answer, HTTP and all, is anything: a value or an error that shows no line breaks.
#![no_main]

use bitcoin_controller::bitcoin::{Credentials, RpcClient};
use bitcoin_controller_fuzz::{against, server};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((&method, answer)) = data.split_first() else {
        return;
    };
    against(answer.to_vec(), async |transport| {
        let credentials = Credentials::new("user", "hunter2").expect("they are good");
        let rpc = RpcClient::new(transport, server(), &credentials);
        let error = match method % 5 {
            0 => rpc.get_peer_info().await.err(),
            1 => rpc.get_blockchain_info().await.err(),
            2 => rpc.get_network_info().await.err(),
            3 => rpc.get_best_block_hash().await.err(),
            _ => rpc.generate_to_address(1, "address").await.err(),
        };
        if let Some(error) = error {
            assert!(!error.to_string().contains('\n'), "{error}");
        }
    });
});
