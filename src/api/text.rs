//! Strings that many objects share, kept once.
//!
//! A cache of ten thousand Pods holds the same namespace, label keys and owner kinds ten thousand
//! times. [`Text`] is a shared string; while an [`Interner`]'s [`scope`](Interner::scope) is open on
//! this thread, reading a `Text` gives out the copy that was made for the first object.
//!
//! # Invariants
//! - Equal texts compare equal whether or not they share memory.
//! - An interner forgets texts that nobody else holds; it never grows past twice what is in use.
//! - A scope is closed when its closure returns, also by a panic, and is never open across an await.
//!
//! # Example
//! ```
//! use bitcoin_controller::api::text::{Interner, Text};
//! let interner = Interner::default();
//! let read = || serde_json::from_str::<Text>("\"default\"");
//! let (a, b) = interner.scope(|| (read(), read()));
//! assert!(Text::ptr_eq(&a?, &b?));
//! # Ok::<(), serde_json::Error>(())
//! ```

use std::cell::RefCell;
use std::collections::HashSet;
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, LazyLock, Mutex};

use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::{Serialize, Serializer};

/// An immutable shared string; cloning it copies a pointer.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Text(Arc<str>);

impl Text {
    /// Whether both are one copy in memory.
    pub fn ptr_eq(one: &Text, other: &Text) -> bool {
        Arc::ptr_eq(&one.0, &other.0)
    }

    /// The text itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Half of all texts are empty for the moment between "here comes an object" and its first field.
static EMPTY: LazyLock<Text> = LazyLock::new(|| Text(Arc::from("")));

impl Default for Text {
    fn default() -> Self {
        EMPTY.clone()
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl std::borrow::Borrow<str> for Text {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Text(Arc::from(text))
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Text(Arc::from(text))
    }
}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        &*self.0 == other
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        &*self.0 == *other
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl Visitor<'_> for Reader {
            type Value = Text;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Text, E> {
                Ok(CURRENT.with_borrow(|current| match current {
                    Some(interner) => interner.intern(text),
                    None => Text::from(text),
                }))
            }
        }

        deserializer.deserialize_str(Reader)
    }
}

/// The texts one reader has seen. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Interner(Arc<Mutex<Seen>>);

#[derive(Debug, Default)]
struct Seen {
    texts: HashSet<Text>,
    /// How many texts were in use when unused ones were last forgotten.
    in_use: usize,
}

thread_local! {
    static CURRENT: RefCell<Option<Interner>> = const { RefCell::new(None) };
}

impl Interner {
    /// Runs `read` with this interner in force for every [`Text`] it reads on this thread.
    pub fn scope<R>(&self, read: impl FnOnce() -> R) -> R {
        /// Puts the outer interner back, whichever way the scope is left.
        struct Restore(Option<Interner>);
        impl Drop for Restore {
            fn drop(&mut self) {
                CURRENT.set(self.0.take());
            }
        }

        let _restore = Restore(CURRENT.replace(Some(self.clone())));
        read()
    }

    fn intern(&self, text: &str) -> Text {
        let mut seen = self.0.lock().expect("no holder of the texts panics");
        if let Some(known) = seen.texts.get(text) {
            return known.clone();
        }
        if seen.texts.len() >= 2 * seen.in_use + FORGET_AFTER {
            seen.texts.retain(|known| Arc::strong_count(&known.0) > 1);
            seen.in_use = seen.texts.len();
        }
        let text = Text::from(text);
        seen.texts.insert(text.clone());
        text
    }
}

/// Below this many texts it is not worth looking for unused ones.
const FORGET_AFTER: usize = 1_024;
