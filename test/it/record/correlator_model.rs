//! The correlator against one that has nothing but the list of what happened so far.

use std::time::Duration;

use bitcoin_controller::api::MicroTime;
use bitcoin_controller::base::Random;
use bitcoin_controller::record::event_correlator::{BURST, COMBINE_FROM, COMBINED_PREFIX, REFILL};
use bitcoin_controller::record::{Correlated, Event, EventCorrelator, EventType};
use tokio::time::Instant;

use super::double::event;

/// Something that happened, in seconds since the beginning.
struct Happened {
    at: u64,
    event: Event,
    is_combined: bool,
}

/// Decides from the whole past each time, as the rules are told to a person.
#[derive(Default)]
struct Naive {
    past: Vec<Happened>,
    /// For each object and type: when it was looked at, and how full its bucket is, in seconds of filling.
    buckets: Vec<(String, u64, u64)>,
}

impl Naive {
    fn correlate(&mut self, mut event: Event, at: u64) -> Correlated {
        let is_combined = self.is_combined(&event, at);
        let same = |past: &&Happened| {
            group(&past.event) == group(&event)
                && past.is_combined == is_combined
                && (is_combined || what(&past.event) == what(&event))
        };
        let count = 1 + self.past.iter().filter(same).count() as u32;
        let first = self.past.iter().find(same).map(|past| past.event.clone());
        let happened = event.clone();
        if let Some(first) = first {
            event.name = first.name;
            event.first_timestamp = first.first_timestamp;
        }
        event.count = count;
        if is_combined {
            event.message = format!("{COMBINED_PREFIX}{}", event.message);
            event.about.field_path.clear();
        }
        self.past.push(Happened {
            at,
            event: happened,
            is_combined,
        });
        match (self.takes_a_token(&event, at), count) {
            (false, _) => Correlated::Skip,
            (true, 1) => Correlated::Create(event),
            (true, _) => Correlated::Patch(event),
        }
    }

    /// Whether the group has had ten different messages since it was last quiet for more than 600 s.
    fn is_combined(&self, event: &Event, at: u64) -> bool {
        let mut messages = vec![event.message.as_str()];
        let mut later = at;
        let mine = |past: &&Happened| group(&past.event) == group(event);
        for past in self.past.iter().rev().filter(mine) {
            if later - past.at > 600 {
                break;
            }
            later = past.at;
            messages.push(&past.event.message);
        }
        messages.sort_unstable();
        messages.dedup();
        messages.len() >= COMBINE_FROM
    }

    /// Fills the bucket drop by drop, a second each.
    fn takes_a_token(&mut self, event: &Event, at: u64) -> bool {
        let (token, full) = (REFILL.as_secs(), u64::from(BURST) * REFILL.as_secs());
        let source = format!("{} {:?}", event.about.name, event.kind);
        let known = self.buckets.iter().position(|(name, ..)| *name == source);
        let index = known.unwrap_or_else(|| {
            self.buckets.push((source, at, full));
            self.buckets.len() - 1
        });
        let (_, looked, level) = &mut self.buckets[index];
        while *looked < at {
            *looked += 1;
            *level = full.min(*level + 1);
        }
        let is_there = *level >= token;
        *level -= if is_there { token } else { 0 };
        is_there
    }
}

fn group(event: &Event) -> (&str, EventType, &str) {
    (&event.about.name, event.kind, &event.reason)
}

fn what(event: &Event) -> (&str, &str) {
    (&event.about.field_path, &event.message)
}

/// An event like others: few objects, reasons and messages, so that they meet in every way.
fn any_event(random: &Random, step: usize, n_messages: u64) -> Event {
    let pick = |bound: u64| random.below(bound);
    let object = ["a", "b"][usize::from(pick(8) == 0)];
    let reason = ["Done", "Other"][usize::from(pick(8) == 0)];
    let message = format!("m{}", pick(n_messages));
    let mut event = event(&format!("name-{step}"), object, reason, &message);
    if pick(8) == 0 {
        event.kind = EventType::Warning;
    }
    if pick(6) == 0 {
        event.about.field_path = "spec".to_owned();
    }
    event.first_timestamp = MicroTime::from_unix_micros(step as i64);
    event.last_timestamp = event.first_timestamp;
    event
}

/// Goal: no history tells the two apart. Chatty ones, quiet ones, and such as pause just short of, at and
/// just beyond the limits.
#[test]
fn two_thousand_random_histories_are_told_as_the_naive_correlator_tells_them() {
    let start = Instant::now();
    let (mut n_skipped, mut n_combined) = (0, 0);
    for seed in 0..2_000 {
        let random = Random::seeded(seed);
        let (mut correlator, mut naive) = (EventCorrelator::default(), Naive::default());
        let (n_messages, pauses) = (1 + random.below(20), 2 + random.below(30));
        let mut at = 0;
        for step in 0..45 {
            at += match random.below(pauses) {
                0 => [299, 300, 301, 599, 600, 601][random.below(6) as usize],
                _ => random.below(3),
            };
            let event = any_event(&random, step, n_messages);
            let expected = naive.correlate(event.clone(), at);
            let found = correlator.correlate(event, start + Duration::from_secs(at));
            assert_eq!(found, expected, "seed {seed}, step {step}, second {at}");
            match &found {
                Correlated::Skip => n_skipped += 1,
                Correlated::Create(event) | Correlated::Patch(event) => {
                    n_combined += usize::from(event.message.starts_with(COMBINED_PREFIX));
                }
            }
        }
    }
    // The histories do go where it matters.
    assert!(
        n_skipped > 2_000 && n_combined > 2_000,
        "{n_skipped} {n_combined}"
    );
}
