//! All connections end at once.

use std::io::ErrorKind::ConnectionAborted;
use std::sync::Arc;

use bitcoin_controller::http::{MemoryNetwork, Severable, Transport};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_util::sync::CancellationToken;

use super::node;

/// One reader waits already, one stream is idle, one has bytes to be read: none gets any more.
#[tokio::test(start_paused = true)]
async fn every_stream_ends_at_once_whatever_it_is_doing() {
    let network = Arc::new(MemoryNetwork::default());
    let mut listener = network.listen(node()).unwrap();
    let severed = CancellationToken::new();
    let transport = Severable::new(network, severed.clone());
    let mut waiting = transport.connect(&node()).await.unwrap();
    let mut idle = transport.connect(&node()).await.unwrap();
    let mut full = transport.connect(&node()).await.unwrap();
    let mut far = Vec::new();
    for _ in 0..3 {
        far.push(listener.accept().await.unwrap().0);
    }
    far[2].write_all(b"late").await.unwrap();

    let (outcome, ()) = tokio::join!(waiting.read_u8(), async {
        tokio::task::yield_now().await;
        severed.cancel();
    });
    assert_eq!(outcome.unwrap_err().kind(), ConnectionAborted);
    let kinds = [
        idle.write_u8(1).await.unwrap_err().kind(),
        full.read_u8().await.unwrap_err().kind(),
    ];
    assert_eq!(kinds, [ConnectionAborted; 2]);
    drop((waiting, idle, full));
    assert_eq!(
        far[0].read(&mut [0]).await.unwrap(),
        0,
        "the other end hears of it"
    );
}
