//! What examples say when there is nobody to talk to.

use super::stage::start;

/// Those that talk to a server.
const TALKERS: [&str; 7] = [
    "01_list_pods",
    "02_watch_pods",
    "03_reflector",
    "04_informer",
    "06_events",
    "07_leader_election",
    "08_sample_controller",
];

/// Runs each to its end with a kubeconfig, and returns what each said last.
fn last_words(kubeconfig: &std::path::Path) -> Vec<String> {
    let running: Vec<_> = TALKERS.map(|name| start(name, kubeconfig)).into();
    let ended = running.into_iter().zip(TALKERS).map(|(program, name)| {
        let (status, said) = program.end();
        assert_eq!(status.code(), Some(1), "{name} said {said:#?}");
        said.join("\n")
    });
    ended.collect()
}

#[test]
fn a_kubeconfig_that_is_not_there_is_named() {
    for words in last_words("/nowhere/config".as_ref()) {
        assert!(
            words.contains("no kubeconfig at `/nowhere/config`"),
            "{words}"
        );
    }
}

#[test]
fn a_server_that_is_not_there_is_told_with_what_was_tried_and_why_it_failed() {
    let path = std::env::temp_dir().join(format!("examples-test-{}.yaml", std::process::id()));
    let kubeconfig = r#"{"apiVersion": "v1", "kind": "Config", "current-context": "none",
        "clusters": [{"name": "none", "cluster": {"server": "http://127.0.0.1:1"}}],
        "contexts": [{"name": "none", "context": {"cluster": "none"}}]}"#;
    std::fs::write(&path, kubeconfig).unwrap();
    for words in last_words(&path) {
        assert!(words.contains("Error: failed to "), "{words}");
        assert!(words.contains("\n  because: Connection refused"), "{words}");
    }
    std::fs::remove_file(&path).unwrap();
}
