//! Goal: different contents have different short names.

use bitcoin_controller::controller::digest;

#[test]
fn the_border_between_parts_counts() {
    assert_ne!(digest::of(&["ab", "c"]), digest::of(&["a", "bc"]));
    assert_ne!(digest::of(&["a"]), digest::of(&["a", ""]));
    assert_eq!(digest::of(&["a", "b"]), digest::of(&["a", "b"]));
}

#[test]
fn another_key_gives_another_digest_of_the_same_parts() {
    assert_ne!(digest::keyed("one", &["a"]), digest::keyed("two", &["a"]));
    assert_ne!(digest::keyed("one", &["a"]), digest::of(&["a"]));
}

#[test]
fn digests_are_sixty_four_lower_case_hexadecimal_digits() {
    for digest in [digest::of(&[]), digest::keyed("key", &["part"])] {
        assert_eq!(digest.len(), 64);
        assert!(
            digest
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')),
            "{digest}"
        );
    }
}
