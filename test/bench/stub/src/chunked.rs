//! The body of an answer whose length is not known before: what is written goes out as chunks.

use std::io::{self, IoSlice, Write};
use std::net::TcpStream;

/// So much is written at once if there is so much to write, in bytes.
pub const BATCH: usize = 256 << 10;

/// Each write becomes one chunk: whoever writes to it writes much at a time.
pub struct Chunked<'a>(pub &'a TcpStream);

impl Write for Chunked<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A chunk of no bytes would be the last one.
        if !bytes.is_empty() {
            let head = chunk_head(bytes.len());
            write_all(self.0, &mut [&head[..], bytes, b"\r\n"].map(IoSlice::new))?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Chunked<'_> {
    /// Ends the body.
    pub fn finish(self) -> io::Result<()> {
        let mut connection = self.0;
        connection.write_all(b"0\r\n\r\n")
    }
}

/// What stands before a chunk of `length` bytes. As many digits for each: the places of things can be counted on.
pub fn chunk_head(length: usize) -> [u8; 10] {
    let mut head = *b"00000000\r\n";
    for (place, digit) in head[..8].iter_mut().enumerate() {
        *digit = b"0123456789abcdef"[(length >> (28 - 4 * place)) & 15];
    }
    head
}

fn write_all(mut connection: &TcpStream, mut slices: &mut [IoSlice<'_>]) -> io::Result<()> {
    while !slices.is_empty() {
        match connection.write_vectored(slices) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(n) => IoSlice::advance_slices(&mut slices, n),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
