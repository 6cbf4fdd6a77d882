//! A subscriber to what bitcoind publishes, as far as one is needed: ZMTP 3.0 without security, one socket.
//!
//! Source: RFC 23/ZMTP, RFC 29/PUBSUB.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// A connection that has subscribed.
pub struct Subscriber(TcpStream);

impl Subscriber {
    /// Connects to `address` and subscribes to `topic`.
    pub async fn connect(address: &str, topic: &str) -> std::io::Result<Self> {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(&greeting()).await?;
        let mut theirs = [0; 64];
        stream.read_exact(&mut theirs).await?;
        assert_eq!((theirs[0], theirs[9]), (0xff, 0x7f), "not ZMTP");
        assert!(theirs[10] >= 3, "an old ZMTP");
        let ready = b"\x05READY\x0bSocket-Type\x00\x00\x00\x03SUB";
        send(&mut stream, COMMAND, ready).await?;
        let mut subscriber = Subscriber(stream);
        let (flags, body) = subscriber.frame().await?;
        assert!(flags & COMMAND != 0 && body.starts_with(b"\x05READY"));
        let subscription = [b"\x01", topic.as_bytes()].concat();
        send(&mut subscriber.0, 0, &subscription).await?;
        Ok(subscriber)
    }

    /// What is published next, if anything is in time: the second part of a message. The first is the topic,
    /// the last a number.
    pub async fn next_within(&mut self, patience: Duration) -> Option<Vec<u8>> {
        let message = timeout(patience, self.message()).await.ok()?;
        let parts = message.unwrap();
        assert_eq!(parts.len(), 3);
        parts.into_iter().nth(1)
    }

    async fn message(&mut self) -> std::io::Result<Vec<Vec<u8>>> {
        let mut parts = Vec::new();
        loop {
            let (flags, body) = self.frame().await?;
            if flags & COMMAND == 0 {
                parts.push(body);
                if flags & MORE == 0 {
                    return Ok(parts);
                }
            }
        }
    }

    async fn frame(&mut self) -> std::io::Result<(u8, Vec<u8>)> {
        let flags = self.0.read_u8().await?;
        let length = match flags & LONG {
            0 => u64::from(self.0.read_u8().await?),
            _ => self.0.read_u64().await?,
        };
        let mut body = vec![0; usize::try_from(length).unwrap()];
        self.0.read_exact(&mut body).await?;
        Ok((flags, body))
    }
}

const MORE: u8 = 1;
const LONG: u8 = 2;
const COMMAND: u8 = 4;

async fn send(stream: &mut TcpStream, flags: u8, body: &[u8]) -> std::io::Result<()> {
    let length = u8::try_from(body.len()).unwrap();
    stream.write_all(&[&[flags, length], body].concat()).await
}

/// Signature, version 3.0, mechanism NULL, client.
fn greeting() -> [u8; 64] {
    let mut greeting = [0; 64];
    (greeting[0], greeting[9], greeting[10]) = (0xff, 0x7f, 3);
    greeting[12..16].copy_from_slice(b"NULL");
    greeting
}
