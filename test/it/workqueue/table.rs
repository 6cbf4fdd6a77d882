//! The table against a model, and what an insertion may cost.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};

use bitcoin_controller::base::Random;
use bitcoin_controller::workqueue::table::Table;

#[test]
fn whatever_is_inserted_and_removed_it_holds_what_a_map_holds() {
    let random = Random::seeded(1);
    let (mut table, mut model, mut slots) = (Table::default(), BTreeMap::new(), BTreeMap::new());
    for step in 0..60_000_u64 {
        // It grows for a while, then shrinks, twice over the border of a chunk.
        let grows = step / 15_000 % 2 == 0;
        let key = random.below(8_000);
        if random.below(10) < if grows { 8 } else { 2 } {
            let (slot, is_new) = table.insert(key, || step);
            assert_eq!(is_new, !model.contains_key(&key));
            model.entry(key).or_insert(step);
            assert_eq!(
                *slots.entry(key).or_insert(slot),
                slot,
                "an entry never moves"
            );
        } else if let Some(value) = model.remove(&key) {
            let slot = slots.remove(&key).unwrap();
            assert_eq!(table.remove(slot), (key, value));
        }
        assert_eq!(table.find(&key), slots.get(&key).copied());
        assert_eq!(table.len(), model.len());
    }
    for (key, value) in &model {
        let slot = table.find(key).unwrap();
        assert_eq!((table.key(slot), table[slot]), (key, *value));
    }
}

#[test]
fn values_are_changed_in_place() {
    let mut table = Table::default();
    let (slot, _) = table.insert("alpha", || 1);
    table[slot] += 10;
    assert_eq!(table.insert("alpha", || 0), (slot, false));
    assert_eq!(table[slot], 11);
}

#[test]
fn place_of_a_removed_entry_is_used_again() {
    let mut table = Table::default();
    let (alpha, _) = table.insert("alpha", || 1);
    let (beta, _) = table.insert("beta", || 2);
    table.remove(alpha);
    table.remove(beta);
    assert!(table.is_empty());
    assert_eq!(table.insert("gamma", || 3), (beta, true));
    assert_eq!(table.insert("delta", || 4), (alpha, true));
}

#[test]
fn no_insertion_hashes_any_other_key() {
    thread_local!(static N_HASHED: Cell<usize> = const { Cell::new(0) });
    #[derive(PartialEq, Eq)]
    struct Key(usize);
    impl Hash for Key {
        fn hash<H: Hasher>(&self, state: &mut H) {
            N_HASHED.set(N_HASHED.get() + 1);
            self.0.hash(state);
        }
    }

    let mut table = Table::default();
    for number in 0..20_000 {
        table.insert(Key(number), || ());
        assert_eq!(N_HASHED.get(), number + 1);
    }
}
