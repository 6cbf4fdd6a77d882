//! Mirrors `src/bitcoin/error.rs`.

use std::error::Error as _;
use std::time::Duration;

use bitcoin_controller::base::json;
use bitcoin_controller::bitcoin::error::{Error, Kind};
use bitcoin_controller::http::Endpoint;

fn error(kind: Kind) -> Error {
    Error::new("uptime", &Endpoint::new("fd00::7", 18443), kind)
}

/// Each kind answers yes to one question at most, and to which.
#[test]
fn every_kind_has_its_question() {
    let malformed = json::from_slice::<u8>(b"x").unwrap_err();
    let rpc = |code| Kind::Rpc {
        code,
        message: "no".into(),
    };
    let kinds = [
        (Kind::Timeout(Duration::from_secs(5)), "timeout"),
        (Kind::Unauthorized, "unauthorized"),
        (Kind::Forbidden, "forbidden"),
        (Kind::Busy, "busy"),
        (Kind::WarmingUp, "warming up"),
        (rpc(-28), "warming up"),
        (rpc(-8), ""),
        (Kind::Status(404), ""),
        (Kind::TooLarge(1), ""),
        (Kind::Malformed(malformed), ""),
        (Kind::NotAnAnswer("it has another id"), ""),
        (Kind::BadAddress, ""),
    ];
    for (kind, expected) in kinds {
        let error = error(kind);
        let answers = [
            (error.is_timeout(), "timeout"),
            (error.is_unauthorized(), "unauthorized"),
            (error.is_forbidden(), "forbidden"),
            (error.is_busy(), "busy"),
            (error.is_warming_up(), "warming up"),
            (error.is_unreachable(), "unreachable"),
        ];
        let yes: Vec<&str> = answers
            .into_iter()
            .filter_map(|(yes, question)| yes.then_some(question))
            .collect();
        assert_eq!(yes.join(", "), expected, "{error}");
    }
}

#[test]
fn the_message_names_call_and_node_and_the_source_says_the_rest() {
    let malformed = json::from_slice::<u8>(b"\"hunter2\"").unwrap_err();
    let error = error(Kind::Malformed(malformed));
    assert_eq!(
        error.to_string(),
        "failed to call `uptime` on [fd00::7]:18443: the answer cannot be read"
    );
    assert_eq!(
        error.source().unwrap().to_string(),
        "wrong type or value (line 1, column 9)"
    );
}
