//! Mirrors `src/api/text.rs`.

use bitcoin_controller::api::text::{Interner, Text};

fn read(text: &str) -> Text {
    serde_json::from_str(&format!("{text:?}")).unwrap()
}

#[test]
fn within_a_scope_equal_texts_are_one_copy_and_outside_they_are_not() {
    let interner = Interner::default();
    let (one, other) = interner.scope(|| (read("default"), read("default")));
    assert!(Text::ptr_eq(&one, &other));
    assert!(!Text::ptr_eq(&one, &read("default")));
    let later = interner.scope(|| read("default"));
    assert!(Text::ptr_eq(&one, &later));
}

#[test]
fn a_panic_closes_the_scope() {
    let interner = Interner::default();
    let inner = interner.clone();
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        inner.scope(|| panic!("on purpose"));
    }));
    assert!(panicked.is_err());
    let held = interner.scope(|| read("a"));
    assert!(
        !Text::ptr_eq(&held, &read("a")),
        "the scope must be closed again"
    );
}

#[test]
fn texts_nobody_holds_are_forgotten() {
    let interner = Interner::default();
    let held = interner.scope(|| read("held"));
    for number in 0..100_000 {
        drop(interner.scope(|| read(&number.to_string())));
    }
    let shown = format!("{interner:?}").len();
    assert!(
        shown < 100_000,
        "the interner still holds {shown} characters"
    );
    assert!(Text::ptr_eq(&held, &interner.scope(|| read("held"))));
}
