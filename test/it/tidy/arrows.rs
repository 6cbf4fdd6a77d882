//! Which room may depend on which. A new arrow is a design change: it is made here, with a reason.

use super::sources::{Source, rust_files};

/// Each room and the rooms it may name. What is not here is not allowed.
const ARROWS: [(&str, &[&str]); 19] = [
    ("base", &[]),
    ("api", &["base"]),
    ("workqueue", &[]),
    ("http", &["base"]),
    ("client", &["base", "api", "http"]),
    ("bitcoin", &["base", "http"]),
    ("cache", &["base", "api", "client"]),
    ("record", &["base", "api", "client"]),
    ("leader", &["base", "api", "client"]),
    // Others hand it numbers.
    ("metrics", &[]),
    // `http` for its listener: the seam that lets a test pause the clock.
    ("serve", &["base", "http"]),
    // Pretends to be the other end: it agrees with `api` and `client` through bytes only.
    ("sim", &["base", "http"]),
    // Stands in front of `sim`, reads requests as it does, and knows the client by its bytes only, too.
    ("testing", &["base", "http", "sim"]),
    (
        "controller",
        &[
            "base",
            "api",
            "http",
            "client",
            "bitcoin",
            "cache",
            "workqueue",
            "record",
        ],
    ),
    ("run", &EVERYTHING),
    ("demo", &EVERYTHING),
    (
        "cli",
        &[
            "base",
            "api",
            "run",
            "demo",
            "bitcoin",
            // A node's address and the way to it, for subcommands that talk to a node alone.
            "http",
            "client",
            "controller",
        ],
    ),
    ("main", &["cli"]),
    ("lib", &EVERYTHING),
];

const EVERYTHING: [&str; 17] = [
    "base",
    "api",
    "http",
    "client",
    "bitcoin",
    "cache",
    "workqueue",
    "record",
    "leader",
    "controller",
    "metrics",
    "serve",
    "sim",
    "testing",
    "run",
    "demo",
    "cli",
];

/// `src/cache/reflector.rs` is in room `cache`, `src/cli.rs` in room `cli`.
fn room(file: &Source) -> &str {
    let path = file.path.strip_prefix("src/").unwrap();
    path.split('/').next().unwrap().trim_end_matches(".rs")
}

/// The rooms that a line of code names as `crate::room` or `bitcoin_controller::room`.
fn named_rooms(line: &str) -> Vec<&str> {
    let mut rooms = Vec::new();
    for prefix in ["crate::", "bitcoin_controller::"] {
        for (index, _) in line.match_indices(prefix) {
            let rest = &line[index + prefix.len()..];
            let end = rest.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
            rooms.push(&rest[..end.unwrap_or(rest.len())]);
        }
    }
    rooms
}

#[test]
fn rooms_depend_only_on_the_rooms_they_may() {
    let mut wrong = Vec::new();
    for file in rust_files("src") {
        let own = room(&file);
        let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == own) else {
            wrong.push(format!("{}: room `{own}` is not in the table", file.path));
            continue;
        };
        for (number, line) in file.code() {
            for named in named_rooms(line) {
                let is_room = ARROWS.iter().any(|(name, _)| *name == named);
                if named.is_empty() {
                    wrong.push(format!(
                        "{}:{number} groups imports of several rooms",
                        file.path
                    ));
                } else if is_room && named != own && !allowed.contains(&named) {
                    wrong.push(format!(
                        "{}:{number} may not depend on `{named}`",
                        file.path
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn paths_between_modules_are_written_from_the_crate() {
    let wrong: Vec<String> = rust_files("src")
        .iter()
        .flat_map(|file| {
            let climbs = file
                .code()
                .filter(|(_, line)| line.contains("super::super"));
            climbs
                .map(|(number, _)| format!("{}:{number}", file.path))
                .collect::<Vec<_>>()
        })
        .collect();
    assert!(
        wrong.is_empty(),
        "write `crate::room::Thing` instead:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn the_check_sees_an_arrow_when_there_is_one() {
    assert_eq!(named_rooms("use crate::client::Client;"), ["client"]);
    assert_eq!(
        named_rooms("let x = crate::api::core::Pod::default();"),
        ["api"]
    );
    assert_eq!(named_rooms("use crate::{api, client};"), [""]);
}
