//! The text that Prometheus reads: one line for each number, under its name, its kind and what it means.
//!
//! ```text
//!   # HELP rest_client_requests_total How many requests were made.
//!   # TYPE rest_client_requests_total counter
//!   rest_client_requests_total{code="200",method="GET"} 7
//! ```
//!
//! # Invariants
//! - Whatever is in a label's value or in a help text, it stays within its line and its quotes.
//! - A histogram ends with the bucket `+Inf`, which equals its count.
//! - All series of a family stand together, below its head. That no family is begun twice is up to whoever
//!   writes the page, and tested on the whole of it.
//!
//! # Example
//! ```
//! use bitcoin_controller::metrics::{Kind, Page};
//!
//! let mut page = Page::default();
//! let mut heights = page.family("bitcoin_network_height", Kind::Gauge, "Blocks above the first.");
//! heights.sample(&[("name", "a\"b")], 101_u64);
//! assert_eq!(page.into_text().lines().last(), Some(r#"bitcoin_network_height{name="a\"b"} 101"#));
//! ```
//!
//! # Source
//! prometheus/common `expfmt/text_create.go`; the format is "Exposition formats", version 0.0.4. What
//! differs: bounds and numbers are never written with an exponent, which is the same number.

use std::fmt::Write;

use crate::metrics::value::Reading;

/// What an answer with this text says it is.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What kind of number a family is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It only grows, and begins at 0 with the process.
    Counter,
    /// It is what it is now.
    Gauge,
    /// Counts by size.
    Histogram,
}

/// A number, exact as long as it is whole.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// A count.
    Whole(u64),
    /// A whole number that may be negative.
    Signed(i64),
    /// Any number, infinities and NaN included.
    Real(f64),
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Value::Whole(number)
    }
}

impl From<usize> for Value {
    fn from(number: usize) -> Self {
        Value::Whole(number as u64)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Value::Signed(number)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Value::Real(number)
    }
}

/// 1 for what holds, 0 for what does not.
impl From<bool> for Value {
    fn from(holds: bool) -> Self {
        Value::Whole(u64::from(holds))
    }
}

/// A page of numbers, written from top to bottom.
#[derive(Debug, Default)]
pub struct Page {
    text: String,
}

impl Page {
    /// Begins a family: its head, to which the series are then added. `name` is a metric's name.
    pub fn family<'a>(&'a mut self, name: &'a str, kind: Kind, help: &str) -> Family<'a> {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        let text = &mut self.text;
        text.push_str("# HELP ");
        text.push_str(name);
        text.push(' ');
        escape(text, help, false);
        put(text, format_args!("\n# TYPE {name} {kind}\n"));
        Family { text, name }
    }

    /// The whole page.
    pub fn into_text(self) -> String {
        self.text
    }
}

/// A family of series that share a name, while it is written.
#[derive(Debug)]
pub struct Family<'a> {
    text: &'a mut String,
    name: &'a str,
}

impl Family<'_> {
    /// Adds one series: its labels and its number.
    pub fn sample(&mut self, labels: &[(&str, &str)], value: impl Into<Value>) -> &mut Self {
        self.line("", labels, None, value.into());
        self
    }

    /// Adds one histogram.
    pub fn histogram(&mut self, labels: &[(&str, &str)], reading: &Reading) -> &mut Self {
        for (bound, count) in &reading.buckets {
            self.line("_bucket", labels, Some(*bound), Value::Whole(*count));
        }
        let count = Value::Whole(reading.count);
        self.line("_bucket", labels, Some(f64::INFINITY), count);
        self.line("_sum", labels, None, Value::Real(reading.sum));
        self.line("_count", labels, None, count);
        self
    }

    fn line(&mut self, suffix: &str, labels: &[(&str, &str)], bound: Option<f64>, value: Value) {
        let text = &mut *self.text;
        put(text, format_args!("{}{suffix}", self.name));
        let mut separator = '{';
        for (name, value) in labels {
            put(text, format_args!("{separator}{name}=\""));
            escape(text, value, true);
            text.push('"');
            separator = ',';
        }
        if let Some(bound) = bound {
            put(text, format_args!("{separator}le=\""));
            real(text, bound);
            text.push('"');
            separator = ',';
        }
        if separator == ',' {
            text.push('}');
        }
        text.push(' ');
        match value {
            Value::Whole(number) => put(text, format_args!("{number}")),
            Value::Signed(number) => put(text, format_args!("{number}")),
            Value::Real(number) => real(text, number),
        }
        text.push('\n');
    }
}

fn real(text: &mut String, number: f64) {
    match number {
        f64::INFINITY => text.push_str("+Inf"),
        f64::NEG_INFINITY => text.push_str("-Inf"),
        number => put(text, format_args!("{number}")),
    }
}

/// In a label's value a quote would end it; in a help text it is one letter like others.
fn escape(text: &mut String, raw: &str, in_quotes: bool) {
    for letter in raw.chars() {
        match letter {
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '"' if in_quotes => text.push_str("\\\""),
            letter => text.push(letter),
        }
    }
}

fn put(text: &mut String, what: std::fmt::Arguments<'_>) {
    text.write_fmt(what).expect("a String takes everything");
}
