//! An error on its way out of the program: what failed, and because of what, one cause a line.
//!
//! An error's text says what was tried and leaves the why to its source, so whoever prints one has to
//! walk the chain. A `main` that returns `Result<(), Report>` does: any error becomes a report by `?`,
//! and what Rust prints at the end is this `Debug`.
//!
//! # Invariants
//! - No cause is left out, and none is told twice.
//!
//! # Example
//! ```
//! use bitcoin_controller::base::Report;
//!
//! fn number(text: &str) -> Result<u8, Report> {
//!     Ok(text.parse()?)
//! }
//! let report = number("many").expect_err("no number");
//! assert_eq!(report.to_string(), "invalid digit found in string");
//! ```

use std::error::Error;
use std::fmt;

/// Any error, told with its causes. For the ends of a program: a library names its errors.
pub struct Report(Box<dyn Error + Send + Sync>);

impl Report {
    /// A report of an error that is boxed already, or of a text.
    pub fn new(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Report(error.into())
    }
}

/// So that `?` turns whatever failed into a report. A report is no `Error` itself: it is the end.
impl<E: Error + Send + Sync + 'static> From<E> for Report {
    fn from(error: E) -> Self {
        Report::new(error)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let causes = std::iter::successors(self.0.source(), |cause| Error::source(*cause));
        for cause in causes {
            write!(f, "\n  because: {cause}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
