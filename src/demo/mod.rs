//! The demo: a cluster, the controller and a story about one network, in one process.
//!
//! It does what a person trying this out would do by hand: get a cluster, install the
//! CustomResourceDefinition, run the controller, ask for a network, mine, break something, scale, and
//! look. [`playground`] brings a pretend cluster that kubectl can talk to; `--kubeconfig` names a real
//! one instead. [`story`] has the steps, [`narrator`] tells them while they happen.
//!
//! # Invariants
//! - The controller here is the one of [`run`](mod@crate::run), through the same doors: it knows no more
//!   of the pretend cluster than a kubeconfig says.
//! - The network that the story has made is deleted at the end, whatever came of the story, and no other.
//! - On a real cluster the controller looks after the story's namespace only. The
//!   CustomResourceDefinition is applied and stays. No other controller may run there.

pub mod narrator;
pub mod playground;
pub mod story;

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use crate::api::core::PodCondition;
use crate::api::crd::custom_resource_definition;
use crate::api::{BitcoinNetwork, ObjectKey, ObjectMeta, Resource, null_is_default};
use crate::client::{self, Client, Config, DeleteOptions, Propagation};
use crate::controller::Reach;
use crate::demo::narrator::Narrator;
use crate::demo::playground::Playground;
use crate::demo::story::Story;
use crate::run;

/// The name of the demo's network.
const NETWORK: &str = "demo";

/// Where to tell the story, and whether to stay.
#[derive(Clone, Debug)]
pub struct Options {
    /// On what cluster.
    pub place: Place,
    /// Whether to leave when the story is told, instead of staying to be looked at.
    pub exit: bool,
}

/// The cluster that the story is about.
#[derive(Clone, Debug)]
pub enum Place {
    /// A real one.
    Cluster {
        /// The kubeconfig to read; `None`: the usual places.
        kubeconfig: Option<PathBuf>,
        /// The context of the kubeconfig; `None`: its current one.
        context: Option<String>,
    },
    /// A pretend one, made for the occasion.
    Playground(playground::Options),
}

/// Why the demo failed.
#[derive(Debug)]
pub enum Error {
    /// The pretend cluster could not be made.
    Playground(playground::Error),
    /// It could not start, or was aborted.
    Run(run::Error),
    /// The CustomResourceDefinition could not be installed.
    Install(client::Error),
    /// A step of the story did not come true.
    Story(story::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Playground(error) => write!(f, "{error}"),
            Error::Run(error) => write!(f, "{error}"),
            Error::Install(_) => f.write_str("failed to install the CustomResourceDefinition"),
            Error::Story(_) => f.write_str("the story did not come to its end"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Playground(error) => std::error::Error::source(error),
            Error::Run(error) => std::error::Error::source(error),
            Error::Install(error) => Some(error),
            Error::Story(error) => Some(error),
        }
    }
}

impl From<run::Error> for Error {
    fn from(error: run::Error) -> Self {
        Error::Run(error)
    }
}

/// Tells the story, and stays until `shutdown` unless it is to leave.
///
/// # Errors
/// The first step that did not come true; the network is deleted all the same.
///
/// # Cancel safety
/// Not cancel safe: cancel `shutdown` and wait. Dropped, it leaves its network behind.
pub async fn run(options: Options, shutdown: CancellationToken) -> Result<(), Error> {
    let narrator = Narrator::default();
    let exit = options.exit;
    match options.place {
        Place::Cluster {
            kubeconfig,
            context,
        } => {
            let config = Config::load(kubeconfig.as_deref(), context.as_deref());
            let config = config.map_err(run::Error::Config)?;
            tell(config, None, exit, &narrator, shutdown).await
        }
        Place::Playground(options) => {
            let playground = Playground::open(options).await.map_err(Error::Playground)?;
            narrator.tell(&playground.description());
            let config = Config::load(Some(playground.kubeconfig()), None);
            let config = config.map_err(run::Error::Config)?;
            let kubeconfig = playground.kubeconfig().to_owned();
            let end = CancellationToken::new();
            let story = async {
                let outcome = tell(config, Some(&kubeconfig), exit, &narrator, shutdown).await;
                end.cancel();
                outcome
            };
            let (outcome, ()) = tokio::join!(story, playground.run(end.clone()));
            outcome
        }
    }
}

/// Runs the controller and tells the story on the cluster of `config`.
async fn tell(
    config: Config,
    kubeconfig: Option<&Path>,
    exit: bool,
    narrator: &Narrator,
    shutdown: CancellationToken,
) -> Result<(), Error> {
    let key = ObjectKey::new(config.namespace(), NETWORK);
    let (client, _) = run::connect(config).await?;
    install(&client).await.map_err(Error::Install)?;
    narrator.tell("the CustomResourceDefinition is installed");

    let end = CancellationToken::new();
    let reach = Reach::PortForward(client.clone());
    let insight = run::Insight::default();
    let controller = run::controller(
        client.clone(),
        reach,
        run::Options {
            namespaces: vec![key.namespace.to_string()],
            ..run::Options::default()
        },
        None,
        &insight,
        end.clone(),
    );
    let tell = async {
        let story = Story::new(client.clone(), narrator.clone(), key.clone());
        let outcome = tokio::select! {
            biased;
            () = shutdown.cancelled() => Ok(()),
            outcome = story.tell() => outcome,
        };
        if outcome.is_ok() && !exit && !shutdown.is_cancelled() {
            narrator.say(&farewell(&key, kubeconfig));
            shutdown.cancelled().await;
        }
        if let Some(uid) = story.network_uid() {
            clean_up(&client, &key, uid, narrator).await;
        }
        end.cancel();
        outcome.map_err(Error::Story)
    };
    let (ran, outcome) = tokio::join!(controller, tell);
    ran?;
    outcome
}

/// Applies the CustomResourceDefinition and waits until the server serves it.
async fn install(client: &Client) -> Result<(), client::Error> {
    let body = custom_resource_definition();
    let name = body["metadata"]["name"].as_str().unwrap_or_default();
    let key = ObjectKey::new("", name);
    let mut crd = client.apply::<Crd>(&key, &body).await?;
    while !crd.is_established() {
        tokio::time::sleep(story::LOOK_EVERY).await;
        crd = client.get(&key).await?;
    }
    Ok(())
}

async fn clean_up(client: &Client, key: &ObjectKey, uid: String, narrator: &Narrator) {
    let options = DeleteOptions {
        uid: Some(uid),
        propagation: Some(Propagation::Background),
        ..DeleteOptions::default()
    };
    match client.delete::<BitcoinNetwork>(key, &options).await {
        Ok(()) => narrator.tell(&format!(
            "deleted {key}; the garbage collector takes what it owned"
        )),
        // Somebody was faster.
        Err(error) if error.is_not_found() || error.is_conflict() => {}
        Err(error) => narrator.tell(&format!("{key} is left behind: {error}")),
    }
}

/// What to try next; `exec` needs a real kubelet.
fn farewell(key: &ObjectKey, kubeconfig: Option<&Path>) -> String {
    let (setup, exec) = match kubeconfig {
        Some(path) => (
            format!("\n  export KUBECONFIG={}", path.display()),
            String::new(),
        ),
        None => {
            let text = format!(
                "\n  kubectl -n {} exec {NETWORK}-sts-0 -- bitcoin-cli -regtest getpeerinfo",
                key.namespace
            );
            (String::new(), text)
        }
    };
    let namespace = &key.namespace;
    format!(
        "\nThe network stays until Ctrl-C. In another terminal, try:{setup}\n\
         \x20 kubectl -n {namespace} get btcnet --watch\n\
         \x20 kubectl -n {namespace} describe btcnet {NETWORK}\n\
         \x20 kubectl -n {namespace} scale btcnet {NETWORK} --replicas=5\n\
         \x20 kubectl -n {namespace} delete pod {NETWORK}-sts-1{exec}\n"
    )
}

/// The part of a CustomResourceDefinition that says whether it is served.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Crd {
    metadata: ObjectMeta,
    status: CrdStatus,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct CrdStatus {
    #[serde(deserialize_with = "null_is_default")]
    conditions: Vec<PodCondition>,
}

impl Crd {
    fn is_established(&self) -> bool {
        self.status
            .conditions
            .iter()
            .any(|it| it.type_ == "Established" && it.status == "True")
    }
}

impl Resource for Crd {
    const GROUP: &'static str = "apiextensions.k8s.io";
    const VERSION: &'static str = "v1";
    const KIND: &'static str = "CustomResourceDefinition";
    const PLURAL: &'static str = "customresourcedefinitions";
    const NAMESPACED: bool = false;

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }
}
