//! JSON with gaps: written once as a value that reads like the object, filled many times at the price of a copy.
//!
//! | in a string | becomes |
//! |---|---|
//! | `<name>`, `<uid>`, `<status:3>`, … | the value of that field of the object's identity |
//! | `<version>` | the ten digits of the resource version, to be overwritten later |
//! | `<hex:64>`, `<word:8>`, `<digits:4>` | so many random characters |
//! | `<time>` | a random moment of January 2026 |
//! | `<filler>` | whatever makes the object as large as it is to be |
//!
//! With `#` after the bracket (`"<#digits:9>"`) the quotes around go, too.

use crate::identity::{CONDITIONS, Field, Identity};
use crate::random::Random;

/// How long a resource version is, in digits.
pub const VERSION_LENGTH: usize = 10;

/// A text with gaps.
pub struct Template(Vec<Part>);

enum Part {
    Text(Box<str>),
    Gap(Gap),
}

#[derive(Clone, Copy)]
enum Gap {
    Field(Field),
    Version,
    Hex(usize),
    Word(usize),
    Digits(usize),
    Time,
    Filler,
}

impl Template {
    /// Cuts `json` at its gaps. The templates are part of this program: one that is wrong is a mistake in it.
    pub fn new(json: &str) -> Self {
        let mut parts = Vec::new();
        let mut rest = json;
        while let Some((text, after)) = rest.split_once('<') {
            let (name, after) = after.split_once('>').expect("a gap has an end");
            let (text, name, after) = match name.strip_prefix('#') {
                None => (text, name, after),
                Some(name) => {
                    let text = text.strip_suffix('"').expect("a quote before the gap");
                    (
                        text,
                        name,
                        after.strip_prefix('"').expect("a quote after the gap"),
                    )
                }
            };
            parts.push(Part::Text(text.into()));
            parts.push(Part::Gap(Gap::parse(name)));
            rest = after;
        }
        parts.push(Part::Text(rest.into()));
        Template(parts)
    }

    /// How long it becomes for `identity`, without the filler.
    pub fn length(&self, identity: &Identity) -> usize {
        let lengths = self.0.iter().map(|part| match part {
            Part::Text(text) => text.len(),
            Part::Gap(gap) => gap.length(identity),
        });
        lengths.sum()
    }

    /// Writes it for `identity`. Returns where in `out` the version is, if it has one.
    pub fn fill(
        &self,
        identity: &Identity,
        random: &mut Random,
        out: &mut Vec<u8>,
        mut filler: impl FnMut(&mut Random, &mut Vec<u8>),
    ) -> Option<usize> {
        let mut version_at = None;
        for part in &self.0 {
            match part {
                Part::Text(text) => out.extend_from_slice(text.as_bytes()),
                Part::Gap(Gap::Field(field)) => {
                    out.extend_from_slice(identity.value(*field).as_bytes());
                }
                Part::Gap(Gap::Version) => {
                    version_at = Some(out.len());
                    out.extend_from_slice(&[b'0'; VERSION_LENGTH]);
                }
                Part::Gap(Gap::Hex(n)) => random.push_hex(*n, out),
                Part::Gap(Gap::Word(n)) => random.push_word(*n, out),
                Part::Gap(Gap::Digits(n)) => random.push_digits(*n, out),
                Part::Gap(Gap::Time) => push_time(random, out),
                Part::Gap(Gap::Filler) => filler(random, out),
            }
        }
        version_at
    }
}

impl Gap {
    fn parse(text: &str) -> Self {
        let (name, length) = text.split_once(':').unwrap_or((text, ""));
        let n = || {
            length
                .parse::<usize>()
                .expect("a gap has a length in decimal")
        };
        match name {
            "name" => Gap::Field(Field::Name),
            "namespace" => Gap::Field(Field::Namespace),
            "uid" => Gap::Field(Field::Uid),
            "owner" => Gap::Field(Field::Owner),
            "owner-name" => Gap::Field(Field::OwnerName),
            "app" => Gap::Field(Field::App),
            "phase" => Gap::Field(Field::Phase),
            "ip" => Gap::Field(Field::Ip),
            "nodes" => Gap::Field(Field::Nodes),
            "status" => Gap::Field(Field::Status(n().min(CONDITIONS.len() - 1))),
            "version" => Gap::Version,
            "hex" => Gap::Hex(n()),
            "word" => Gap::Word(n()),
            "digits" => Gap::Digits(n()),
            "time" => Gap::Time,
            "filler" => Gap::Filler,
            _ => unreachable!("there is no gap <{text}>"),
        }
    }

    fn length(self, identity: &Identity) -> usize {
        match self {
            Gap::Field(field) => identity.value(field).len(),
            Gap::Version => VERSION_LENGTH,
            Gap::Hex(n) | Gap::Word(n) | Gap::Digits(n) => n,
            Gap::Time => "2026-01-01T00:00:00Z".len(),
            Gap::Filler => 0,
        }
    }
}

fn push_time(random: &mut Random, out: &mut Vec<u8>) {
    let two_digits = |number: u64| [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8];
    out.extend_from_slice(b"2026-01-");
    out.extend_from_slice(&two_digits(1 + random.below(31)));
    for (mark, n) in [(b'T', 24), (b':', 60), (b':', 60)] {
        out.push(mark);
        out.extend_from_slice(&two_digits(random.below(n)));
    }
    out.push(b'Z');
}
