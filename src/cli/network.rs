//! What subcommands about one network share: which one is meant, and how its nodes are reached.
//!
//! They run with the rights of whoever calls them, who needs `get` on the network, `get` on its Secret
//! `<network>-rpc`, and outside the cluster `pods/portforward` (`manifests/users.yaml`).
//!
//! # Invariants
//! - Errors say what is missing and what to do about it, and hold no password.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::api::core::Secret;
use crate::api::{BitcoinNetwork, ObjectKey};
use crate::base::Report;
use crate::bitcoin::{Credentials, RpcClient};
use crate::client::{Client, Config};
use crate::controller::Reach;
use crate::controller::desired;

/// How long connecting to a pod's address may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Debug, Args)]
pub(super) struct NetworkFlags {
    /// The network's namespace [default: that of the context, in a cluster the pod's own]
    #[arg(short, long, value_name = "NAMESPACE", value_parser = super::namespace)]
    namespace: Option<String>,

    /// The kubeconfig file [default: $KUBECONFIG, else in a cluster the service account, else ~/.kube/config]
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,

    /// The context of the kubeconfig [default: its current one]
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
}

impl NetworkFlags {
    /// The network called `name`, where these flags say.
    pub(super) fn network(&self, name: &str) -> Result<Network, Report> {
        let config = Config::load(self.kubeconfig.as_deref(), self.context.as_deref())?;
        let own_namespace = config.namespace().to_owned();
        let namespace = self.namespace.clone().unwrap_or(own_namespace);
        let is_in_cluster = config.is_in_cluster();
        let client = Client::connect(config)?;
        let reach = match is_in_cluster {
            true => Reach::direct(CONNECT_TIMEOUT),
            false => Reach::PortForward(client.clone()),
        };
        let key = ObjectKey::new(namespace, name);
        Ok(Network::new(client, reach, key))
    }
}

/// One network, as its users reach it.
#[derive(Debug)]
pub struct Network {
    /// The API server.
    pub client: Client,
    /// How nodes are reached.
    pub reach: Reach,
    /// Which one it is.
    pub key: ObjectKey,
}

impl Network {
    /// The network `key`.
    pub fn new(client: Client, reach: Reach, key: ObjectKey) -> Self {
        Network { client, reach, key }
    }

    /// As it is now.
    ///
    /// # Errors
    /// There is none, or it may not be read.
    ///
    /// # Cancel safety
    /// It only reads.
    pub async fn read(&self) -> Result<BitcoinNetwork, Report> {
        match self.client.get::<BitcoinNetwork>(&self.key).await {
            Err(error) if error.is_not_found() => {
                Err(Report::new(format!("there is no network `{}`", self.key)))
            }
            outcome => Ok(outcome?),
        }
    }

    /// What its nodes accept.
    ///
    /// # Errors
    /// There is no Secret yet, it is incomplete, or it may not be read.
    ///
    /// # Cancel safety
    /// It only reads.
    pub async fn credentials(&self) -> Result<Credentials, Report> {
        let key = desired::secret_key(&self.key);
        let secret = match self.client.get::<Secret>(&key).await {
            Err(error) if error.is_not_found() => {
                let message = format!(
                    "secret `{key}` does not exist: the controller makes it; does one look after this namespace?"
                );
                return Err(Report::new(message));
            }
            outcome => outcome?,
        };
        let text = |name: &str| {
            secret
                .text(name)
                .ok_or_else(|| Report::new(format!("secret `{key}` has no `{name}`")))
        };
        let (user, password) = (text(desired::SECRET_USER)?, text(desired::SECRET_PASSWORD)?);
        Ok(Credentials::new(user, password)?)
    }

    /// A client for node `ordinal`, at the address `network` tells of it.
    ///
    /// # Errors
    /// There is no such node, or it has no address yet.
    pub fn node(
        &self,
        network: &BitcoinNetwork,
        ordinal: i32,
        credentials: &Credentials,
    ) -> Result<RpcClient, Report> {
        let mut nodes = network.status.nodes.iter();
        let found = nodes.find(|node| node.ordinal == ordinal);
        let address = found.map(|node| node.ip.as_str()).unwrap_or_default();
        if address.is_empty() {
            let message = format!("node {ordinal} of network `{}` is not there", self.key);
            return Err(Report::new(message));
        }
        let pod = desired::pod_key(&self.key, ordinal);
        Ok(self.reach.node(&pod, address, credentials))
    }
}
