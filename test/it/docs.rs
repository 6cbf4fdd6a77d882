//! What `docs/` shows is what happens: its commands are run, and say what the page says they do.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::support::program::Program;

fn page(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("docs")
        .join(name);
    std::fs::read_to_string(path).unwrap()
}

/// The texts of a page's blocks that are marked as `kind`.
fn blocks(page: &str, kind: &str) -> Vec<String> {
    let start = format!("```{kind}\n");
    let texts = page.split(&start).skip(1);
    texts
        .map(|text| text.split("```").next().unwrap().to_owned())
        .collect()
}

#[test]
fn the_page_on_difficulty_shows_what_is_printed() {
    let page = page("difficulty.md");
    let mut n_commands = 0;
    for block in blocks(&page, "console") {
        for session in block.split("$ ").skip(1) {
            let (command, expected) = session.split_once('\n').unwrap();
            let mut words = command.split(' ');
            assert_eq!(words.next(), Some("bitcoin-controller"));
            let output = Command::new(env!("CARGO_BIN_EXE_bitcoin-controller"))
                .args(words)
                .output();
            let Output { stdout, stderr, .. } = output.unwrap();
            let said = String::from_utf8([stdout, stderr].concat()).unwrap();
            assert_eq!(said, expected, "{command}");
            n_commands += 1;
        }
    }
    assert!(n_commands >= 8, "{n_commands}");
}

#[test]
fn the_steps_of_the_page_on_mining_lead_where_it_says() {
    let bitcoind = std::env::var_os("BITCOIND").map(PathBuf::from);
    let Some(programs) = bitcoind.as_deref().and_then(Path::parent) else {
        eprintln!("SKIPPED on real nodes: set BITCOIND");
        return;
    };
    let folder =
        std::env::temp_dir().join(format!("bitcoin-controller-docs-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let ours = Path::new(env!("CARGO_BIN_EXE_bitcoin-controller"));
    let path = [programs.as_os_str(), ours.parent().unwrap().as_os_str()];
    let path = std::env::join_paths(
        path.map(PathBuf::from)
            .into_iter()
            .chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
    );
    let script = folder.join("page.sh");
    let steps = blocks(&page("mining.md"), "sh");
    assert!(steps.len() >= 6);
    let steps = with_free_ports(steps.concat());
    // Nodes in the background outlive a script that fails, so they are stopped whatever comes.
    let end =
        "trap 'kill $(cat alice/regtest/bitcoind.pid bob/regtest/bitcoind.pid) || true' EXIT\n";
    std::fs::write(&script, format!("set -eu\n{end}{steps}trap - EXIT\n")).unwrap();
    let mut command = Command::new("sh");
    command.arg(&script).current_dir(&folder);
    command.env("HOME", &folder).env("PATH", path.unwrap());
    let (status, said) = Program::start(&mut command).end();
    std::fs::remove_dir_all(&folder).unwrap();
    let said = said.join("\n");
    assert!(status.success(), "{said}");
    let heights: Vec<&str> = said
        .lines()
        .filter_map(|line| line.strip_prefix("mined       height "))
        .filter_map(|line| line.split(',').next())
        .collect();
    let expected: Vec<String> = (1..=105).map(|height| height.to_string()).collect();
    assert_eq!(heights, expected);
    // The block with the payment, which paid a fee.
    let with_payment = said
        .lines()
        .find(|line| line.starts_with("mined       height 102,"));
    let with_payment = with_payment.unwrap();
    assert!(
        with_payment.contains(", 2 transactions, fees 0.0000"),
        "{with_payment}"
    );
    // What Bob was asked at the end.
    assert!(
        said.contains("\n1.00000000\n") && said.contains("\n102\n"),
        "{said}"
    );
}

/// Ports of this machine that nobody listens on, instead of those that are on the page.
fn with_free_ports(script: String) -> String {
    let free: Vec<_> = (0..4)
        .map(|_| std::net::TcpListener::bind("127.0.0.1:0").unwrap())
        .collect();
    ["18443", "18444", "18453", "18454"].iter().zip(&free).fold(
        script,
        |script, (port, listener)| {
            let free = listener.local_addr().unwrap().port();
            script.replace(port, &free.to_string())
        },
    )
}
