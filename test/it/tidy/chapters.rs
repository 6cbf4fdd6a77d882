//! What each file owes its reader.

use super::sources::rust_files;

/// Longer than this and there are two ideas in the file.
const LONGEST_FILE: usize = 450;

/// Files in which tasks may be started, and what waits for their end.
const MAY_SPAWN: [(&str, &str); 21] = [
    (
        "src/bitcoin/mining/solve.rs",
        "the threads of one search, in a scope that ends with it",
    ),
    (
        "src/cli/connect.rs",
        "the forwards, in a JoinSet that ends with the command",
    ),
    (
        "src/cli/forward.rs",
        "connections, in a JoinSet of their forward",
    ),
    (
        "src/client/exec_plugin.rs",
        "a program, killed when whoever waits for it does not any longer",
    ),
    (
        "src/controller/caches.rs",
        "one task for each informer, in the controller's JoinSet",
    ),
    (
        "src/controller/controller.rs",
        "handlers, in a JoinSet of `run`",
    ),
    (
        "src/controller/link.rs",
        "one round of actions, in a JoinSet of the pass",
    ),
    (
        "src/controller/nodes.rs",
        "one round of questions, in a JoinSet of the pass",
    ),
    (
        "src/controller/workers.rs",
        "workers, in a JoinSet of `run`, and passes, each in one of its worker",
    ),
    (
        "src/record/event_broadcaster.rs",
        "the broadcaster's JoinSet, joined by its shutdown",
    ),
    (
        "src/serve/server.rs",
        "connections, in a JoinSet of the server",
    ),
    (
        "src/sim/apiserver/mod.rs",
        "connections, in a TaskTracker that is waited for",
    ),
    (
        "src/sim/apiserver/objects.rs",
        "watches and port-forwards, in the TaskTracker of their connection",
    ),
    (
        "src/sim/bitcoind/mod.rs",
        "a pretend node's listeners, in a JoinSet that goes with the node",
    ),
    (
        "src/sim/bitcoind/server.rs",
        "its connections, in a JoinSet of the listener",
    ),
    (
        "src/sim/cluster/kubelet.rs",
        "a worker for each pod, in a JoinSet that ends with the cluster",
    ),
    (
        "src/sim/cluster/mod.rs",
        "the stand-ins, in a JoinSet that ends with the cluster",
    ),
    (
        "src/sim/process.rs",
        "a child process, killed when its handle is dropped",
    ),
    (
        "src/sim/runtime.rs",
        "a node's future, in a JoinSet of its handle",
    ),
    (
        "src/testing/fake.rs",
        "connections, in a JoinSet that goes with the fake",
    ),
    (
        "src/testing/relay.rs",
        "port-forwards, in the TaskTracker of their connection",
    ),
];

#[test]
fn every_file_opens_with_what_it_is_about() {
    let without: Vec<String> = ["src", "test"]
        .into_iter()
        .flat_map(rust_files)
        .filter(|file| !file.text.starts_with("//! "))
        .map(|file| file.path)
        .collect();
    assert!(without.is_empty(), "no `//!` head:\n{}", without.join("\n"));
}

#[test]
fn no_file_is_too_long_for_one_idea() {
    let long: Vec<String> = ["src", "test"]
        .into_iter()
        .flat_map(rust_files)
        .map(|file| (file.text.lines().count(), file.path))
        .filter(|(lines, _)| *lines > LONGEST_FILE)
        .map(|(lines, path)| format!("{path}: {lines} lines"))
        .collect();
    assert!(
        long.is_empty(),
        "over {LONGEST_FILE} lines:\n{}",
        long.join("\n")
    );
}

#[test]
fn tasks_are_started_only_where_somebody_waits_for_them() {
    let mut found: Vec<String> = rust_files("src")
        .iter()
        .filter(|file| {
            file.code()
                .any(|(_, line)| line.contains(".spawn(") || line.contains(".spawn_on("))
        })
        .map(|file| file.path.clone())
        .collect();
    found.dedup();
    let listed: Vec<&str> = MAY_SPAWN.iter().map(|(path, _)| *path).collect();
    assert_eq!(
        found, listed,
        "left: files that start tasks; right: files that may"
    );
}

#[test]
fn nothing_is_ignored_muted_or_left_to_do() {
    let words = [
        "#[ignore",
        "#[should_panic",
        "todo!(",
        "unimplemented!(",
        "dbg!(",
    ];
    let mut wrong = Vec::new();
    for file in ["src", "test"].into_iter().flat_map(rust_files) {
        if file.path == "test/it/tidy/chapters.rs" {
            continue;
        }
        for (number, line) in file.code() {
            if words.iter().any(|word| line.contains(word)) {
                wrong.push(format!("{}:{number} {}", file.path, line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn one_file_names_the_yaml_crate() {
    let users: Vec<String> = rust_files("src")
        .into_iter()
        .filter(|file| file.code().any(|(_, line)| line.contains("serde_yaml")))
        .map(|file| file.path)
        .collect();
    assert_eq!(users, ["src/base/yaml.rs"]);
}
