//! The chart as it is published: packaged the same each time, in a repository and in a registry.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::program::{Running, peer};
use crate::chart::{CHART, RELEASE, helm};
use crate::harness::{eventually, root, run, temporary};

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = temporary(name);
        std::fs::create_dir(&folder).unwrap();
        Folder(folder)
    }

    /// Packages the chart into it, and publishes it there.
    fn package(&self, to: &[&str]) -> PathBuf {
        let mut script = Command::new(root().join("hack/package-chart.sh"));
        let helm = peer("helm");
        script.env("HELM", helm.as_std().get_program());
        let printed = run(script.arg(&self.0).args(to)).unwrap();
        PathBuf::from(printed.lines().last().unwrap())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // The folder for temporary files is not ours to keep tidy when that fails.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_package_has_what_git_knows_and_is_the_same_each_time() {
    let (one, other) = (Folder::new("one"), Folder::new("other"));
    let url = ["https://example.com/charts"];
    let bytes = |path: &Path| std::fs::read(path).unwrap();
    let package = one.package(&url);
    // What is no part of the chart is no part of the package.
    let stray = Folder(root().join(CHART).join("stray"));
    std::fs::create_dir(&stray.0).unwrap();
    std::fs::write(stray.0.join("file"), "").unwrap();
    assert_eq!(bytes(&package), bytes(&other.package(&url)));
    let index = |folder: &Folder| bytes(&folder.0.join("index.yaml"));
    assert_eq!(index(&one), index(&other));
    one.package(&url);
    assert_eq!(
        index(&one),
        index(&other),
        "the same once more adds nothing"
    );

    let lines = |mut command: Command| -> Vec<String> {
        let printed = run(command.current_dir(root())).unwrap();
        let mut lines: Vec<String> = printed.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    let mut tar = Command::new("tar");
    tar.arg("--list").arg("--file").arg(&package);
    let mut git = Command::new("git");
    git.args(["ls-files", CHART]);
    let known: Vec<String> = lines(git)
        .iter()
        .map(|path| path.trim_start_matches("helm/").to_owned())
        .collect();
    assert_eq!(lines(tar), known);
}

#[tokio::test]
async fn a_repository_is_a_folder_that_a_web_server_serves() {
    let folder = Folder::new("repository");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    folder.package(&[&url]);
    let mut serving = JoinSet::new();
    serving.spawn(serve(listener, folder.0.clone()));
    let home = folder.0.join("home");
    let found = template(&["bitcoin-controller", "--repo", &url], &home).await;
    assert_eq!(found, helm(&["template", RELEASE, CHART]));
}

/// What helm makes of a chart that it has to fetch, for which it needs a home.
async fn template(chart: &[&str], home: &Path) -> String {
    let mut helm = peer("helm");
    for name in ["HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"] {
        helm.env(name, home);
    }
    helm.env("HELM_NAMESPACE", RELEASE);
    helm.args(["template", RELEASE]).args(chart);
    let output = helm.output().await.unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Answers each connection with one file.
async fn serve(listener: TcpListener, folder: PathBuf) {
    loop {
        let (connection, _) = listener.accept().await.unwrap();
        answer(connection, &folder).await.unwrap();
    }
}

async fn answer(connection: TcpStream, folder: &Path) -> std::io::Result<()> {
    let mut connection = BufReader::new(connection);
    let (mut request, mut line) = (String::new(), String::new());
    connection.read_line(&mut request).await?;
    while connection.read_line(&mut line).await? > 2 {
        line.clear();
    }
    let name = request.split(' ').nth(1).unwrap_or_default();
    let file = tokio::fs::read(folder.join(name.trim_start_matches('/'))).await?;
    let length = file.len();
    let head = format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
    connection.write_all(head.as_bytes()).await?;
    connection.write_all(&file).await?;
    connection.shutdown().await
}

#[tokio::test]
async fn a_registry_takes_the_chart_and_gives_it_back() {
    let folder = Folder::new("registry");
    let address = {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        listener.local_addr().unwrap()
    };
    let mut registry = peer("registry");
    registry.args(["-port", &address.port().to_string()]);
    registry.stderr(Stdio::null());
    let _registry = Running::start("the registry", registry);
    eventually("the registry listens", || listens(address)).await;
    let url = format!("oci://{address}/charts");
    folder.package(&[&url, "--plain-http"]);
    let home = folder.0.join("home");
    let found = template(
        &[&format!("{url}/bitcoin-controller"), "--plain-http"],
        &home,
    )
    .await;
    assert_eq!(found, helm(&["template", RELEASE, CHART]));
}

async fn listens(address: SocketAddr) -> Result<(), String> {
    let connection = TcpStream::connect(address).await;
    connection.map(|_| ()).map_err(|error| error.to_string())
}
