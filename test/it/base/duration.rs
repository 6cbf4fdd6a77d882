//! Goal: what people write for a duration is read as they mean it, and nothing else is.

use std::time::Duration;

use bitcoin_controller::base::duration::{parse, show};

#[test]
fn numbers_with_units_are_summed() {
    let millis = |text| parse(text).unwrap().as_millis();
    assert_eq!(millis("500ms"), 500);
    assert_eq!(millis("10s"), 10_000);
    assert_eq!(millis("1.5s"), 1_500);
    assert_eq!(millis("1m30s"), 90_000);
    assert_eq!(millis("2h0.25m"), 7_215_000);
    assert_eq!(millis("720h"), 30 * 86_400_000);
    assert_eq!(millis("0s"), 0);
}

#[test]
fn what_is_no_duration_is_refused() {
    for text in [
        "",
        "10",
        "s",
        "10 s",
        "-1s",
        "1d",
        "1s2",
        ".5s",
        "1.s",
        "1..2s",
        "1e3s",
        "1µs",
        "1S",
        "99999999999999999999s",
        "999999999999h",
    ] {
        assert!(parse(text).is_err(), "{text}");
    }
}

#[test]
fn what_is_written_is_read_back() {
    for millis in [0, 1, 999, 1_000, 61_000, 3_600_000, 90_061_007] {
        let duration = Duration::from_millis(millis);
        assert_eq!(parse(&show(duration)), Ok(duration), "{}", show(duration));
    }
    assert_eq!(show(Duration::from_millis(90_500)), "1m30s500ms");
}
