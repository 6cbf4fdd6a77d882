//! What the server warns of, although it did what was asked.
//!
//! A deprecated version, a field that means nothing, a policy that is only watched for now: the server
//! carries out the request and says so in a `Warning` header. Nobody sees it unless somebody tells: by
//! default it becomes one line in the log for each text; [`with_warning_handler`] has it told to you.
//!
//! ```text
//!   Warning: 299 - "spec.foo: unknown field", 299 - "v1beta1 is \"old\"" "Wed, 21 Oct 2026 07:28:00 GMT"
//!             code agent  text                                               date
//! ```
//!
//! # Invariants
//! - Only code 299 is told: the others are about caches on the way.
//! - A part of a header that cannot be read loses what follows it in that header, and nothing else.
//! - What is remembered, so as to say it once, is bounded ([`MAX_REMEMBERED`]).
//!
//! # Example
//! ```
//! use bitcoin_controller::client::warnings::{Warning, parse};
//! let warnings = parse(r#"299 - "say \"when\"", 299 kube "and when" "some date""#);
//! assert_eq!(warnings[0], Warning { code: 299, agent: "-".into(), text: "say \"when\"".into() });
//! assert_eq!(warnings[1].text, "and when");
//! ```
//!
//! # Source
//! client-go `rest/warnings.go`; apimachinery `pkg/util/net/http.go` (`ParseWarningHeader`). What differs:
//! the log has each text once (client-go's default writes it every time); RFC 2047's encoding of texts
//! is not undone, because kube-apiserver does not use it.
//!
//! [`with_warning_handler`]: crate::client::Client::with_warning_handler

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use hyper::header::{HeaderMap, WARNING};

/// The code of what concerns people: "miscellaneous persistent warning".
const PERSISTENT: u16 = 299;

/// How many texts the log remembers to have had.
pub const MAX_REMEMBERED: usize = 256;

/// What a server warned of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// Three digits; 299 from API servers.
    pub code: u16,
    /// Who says so; `-` if it does not want to say.
    pub agent: String,
    /// What it says, to be read by a person.
    pub text: String,
}

/// Is told of every warning, on the task that made the request: it must be quick.
pub type WarningHandler = Arc<dyn Fn(&Warning) + Send + Sync>;

/// Writes each text to the log once, until [`MAX_REMEMBERED`] others have come after it.
pub fn log_once() -> WarningHandler {
    let remembered = Mutex::new(VecDeque::new());
    Arc::new(move |warning| {
        let mut remembered = remembered
            .lock()
            .expect("nothing panics while a text is looked for");
        if remembered.contains(&warning.text) {
            return;
        }
        if remembered.len() == MAX_REMEMBERED {
            remembered.pop_front();
        }
        remembered.push_back(warning.text.clone());
        drop(remembered);
        tracing::warn!(warning = %warning.text, agent = %warning.agent, "the server warns");
    })
}

/// Tells `handler` of the warnings in `headers` that are meant for people.
pub(crate) fn tell(headers: &HeaderMap, handler: &WarningHandler) {
    let values = headers.get_all(WARNING).into_iter();
    // Not `to_str`: texts are UTF-8.
    for value in values.filter_map(|value| std::str::from_utf8(value.as_bytes()).ok()) {
        for warning in parse(value) {
            if warning.code == PERSISTENT && !warning.text.is_empty() {
                handler(&warning);
            }
        }
    }
}

/// The warnings in the value of one header, up to the first that cannot be read.
pub fn parse(value: &str) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let mut rest = value.trim();
    while !rest.is_empty() {
        let Some((warning, after)) = parse_one(rest) else {
            break;
        };
        warnings.push(warning);
        rest = after;
    }
    warnings
}

/// `code agent "text"`, perhaps `"date"`, and a comma if another follows; and what that is.
fn parse_one(value: &str) -> Option<(Warning, &str)> {
    let (code, rest) = value.split_once(' ')?;
    let (agent, rest) = rest.split_once(' ')?;
    let is_code = code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_digit());
    if !is_code || agent.is_empty() {
        return None;
    }
    let (text, rest) = quoted(rest)?;
    let is_clean = |text: &str| !text.chars().any(char::is_control);
    if !is_clean(agent) || !is_clean(&text) {
        return None;
    }
    let rest = match quoted(rest) {
        Some((_date, rest)) => rest,
        None => rest,
    };
    let rest = match rest.strip_prefix(',') {
        Some(rest) => rest.trim_start(),
        None if rest.is_empty() => rest,
        None => return None,
    };
    let warning = Warning {
        code: code.parse().ok()?,
        agent: agent.to_owned(),
        text,
    };
    Some((warning, rest))
}

/// A text in quotes, in which a backslash takes the meaning from the character after it; and what
/// follows.
fn quoted(value: &str) -> Option<(String, &str)> {
    let inner = value.strip_prefix('"')?;
    let mut text = String::new();
    let mut characters = inner.char_indices();
    while let Some((index, character)) = characters.next() {
        match character {
            '"' => return Some((text, inner[index + 1..].trim_start())),
            '\\' => text.push(characters.next()?.1),
            other => text.push(other),
        }
    }
    None
}
