//! The demo as a program: what a stranger types first.

use std::path::PathBuf;
use std::process::{Command, ExitStatus};

use crate::support::program::Program;

/// The program, in a temporary directory of its own.
struct Demo {
    program: Program,
    directory: PathBuf,
}

impl Demo {
    fn start(name: &str, arguments: &[&str]) -> Demo {
        let unique = format!("demo-test-{}-{name}", std::process::id());
        let directory = std::env::temp_dir().join(unique);
        std::fs::create_dir_all(&directory).unwrap();
        let program = Program::start(
            Command::new(env!("CARGO_BIN_EXE_bitcoin-controller"))
                .arg("demo")
                .args(arguments)
                .env("TMPDIR", &directory)
                .env_remove("RUST_LOG"),
        );
        Demo { program, directory }
    }

    /// Reads on until a line contains `text`.
    fn until(&mut self, text: &str) {
        self.program.until(text);
    }

    fn signal(&self, signal: &str) {
        self.program.signal(signal);
    }

    /// Waits for the end, which must come soon, and looks what is left.
    fn end(self) -> ExitStatus {
        let (status, _) = self.program.end();
        let left: Vec<_> = std::fs::read_dir(&self.directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(left, [""; 0], "files are left");
        let pattern = self.directory.display().to_string();
        assert_eq!(processes_with(&pattern), [""; 0], "processes are left");
        std::fs::remove_dir(&self.directory).unwrap();
        status
    }
}

/// The command lines of running processes that mention `text`, but for the program's own.
fn processes_with(text: &str) -> Vec<String> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| std::fs::read_to_string(entry.path().join("cmdline")).ok())
        .filter(|line| line.contains(text))
        .collect()
}

#[test]
fn the_story_comes_true_on_simulated_nodes() {
    let mut demo = Demo::start("story", &["--simulate", "--exit"]);
    demo.until("kubeconfig: ");
    demo.until("all 3 nodes ready and connected");
    demo.until("all 3 nodes at height 101");
    demo.until("the pod was replaced");
    demo.until("node 3 joined");
    demo.until("back to 3 nodes");
    demo.until("True");
    assert!(demo.end().success());
}

#[test]
fn the_story_comes_true_on_real_nodes_if_there_are_any() {
    let Some(bitcoind) = std::env::var_os("BITCOIND") else {
        eprintln!("SKIPPED on real nodes (set BITCOIND)");
        return;
    };
    let bitcoind = bitcoind.into_string().unwrap();
    let mut demo = Demo::start("real", &["--bitcoind", &bitcoind, "--exit"]);
    demo.until("real nodes");
    demo.until("back to 3 nodes");
    assert!(demo.end().success());
    for (step, text) in ["listens on", "applying", "mining 101 blocks"]
        .iter()
        .enumerate()
    {
        let mut demo = Demo::start(&format!("real-{step}"), &["--bitcoind", &bitcoind]);
        demo.until(text);
        demo.signal("-INT");
        assert!(demo.end().success());
    }
}

#[test]
fn ctrl_c_ends_it_wherever_it_is() {
    let places = [
        "listens on",
        "Definition is installed",
        "applying",
        "ready and connected",
        "mining",
    ];
    for (step, text) in places.iter().enumerate() {
        let mut demo = Demo::start(&format!("stop-{step}"), &["--simulate"]);
        demo.until(text);
        demo.signal(if step % 2 == 0 { "-INT" } else { "-TERM" });
        assert!(demo.end().success());
    }
}

#[test]
fn a_kubeconfig_that_is_somebody_elses_is_not_overwritten() {
    let path = std::env::temp_dir().join(format!("demo-test-{}.yaml", std::process::id()));
    std::fs::write(&path, "apiVersion: v1\nkind: Config\n").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_bitcoin-controller"))
        .args(["demo", "--simulate", "--exit", "--write-kubeconfig"])
        .arg(&path)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("an earlier demo has not written it"),
        "{said}"
    );
    assert_eq!(
        std::fs::read_to_string(&path).unwrap(),
        "apiVersion: v1\nkind: Config\n"
    );
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn a_bitcoind_that_is_not_there_is_named() {
    let output = Command::new(env!("CARGO_BIN_EXE_bitcoin-controller"))
        .args(["demo", "--bitcoind", "/nowhere/bitcoind"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("cannot run nodes with `/nowhere/bitcoind`"),
        "{said}"
    );
}

#[test]
fn a_name_that_no_object_can_have_is_refused_before_anything_starts() {
    let long = "a".repeat(64);
    for (flag, name) in [
        ("--leader-election-id", ""),
        ("--leader-election-id", "Bad_Name"),
        ("--leader-election-id", "../../pods"),
        ("--leader-election-namespace", "a.b"),
        ("--namespace", ""),
        ("--namespace", &long),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_bitcoin-controller"))
            .args(["--kubeconfig", "/nowhere", "--leader-elect", flag, name])
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{flag} `{name}`: {said}");
        assert!(said.contains(flag), "{said}");
    }
}

#[test]
fn times_with_which_two_could_lead_are_refused_before_anything_starts() {
    let kubeconfig = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/test/fixtures/kubeconfig/json.json"
    );
    let output = Command::new(env!("CARGO_BIN_EXE_bitcoin-controller"))
        .args(["--kubeconfig", kubeconfig, "--leader-elect"])
        .args(["--leader-election-lease-duration", "10"])
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    let why = "the lease duration must be longer than the renew deadline";
    assert!(said.contains(why), "{said}");
}
