//! What the fuzz targets share: a server in memory that gives one answer, whatever it is asked.
//!
//! A target goes in where the network does, so that what is tried is all of the way from bytes to values:
//! HTTP, chunks, lines, JSON, our types. Its claims are the same for every input: no panic, no hang, and
//! how the bytes were cut into pieces makes no difference. Each target is `src/bin/NAME.rs`; seeds it
//! starts from are in `corpus/NAME`.

use std::future::Future;
use std::sync::{Arc, LazyLock};

use bitcoin_controller::http::{Endpoint, MemoryNetwork, Transport};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::{Builder, Runtime};

/// Runs `work` against a server that answers every request with `answer` and closes the connection.
pub fn against<T, F: Future<Output = T>>(
    answer: Vec<u8>,
    work: impl FnOnce(Arc<dyn Transport>) -> F,
) -> T {
    thread_local! {
        static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
            Builder::new_current_thread().enable_time().build().expect("a runtime can be had")
        });
    }
    RUNTIME.with(|runtime| {
        runtime.block_on(async {
            let network = MemoryNetwork::default();
            let mut listener = network.listen(server()).expect("nobody else listens");
            let transport: Arc<dyn Transport> = Arc::new(network);
            let serving = async {
                loop {
                    let Ok((mut stream, _)) = listener.accept().await else {
                        return;
                    };
                    let mut asked = [0; 4096];
                    let _ = stream.read(&mut asked).await;
                    let _ = stream.write_all(&answer).await;
                    let _ = stream.shutdown().await;
                }
            };
            tokio::select! {
                biased;
                outcome = work(transport) => outcome,
                () = serving => unreachable!("the server serves for ever"),
            }
        })
    })
}

/// Where the server listens.
pub fn server() -> Endpoint {
    Endpoint::new("server", 80)
}

/// A whole HTTP answer with `body`, sent in chunks of `size` bytes.
pub fn chunked(code: u16, body: &[u8], size: usize) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 {code} X\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
    );
    let mut answer = head.into_bytes();
    for piece in body.chunks(size.max(1)) {
        answer.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
        answer.extend_from_slice(piece);
        answer.extend_from_slice(b"\r\n");
    }
    answer.extend_from_slice(b"0\r\n\r\n");
    answer
}

/// An API client whose server answers with `answer`.
pub fn client(transport: Arc<dyn Transport>) -> bitcoin_controller::client::Client {
    use bitcoin_controller::client::{Client, Config};
    let config = Config::plain("http://server:80").expect("it is a URL");
    Client::new(config, transport).expect("there is no certificate to be wrong")
}
