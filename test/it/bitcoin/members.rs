//! Mirrors `src/bitcoin/members.rs`.

use bitcoin_controller::bitcoin::members::Membership;
use bitcoin_controller::bitcoin::{Identity, Members};

#[test]
fn membership_is_by_mark_and_name() {
    let members = Members::new("1f2e3d4c", "a-sts-", 3).unwrap();
    let of = |network, node| members.membership(&Identity::new(network, node).unwrap());
    assert_eq!(of("1f2e3d4c", "a-sts-0"), Membership::Member(0));
    assert_eq!(of("1f2e3d4c", "a-sts-2"), Membership::Member(2));
    for former in [
        "a-sts-3",
        "a-sts-02",
        "a-sts-",
        "a-sts--1",
        "b-sts-0",
        "a-sts-99999999999",
    ] {
        assert_eq!(of("1f2e3d4c", former), Membership::Former, "{former}");
    }
    assert_eq!(of("00000000", "a-sts-0"), Membership::Stranger);
    assert_eq!(members.identity(2).unwrap().to_string(), "1f2e3d4c.a-sts-2");
}

#[test]
fn names_that_cannot_be_in_a_comment_are_refused() {
    assert_eq!(Members::new("1f2e3d4", "a-", 3), None);
    assert_eq!(Members::new("1f2e3d4c", "a;b-", 3), None);
    assert_eq!(Members::new("1f2e3d4c", &"a".repeat(63), 3), None);
    assert!(Members::new("1f2e3d4c", &"a".repeat(60), 999).is_some());
}
