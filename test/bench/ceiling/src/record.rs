//! Events are correlated: new ones, the same again, many that differ in their message only.

use std::hint::black_box;

use bitcoin_controller::api::MicroTime;
use bitcoin_controller::api::core::ObjectReference;
use bitcoin_controller::record::{Event, EventCorrelator, EventType};
use tokio::time::Instant;

use crate::Work;

const N_EVENTS: u64 = 5_000;
const N_OBJECTS: u64 = 200;

/// Events about 200 objects: of each object five that come again, and five whose messages all differ.
pub fn correlate() -> Work {
    let (events, now): (Vec<_>, _) = ((0..N_EVENTS).map(event).collect(), Instant::now());
    Work::new(N_EVENTS, move || {
        let mut correlator = EventCorrelator::default();
        for event in events {
            black_box(correlator.correlate(event, now));
        }
        correlator
    })
}

fn event(number: u64) -> Event {
    let (object, turn) = (number % N_OBJECTS, number / N_OBJECTS);
    let message = match turn % 2 {
        0 => format!("link to node {} is present", turn % 10),
        _ => format!("block {turn} of object {object} was mined"),
    };
    let at = MicroTime::from_unix_micros(1_800_000_000_000_000 + number as i64);
    Event {
        name: format!("object-{object}.{number:016x}"),
        about: ObjectReference {
            api_version: "bitcoincontroller.christianb93.github.com/v1".to_owned(),
            kind: "BitcoinNetwork".to_owned(),
            namespace: format!("ns-{}", object % 50),
            name: format!("object-{object}"),
            uid: format!("{object:08x}-1111-2222-3333-444444444444"),
            ..ObjectReference::default()
        },
        related: None,
        kind: EventType::Normal,
        reason: ["Connected", "Mined"][(turn % 2) as usize].to_owned(),
        action: "Reconcile".to_owned(),
        message,
        component: "bitcoin-controller".to_owned(),
        instance: "host-1".to_owned(),
        count: 1,
        first_timestamp: at,
        last_timestamp: at,
    }
}
