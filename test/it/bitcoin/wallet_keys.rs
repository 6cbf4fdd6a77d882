//! Mirrors `src/bitcoin/wallet_keys.rs`.

use bitcoin_controller::base::Random;
use bitcoin_controller::bitcoin::WalletKeys;
use bitcoin_controller::bitcoin::wallet_keys::checksum;

/// The vectors of BIP 380, and what a real node says to descriptors of a wallet.
#[test]
fn checksums_are_those_of_the_standard() {
    for (descriptor, expected) in [
        ("raw(deadbeef)", Some("89f8spxm")),
        ("raw(Ü)", None),
        (
            "wpkh(02f9308a019258c31049344f85f89d5229b531c845836f99b08601f113bce036f9)",
            Some("8zl0zxma"),
        ),
    ] {
        assert_eq!(checksum(descriptor).as_deref(), expected, "{descriptor}");
    }
}

#[test]
fn everything_follows_from_the_seed() {
    let keys = WalletKeys::generate(&Random::seeded(1));
    let again = WalletKeys::of_seed(&keys.seed()).unwrap();
    assert_eq!(again, keys);
    assert_eq!(again.descriptors(), keys.descriptors());
    let other = WalletKeys::generate(&Random::seeded(2));
    assert_ne!(other.seed(), keys.seed());
    assert_ne!(other.address(), keys.address());
}

/// The master key is the one of BIP 32's second vector, whose seed is cut to our length: what it derives was
/// compared with `deriveaddresses` of a real node (`wallet_scenarios`).
#[test]
fn addresses_and_descriptors_are_those_of_regtest() {
    let keys = WalletKeys::of_seed(&"01".repeat(32)).unwrap();
    assert!(keys.address().starts_with("bcrt1q"), "{}", keys.address());
    for (chain, descriptor) in (0..).zip(keys.descriptors()) {
        assert!(descriptor.starts_with("wpkh(tprv8ZgxMBicQKsPd"), "{chain}");
        let end = format!("/84h/1h/0h/{chain}/*)#");
        assert!(descriptor.contains(&end), "{chain}");
    }
}

#[test]
fn what_is_no_seed_is_refused() {
    for text in ["", "00", &"0".repeat(63), &"g".repeat(64), &"0".repeat(66)] {
        assert_eq!(WalletKeys::of_seed(text), None, "{text}");
    }
}

#[test]
fn debug_shows_nothing() {
    let keys = WalletKeys::generate(&Random::seeded(1));
    assert_eq!(format!("{keys:?}"), "WalletKeys(…)");
}
