//! One demo for all examples, and the examples as programs against it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use bitcoin_controller::client::{Client, Config};

use crate::support::program::Program;

/// A demo whose three nodes are ready. It ends when the last test lets go of it.
pub(super) struct Stage {
    /// Nobody asks it anything; the lock lets tests share it. Dropped first: it uses the folder.
    _demo: Mutex<Program>,
    folder: Folder,
}

/// A temporary folder, which goes with its owner.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Stage {
    /// The demo that runs already, or else a new one.
    pub(super) fn shared() -> Arc<Stage> {
        static RUNNING: Mutex<Weak<Stage>> = Mutex::new(Weak::new());
        // A test that failed while it waited for the demo has left nothing half done.
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        running.upgrade().unwrap_or_else(|| {
            let stage = Arc::new(Stage::open());
            *running = Arc::downgrade(&stage);
            stage
        })
    }

    fn open() -> Stage {
        let unique = format!("examples-test-{}", std::process::id());
        let folder = Folder(std::env::temp_dir().join(unique));
        std::fs::create_dir_all(&folder.0).unwrap();
        let mut demo = Program::start(
            Command::new(env!("CARGO_BIN_EXE_bitcoin-controller"))
                .args(["demo", "--simulate", "--write-kubeconfig"])
                .arg(folder.0.join("kubeconfig"))
                .env_remove("RUST_LOG"),
        );
        demo.until("all 3 nodes ready and connected");
        Stage {
            _demo: Mutex::new(demo),
            folder,
        }
    }

    /// Starts an example against the demo.
    pub(super) fn play(&self, example: &str) -> Program {
        start(example, &self.kubeconfig())
    }

    /// Does something on the demo's server, as a person with kubectl would.
    pub(super) fn on_the_server<T>(&self, work: impl AsyncFnOnce(Client) -> T) -> T {
        let config = Config::load(Some(&self.kubeconfig()), None).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async { work(Client::connect(config).unwrap()).await })
    }

    fn kubeconfig(&self) -> PathBuf {
        self.folder.0.join("kubeconfig")
    }
}

/// Starts an example with a kubeconfig.
pub(super) fn start(example: &str, kubeconfig: &Path) -> Program {
    let path = built().join(example);
    Program::start(
        Command::new(path)
            .env("KUBECONFIG", kubeconfig)
            .env_remove("RUST_LOG"),
    )
}

/// Where the examples are, in the state of the sources. `cargo test` has built them, and then this is
/// quick; who runs this binary alone may have old ones, or none.
fn built() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let profile_folder = Path::new(env!("CARGO_BIN_EXE_bitcoin-controller"))
            .parent()
            .unwrap();
        let profile = match profile_folder.file_name().unwrap().to_str().unwrap() {
            "debug" => "dev",
            profile => profile,
        };
        let mut build = Command::new(env!("CARGO"));
        // What cargo says to a test of its package would make build scripts run anew, and all after them.
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
                build.env_remove(&name);
            }
        }
        let output = build
            .args(["build", "--examples", "--quiet", "--profile", profile])
            .arg("--target-dir")
            .arg(profile_folder.parent().unwrap())
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "the examples do not build:\n{said}"
        );
        profile_folder.join("examples")
    })
}
