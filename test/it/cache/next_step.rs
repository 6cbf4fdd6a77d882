//! The table of steps, value in and value out.

use std::time::Duration;

use bitcoin_controller::api::meta::{Status, StatusDetails};
use bitcoin_controller::cache::initial_events::Unfinished;
use bitcoin_controller::cache::next_step::{Course, Next, Step};
use bitcoin_controller::client::Error;

use super::faults::{broken, status, status_with_cause};

fn refused(code: u16, reason: &str) -> Error {
    Error::refused("test", status(code, reason))
}

fn busy_for(seconds: u64) -> Error {
    let details = StatusDetails {
        retry_after_seconds: seconds,
        ..StatusDetails::default()
    };
    let busy = Status {
        details,
        ..status(429, "TooManyRequests")
    };
    Error::refused("test", busy)
}

fn next(step: Step, wait: Option<u64>) -> Next {
    Next {
        step,
        wait: wait.map(Duration::from_secs),
    }
}

#[test]
fn each_way_in_which_initial_events_fail_has_its_next_step_and_its_memory() {
    let too_large = status_with_cause(504, "Timeout", "ResourceVersionTooLarge", "");
    let failed = Unfinished::Failed;
    // What happened, what next, whether initial events are asked for again.
    let table = [
        (
            failed(refused(410, "Expired")),
            next(Step::State, None),
            true,
        ),
        (
            failed(Error::refused("test", too_large)),
            next(Step::State, None),
            true,
        ),
        (failed(busy_for(7)), next(Step::State, Some(7)), true),
        (
            failed(refused(422, "Invalid")),
            next(Step::List, None),
            false,
        ),
        (
            failed(refused(400, "BadRequest")),
            next(Step::List, None),
            false,
        ),
        (
            failed(refused(500, "InternalError")),
            next(Step::List, None),
            true,
        ),
        (failed(broken()), next(Step::List, None), true),
        (Unfinished::Silent, next(Step::List, None), false),
        (
            Unfinished::Ended { n_events: 0 },
            next(Step::List, None),
            true,
        ),
        (
            Unfinished::Ended { n_events: 1 },
            next(Step::State, Some(0)),
            true,
        ),
    ];
    for (unfinished, expected, is_asked_again) in table {
        let mut course = Course::new(true);
        assert_eq!(
            course.after_unfinished(&unfinished, false),
            expected,
            "{unfinished:?}"
        );
        assert_eq!(
            course.has_initial_events(),
            is_asked_again,
            "{unfinished:?}"
        );
    }
}

#[test]
fn each_end_of_a_watch_has_its_next_step() {
    let (gone, broke) = (refused(410, "Gone"), refused(500, "InternalError"));
    let busy = busy_for(7);
    let table = [
        (Ok(()), true, false, next(Step::Watch, None)),
        (Ok(()), false, true, next(Step::Watch, None)),
        (Ok(()), false, false, next(Step::State, Some(0))),
        (Err(&gone), true, false, next(Step::State, None)),
        (Err(&busy), true, false, next(Step::Watch, Some(7))),
        (Err(&broke), true, false, next(Step::State, Some(0))),
    ];
    for (ended, has_brought_something, has_state, expected) in table {
        let mut course = Course::new(true);
        let next = course.after_watch(ended, has_brought_something, has_state);
        assert_eq!(next, expected, "{ended:?}");
        assert_eq!(
            course.is_version_unavailable(),
            ended.is_err_and(Error::is_gone)
        );
    }
}

#[test]
fn a_whole_state_ends_the_search_for_one() {
    let mut course = Course::new(true);
    assert!(course.lists_again_after(&refused(410, "Expired")));
    assert_eq!(course.after_list(false), next(Step::State, Some(0)));
    assert!(course.is_version_unavailable(), "a failure mends nothing");
    assert_eq!(course.after_list(true), next(Step::Watch, None));
    assert!(!course.is_version_unavailable());
    assert!(!course.lists_again_after(&refused(500, "InternalError")));
}
