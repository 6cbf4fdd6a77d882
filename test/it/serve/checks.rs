//! What a probe is told.

use bitcoin_controller::serve::{Check, checks};

fn good(name: &str) -> Check {
    Check::new(name, Ok(()))
}

fn bad(name: &str, why: &str) -> Check {
    Check::new(name, Err(why.to_owned()))
}

#[test]
fn all_is_well_in_one_word_or_in_full() {
    let all = [good("ping"), good("pods")];
    for query in ["", "quiet", "exclude=verbose"] {
        let answer = checks::answer("readyz", query, &all);
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (200, "ok"),
            "{query}"
        );
    }
    for query in ["verbose", "verbose=true", "a=b&verbose"] {
        let answer = checks::answer("readyz", query, &all);
        let text = "[+]ping ok\n[+]pods ok\nreadyz check passed\n";
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (200, text),
            "{query}"
        );
    }
}

#[test]
fn what_is_missing_is_always_named() {
    let all = [good("ping"), bad("pods", "not listed yet")];
    let text = "[+]ping ok\n[-]pods failed: not listed yet\nhealthz check failed\n";
    for query in ["", "verbose"] {
        let answer = checks::answer("healthz", query, &all);
        assert_eq!((answer.status, answer.body.as_str()), (503, text));
    }
}
