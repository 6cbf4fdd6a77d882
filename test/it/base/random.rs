//! Mirrors `src/base/random.rs`.

use bitcoin_controller::base::Random;

#[test]
fn the_same_seed_gives_the_same_numbers() {
    let draw = |seed| {
        let random = Random::seeded(seed);
        (0..8).map(|_| random.next_u64()).collect::<Vec<_>>()
    };
    assert_eq!(draw(1), draw(1));
    assert_ne!(draw(1), draw(2));
}

#[test]
fn a_fork_is_not_disturbed_by_draws_elsewhere() {
    let quiet = Random::seeded(5);
    let busy = Random::seeded(5);
    busy.next_u64();
    busy.fork("other").next_u64();
    assert_eq!(
        quiet.fork("links").next_u64(),
        busy.fork("links").next_u64()
    );
    assert_ne!(
        quiet.fork("links").next_u64(),
        quiet.fork("peers").next_u64()
    );
}

#[test]
fn below_stays_below_and_reaches_every_number() {
    let random = Random::seeded(6);
    let mut seen = [false; 7];
    for _ in 0..1_000 {
        seen[usize::try_from(random.below(7)).unwrap()] = true;
    }
    assert_eq!(seen, [true; 7]);
    assert_eq!(random.below(0), 0);
    assert_eq!(random.below(1), 0);
}

#[test]
fn unit_is_within_its_bounds() {
    let random = Random::seeded(7);
    assert!((0..1_000).all(|_| (0.0..1.0).contains(&random.unit())));
}

#[test]
fn shuffling_keeps_every_item() {
    let mut items: Vec<u32> = (0..50).collect();
    Random::seeded(8).shuffle(&mut items);
    assert_ne!(items, (0..50).collect::<Vec<_>>());
    items.sort_unstable();
    assert_eq!(items, (0..50).collect::<Vec<_>>());
}

#[test]
fn the_operating_system_does_not_repeat_itself() {
    let (mut one, mut other) = ([0; 33], [0; 33]);
    Random::os().fill(&mut one);
    Random::os().fork("same name").fill(&mut other);
    assert_ne!(one, other);
    assert_ne!(one, [0; 33]);
}
