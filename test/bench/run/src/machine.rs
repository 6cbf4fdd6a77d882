//! Where it was measured, on what, and with which versions.

use std::fs;
use std::process::Command;

use serde_json::{Map, Value, json};

use crate::child::Outcome;
use crate::process;

/// Everything a reader needs to know to believe a figure, or to measure it again.
///
/// # Errors
/// The commit or the machine cannot be read. Versions that cannot are null: that program is not there.
pub fn about(runs: usize) -> Outcome<Map<String, Value>> {
    let commit = output("git", &["rev-parse", "HEAD"]);
    // But for what this command writes itself.
    let outside = [
        "status",
        "--porcelain",
        "--",
        ":/",
        ":!test/bench/results.json",
        ":!README.md",
    ];
    let changes = output("git", &outside);
    let commit = commit.ok_or("this is no git repository: start it from hack/bench.sh")?;
    let document = json!({
        "commit": commit,
        "clean": changes.is_some_and(|changes| changes.is_empty()),
        "date": output("date", &["--utc", "+%FT%TZ"]),
        "runs": runs,
        "machine": {
            "cores": process::cores()?.len(),
            "cpu": cpu_model(),
            "kernel": output("uname", &["--kernel-release"]),
        },
        "versions": {
            "rustc": output("rustc", &["--version"]),
            "go": output("go", &["version"]),
            "kube": locked_version("kube"),
            "client-go": client_go_version(),
        },
    });
    match document {
        Value::Object(about) => Ok(about),
        _ => unreachable!("it was written as an object"),
    }
}

/// What a program prints, without the last line break; `None`: it is not there, or failed.
fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim_end().to_owned())
}

fn cpu_model() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// The version of a package in the benchmarks' lock file.
fn locked_version(package: &str) -> Option<String> {
    let text = fs::read_to_string("test/bench/Cargo.lock").ok()?;
    let name = format!("name = \"{package}\"");
    let version = text.lines().skip_while(|line| *line != name).nth(1)?;
    let version = version.strip_prefix("version = \"")?.strip_suffix('"')?;
    Some(version.to_owned())
}

fn client_go_version() -> Option<String> {
    let text = fs::read_to_string("test/bench/client-go/go.mod").ok()?;
    let words: Vec<&str> = text.split_whitespace().collect();
    let place = words.iter().position(|word| *word == "k8s.io/client-go")?;
    words.get(place + 1).map(|version| (*version).to_owned())
}
