//! The text, to the letter and by a strict reader.

use bitcoin_controller::metrics::{Kind, Page, Reading};

use crate::support::exposition::Exposition;

#[test]
fn each_family_has_its_head_and_its_series_below() {
    let mut page = Page::default();
    page.family("requests_total", Kind::Counter, "How many.")
        .sample(&[("code", "200"), ("method", "GET")], 7_u64)
        .sample(&[("code", "<error>"), ("method", "GET")], 1_u64);
    page.family("up", Kind::Gauge, "Whether.").sample(&[], true);
    let text = "\
# HELP requests_total How many.
# TYPE requests_total counter
requests_total{code=\"200\",method=\"GET\"} 7
requests_total{code=\"<error>\",method=\"GET\"} 1
# HELP up Whether.
# TYPE up gauge
up 1
";
    assert_eq!(page.into_text(), text);
}

#[test]
fn whatever_is_in_a_label_or_a_help_comes_back_as_it_was() {
    let odd = "quote\" backslash\\ newline\n brace} comma, equals= umlaut ü \\n";
    let mut page = Page::default();
    let mut family = page.family("odd", Kind::Gauge, odd);
    family.sample(&[("value", odd), ("empty", "")], 1_u64);
    let text = page.into_text();
    assert_eq!(text.lines().count(), 3, "{text}");
    let read = Exposition::read(&text).unwrap();
    assert_eq!(read.0["odd"].help, odd);
    let labels = &read.0["odd"].samples[0].labels;
    assert_eq!(
        (labels["value"].as_str(), labels["empty"].as_str()),
        (odd, "")
    );
}

#[test]
fn numbers_are_exact_and_extremes_have_their_names() {
    let mut page = Page::default();
    let mut family = page.family("number", Kind::Gauge, "Any.");
    family.sample(&[("of", "count")], u64::MAX);
    family.sample(&[("of", "height")], -1_i64);
    family.sample(&[("of", "small")], 1e-9);
    family.sample(&[("of", "third")], 1.0 / 3.0);
    family.sample(&[("of", "infinity")], f64::INFINITY);
    family.sample(&[("of", "least")], f64::NEG_INFINITY);
    family.sample(&[("of", "nothing")], f64::NAN);
    let text = page.into_text();
    let numbers: Vec<&str> = text
        .lines()
        .skip(2)
        .map(|line| line.rsplit_once(' ').unwrap().1)
        .collect();
    let expected = [
        "18446744073709551615",
        "-1",
        "0.000000001",
        "0.3333333333333333",
        "+Inf",
        "-Inf",
        "NaN",
    ];
    assert_eq!(numbers, expected);
    let read = Exposition::read(&text).unwrap();
    assert_eq!(read.get("number", &[("of", "third")]), Some(1.0 / 3.0));
}

#[test]
fn a_histogram_ends_with_everything() {
    let reading = Reading {
        buckets: vec![(0.005, 1), (1.0, 3)],
        count: 4,
        sum: 9.5,
    };
    let mut page = Page::default();
    page.family("took_seconds", Kind::Histogram, "How long.")
        .histogram(&[("verb", "list")], &reading)
        .histogram(&[], &Reading::default());
    let text = page.into_text();
    Exposition::read(&text).unwrap();
    let lines: Vec<&str> = text.lines().skip(2).collect();
    let expected = [
        r#"took_seconds_bucket{verb="list",le="0.005"} 1"#,
        r#"took_seconds_bucket{verb="list",le="1"} 3"#,
        r#"took_seconds_bucket{verb="list",le="+Inf"} 4"#,
        r#"took_seconds_sum{verb="list"} 9.5"#,
        r#"took_seconds_count{verb="list"} 4"#,
        r#"took_seconds_bucket{le="+Inf"} 0"#,
        "took_seconds_sum 0",
        "took_seconds_count 0",
    ];
    assert_eq!(lines, expected);
}
