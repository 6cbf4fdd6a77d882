//! Goal: nobody outside is dialled more often than does any good. Mirrors `src/controller/outside.rs`,
//! whose networks meet in `test/it/world/external.rs`.

use std::time::Duration;

use bitcoin_controller::bitcoin::external::DialOut;
use bitcoin_controller::bitcoin::{Identity, Members};
use bitcoin_controller::controller::outside::{Outings, REDIAL_EVERY, REFUSED_REST};
use bitcoin_controller::http::Endpoint;
use tokio::time::advance;

fn dials() -> Vec<DialOut> {
    let dial = |from| DialOut {
        from,
        address: Endpoint::new("laptop.example", 18444),
    };
    vec![dial(0), dial(1)]
}

fn members() -> Members {
    Members::new("1f2e3d4c", "a-sts-", 2).unwrap()
}

fn n_due(outings: &mut Outings, members: &Members, generation: i64) -> usize {
    outings.due(dials(), members, generation).len()
}

#[tokio::test(start_paused = true)]
async fn each_node_dials_an_address_at_most_every_ten_seconds() {
    let mut outings = Outings::default();
    assert_eq!(n_due(&mut outings, &members(), 1), 2);
    assert_eq!(n_due(&mut outings, &members(), 1), 0);
    advance(REDIAL_EVERY - Duration::from_millis(1)).await;
    assert_eq!(n_due(&mut outings, &members(), 1), 0);
    advance(Duration::from_millis(1)).await;
    assert_eq!(n_due(&mut outings, &members(), 1), 2);
}

#[tokio::test(start_paused = true)]
async fn who_was_refused_rests_until_time_the_spec_or_consent_changes_that() {
    let stranger = Identity::new("00000000", "x-sts-0").unwrap();
    let refused = || {
        let mut outings = Outings::default();
        outings.refuse("laptop.example:18444".to_owned(), 1, stranger.clone());
        outings
    };
    let mut by_time = refused();
    advance(REFUSED_REST - Duration::from_millis(1)).await;
    assert_eq!(n_due(&mut by_time, &members(), 1), 0);
    advance(Duration::from_millis(1)).await;
    assert_eq!(n_due(&mut by_time, &members(), 1), 2);
    assert_eq!(n_due(&mut refused(), &members(), 2), 2);
    let friends = members().with_friends(["00000000".to_owned()]);
    assert_eq!(n_due(&mut refused(), &friends, 1), 2);
}
