//! Mirrors `src/bitcoin/credentials.rs`.

use bitcoin_controller::base::Random;
use bitcoin_controller::bitcoin::credentials::{
    Credentials, Error, PASSWORD_BYTES, SALT_BYTES, random_salt, rpcauth_line,
};

/// The users of Bitcoin Core's functional test `rpc_users.py`; the hashes are those of
/// `share/rpcauth/rpcauth.py`.
#[test]
fn rpcauth_lines_are_those_of_bitcoin_core() {
    let lines = [
        (
            "rt",
            "cA773lm788buwYe4g4WT+05pKyNruVKjQ25x3n0DQcM=",
            "93648e835a54c573682c2eb19f882535",
            "rt:93648e835a54c573682c2eb19f882535$7681e9c5b74bdd85e78166031d2058e1069b3ed7ed967c93fc63abba06f31144",
        ),
        (
            "rt2",
            "8/F3uMDw4KSEbw96U3CA1C4X05dkHDN2BPFjTgZW4KI=",
            "f8607b1a88861fac29dfccf9b52ff9f",
            "rt2:f8607b1a88861fac29dfccf9b52ff9f$ff36a0c23c8c62b4846112e50fa888416e94c17bfd4c42f88fd8f55ec6a3137e",
        ),
    ];
    for (user, password, salt, line) in lines {
        assert_eq!(rpcauth_line(user, password, salt), line);
    }
}

#[test]
fn a_user_name_that_would_be_cut_is_refused() {
    let refused = |user, password| Credentials::new(user, password).err();
    assert_eq!(refused("", "p"), Some(Error::NoUser));
    assert_eq!(refused("a:b", "p"), Some(Error::BadUser));
    assert_eq!(refused("a\nb", "p"), Some(Error::BadUser));
    assert_eq!(refused("a", ""), Some(Error::NoPassword));
    assert_eq!(refused("ä-1", "p:ü\n"), None);
}

#[test]
fn the_password_is_in_the_header_and_nowhere_else() {
    let ours = Credentials::new("Aladdin", "open sesame").unwrap();
    let header = ours.basic_authorization();
    // The example of RFC 7617, section 2.
    assert_eq!(header.as_bytes(), b"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    assert!(header.is_sensitive());
    for shown in [
        format!("{ours:?}"),
        format!("{ours:#?}"),
        format!("{header:?}"),
    ] {
        assert!(
            !shown.contains("sesame") && !shown.contains("QWxh"),
            "{shown}"
        );
    }
}

#[test]
fn generated_passwords_and_salts_are_hexadecimal_and_differ() {
    let random = Random::seeded(1);
    let one = Credentials::generate("a", &random).unwrap();
    let other = Credentials::generate("a", &random).unwrap();
    let (salt, another) = (random_salt(&random), random_salt(&random));
    assert_ne!(one, other);
    assert_ne!(salt, another);
    assert_eq!(one.password().len(), 2 * PASSWORD_BYTES);
    assert_eq!(salt.len(), 2 * SALT_BYTES);
    let hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    assert!(hex(one.password()) && hex(&salt));
}
