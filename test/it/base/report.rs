//! What a program says when it fails.

use std::fmt;

use bitcoin_controller::base::Report;

#[derive(Debug)]
struct Step(&'static str, Option<Box<Step>>);

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Step {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        let cause = self.1.as_deref()?;
        Some(cause)
    }
}

#[test]
fn every_cause_has_a_line_and_main_prints_the_same() {
    let end = Step("the port is closed", None);
    let middle = Step("cannot connect", Some(Box::new(end)));
    let report = Report::from(Step("failed to list pods", Some(Box::new(middle))));
    let text = "failed to list pods\n  because: cannot connect\n  because: the port is closed";
    assert_eq!(report.to_string(), text);
    assert_eq!(format!("{report:?}"), text);
}

#[test]
fn a_text_is_a_report_without_causes() {
    assert_eq!(Report::new("no pods").to_string(), "no pods");
}
