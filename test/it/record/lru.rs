//! A map with a bound, against a naive one.

use bitcoin_controller::base::Random;
use bitcoin_controller::record::lru::Lru;

/// The model: a list in order of use, the last used at the end.
#[test]
fn a_thousand_random_histories_agree_with_a_list_in_order_of_use() {
    for seed in 0..1_000 {
        let random = Random::seeded(seed);
        let capacity = 1 + random.below(5) as usize;
        let mut lru = Lru::new(capacity);
        let mut model: Vec<(u64, u64)> = Vec::new();
        for step in 0..50 {
            let key = random.below(8);
            let position = model.iter().position(|(known, _)| *known == key);
            let value = match position {
                Some(position) => model.remove(position).1,
                None => step,
            };
            model.push((key, value));
            if model.len() > capacity {
                model.remove(0);
            }
            assert_eq!(*lru.get_or_insert_with(key, || step), value, "seed {seed}");
            if random.below(10) == 0 {
                let mut seen = Vec::new();
                lru.retain(|value| {
                    seen.push(*value);
                    *value % 3 != 0
                });
                let all: Vec<u64> = model.iter().map(|(_, value)| *value).collect();
                assert_eq!(seen, all, "seed {seed}: the order of use");
                model.retain(|(_, value)| *value % 3 != 0);
            }
            assert_eq!(lru.len(), model.len(), "seed {seed}");
            for key in 0..8 {
                let known = model.iter().find(|(known, _)| *known == key);
                assert_eq!(lru.get(&key), known.map(|(_, value)| value), "seed {seed}");
            }
        }
    }
}

#[test]
fn it_holds_one_entry_at_least() {
    let mut lru = Lru::new(0);
    assert!(lru.is_empty());
    lru.get_or_insert_with("a", || 1);
    assert_eq!(lru.get(&"a"), Some(&1));
}
