//! Changes that came too late, and what is not one.

use std::future::{pending, ready};
use std::time::Duration;

use bitcoin_controller::api::meta::Status;
use bitcoin_controller::base::Random;
use bitcoin_controller::client::{Error, retry_on_conflict};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

fn refused(attempt: usize, code: u16, reason: &str) -> Error {
    let status = Status {
        reason: reason.to_owned(),
        code,
        ..Status::default()
    };
    Error::refused(format!("update the object, attempt {attempt}"), status)
}

/// Runs into `conflicts` conflicts, then into `then`. Returns what came of it and when each attempt was.
async fn run(
    conflicts: usize,
    then: impl Fn() -> Result<(), Error>,
) -> (Result<(), Error>, Vec<Instant>) {
    let mut attempts = Vec::new();
    let random = Random::seeded(1);
    let outcome = retry_on_conflict(&random, || {
        attempts.push(Instant::now());
        ready(match attempts.len() {
            n if n <= conflicts => Err(refused(n, 409, "Conflict")),
            _ => then(),
        })
    });
    (outcome.await, attempts)
}

#[tokio::test(start_paused = true)]
async fn c132_a_conflict_is_tried_again_about_ten_milliseconds_later() {
    for conflicts in 0..5 {
        let (outcome, attempts) = run(conflicts, || Ok(())).await;
        assert!(outcome.is_ok(), "{conflicts} conflicts");
        assert_eq!(attempts.len(), conflicts + 1);
        for pair in attempts.windows(2) {
            // The timer's own grain is a millisecond.
            let pause = pair[1] - pair[0];
            assert!((10..=12).contains(&pause.as_millis()), "{pause:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn c132_the_fifth_conflict_is_returned_without_another_pause() {
    let start = Instant::now();
    let (outcome, attempts) = run(100, || Ok(())).await;
    assert_eq!(attempts.len(), 5);
    assert_eq!(start.elapsed(), attempts[4] - start);
    let error = outcome.unwrap_err();
    assert!(error.is_conflict());
    assert!(error.to_string().contains("attempt 5"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn c132_whatever_is_not_a_conflict_is_returned_at_once() {
    let others = [
        (409, "AlreadyExists"),
        (404, "NotFound"),
        (429, "TooManyRequests"),
        (500, "InternalError"),
    ];
    for (code, reason) in others {
        for conflicts in [0, 2] {
            let (outcome, attempts) = run(conflicts, || Err(refused(0, code, reason))).await;
            assert_eq!(outcome.unwrap_err().status().unwrap().reason, reason);
            assert_eq!(attempts.len(), conflicts + 1, "{reason}");
        }
    }
    let late = || {
        Err(Error::Deadline {
            operation: "get".to_owned(),
            after: Duration::from_secs(1),
        })
    };
    let (outcome, attempts) = run(0, late).await;
    assert!(outcome.unwrap_err().is_timeout());
    assert_eq!(attempts.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn dropping_it_ends_the_attempts_and_it_can_be_a_task() {
    let mut tasks = JoinSet::new();
    tasks.spawn(async {
        let random = Random::os();
        retry_on_conflict(&random, || ready(Err::<(), _>(refused(1, 409, "Conflict")))).await
    });
    let outcome = tasks.join_next().await.unwrap().unwrap();
    assert!(outcome.unwrap_err().is_conflict());
    let random = Random::os();
    let endless = retry_on_conflict(&random, pending);
    let ended: Result<Result<(), Error>, _> = timeout(Duration::from_secs(1), endless).await;
    assert!(ended.is_err());
}
