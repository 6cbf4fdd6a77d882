//! One object out of a list or a watch: read, or named as one that cannot be read.
//!
//! A custom resource may have been stored under an older schema, a field may have changed its type:
//! some day one object of ten thousand does not decode. It must spoil neither the page nor the watch
//! it came in, and it must not look deleted. So it travels on as [`Undecodable`]: which object, which
//! version, and where in it the mistake is.
//!
//! # Invariants
//! - An [`Item::Object`] has a name.
//! - An [`Undecodable`] holds nothing of the object but its name, identity and version.
//!
//! # Example
//! ```
//! use bitcoin_controller::api::{core::Pod, text::Interner};
//! use bitcoin_controller::client::Item;
//!
//! let bytes = br#"{"metadata": {"name": "a", "namespace": "b"}, "status": {"podIP": 7}}"#;
//! let Item::Undecodable(bad) = Item::<Pod>::read(bytes, &Interner::default()) else { panic!() };
//! assert_eq!(bad.key.unwrap().to_string(), "b/a");
//! assert_eq!(bad.error.path(), "status.podIP");
//! ```

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use crate::api::text::Interner;
use crate::api::{ObjectKey, Resource};
use crate::base::json;

/// One object of a list or a watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item<R> {
    /// It could be read.
    Object(R),
    /// It could not be read.
    Undecodable(Undecodable),
}

/// An object that could not be read: what can still be said of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undecodable {
    /// Which object. `None`: not even that could be read; a cache that must not miss it has to list.
    pub key: Option<ObjectKey>,
    /// Its identity; empty if unknown.
    pub uid: Box<str>,
    /// Its version; empty if unknown.
    pub resource_version: Box<str>,
    /// Where it went wrong.
    pub error: json::Error,
}

impl<R: Resource> Item<R> {
    /// Reads one object; shared strings come from `interner`.
    pub fn read(bytes: &[u8], interner: &Interner) -> Self {
        match interner.scope(|| read_object(bytes)) {
            Ok(object) => Item::Object(object),
            Err(error) => Item::undecodable(&Outline::of_object(bytes), error),
        }
    }

    /// Reads the object that begins with the first of `bytes`, and says how many of them it has. `None`: it goes on
    /// after them, or cannot be read.
    pub(crate) fn read_first(bytes: &[u8], interner: &Interner) -> Option<(Self, usize)> {
        let mut objects = serde_json::Deserializer::from_slice(bytes).into_iter::<R>();
        let object = interner.scope(|| objects.next())?.ok()?;
        let is_named = !object.metadata().name.is_empty();
        is_named.then(|| (Item::Object(object), objects.byte_offset()))
    }

    pub(crate) fn undecodable(outline: &Outline, error: json::Error) -> Self {
        Item::Undecodable(Undecodable {
            key: outline.key(),
            uid: outline.uid.as_str().into(),
            resource_version: outline.resource_version.as_str().into(),
            error,
        })
    }

    /// Which object this is, if that is known.
    pub fn key(&self) -> Option<ObjectKey> {
        match self {
            Item::Object(object) => Some(object.key()),
            Item::Undecodable(bad) => bad.key.clone(),
        }
    }

    /// The version of this state; empty if it could not be read.
    pub fn resource_version(&self) -> &str {
        match self {
            Item::Object(object) => &object.metadata().resource_version,
            Item::Undecodable(bad) => &bad.resource_version,
        }
    }
}

/// Reads an object. Our types take a missing name for an empty one; an object without a name is none.
pub(crate) fn read_object<R: Resource>(bytes: &[u8]) -> Result<R, json::Error> {
    #[derive(Deserialize)]
    struct NoObject {
        #[serde(rename = "metadata")]
        _metadata: NoName,
    }
    #[derive(Deserialize)]
    struct NoName {
        #[serde(rename = "name")]
        _name: String,
    }

    let object: R = json::from_slice(bytes)?;
    if object.metadata().name.is_empty() {
        // What is missing, in the words of the one who reads JSON.
        return json::from_slice::<NoObject>(br#"{"metadata": {}}"#).map(|_| object);
    }
    Ok(object)
}

/// What can be read of an object, or of a watch frame around one, however broken the rest is.
#[derive(Debug, Default)]
pub(crate) struct Outline {
    /// Of a frame: `ADDED`, `DELETED`, …
    pub(crate) type_: String,
    name: String,
    namespace: String,
    pub(crate) uid: String,
    pub(crate) resource_version: String,
}

impl Outline {
    pub(crate) fn of_object(bytes: &[u8]) -> Self {
        Outline::read(bytes, Place::Object)
    }

    pub(crate) fn of_frame(bytes: &[u8]) -> Self {
        Outline::read(bytes, Place::Frame)
    }

    fn read(bytes: &[u8], place: Place) -> Self {
        let mut outline = Outline::default();
        let reading = Reading {
            place,
            outline: &mut outline,
        };
        // An error ends the reading and is no news: what was found before it counts.
        let _ = reading.deserialize(&mut serde_json::Deserializer::from_slice(bytes));
        outline
    }

    /// Where the value of `key` at `place` belongs, if it is wanted.
    fn field(&mut self, place: Place, key: &str) -> Option<&mut String> {
        match (place, key) {
            (Place::Frame, "type") => Some(&mut self.type_),
            (Place::Metadata, "name") => Some(&mut self.name),
            (Place::Metadata, "namespace") => Some(&mut self.namespace),
            (Place::Metadata, "uid") => Some(&mut self.uid),
            (Place::Metadata, "resourceVersion") => Some(&mut self.resource_version),
            _ => None,
        }
    }

    pub(crate) fn key(&self) -> Option<ObjectKey> {
        let is_known = !self.name.is_empty();
        is_known.then(|| ObjectKey::new(self.namespace.as_str(), self.name.as_str()))
    }
}

/// How deep in the document the reading is.
#[derive(Clone, Copy)]
enum Place {
    Frame,
    Object,
    Metadata,
}

impl Place {
    /// Where the way leads that `key` opens, if it does.
    fn below(self, key: &str) -> Option<Place> {
        match (self, key) {
            (Place::Frame, "object") => Some(Place::Object),
            (Place::Object, "metadata") => Some(Place::Metadata),
            _ => None,
        }
    }
}

/// Fills the outline field by field, so that an error later in the text loses nothing.
struct Reading<'a> {
    place: Place,
    outline: &'a mut Outline,
}

impl<'de> DeserializeSeed<'de> for Reading<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reading<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            match self.place.below(&key) {
                Some(place) => map.next_value_seed(Reading {
                    place,
                    outline: &mut *self.outline,
                })?,
                None => match self.outline.field(self.place, &key) {
                    Some(field) => {
                        if let Value::String(text) = map.next_value()? {
                            *field = text;
                        }
                    }
                    None => {
                        map.next_value::<IgnoredAny>()?;
                    }
                },
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }
}
