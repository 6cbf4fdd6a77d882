//! Goal: the node's entrypoint keeps a password to itself, and a node that it has started accepts it.

use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bitcoin_controller::bitcoin::credentials::rpcauth_line;
use bitcoin_controller::bitcoin::{Credentials, RpcClient};
use bitcoin_controller::http::{Endpoint, Tcp};
use tokio::time::Instant;

use crate::tidy::sources::root;

/// Whatever a shell, printf or a configuration file might trip over.
const PASSWORD: &str = "a # \"b\" 'c' $d \\n %s `e` \n ü";

/// A home of its own, gone with the test.
struct Home(PathBuf);

impl Drop for Home {
    fn drop(&mut self) {
        // A file that stays in the folder for temporary files does no harm.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Home {
    fn new() -> Self {
        static HOMES: AtomicU32 = AtomicU32::new(0);
        let number = HOMES.fetch_add(1, Ordering::Relaxed);
        let name = format!("entrypoint-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir(&folder).unwrap();
        Home(folder)
    }

    /// With a stand-in for bitcoind, which prints who it is, what it was told, and what it can see.
    fn with_a_stand_in() -> Self {
        let home = Home::new();
        let program = home.0.join("bitcoind");
        let script = "#!/bin/sh\necho \"pid $$\"\necho \"arguments $*\"\nenv\n";
        std::fs::write(&program, script).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        home
    }

    /// The entrypoint, with bitcoind from `path`.
    fn entrypoint(&self, path: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new("sh");
        command
            .arg(root().join("build/bitcoind/entrypoint.sh"))
            .args(arguments)
            .env("HOME", &self.0)
            .env("PATH", format!("{path}:/usr/bin:/bin"))
            .env_remove("BC_RPC_USER")
            .env_remove("BC_RPC_PASSWORD");
        command
    }

    fn run(&self, user: Option<&str>, password: Option<&str>) -> Output {
        let mut command = self.entrypoint(self.0.to_str().unwrap(), &["-debug=rpc"]);
        for (name, value) in [("BC_RPC_USER", user), ("BC_RPC_PASSWORD", password)] {
            if let Some(value) = value {
                command.env(name, value);
            }
        }
        command.output().unwrap()
    }

    fn configuration(&self) -> PathBuf {
        self.0.join(".bitcoin/bitcoin.conf")
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Of a command that must fail.
fn complaint(output: Output) -> String {
    assert!(!output.status.success() && output.stdout.is_empty());
    text(&output.stderr)
}

#[test]
fn a_password_becomes_a_salted_hash_in_a_file_for_nobody_else() {
    let home = Home::with_a_stand_in();
    let output = home.run(Some("me"), Some(PASSWORD));
    let seen = text(&output.stdout);
    assert!(output.status.success() && output.stderr.is_empty());
    assert!(seen.contains("arguments -debug=rpc\n"), "{seen}");
    assert!(!seen.contains("BC_RPC"), "the node need not know: {seen}");

    let file = home.configuration();
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let written = std::fs::read_to_string(&file).unwrap();
    let line = written.lines().find_map(|it| it.strip_prefix("rpcauth="));
    let (salt, _) = line.unwrap()["me:".len()..].split_once('$').unwrap();
    assert_eq!(line.unwrap(), rpcauth_line("me", PASSWORD, salt));
    assert_eq!(salt.len(), 32);

    assert!(home.run(Some("me"), Some(PASSWORD)).status.success());
    let again = std::fs::read_to_string(&file).unwrap();
    assert_ne!(again, written, "every start has a salt of its own");
}

#[test]
fn without_credentials_nobody_from_outside_is_let_in() {
    let home = Home::with_a_stand_in();
    assert!(home.run(None, None).status.success());
    let written = std::fs::read_to_string(home.configuration()).unwrap();
    assert!(!written.contains("rpcauth") && !written.contains("rpcpassword"));
    // What stands above a section is for every chain, and these are not.
    let section = written.find("[regtest]").unwrap();
    assert!(written.find("rpcbind").unwrap() > section);
}

#[test]
fn half_of_the_credentials_or_a_name_that_breaks_the_file_is_refused() {
    let home = Home::with_a_stand_in();
    for (user, password, why) in [
        (Some("me"), None, "no BC_RPC_PASSWORD"),
        (None, Some("secret"), "no BC_RPC_USER"),
        (Some("me:too"), Some("secret"), "letters, digits"),
        (Some("me\nrest=0"), Some("secret"), "letters, digits"),
    ] {
        let complaint = complaint(home.run(user, password));
        assert!(complaint.contains(why), "{complaint}");
        assert!(!complaint.contains("secret"), "{complaint}");
        assert!(!home.configuration().exists());
    }
}

#[test]
fn somebodys_own_configuration_is_not_overwritten() {
    let home = Home::with_a_stand_in();
    std::fs::create_dir(home.0.join(".bitcoin")).unwrap();
    std::fs::write(home.configuration(), "regtest=1\n").unwrap();
    assert!(home.run(None, None).status.success());
    let complaint = complaint(home.run(Some("me"), Some("secret")));
    assert!(complaint.contains("somebody's own"), "{complaint}");
    let written = std::fs::read_to_string(home.configuration()).unwrap();
    assert_eq!(written, "regtest=1\n");
}

#[test]
fn the_node_takes_the_entrypoints_place_so_that_signals_reach_it() {
    let home = Home::with_a_stand_in();
    let mut command = home.entrypoint(home.0.to_str().unwrap(), &[]);
    let child = command.stdout(Stdio::piped()).spawn().unwrap();
    let id = child.id();
    let seen = text(&child.wait_with_output().unwrap().stdout);
    assert!(seen.contains(&format!("pid {id}\n")), "{seen}");
}

#[test]
fn another_command_is_run_instead() {
    let home = Home::with_a_stand_in();
    let output = home.entrypoint("/bin", &["echo", "-n", "hello"]).output();
    assert_eq!(text(&output.unwrap().stdout), "hello");
    assert!(!home.configuration().exists());
}

#[tokio::test]
async fn a_real_node_accepts_the_password_and_ends_when_told() {
    let Some(bitcoind) = std::env::var_os("BITCOIND").map(PathBuf::from) else {
        eprintln!("SKIPPED on a real node (set BITCOIND)");
        return;
    };
    let home = Home::new();
    let port = {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.local_addr().unwrap().port()
    };
    let options = [&format!("-rpcport={port}"), "-listen=0"];
    let path = bitcoind.parent().unwrap().to_str().unwrap();
    let mut command = home.entrypoint(path, &options);
    command
        .env("BC_RPC_USER", "me")
        .env("BC_RPC_PASSWORD", PASSWORD)
        .stdout(Stdio::null());
    let mut command = tokio::process::Command::from(command);
    let mut node = command.kill_on_drop(true).spawn().unwrap();

    let endpoint = Endpoint::new("127.0.0.1", port);
    let client = |password: &str| {
        let credentials = Credentials::new("me", password).unwrap();
        let tcp = Arc::new(Tcp::new(Duration::from_secs(2)));
        RpcClient::new(tcp, endpoint.clone(), &credentials)
    };
    let (rpc, start) = (client(PASSWORD), Instant::now());
    while rpc.uptime().await.is_err() {
        assert!(start.elapsed() < PATIENCE, "the node does not answer");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let wrong = client("wrong").uptime().await.unwrap_err();
    assert!(wrong.is_unauthorized(), "{wrong}");
    assert_eq!(rpc.rest().chain_info().await.unwrap().blocks, 0);

    let id = node.id().unwrap().to_string();
    let told = Command::new("kill").args(["-s", "TERM", &id]).status();
    assert!(told.unwrap().success());
    let end = tokio::time::timeout(PATIENCE, node.wait()).await;
    assert!(end.unwrap().unwrap().success());
}

/// Everything here takes a second; this is for a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(60);
