//! One counter for each combination of labels.

use std::sync::Arc;

use bitcoin_controller::metrics::labelled::MOST_SERIES;
use bitcoin_controller::metrics::{Counter, Labelled};

fn seen(counters: &Labelled<Counter, 1>) -> Vec<(String, u64)> {
    let mut seen = Vec::new();
    counters.each(|labels, counter| seen.push((labels[0].1.to_owned(), counter.get())));
    seen
}

#[test]
fn each_combination_has_its_own_and_keeps_it() {
    let counters = Labelled::new(["code"], Counter::default);
    counters.with(["404"]).increment();
    counters.with(["200"]).increment();
    counters.with(["404"]).increment();
    assert!(Arc::ptr_eq(
        &counters.with(["200"]),
        &counters.with(["200"])
    ));
    assert_eq!(
        seen(&counters),
        [("200".to_owned(), 1), ("404".to_owned(), 2)]
    );
}

#[test]
fn past_the_bound_all_others_are_one_and_the_total_stays_right() {
    let counters = Labelled::new(["code"], Counter::default);
    for number in 0..2 * MOST_SERIES {
        counters.with([&number.to_string()]).increment();
        counters.with(["0"]).increment();
    }
    let seen = seen(&counters);
    assert_eq!(seen.len(), MOST_SERIES);
    let total: u64 = seen.iter().map(|(_, count)| count).sum();
    assert_eq!(total, 4 * MOST_SERIES as u64);
    assert!(seen.contains(&("other".to_owned(), MOST_SERIES as u64 + 1)));
    assert!(seen.contains(&("0".to_owned(), 2 * MOST_SERIES as u64 + 1)));
}
