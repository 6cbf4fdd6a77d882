//! The strict reader, by which pages are judged, is strict.

use crate::support::exposition::Exposition;

#[test]
fn the_reader_refuses_what_is_not_the_format() {
    let head = "# HELP a_total A.\n# TYPE a_total counter\n";
    let histogram = "# HELP h H.\n# TYPE h histogram\n";
    for wrong in [
        "a_total 1".to_owned(),
        "a_total 1\n".to_owned(),
        "# HELP a_total A.\na_total 1\n".to_owned(),
        format!("{head}a_total 1\na_total 2\n"),
        format!("{head}a_total -1\n"),
        format!("{head}b_total 1\n"),
        format!("{head}a_total{{x=\"1}} 1\n"),
        format!("{head}a_total{{x=\"\\t\"}} 1\n"),
        format!("{head}a_total{{x=\"1\" }} 1\n"),
        format!("{head}a_total inf\n"),
        format!("{head}a_total 1\n{head}a_total 1\n"),
        "# HELP a A.\n# TYPE a counter\na 1\n".to_owned(),
        "# HELP a \n# TYPE a gauge\na 1\n".to_owned(),
        format!("{histogram}h_bucket{{le=\"1\"}} 1\nh_sum 1\nh_count 1\n"),
        format!(
            "{histogram}h_bucket{{le=\"1\"}} 2\nh_bucket{{le=\"+Inf\"}} 1\nh_sum 1\nh_count 1\n"
        ),
        format!("{histogram}h_bucket{{le=\"+Inf\"}} 1\nh_count 1\n"),
        format!("{histogram}h_bucket{{le=\"+Inf\"}} 1\nh_sum 1\nh_count 2\n"),
    ] {
        assert!(Exposition::read(&wrong).is_err(), "{wrong}");
    }
    let good = format!("{head}a_total{{x=\"1\\\\\\\"\\n,}}\",y=\"\"}} 1.5\n");
    let read = Exposition::read(&good).unwrap();
    assert_eq!(
        read.get("a_total", &[("x", "1\\\"\n,}"), ("y", "")]),
        Some(1.5)
    );
}
