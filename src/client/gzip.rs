//! Compressed answers, decompressed as they come in.
//!
//! The server compresses what is larger than 128 KiB if it is told that it may: a page of pods becomes a
//! tenth of its size. What arrives is given to the decompressor bit by bit, and what comes out is handed
//! on in pieces of about [`PIECE`] bytes. So a list is still scanned while it comes in, and a thousandfold
//! compressed answer costs no more memory than any other: whoever reads it counts the bytes that come out.
//!
//! # Invariants
//! - At no time more than one chunk of the network and one piece are held.
//! - An answer that ends too soon, does not match its checksum or goes on after its end is an error.
//!
//! # Example
//! ```
//! use bitcoin_controller::client::gzip::Gunzip;
//! use std::io::Write;
//!
//! let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
//! encoder.write_all(b"{\"kind\": \"PodList\"}")?;
//! let compressed = encoder.finish()?;
//!
//! let mut gunzip = Gunzip::default();
//! let mut text = Vec::new();
//! for chunk in compressed.chunks(7) {
//!     gunzip.push(chunk.to_vec().into());
//!     while let Some(piece) = gunzip.next_piece()? {
//!         text.extend_from_slice(&piece);
//!     }
//! }
//! text.extend_from_slice(&gunzip.finish()?);
//! assert_eq!(text, b"{\"kind\": \"PodList\"}");
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # Source
//! Go `net/http/transport.go` (`gzipReader`), which client-go relies on; RFC 1952. What
//! differs: an answer is one member of gzip; theirs may be several, which no server sends.

use std::fmt;
use std::io::{self, Write};

use bytes::{Buf, Bytes};
use flate2::write::GzDecoder;

/// About how many bytes come out at a time: what flate2 decompresses in one step.
pub const PIECE: usize = 32 << 10;

/// Decompresses one answer.
pub struct Gunzip {
    decoder: GzDecoder<Vec<u8>>,
    /// What has arrived and is not decompressed yet.
    chunk: Bytes,
}

impl Default for Gunzip {
    fn default() -> Self {
        Gunzip {
            decoder: GzDecoder::new(Vec::new()),
            chunk: Bytes::new(),
        }
    }
}

impl fmt::Debug for Gunzip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gunzip")
    }
}

impl Gunzip {
    /// Takes the next chunk. The one before has been used up: `next_piece` returned `None`.
    pub fn push(&mut self, chunk: Bytes) {
        self.chunk = chunk;
    }

    /// The next piece; `None`: there is none before the next chunk.
    ///
    /// # Errors
    /// This is not gzip, or goes on after its end.
    pub fn next_piece(&mut self) -> io::Result<Option<Bytes>> {
        while !self.chunk.is_empty() {
            let n_read = self.decoder.write(&self.chunk)?;
            if n_read == 0 {
                let what = "compressed answer goes on after its end";
                return Err(io::Error::new(io::ErrorKind::InvalidData, what));
            }
            self.chunk.advance(n_read);
            let piece = self.take();
            if !piece.is_empty() {
                return Ok(Some(piece));
            }
        }
        Ok(None)
    }

    /// The last piece, which may be empty. No chunk comes any more.
    ///
    /// # Errors
    /// There should have been more, or the checksum is another.
    pub fn finish(&mut self) -> io::Result<Bytes> {
        self.decoder.try_finish()?;
        Ok(self.take())
    }

    fn take(&mut self) -> Bytes {
        Bytes::from(std::mem::take(self.decoder.get_mut()))
    }
}
