//! client-go's SharedIndexInformer against the pretend server and the real one: one story, told twice.

use std::collections::VecDeque;
use std::path::PathBuf;

use bitcoin_controller::api::{BitcoinNetwork, ObjectKey, Resource};
use bitcoin_controller::client::{Client, DeleteOptions};
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

#[tokio::test]
async fn a_client_go_informer_finds_out_what_the_pretend_server_has_forgotten() {
    an_informer_finds_out_what_is_forgotten(Server::pretend().await).await;
}

#[tokio::test]
async fn a_client_go_informer_finds_out_what_the_real_server_has_forgotten() {
    an_informer_finds_out_what_is_forgotten(Server::real()).await;
}

/// Goal: however it begins, the informer hears of every change once and holds what there is, over the
/// end of a connection, too.
/// Method: one that lists and one that does not, through one story.
async fn an_informer_follows(mut server: Server) {
    let scene = Scene::set(&server, "informer-follows").await;
    let a = scene.create("a").await;
    let b = scene.create("b").await;
    let mut informers = scene.informers();
    for informer in &mut informers {
        informer.begins_with([&a, &b]).await;
    }

    let b = scene.resize("b", 2).await;
    let c = scene.create("c").await;
    scene.delete("c").await;
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
    let b = scene.resize("b", 3).await;
    scene.delete("a").await;
    let d = scene.create("d").await;
    server.gate.open();
    for mut informer in informers {
        let events = [
            format!("updated {b}"),
            "deleted a".to_owned(),
            format!("added {d}"),
        ];
        informer.hears(events).await;
        informer.holds([&b, &d]).await;
        informer.has_asked(&["watch"], &["watch"]).await;
        informer.running.end().await;
    }
    server.clear(scene.namespace).await;
}

/// Goal: what nobody can tell any more, the informer finds out by comparing.
/// Method: a connection that breaks off until the server has forgotten what happened meanwhile.
async fn an_informer_finds_out_what_is_forgotten(mut server: Server) {
    let scene = Scene::set(&server, "informer-finds-out").await;
    let a = scene.create("a").await;
    let b = scene.create("b").await;
    let mut informers = scene.informers();
    for informer in &mut informers {
        informer.begins_with([&a, &b]).await;
    }

    // client-go lists again after a watch that told nothing within its first second.
    let b = scene.resize("b", 2).await;
    for informer in &mut informers {
        informer.hears([format!("updated {b}")]).await;
    }

    // Meanwhile they do not try, and so do not wait longer and longer between attempts.
    for informer in &informers {
        informer.running.signal("STOP");
    }
    server.gate.close().await;
    scene.delete("a").await;
    let b = scene.resize("b", 3).await;
    let c = scene.create("c").await;
    server.forget_history();
    server.gate.open();
    for mut informer in informers {
        informer.running.signal("CONT");
        // Of the deletion its store tells, by what it had.
        let events = [
            format!("missed {a}"),
            format!("updated {b}"),
            format!("added {c}"),
        ];
        informer.hears_in_any_order(events).await;
        informer.holds([&b, &c]).await;
        informer
            .has_asked(&["watch", "list", "watch"], &["watch", "watch-list"])
            .await;
        informer.running.end().await;
    }
    server.clear(scene.namespace).await;
}

/// Networks in a namespace of their own.
struct Scene {
    client: Client,
    kubeconfig: PathBuf,
    namespace: &'static str,
}

impl Scene {
    async fn set(server: &Server, namespace: &'static str) -> Self {
        server.prepare(namespace).await;
        Scene {
            client: server.client.clone(),
            kubeconfig: server.kubeconfig().to_owned(),
            namespace,
        }
    }

    /// One that lists, and one that does not.
    fn informers(&self) -> [Informer; 2] {
        [true, false].map(|lists| Informer::start(self, lists))
    }

    async fn create(&self, name: &str) -> String {
        let network = json!({
            "apiVersion": format!("{}/{}", BitcoinNetwork::GROUP, BitcoinNetwork::VERSION),
            "kind": BitcoinNetwork::KIND,
            "metadata": {"name": name},
            "spec": {"nodes": 1},
        });
        named(&self.client.create(self.namespace, &network).await.unwrap())
    }

    async fn resize(&self, name: &str, nodes: u32) -> String {
        let patch = json!({"spec": {"nodes": nodes}});
        named(&self.client.patch(&self.key(name), &patch).await.unwrap())
    }

    async fn delete(&self, name: &str) {
        let (key, options) = (self.key(name), DeleteOptions::default());
        let deleted = self.client.delete::<BitcoinNetwork>(&key, &options).await;
        deleted.unwrap();
    }

    fn key(&self, name: &str) -> ObjectKey {
        ObjectKey::new(self.namespace, name)
    }
}

/// The name of a network and the version that it has now.
fn named(network: &BitcoinNetwork) -> String {
    let metadata = network.metadata();
    format!("{}@{}", metadata.name, metadata.resource_version)
}

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
    fn start(scene: &Scene, lists: bool) -> Self {
        let mut program = peer("informer");
        program
            .arg("--kubeconfig")
            .arg(&scene.kubeconfig)
            .args(["--namespace", scene.namespace, "--resource"])
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

    /// The first it hears of is what is there, and for that it has asked in its own way.
    async fn begins_with<const N: usize>(&mut self, there: [&str; N]) {
        let events = there.map(|network| format!("added {network}"));
        self.hears_in_any_order(events).await;
        self.holds(there).await;
        self.has_asked(&["list", "watch"], &["watch-list"]).await;
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
