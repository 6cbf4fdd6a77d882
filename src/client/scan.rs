//! Finds the items of a list in its bytes, as they arrive, without understanding them.
//!
//! JSON needs very little to be cut into pieces: whether we are inside a string, whether the next
//! character is escaped, and how many brackets are open. With that, [`ListScanner`] hands out each
//! element of the top-level array `items` as a slice of bytes. Everything else, a few hundred bytes,
//! it keeps as the *envelope*: the same document with an empty `items`, which serde reads at the end.
//! So whether `metadata` comes first or last does not matter, and a document that is cut short is
//! found by the one who knows JSON, not here.
//!
//! Most items need not even be cut. Once we stand at the first byte of one, whoever reads it finds its end
//! anyway, so [`Items::read_first`] is asked to read it where it lies. Only of an item that goes on in the
//! next chunk, or that cannot be read, the end must be found first.
//!
//! ```text
//!   {"kind": "PodList", "items": [{…}, {…}, {…}], "metadata": {…}}
//!   └── envelope ────────────────┘└─┘  └─┘  └─┘ └── envelope ────┘
//!                                   one call of `read_first` or `read_whole` each
//! ```
//!
//! # Invariants
//! - What is held is at most [`MAX_ITEM`] bytes of one item and [`MAX_ENVELOPE`] of the envelope. An
//!   item that lies within one chunk is not copied at all.
//! - Where the bytes are split makes no difference to what comes out.
//! - A larger item is handed out cut off (which no reader takes for a whole one), and the scan goes on.
//!
//! # Example
//! ```
//! use bitcoin_controller::client::scan::ListScanner;
//! let mut scanner = ListScanner::default();
//! let mut items = Vec::new();
//! for chunk in ["{\"items\": [{\"a\": \"]\"}, {\"b", "\": 2}], \"kind\": \"List\"}"] {
//!     scanner.push(chunk.as_bytes(), |item: &[u8]| items.push(item.to_vec()))?;
//! }
//! assert_eq!(items, [br#"{"a": "]"}"#.to_vec(), br#"{"b": 2}"#.to_vec()]);
//! assert_eq!(scanner.envelope(), br#"{"items": [], "kind": "List"}"#);
//! # Ok::<(), bitcoin_controller::client::scan::Broken>(())
//! ```

use std::fmt;

use memchr::memchr2;

/// The largest item that is read, in bytes. etcd keeps at most 1.5 MB of one object by default, and
/// JSON can take a few times what is stored.
pub const MAX_ITEM: usize = 8 << 20;

/// The most a list may have besides its items, in bytes: kind, version, a continue token.
pub const MAX_ENVELOPE: usize = 1 << 20;

/// Cuts a list into items and envelope.
#[derive(Debug, Default)]
pub struct ListScanner {
    place: Place,
    /// Of the envelope: 1 directly in the list's own object.
    outer: Nesting,
    /// Of the item at hand, counted from its first byte.
    inner: Nesting,
    envelope: Vec<u8>,
    /// What earlier chunks had of the item at hand.
    item: Vec<u8>,
    /// Of the item before this one, in bytes.
    last_length: usize,
}

/// Who takes the items. A function of an item's bytes is one.
pub trait Items {
    /// Reads the item that begins with the first of `bytes`, and says how many of them it has. `None`: it goes
    /// on after them, or cannot be read; it will come again, whole.
    fn read_first(&mut self, bytes: &[u8]) -> Option<usize> {
        let _ = bytes;
        None
    }

    /// Takes an item from its first byte to its last.
    fn read_whole(&mut self, item: &[u8]);
}

impl<F: FnMut(&[u8])> Items for F {
    fn read_whole(&mut self, item: &[u8]) {
        self(item);
    }
}

/// Where in the document the next byte is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Envelope,
    /// Directly within `items`.
    Between(Expected),
    /// In an item that began with a bracket or a quote, and ends with its partner.
    Bracketed,
    /// In an item that is a bare word or number, and ends before whatever is none of it.
    Bare,
}

/// What may come next between items, besides white space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    ItemOrEnd,
    Item,
    CommaOrEnd,
}

/// Why a scan cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// Something else than one comma stands between two items.
    Separator,
    /// There is more around the items than [`MAX_ENVELOPE`].
    Envelope,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Broken::Separator => f.write_str("the items of the list are not parted by commas"),
            Broken::Envelope => write!(f, "the list has over {MAX_ENVELOPE} bytes besides items"),
        }
    }
}

impl std::error::Error for Broken {}

impl ListScanner {
    /// Takes the next bytes; gives `items` each item that ends within them.
    ///
    /// # Errors
    /// The document cannot be a list; nothing that follows would make sense.
    pub fn push(&mut self, mut chunk: &[u8], mut items: impl Items) -> Result<(), Broken> {
        while let Some(&byte) = chunk.first() {
            match self.place {
                Place::Envelope => {
                    self.take_envelope(byte)?;
                    chunk = &chunk[1..];
                }
                Place::Between(expected) => {
                    let is_item = self.take_between(byte, expected)?;
                    if !is_item {
                        chunk = &chunk[1..];
                    }
                }
                Place::Bracketed | Place::Bare => chunk = self.take_item(chunk, &mut items),
            }
        }
        Ok(())
    }

    /// Everything but the items. A list that was cut short leaves a text that is not JSON.
    pub fn envelope(&self) -> &[u8] {
        &self.envelope
    }

    fn take_envelope(&mut self, byte: u8) -> Result<(), Broken> {
        let opens_items = byte == b'['
            && self.outer.depth == 1
            && !self.outer.in_string
            && ends_with_key(&self.envelope, b"\"items\"");
        if opens_items {
            self.place = Place::Between(Expected::ItemOrEnd);
        }
        self.keep_envelope(byte)
    }

    fn keep_envelope(&mut self, byte: u8) -> Result<(), Broken> {
        if self.envelope.len() == MAX_ENVELOPE {
            return Err(Broken::Envelope);
        }
        self.outer.feed(byte);
        self.envelope.push(byte);
        Ok(())
    }

    /// Whether `byte` begins an item; then it is still to be taken.
    fn take_between(&mut self, byte: u8, expected: Expected) -> Result<bool, Broken> {
        match (byte, expected) {
            (b' ' | b'\t' | b'\n' | b'\r', _) => {}
            (b']', Expected::ItemOrEnd | Expected::CommaOrEnd) => {
                self.place = Place::Envelope;
                self.keep_envelope(byte)?;
            }
            (b',', Expected::CommaOrEnd) => self.place = Place::Between(Expected::Item),
            (b',' | b']', _) | (_, Expected::CommaOrEnd) => return Err(Broken::Separator),
            (b'{' | b'[' | b'"', _) => {
                self.place = Place::Bracketed;
                return Ok(true);
            }
            _ => {
                self.place = Place::Bare;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Takes what `chunk` has of the item, and returns the rest of it.
    fn take_item<'a>(&mut self, chunk: &'a [u8], items: &mut impl Items) -> &'a [u8] {
        if let Some(length) = self.read_first(chunk, items) {
            self.ended(length);
            return &chunk[length..];
        }
        let end = match self.place {
            Place::Bare => chunk.iter().position(|byte| b" \t\n\r,]".contains(byte)),
            _ => self.inner.find_end(chunk),
        };
        let (part, rest) = chunk.split_at(end.unwrap_or(chunk.len()));
        let is_cut = end.is_none() || !self.item.is_empty();
        if is_cut {
            let room = MAX_ITEM - self.item.len();
            self.item.extend_from_slice(&part[..part.len().min(room)]);
        }
        if end.is_some() {
            // Taken, not only emptied: one large item must not hold its memory for the rest of the page.
            let item = std::mem::take(&mut self.item);
            let item = if is_cut { &item } else { part };
            items.read_whole(item);
            self.ended(item.len());
        }
        rest
    }

    /// Asks for an item only where it begins, and where it probably ends, too: what was read of half an item
    /// was read for nothing.
    fn read_first(&self, chunk: &[u8], items: &mut impl Items) -> Option<usize> {
        let begins = self.place == Place::Bracketed && self.item.is_empty();
        let may_end = chunk.len() >= self.last_length;
        (begins && may_end)
            .then(|| items.read_first(chunk))
            .flatten()
    }

    fn ended(&mut self, length: usize) {
        self.last_length = length;
        self.place = Place::Between(Expected::CommaOrEnd);
    }
}

/// Whether `text` ends with the key `name` (quotes included) and a colon.
///
/// A quote within a longer key has a backslash before it, so only a whole key stands after a brace
/// or comma.
fn ends_with_key(text: &[u8], name: &[u8]) -> bool {
    let before = text
        .trim_ascii_end()
        .strip_suffix(b":")
        .and_then(|text| text.trim_ascii_end().strip_suffix(name));
    before.is_some_and(|text| matches!(text.trim_ascii_end().last(), Some(b'{' | b',')))
}

/// What must be known of JSON to find where something ends.
#[derive(Clone, Copy, Debug, Default)]
struct Nesting {
    depth: usize,
    in_string: bool,
    is_escaped: bool,
}

impl Nesting {
    fn feed(&mut self, byte: u8) {
        match byte {
            _ if self.is_escaped => self.is_escaped = false,
            b'\\' if self.in_string => self.is_escaped = true,
            b'"' => self.in_string = !self.in_string,
            _ if self.in_string => {}
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
    }

    /// Where in `bytes` what is open is closed: the place after its last byte.
    fn find_end(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        while at < bytes.len() {
            // Within a string only two bytes mean anything.
            if self.in_string && !self.is_escaped {
                at += memchr2(b'"', b'\\', &bytes[at..])?;
            }
            self.feed(bytes[at]);
            at += 1;
            if self.depth == 0 && !self.in_string {
                return Some(at);
            }
        }
        None
    }
}
