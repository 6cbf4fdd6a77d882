//! The flags.

use crate::shapes::Shape;

/// What to serve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    pub shape: Shape,
    pub n_objects: u64,
    /// So many of the objects, from the first on, are probes.
    pub n_probes: u64,
    /// Of each object, in bytes.
    pub size: usize,
    pub seed: u64,
    /// Whether lists are compressed for those who ask for it.
    pub gzip: bool,
}

impl Options {
    pub fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let mut arguments = arguments.into_iter();
        let mut shape = None;
        let mut n_objects = None;
        let (mut n_probes, mut size, mut seed, mut gzip) = (0, None, 1, false);
        while let Some(flag) = arguments.next() {
            if flag == "--gzip" {
                gzip = true;
                continue;
            }
            let value = arguments.next().ok_or(format!("{flag} needs a value"))?;
            match &*flag {
                "--shape" => shape = Some(Shape::parse(&value)?),
                "--objects" => n_objects = Some(number(&flag, &value)?),
                "--probes" => n_probes = number(&flag, &value)?,
                "--size" => size = Some(number(&flag, &value)? as usize),
                "--seed" => seed = number(&flag, &value)?,
                _ => return Err(format!("there is no flag {flag}")),
            }
        }
        let shape = shape.ok_or("--shape is missing: P, N or C")?;
        let n_objects = n_objects.ok_or("--objects is missing")?;
        if n_probes > n_objects {
            return Err(format!(
                "--probes {n_probes}: there are only {n_objects} objects"
            ));
        }
        Ok(Options {
            shape,
            n_objects,
            n_probes,
            size: size.unwrap_or(shape.size()),
            seed,
            gzip,
        })
    }
}

fn number(flag: &str, value: &str) -> Result<u64, String> {
    let parsed = value.parse();
    parsed.map_err(|_| format!("{flag} {value}: this is no number"))
}
