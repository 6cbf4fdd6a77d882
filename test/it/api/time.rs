//! Dates as servers write them and take them.

use std::time::{Duration, UNIX_EPOCH};

use bitcoin_controller::api::{MicroTime, Timestamp};
use bitcoin_controller::base::Clock;

fn written(micros: i64) -> String {
    MicroTime::from_unix_micros(micros).to_string()
}

#[test]
fn a_micro_time_has_six_fractional_digits_whatever_they_are() {
    assert_eq!(written(0), "1970-01-01T00:00:00.000000Z");
    assert_eq!(written(1_000_042), "1970-01-01T00:00:01.000042Z");
    assert_eq!(written(-1), "1969-12-31T23:59:59.999999Z");
}

#[test]
fn a_micro_time_reads_any_fraction_and_drops_what_is_smaller_than_itself() {
    for (text, micros) in [
        ("1970-01-01T00:00:01Z", 1_000_000),
        ("1970-01-01T00:00:01.5Z", 1_500_000),
        ("1970-01-01T01:00:01.000042999+01:00", 1_000_042),
        ("1969-12-31T23:59:59.999999Z", -1),
    ] {
        let read: MicroTime = serde_json::from_value(text.into()).unwrap();
        assert_eq!(read.unix_micros(), micros, "{text}");
    }
    assert!(serde_json::from_str::<MicroTime>("\"yesterday\"").is_err());
}

#[tokio::test(start_paused = true)]
async fn a_micro_time_shows_what_the_clock_shows() {
    let clock = Clock::starting_at(UNIX_EPOCH + Duration::from_nanos(2_000_003_999));
    let now = MicroTime::now(&clock);
    assert_eq!(now.unix_micros(), 2_000_003);
    assert_eq!(now.to_second(), Timestamp::from_unix_seconds(2));
    let before = MicroTime::now(&Clock::starting_at(UNIX_EPOCH - Duration::from_millis(1)));
    assert_eq!(before.unix_micros(), -1_000);
    assert_eq!(before.to_second(), Timestamp::from_unix_seconds(-1));
}
