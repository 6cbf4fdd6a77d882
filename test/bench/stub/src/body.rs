//! An object, rendered: its bytes, where its version goes, and what its truth is.
//!
//! # Invariants
//! - A body never changes. An object changes by having another version; whoever writes the body fills that in.
//! - The same seed and number give the same bytes, whenever they are rendered.

use std::ops::Range;

use serde_json::json;

use crate::identity::{CONDITIONS, Identity};
use crate::options::Options;
use crate::random::Random;
use crate::shapes::Shape;
use crate::template::{Template, VERSION_LENGTH};

/// An object without its version.
pub struct Body {
    pub name: Box<str>,
    pub namespace: Box<str>,
    pub is_probe: bool,
    bytes: Box<[u8]>,
    /// How long kind and group version are, with the comma behind.
    head: usize,
    metadata: Range<usize>,
    version_at: usize,
    uid: Box<str>,
    /// The strings of the truth behind uid and version, each with its zero byte.
    typed_truth: Box<[u8]>,
    metadata_truth: Box<[u8]>,
}

/// What a client asks to be given of objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Whole,
    /// In lists of built-in kinds: without kind and group version.
    Bare,
    /// A PartialObjectMetadata.
    Metadata,
}

/// Of which fields the truth is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Typed,
    Metadata,
}

const PARTIAL_HEAD: &[u8] =
    br#"{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":"#;

impl Body {
    /// How long it is in `form`, in bytes.
    pub fn length(&self, form: Form) -> usize {
        match form {
            Form::Whole => self.bytes.len(),
            Form::Bare => 1 + self.bytes.len() - self.head,
            Form::Metadata => PARTIAL_HEAD.len() + self.metadata.len() + 1,
        }
    }

    /// Writes it as of `version`.
    pub fn push(&self, form: Form, version: u64, out: &mut Vec<u8>) {
        let begin = out.len();
        let version_at = match form {
            Form::Whole => {
                out.extend_from_slice(&self.bytes);
                begin + self.version_at
            }
            Form::Bare => {
                out.push(b'{');
                out.extend_from_slice(&self.bytes[self.head..]);
                begin + 1 + self.version_at - self.head
            }
            Form::Metadata => {
                out.extend_from_slice(PARTIAL_HEAD);
                out.extend_from_slice(&self.bytes[self.metadata.clone()]);
                out.push(b'}');
                begin + PARTIAL_HEAD.len() + self.version_at - self.metadata.start
            }
        };
        out[version_at..version_at + VERSION_LENGTH].copy_from_slice(&digits(version));
    }

    /// Its part of a store's hash, as of `version`.
    pub fn hash(&self, mode: Mode, version: u64) -> u64 {
        let rest = match mode {
            Mode::Typed => &self.typed_truth,
            Mode::Metadata => &self.metadata_truth,
        };
        let hash = fnv(FNV_BASIS, self.uid.as_bytes());
        let hash = fnv(hash, b"\0");
        let hash = fnv(hash, &digits(version));
        let hash = fnv(hash, b"\0");
        fnv(hash, rest)
    }
}

/// FNV-1a before the first byte.
const FNV_BASIS: u64 = 0xCBF2_9CE4_8422_2325;

fn fnv(hash: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(hash, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01B3)
    })
}

fn digits(mut version: u64) -> [u8; VERSION_LENGTH] {
    let mut digits = [b'0'; VERSION_LENGTH];
    for digit in digits.iter_mut().rev() {
        *digit += (version % 10) as u8;
        version /= 10;
    }
    digits
}

/// Renders objects of one shape and size.
pub struct Maker {
    options: Options,
    head: Vec<u8>,
    metadata: Template,
    /// From the comma behind the metadata on.
    content: Template,
    filling: Option<Template>,
}

impl Maker {
    /// # Errors
    /// No object is as small as that.
    pub fn new(options: &Options) -> Result<Self, String> {
        let shape = options.shape;
        let (kind, version) = (shape.kind(), shape.api_version());
        let head = match shape.is_custom() {
            true => json!({"apiVersion": version, "kind": kind}),
            false => json!({"kind": kind, "apiVersion": version}),
        };
        let head = head.to_string();
        let content = shape.content().to_string();
        let maker = Maker {
            options: options.clone(),
            head: format!("{},", &head[..head.len() - 1]).into(),
            metadata: Template::new(&format!("\"metadata\":{}", shape.metadata())),
            content: Template::new(&format!(",{}", &content[1..])),
            filling: shape
                .filling()
                .map(|filling| Template::new(&filling.to_string())),
        };
        let smallest = maker.smallest();
        match options.size < smallest {
            true => Err(format!(
                "--size {}: it takes at least {smallest}",
                options.size
            )),
            false => Ok(maker),
        }
    }

    /// The size below which some object would not fit.
    fn smallest(&self) -> usize {
        // With a longer number than any that comes.
        let identity = Identity::new(&self.options, 99_999_999);
        let filling = self.filling.as_ref();
        self.length(&identity) + filling.map_or(0, |filling| filling.length(&identity))
    }

    fn length(&self, identity: &Identity) -> usize {
        self.head.len() + self.metadata.length(identity) + self.content.length(identity)
    }

    pub fn make(&self, number: u64) -> Body {
        let options = &self.options;
        let identity = Identity::new(options, number);
        let random = &mut Random::new(options.seed, number);
        let missing = options.size - self.length(&identity);
        let mut bytes = Vec::with_capacity(options.size);
        let mut fill = |random: &mut Random, out: &mut Vec<u8>| match &self.filling {
            None => random.push_word(missing, out),
            Some(filling) => push_often(filling, missing, &identity, random, out),
        };
        bytes.extend_from_slice(&self.head);
        let version_at = self.metadata.fill(&identity, random, &mut bytes, &mut fill);
        let metadata = self.head.len() + "\"metadata\":".len()..bytes.len();
        self.content.fill(&identity, random, &mut bytes, &mut fill);
        Body {
            version_at: version_at.expect("metadata has a version"),
            head: self.head.len(),
            metadata,
            typed_truth: typed_truth(options.shape, &identity),
            metadata_truth: strings(&[&identity.namespace, &identity.name, &identity.app]),
            bytes: bytes.into(),
            is_probe: identity.is_probe,
            uid: identity.uid.into(),
            name: identity.name.into(),
            namespace: identity.namespace.into(),
        }
    }
}

/// Writes `item` as often as it fits into `length` bytes, commas included; the last one fills what is left.
fn push_often(
    item: &Template,
    length: usize,
    identity: &Identity,
    random: &mut Random,
    out: &mut Vec<u8>,
) {
    let each = item.length(identity) + 1;
    let n = (length + 1) / each;
    let left = length + 1 - n * each;
    for place in 0..n {
        if place > 0 {
            out.push(b',');
        }
        let filler = if place + 1 == n { left } else { 0 };
        item.fill(identity, random, out, |random, out| {
            random.push_word(filler, out)
        });
    }
}

fn typed_truth(shape: Shape, identity: &Identity) -> Box<[u8]> {
    let mut values = vec![&*identity.namespace, &identity.name];
    match shape {
        Shape::Pod => values.extend([identity.phase, &identity.ip, &identity.owner]),
        Shape::Node => values.extend(
            CONDITIONS
                .into_iter()
                .zip(identity.statuses)
                .flat_map(|(kind, status)| [kind, status]),
        ),
        Shape::Network => values.push(&identity.nodes),
    }
    strings(&values)
}

/// Each with a zero byte behind it.
fn strings(values: &[&str]) -> Box<[u8]> {
    values
        .iter()
        .flat_map(|value| value.bytes().chain([0]))
        .collect()
}
