//! Mirrors `src/base/calendar.rs`.

use bitcoin_controller::base::{Random, calendar};

#[test]
fn known_dates_are_written_as_kubernetes_writes_them() {
    let known = [
        (0, "1970-01-01T00:00:00Z"),
        (-1, "1969-12-31T23:59:59Z"),
        (951_782_400, "2000-02-29T00:00:00Z"),
        (4_107_542_399, "2100-02-28T23:59:59Z"),
        (4_107_542_400, "2100-03-01T00:00:00Z"),
        (1_296_688_602, "2011-02-02T23:16:42Z"),
    ];
    for (seconds, text) in known {
        assert_eq!(calendar::format_seconds(seconds), text);
        assert_eq!(calendar::parse(text), Some((seconds, 0)));
    }
    assert_eq!(
        calendar::format_micros(0, 42),
        "1970-01-01T00:00:00.000042Z"
    );
}

#[test]
fn what_is_written_reads_back_as_the_same_second() {
    let random = Random::seeded(4);
    for _ in 0..10_000 {
        // Years 0000 to 9999.
        let seconds = i64::try_from(random.below(315_569_519_999)).unwrap() - 62_167_219_200;
        let text = calendar::format_seconds(seconds);
        assert_eq!(calendar::parse(&text), Some((seconds, 0)), "{text}");
    }
}

#[test]
fn offsets_and_fractions_of_any_length_are_read() {
    assert_eq!(calendar::parse("1970-01-01T01:30:00+01:30"), Some((0, 0)));
    assert_eq!(calendar::parse("1969-12-31T22:00:00-02:00"), Some((0, 0)));
    assert_eq!(
        calendar::parse("1970-01-01T00:00:00.5Z"),
        Some((0, 500_000))
    );
    assert_eq!(
        calendar::parse("1970-01-01T00:00:00.123456789Z"),
        Some((0, 123_456))
    );
}

#[test]
fn dates_that_do_not_exist_are_refused() {
    let wrong = [
        "",
        "1970-01-01",
        "1970-13-01T00:00:00Z",
        "1970-02-29T00:00:00Z",
        "1970-01-01T24:00:00Z",
        "1970-01-01T00:60:00Z",
        "1970-01-01T00:00:00",
        "1970-01-01T00:00:00.Z",
        "1970-01-01T00:00:00+1:00",
        "1970-1-01T00:00:00Z ",
        "19七0-01-01T00:00:00Z",
        "1970-01-01T00:00:00+99:00",
    ];
    for text in wrong {
        assert_eq!(calendar::parse(text), None, "{text}");
    }
}
