//! The path of a place in a JSON document, for those who only know line and column.
//!
//! serde says where a mistake is but not in which field. Keeping the path while reading would cost
//! every document as much as the reading, and every type that is read a second copy of its reader
//! in the program. A mistake is rare, and the text is still there: so the way down to the place is
//! walked again, looking at nothing but strings, brackets and commas.
//!
//! # Invariants
//! - A text that is no JSON has a path, too: the last one that could be made out.
//! - Nothing of the text is in the path but the names of fields.
//!
//! # Example
//! ```
//! use bitcoin_controller::base::json_path::path_at;
//! assert_eq!(path_at(br#"{"a": [{"b": 1}, {"b": "x"}]}"#, 1, 26), "a[1].b");
//! assert_eq!(path_at(br#"{"a": 1}"#, 1, 8), ".");
//! ```

/// What is open at a place.
enum Open {
    /// An object, and the key whose value is at hand.
    Object { key: Option<String> },
    /// An array, and which of its elements is at hand.
    Array { index: usize },
}

/// The path of what serde was at after `column` bytes of line `line` (both as it counts them, from 1), such as
/// `items[3].name`; `.` for the document itself.
pub fn path_at(text: &[u8], line: usize, column: usize) -> String {
    let lines = text.split_inclusive(|&byte| byte == b'\n');
    let before: usize = lines.take(line.saturating_sub(1)).map(<[u8]>::len).sum();
    let end = text.len().min(before.saturating_add(column));
    display(&walk(&text[..end]))
}

/// What is open at the end of `text`. A bracket that closes right there is still open: what went wrong is in
/// what it closes.
fn walk(text: &[u8]) -> Vec<Open> {
    let mut open: Vec<Open> = Vec::new();
    let mut last_string = &text[..0];
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        match (byte, open.last_mut()) {
            (b'"', _) => {
                let length = string_length(&text[at + 1..]);
                last_string = &text[at + 1..at + 1 + length];
                at += 1 + length;
            }
            (b'{', _) => open.push(Open::Object { key: None }),
            (b'[', _) => open.push(Open::Array { index: 0 }),
            (b':', Some(Open::Object { key })) => {
                *key = Some(String::from_utf8_lossy(last_string).into_owned());
            }
            (b',', Some(Open::Object { key })) => *key = None,
            (b',', Some(Open::Array { index })) => *index += 1,
            (b'}', Some(Open::Object { key })) => *key = None,
            _ => {}
        }
        at += 1;
        if matches!(byte, b'}' | b']') && at < text.len() {
            open.pop();
        }
    }
    open
}

/// How many bytes there are before the quote that ends a string, escapes as they are written.
fn string_length(text: &[u8]) -> usize {
    let mut is_escaped = false;
    let is_end = |&byte: &u8| {
        let ends = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        ends
    };
    text.iter().position(is_end).unwrap_or(text.len())
}

fn display(open: &[Open]) -> String {
    let mut path = String::new();
    for open in open {
        match open {
            Open::Object { key: Some(key) } => {
                let dot = if path.is_empty() { "" } else { "." };
                path.push_str(dot);
                path.extend(key.chars().take(LONGEST_NAME));
            }
            Open::Object { key: None } => {}
            Open::Array { index } => path.push_str(&format!("[{index}]")),
        }
    }
    if path.is_empty() {
        path.push('.');
    }
    path
}

/// How much of a field's name is shown, in characters.
const LONGEST_NAME: usize = 64;
