//! client-go's SharedIndexInformer against the pretend server and the real one: one story, told twice.

use std::collections::VecDeque;

use bitcoin_controller::api::{BitcoinNetwork, ObjectKey, Resource};
use bitcoin_controller::client::DeleteOptions;
use serde_json::json;

use super::program::{Running, peer};
use super::server::Server;

#[tokio::test]
async fn a_client_go_informer_follows_the_pretend_server() {
    an_informer_follows(Server::pretend().await).await;
}

#[tokio::test]
async fn a_client_go_informer_follows_the_real_server() {
    an_informer_follows(Server::real()).await;
}

/// Goal: whatever happens, and however it begins, the informer hears of every change once and holds
/// what there is.
/// Method: one that lists and one that does not, through one story: a start, changes, a connection that
/// breaks off, and one that breaks off until the server has forgotten what happened meanwhile.
async fn an_informer_follows(mut server: Server) {
    server.prepare(NAMESPACE).await;
    let a = create(&server, "a").await;
    let b = create(&server, "b").await;
    let mut informers = [true, false].map(|lists| Informer::start(&server, lists));
    for informer in &mut informers {
        informer
            .hears([format!("added {a}"), format!("added {b}")])
            .await;
        informer.holds([&a, &b]).await;
        informer
            .has_asked(&["list", "watch"], &["watch-list"])
            .await;
    }

    let b = resize(&server, "b", 2).await;
    let c = create(&server, "c").await;
    delete(&server, "c").await;
    for informer in &mut informers {
        let events = [
            format!("updated {b}"),
            format!("added {c}"),
            "deleted c".to_owned(),
        ];
        informer.hears(events).await;
        informer.holds([&a, &b]).await;
    }

    server.gate.close().await;
    let b = resize(&server, "b", 3).await;
    delete(&server, "a").await;
    let d = create(&server, "d").await;
    server.gate.open();
    for informer in &mut informers {
        let events = [
            format!("updated {b}"),
            "deleted a".to_owned(),
            format!("added {d}"),
        ];
        informer.hears(events).await;
        informer.holds([&b, &d]).await;
        informer.has_asked(&["watch"], &["watch"]).await;
    }

    server.gate.close().await;
    delete(&server, "b").await;
    let d = resize(&server, "d", 4).await;
    let e = create(&server, "e").await;
    server.forget_history();
    server.gate.open();
    for mut informer in informers {
        // Of a deletion that nobody can tell any more, the store tells by what it had.
        let events = [
            format!("missed {b}"),
            format!("updated {d}"),
            format!("added {e}"),
        ];
        informer.hears_in_any_order(events).await;
        informer.holds([&d, &e]).await;
        informer
            .has_asked(&["watch", "list", "watch"], &["watch", "watch-list"])
            .await;
        informer.running.end().await;
    }
    server
        .kubectl(&["delete", "namespace", NAMESPACE, "--wait=false"])
        .await;
}

const NAMESPACE: &str = "go-informer";

/// The Go program of test/peers/informer, which prints what it hears and asks.
struct Informer {
    running: Running,
    lists: bool,
    events: VecDeque<String>,
    /// What it asked since somebody looked; the same again and again, while nobody answers, is there once.
    asked: Vec<String>,
}

impl Informer {
    /// `lists`: it begins with a list, and not with a watch that tells what there is.
    fn start(server: &Server, lists: bool) -> Self {
        let mut program = peer("informer");
        program
            .arg("--kubeconfig")
            .arg(server.kubeconfig())
            .args(["--namespace", NAMESPACE, "--resource"])
            .arg(format!(
                "{}.{}.{}",
                BitcoinNetwork::PLURAL,
                BitcoinNetwork::VERSION,
                BitcoinNetwork::GROUP
            ))
            .env("KUBE_FEATURE_WatchListClient", (!lists).to_string());
        let name = if lists {
            "the informer that lists"
        } else {
            "the informer that only watches"
        };
        Informer {
            running: Running::start(name, program),
            lists,
            events: VecDeque::new(),
            asked: Vec::new(),
        }
    }

    /// Reads a line and keeps it where it belongs.
    async fn listen(&mut self) {
        let line = self.running.line().await;
        match line.strip_prefix("asks ") {
            Some(asked) if self.asked.last().is_some_and(|last| last == asked) => {}
            Some(asked) => self.asked.push(asked.to_owned()),
            None => self.events.push_back(line),
        }
    }

    async fn event(&mut self) -> String {
        loop {
            match self.events.pop_front() {
                Some(event) => return event,
                None => self.listen().await,
            }
        }
    }

    /// These are the next events.
    async fn hears<const N: usize>(&mut self, events: [String; N]) {
        for event in events {
            assert_eq!(self.event().await, event);
        }
    }

    async fn hears_in_any_order<const N: usize>(&mut self, mut events: [String; N]) {
        let mut heard = Vec::new();
        while heard.len() < N {
            heard.push(self.event().await);
        }
        heard.sort();
        events.sort();
        assert_eq!(heard, events);
    }

    /// The lister knows these objects, and no event is left unheard.
    async fn holds<const N: usize>(&mut self, objects: [&str; N]) {
        self.running.ask().await;
        assert_eq!(self.event().await, format!("holds {}", objects.join(" ")));
    }

    /// Since it was last looked, it has asked this if it lists and that if it does not.
    async fn has_asked(&mut self, listing: &[&str], watching: &[&str]) {
        let wanted = if self.lists { listing } else { watching };
        while self.asked.len() < wanted.len() {
            self.listen().await;
        }
        assert_eq!(self.asked, wanted);
        self.asked.clear();
    }
}

/// The name of a network and the version that it has now.
fn named(network: &BitcoinNetwork) -> String {
    let metadata = network.metadata();
    format!("{}@{}", metadata.name, metadata.resource_version)
}

async fn create(server: &Server, name: &str) -> String {
    let network = json!({
        "apiVersion": format!("{}/{}", BitcoinNetwork::GROUP, BitcoinNetwork::VERSION),
        "kind": BitcoinNetwork::KIND,
        "metadata": {"name": name},
        "spec": {"nodes": 1},
    });
    named(&server.client.create(NAMESPACE, &network).await.unwrap())
}

async fn resize(server: &Server, name: &str, nodes: u32) -> String {
    let key = ObjectKey::new(NAMESPACE, name);
    let patch = json!({"spec": {"nodes": nodes}});
    named(&server.client.patch(&key, &patch).await.unwrap())
}

async fn delete(server: &Server, name: &str) {
    let key = ObjectKey::new(NAMESPACE, name);
    let options = DeleteOptions::default();
    let deleted = server.client.delete::<BitcoinNetwork>(&key, &options).await;
    deleted.unwrap();
}
