//! Quantities, `0.5` and `1Gi`: read as Kubernetes reads them, and written so that it leaves them alone.
//!
//! A server rewrites what it is given: `0.5` becomes `500m`, `1024Mi` becomes `1Gi`, the number 1 the text `1`.
//! Who compares texts finds a difference for ever. So each quantity is read here and written in the one form
//! that a server keeps; two ways to write one amount are then one text, and change no pod.
//!
//! # Invariants
//! - Writing what was read, reading it and writing it again gives the same text.
//! - Amounts are not below zero and not above 2^63 - 1, and are whole thousandths: what is finer is rounded up,
//!   as a server does with everything a container asks for.
//!
//! # Source
//! apimachinery `pkg/api/resource/{quantity,suffix}.go`. What differs: a power of ten (`1e3`) is written with
//! a suffix (`1k`); a server that is given `+5` or `1.5e1` keeps them, but they are not what we give it.

use std::fmt;

use serde_json::Value;

/// An amount of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quantity {
    thousandths: i128,
    /// It was given in powers of 1024.
    is_binary: bool,
}

impl Quantity {
    /// Reads a text or a number; `None` if it is no quantity, negative, or too large.
    pub fn read(value: &Value) -> Option<Quantity> {
        match value {
            Value::String(text) => Quantity::parse(text),
            Value::Number(number) => Quantity::parse(&number.to_string()),
            _ => None,
        }
    }

    fn parse(text: &str) -> Option<Quantity> {
        let text = text.trim();
        let text = text.strip_prefix('+').unwrap_or(text);
        let is_number = |c: char| c.is_ascii_digit() || c == '.';
        let (number, suffix) = match text.find(|c| !is_number(c)) {
            Some(at) => text.split_at(at),
            None => (text, ""),
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.len() + fraction.len() == 0 || fraction.contains('.') {
            return None;
        }
        let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
        let n_decimals = i32::try_from(fraction.len()).ok()?;
        let (thousandths, is_binary) = match binary_exponent(suffix) {
            Some(exponent) => {
                let scaled = digits.checked_mul(1 << exponent)?;
                (scaled_by_ten(scaled, 3_i32.checked_sub(n_decimals)?)?, true)
            }
            None => {
                let exponent = decimal_exponent(suffix)?;
                (
                    scaled_by_ten(digits, exponent.checked_add(3)?.checked_sub(n_decimals)?)?,
                    false,
                )
            }
        };
        (thousandths <= LARGEST * 1_000).then_some(Quantity {
            thousandths,
            is_binary,
        })
    }
}

/// The form that a server keeps: a whole number, as short as a suffix can make it.
impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = (self.thousandths % 1_000 == 0).then_some(self.thousandths / 1_000);
        match whole {
            Some(0) => f.write_str("0"),
            Some(whole) if self.is_binary && whole >= 1_024 => {
                let (number, suffix) = shortened(whole, 1_024, &BINARY);
                write!(f, "{number}{suffix}")
            }
            _ => {
                let (number, suffix) = shortened(self.thousandths, 1_000, &DECIMAL);
                write!(f, "{number}{suffix}")
            }
        }
    }
}

/// Divides by `base` as often as that leaves no rest, and names how often.
fn shortened(number: i128, base: i128, names: &'static [&'static str]) -> (i128, &'static str) {
    let mut number = number;
    let mut names = names.iter();
    let mut name = names.next().copied().unwrap_or_default();
    for next in names {
        if number % base != 0 {
            break;
        }
        (number, name) = (number / base, next);
    }
    (number, name)
}

/// `number` times a power of ten, rounded up.
fn scaled_by_ten(number: i128, exponent: i32) -> Option<i128> {
    let power = |exponent: u32| 10_i128.checked_pow(exponent);
    match u32::try_from(exponent) {
        Ok(exponent) => number.checked_mul(power(exponent)?),
        // A divisor that has no room is greater than every number that has.
        Err(_) => match power(exponent.unsigned_abs()) {
            Some(divisor) => Some(number / divisor + i128::from(number % divisor != 0)),
            None => Some(i128::from(number != 0)),
        },
    }
}

fn binary_exponent(suffix: &str) -> Option<u32> {
    let at = BINARY.iter().skip(1).position(|name| *name == suffix)?;
    Some(10 * (u32::try_from(at).ok()? + 1))
}

fn decimal_exponent(suffix: &str) -> Option<i32> {
    let named = match suffix {
        "n" => Some(-9),
        "u" => Some(-6),
        _ => {
            let at = DECIMAL.iter().position(|name| *name == suffix);
            at.and_then(|at| Some(3 * i32::try_from(at).ok()? - 3))
        }
    };
    // `1E3` is a power of ten, `1E` is a lot.
    named.or_else(|| suffix.strip_prefix(['e', 'E'])?.parse().ok())
}

const LARGEST: i128 = i64::MAX as i128;

const BINARY: [&str; 7] = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];

/// The first stands for what everything is counted in here, thousandths.
const DECIMAL: [&str; 8] = ["m", "", "k", "M", "G", "T", "P", "E"];
