//! Goal: what is kept between passes says whose a reservation is, and what is done with.

use std::time::Duration;

use bitcoin_controller::api::network::MiningStatus;
use bitcoin_controller::controller::mining::{Bench, PATIENCE};
use tokio::time::advance;

use super::{SECOND, last, next};

#[tokio::test(start_paused = true)]
async fn a_reservation_of_somebody_else_is_left_to_him_while_something_comes_of_it() {
    let (mut bench, reserved) = (Bench::default(), next(100, 0));
    assert_eq!(bench.patience(&reserved, Some(5)), Some(PATIENCE));
    advance(Duration::from_secs(2)).await;
    assert_eq!(
        bench.patience(&reserved, Some(5)),
        Some(Duration::from_secs(1))
    );
    assert_eq!(
        bench.patience(&reserved, Some(6)),
        Some(PATIENCE),
        "he is at it"
    );
    advance(PATIENCE).await;
    assert_eq!(bench.patience(&reserved, Some(6)), None);
    assert_eq!(bench.patience(&reserved, Some(7)), None, "it is ours now");
    assert_eq!(bench.patience(&next(6, 1), Some(5)), Some(PATIENCE));
}

#[test]
fn what_is_done_with_is_not_taken_up_again_and_the_later_block_is_the_last() {
    let mut bench = Bench::default();
    let status = MiningStatus {
        next: Some(next(6, 0)),
        ..last(5, 10 * SECOND)
    };
    assert_eq!(bench.over(Some(&status)), status);
    bench.close(&next(6, 0), last(6, SECOND).last);
    assert_eq!(bench.over(Some(&status)), last(6, SECOND));
    let newer = MiningStatus {
        next: Some(next(9, 0)),
        ..last(8, 0)
    };
    assert_eq!(bench.over(Some(&newer)), newer);
}
