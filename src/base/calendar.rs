//! Dates as Kubernetes writes them: RFC 3339, UTC, to the second or to the microsecond.
//!
//! The proleptic Gregorian calendar has one trick worth knowing: if the year is made to start in
//! March, the leap day is the last day of the year and every month's offset follows from one linear
//! formula. Both directions below use it; an era is 400 years, after which the calendar repeats.
//!
//! # Invariants
//! - What [`format_seconds`] writes, [`parse`] reads back as the same second.
//! - [`parse`] takes offsets and fractions of any length and refuses dates that do not exist.
//!
//! # Example
//! ```
//! use bitcoin_controller::base::calendar;
//! assert_eq!(calendar::format_seconds(1_456_430_279), "2016-02-25T19:57:59Z");
//! assert_eq!(calendar::parse("2016-02-25T20:57:59.5+01:00"), Some((1_456_430_279, 500_000)));
//! ```
//!
//! # Source
//! apimachinery `pkg/apis/meta/v1/time.go` and `micro_time.go` say what is written: whole seconds
//! with `Z`, and exactly six fractional digits in a MicroTime.

const SECONDS_PER_DAY: i64 = 86_400;
const DAYS_PER_ERA: i64 = 146_097;
/// Days from 0000-03-01 to 1970-01-01.
const DAYS_TO_1970: i64 = 719_468;

/// Writes Unix seconds as `2016-02-25T19:57:59Z`.
pub fn format_seconds(unix_seconds: i64) -> String {
    format!("{}Z", date_and_time(unix_seconds))
}

/// Writes Unix seconds and microseconds as `2016-02-25T19:57:59.000000Z`, the form of a MicroTime.
pub fn format_micros(unix_seconds: i64, micros: u32) -> String {
    format!("{}.{micros:06}Z", date_and_time(unix_seconds))
}

/// Reads an RFC 3339 date into Unix seconds and microseconds; `None` if it is not one.
pub fn parse(text: &str) -> Option<(i64, u32)> {
    let (date, rest) = text.split_at_checked(10)?;
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let (time, rest) = rest.split_at_checked(8)?;
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let [hour, minute, second] = numbers(time, ':', [2, 2, 2])?;
    if !(1..=12).contains(&month) || day < 1 || day > days_in(year, month) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let (micros, zone) = fraction(rest)?;
    let seconds =
        days_since_1970(year, month, day) * SECONDS_PER_DAY + hour * 3_600 + minute * 60 + second;
    Some((seconds - offset_seconds(zone)?, micros))
}

fn date_and_time(unix_seconds: i64) -> String {
    let (year, month, day) = civil(unix_seconds.div_euclid(SECONDS_PER_DAY));
    let second = unix_seconds.rem_euclid(SECONDS_PER_DAY);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")
}

fn numbers(text: &str, separator: char, widths: [usize; 3]) -> Option<[i64; 3]> {
    let mut parts = text.split(separator);
    let mut found = [0; 3];
    for (slot, width) in found.iter_mut().zip(widths) {
        let part = parts.next()?;
        if part.len() != width || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        *slot = part.parse().ok()?;
    }
    parts.next().is_none().then_some(found)
}

/// Takes an optional `.digits` off the front: microseconds, and what follows.
fn fraction(text: &str) -> Option<(u32, &str)> {
    let Some(rest) = text.strip_prefix('.') else {
        return Some((0, text));
    };
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 {
        return None;
    }
    let micros = format!("{:0<6.6}", &rest[..digits]).parse().ok()?;
    Some((micros, &rest[digits..]))
}

fn offset_seconds(zone: &str) -> Option<i64> {
    if zone == "Z" || zone == "z" {
        return Some(0);
    }
    let (sign, rest) = match zone.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let [hours, minutes, _] = numbers(&format!("{rest}:00"), ':', [2, 2, 2])?;
    (hours < 24 && minutes < 60).then_some(sign * (hours * 3_600 + minutes * 60))
}

fn days_in(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * DAYS_PER_ERA + day_of_era - DAYS_TO_1970
}

fn civil(days_since_1970: i64) -> (i64, i64, i64) {
    let days = days_since_1970 + DAYS_TO_1970;
    let (era, day_of_era) = (days.div_euclid(DAYS_PER_ERA), days.rem_euclid(DAYS_PER_ERA));
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}
