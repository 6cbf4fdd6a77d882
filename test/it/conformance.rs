//! Where we stand against client-go: what it observably does is 134 numbered statements, and each is
//! either held by a test that carries its number, or departed from on purpose, for a reason that stands here.
//!
//! A test carries a number in its name: `c041_…` shows statement 41. Such tests are wherever they are at
//! home: beside their room in `test/it`, on both API servers in `test/api_assertions`, or on a real cluster in
//! `test/e2e`. A departure may have tests as well: they show what holds instead.
//!
//! `cargo test conformance -- --nocapture` prints the count.

use std::collections::{BTreeMap, BTreeSet};

use crate::tidy::sources;

/// How many statements there are.
const STATEMENTS: u16 = 134;

/// What we do otherwise, and why. Sorted.
const DEPARTURES: &[(u16, &str)] = &[
    (
        15,
        "the error is reported, but a state as of now is asked for at once; only a second Gone in a row waits",
    ),
    (
        18,
        "there is no window in which internal errors are retried; theirs is zero unless configured",
    ),
    (
        19,
        "an event that names no object leads to a new state, since skipping it may miss something; its kind is not compared, partial types take what they declare",
    ),
    (
        26,
        "a relist tells nobody of what is unchanged, resync or not",
    ),
    (
        30,
        "the reflector has no resync that could fail: reminders belong to each subscription",
    ),
    (
        44,
        "Gone as the answer to a request ends the watcher, too; theirs asks for the lost version for ever",
    ),
    (
        45,
        "handlers are pulled from: in order for each key, but past a handler's bound the changes of one key are joined",
    ),
    (
        46,
        "the order between keys holds; a change that was joined keeps the place of the first",
    ),
    (
        48,
        "only a whole state makes it synced, never a single event",
    ),
    (
        49,
        "there is no queue to close: a subscription hands out its backlog after the stop, then None for good",
    ),
    (
        50,
        "there are no batches: each change is stored and told in one step of its own",
    ),
    (
        51,
        "there are no transforms: the types declare what is read, and nothing else is decoded",
    ),
    (
        55,
        "an index is a type: asking by one that was never added is a scan, and adding it twice changes nothing",
    ),
    (
        60,
        "absence is None; NotFound is for the caller to say, who knows what was looked for",
    ),
    (
        64,
        "unchanged states go to nobody; reminders come by each subscription's own clock",
    ),
    (
        67,
        "100 000 changes cost a slow handler its bound and one entry a key, not 100 000 entries",
    ),
    (
        69,
        "removing is dropping: to do it twice, or to somebody else's, cannot be written down",
    ),
    (
        71,
        "subscribing to a stopped informer is no error: the subscription ends at once",
    ),
    (
        72,
        "there is no check period that all handlers share: a period holds from any time, 0 is never, below 1 s is 1 s",
    ),
    (
        75,
        "there are no transforms, so none can be set too late or run twice",
    ),
    (
        78,
        "there is no factory: whoever makes an informer starts it, and a second start is harmless",
    ),
    (
        88,
        "unfinished work is computed when somebody asks, so there is no loop of 500 ms to stop",
    ),
    (
        90,
        "a new sink gets no prefix of earlier events: nobody needs one",
    ),
    (
        91,
        "there is no policy of waiting: whoever records an event never waits",
    ),
    (
        92,
        "sinks end together at shutdown, so none has a stop of its own",
    ),
    (
        100,
        "cancelling is a deadline: retries go on until it, then end at once",
    ),
    (
        105,
        "renewing is one PATCH that carries the resourceVersion: our types are partial, and a PUT would wipe what they do not read",
    ),
    (
        110,
        "the stopped callback is the return of run: once on each path, when nothing of the work is left",
    ),
    (
        113,
        "a watch is tried once by the client: the reflector has the backoff and knows the version to go on from",
    ),
    (
        114,
        "there is no limiter to pass again; waits over 30 s are the caller's, and earlier errors are logged, not appended",
    ),
    (
        115,
        "there is no limit on our side: the server's priority and fairness sees all clients, and its 429 is honoured",
    ),
];

/// The names of the tests that show each statement.
fn shown() -> BTreeMap<u16, Vec<String>> {
    let mut shown = BTreeMap::<u16, Vec<String>>::new();
    for folder in ["test/it", "test/api_assertions", "test/e2e"] {
        for file in sources::rust_files(folder) {
            let tests = numbered_tests(&file.text);
            for (number, name) in tests.unwrap_or_else(|what| panic!("{}: {what}", file.path)) {
                shown.entry(number).or_default().push(name);
            }
        }
    }
    shown
}

/// The functions in `text` that are called `cNNN_…`.
///
/// # Errors
/// One of them is not a test: it would count and never run.
fn numbered_tests(text: &str) -> Result<Vec<(u16, String)>, String> {
    let mut tests = Vec::new();
    let mut is_test = false;
    for line in text.lines().map(str::trim_start) {
        if line.starts_with("#[") {
            is_test |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
            continue;
        }
        let name = line
            .strip_prefix("async ")
            .unwrap_or(line)
            .strip_prefix("fn ");
        if let Some((number, name)) = name.and_then(number_of) {
            if !is_test {
                return Err(format!("`{name}` has a number and is no test"));
            }
            tests.push((number, name));
        }
        is_test &= line.starts_with("//") || line.starts_with(')') || line.starts_with("reason");
    }
    Ok(tests)
}

fn number_of(name: &str) -> Option<(u16, String)> {
    let name: String = name
        .chars()
        .take_while(|&c| c == '_' || c.is_alphanumeric())
        .collect();
    let digits = name.strip_prefix('c')?.get(..3)?;
    let number = digits.parse().ok()?;
    name[4..].starts_with('_').then_some((number, name))
}

#[test]
fn conformance_has_no_gap() {
    let shown = shown();
    let departures: BTreeSet<u16> = DEPARTURES.iter().map(|(number, _)| *number).collect();
    let all: BTreeSet<u16> = (1..=STATEMENTS).collect();

    let known: BTreeSet<u16> = shown.keys().copied().chain(departures.clone()).collect();
    let strange: Vec<u16> = known.difference(&all).copied().collect();
    assert!(strange.is_empty(), "there are no statements {strange:?}");

    let missing: Vec<u16> = all.difference(&known).copied().collect();
    let hold = shown
        .keys()
        .filter(|number| !departures.contains(number))
        .count();
    println!(
        "conformance: {hold} of {STATEMENTS} hold, {} departures, {} missing",
        departures.len(),
        missing.len()
    );
    for (number, reason) in DEPARTURES {
        println!("  C{number}: {reason}");
    }
    assert!(missing.is_empty(), "nothing shows statements {missing:?}");
}

#[test]
fn departures_are_sorted_and_have_reasons() {
    let numbers: Vec<u16> = DEPARTURES.iter().map(|(number, _)| *number).collect();
    assert!(numbers.is_sorted_by(|one, next| one < next), "{numbers:?}");
    for (number, reason) in DEPARTURES {
        assert!(reason.split(' ').count() > 4, "C{number} needs a reason");
    }
}

#[test]
fn a_number_counts_only_on_a_test() {
    let text = "#[tokio::test(start_paused = true)]\n/// says what\nasync fn c007_a() {}\n#[test]\nfn c0_b() {}\n";
    assert_eq!(numbered_tests(text), Ok(vec![(7, "c007_a".to_owned())]));
    assert!(numbered_tests("#[test]\nfn a() {}\nfn c007_a() {}\n").is_err());
}
