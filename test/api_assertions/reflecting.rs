//! What a reflector, an informer and a watch that is retried make of either server's answers.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use bitcoin_controller::api::meta::ListMeta;
use bitcoin_controller::api::{ObjectMeta, Resource};
use bitcoin_controller::cache::list_watch::Answer;
use bitcoin_controller::cache::{
    ApiListWatch, InformerOptions, ListWatch, Notification, RetryWatcher, Selector, SharedInformer,
    SubscriptionOptions,
};
use bitcoin_controller::client::{
    EachItem, Item, ListParams, Scope, WatchEvent, WatchParams, WatchStream,
};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::Api;
use super::api::{DEADLINE, eventually, version};
use super::widgets::widget;

/// A kind of which a real server remembers no more than since it was defined.
#[derive(Debug, Deserialize)]
struct Widget {
    metadata: ObjectMeta,
}

impl Resource for Widget {
    const GROUP: &'static str = "assertions.example.com";
    const VERSION: &'static str = "v1";
    const KIND: &'static str = "Widget";
    const PLURAL: &'static str = "widgets";

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }
}

/// Asks the server, and notes what; for some requests it asks for another version than it was told to.
struct Noted {
    widgets: ApiListWatch,
    lies: Mutex<VecDeque<Option<&'static str>>>,
    asked: Mutex<Vec<String>>,
}

impl Noted {
    fn new(api: &Api, lies: &[Option<&'static str>]) -> Arc<Self> {
        let scope = Scope::Namespace(api.namespace.as_str().into());
        Arc::new(Noted {
            widgets: ApiListWatch::new(api.client(), scope),
            lies: Mutex::new(lies.iter().copied().collect()),
            asked: Mutex::default(),
        })
    }

    fn version(&self, told: &str) -> String {
        let lie = self.lies.lock().unwrap().pop_front().flatten();
        lie.unwrap_or(told).to_owned()
    }

    fn note(&self, line: String) {
        self.asked.lock().unwrap().push(line);
    }

    /// The requests so far, where a version that only the server can know is a `#`.
    fn asked(&self) -> Vec<String> {
        let known = ["0", "1", "4000000000", "yesterday", "-"];
        let blind = |line: &String| {
            let words = line.split(' ').enumerate();
            let words = words.map(|(at, word)| match at {
                1 if !known.contains(&word) => "#",
                _ => word,
            });
            words.collect::<Vec<_>>().join(" ")
        };
        self.asked.lock().unwrap().iter().map(blind).collect()
    }
}

fn or_dash(version: &str) -> &str {
    if version.is_empty() { "-" } else { version }
}

impl ListWatch<Widget> for Noted {
    fn list<'a>(
        &'a self,
        mut params: ListParams,
        each: EachItem<'a, Widget>,
    ) -> Answer<'a, ListMeta> {
        let version = self.version(params.resource_version.as_deref().unwrap_or_default());
        let limit = params.limit.map(|limit| format!(" limit {limit}"));
        self.note(format!(
            "list {}{}",
            or_dash(&version),
            limit.unwrap_or_default()
        ));
        params.resource_version = Some(version).filter(|version| !version.is_empty());
        self.widgets.list(params, each)
    }

    fn watch(&self, mut params: WatchParams) -> Answer<'_, WatchStream<Widget>> {
        params.resource_version = self.version(&params.resource_version);
        let how = match params.send_initial_events {
            true => "stream",
            false => "watch",
        };
        let seconds = params.timeout.as_secs();
        assert!((300..600).contains(&seconds), "{seconds}");
        self.note(format!("{how} {}", or_dash(&params.resource_version)));
        self.widgets.watch(params)
    }
}

/// Its version.
async fn create(api: &Api, name: &str) -> String {
    version(&api.post("widgets", widget(name, json!({}))).await.created())
}

async fn change(api: &Api, name: &str) {
    let patch = json!({"spec": {"color": "blue"}});
    api.merge(&format!("widgets/{name}"), patch).await.ok();
}

/// Runs an informer over two widgets until they and a third are there; returns what was asked.
async fn asked_by_an_informer(is_streaming: bool, lies: &[Option<&'static str>]) -> Vec<String> {
    let api = Api::with_widgets().await;
    create(&api, "a").await;
    create(&api, "b").await;
    // From here on the server has lost what was before, as it does every few minutes.
    api.server.forget_history().await;
    let noted = Noted::new(&api, lies);
    let options = InformerOptions {
        initial_events: is_streaming,
        ..InformerOptions::default()
    };
    let informer = SharedInformer::<Widget>::new(Arc::clone(&noted), options);
    let shutdown = CancellationToken::new();
    let story = async {
        let synced = timeout(DEADLINE, informer.wait_until_synced()).await;
        assert!(synced.expect("it was to sync in time"));
        create(&api, "c").await;
        eventually("the third is seen", async || {
            informer.lister().list(None, &Selector::everything()).len() == 3
        })
        .await;
        shutdown.cancel();
    };
    tokio::join!(informer.run(shutdown.clone()), story);
    noted.asked()
}

#[tokio::test]
async fn c031_the_first_request_asks_for_initial_events_as_of_now() {
    assert_eq!(asked_by_an_informer(true, &[]).await[0], "stream -");
}

#[tokio::test]
async fn c034_one_request_brings_the_state_and_what_happens_after_it() {
    assert_eq!(asked_by_an_informer(true, &[]).await, ["stream -"]);
}

#[tokio::test]
async fn c001_the_first_list_asks_for_whatever_is_there_in_pages_of_500() {
    let asked = asked_by_an_informer(false, &[]).await;
    assert_eq!(asked, ["list 0 limit 500", "watch #"]);
}

#[tokio::test]
async fn c007_a_version_the_server_has_not_reached_leads_to_a_list_as_of_now() {
    let asked = asked_by_an_informer(false, &[Some("4000000000")]).await;
    assert_eq!(
        asked,
        ["list 4000000000 limit 500", "list - limit 500", "watch #"]
    );
}

#[tokio::test]
async fn c014_a_watch_from_a_lost_version_leads_to_a_state_as_of_now() {
    let asked = asked_by_an_informer(false, &[None, Some("1")]).await;
    assert_eq!(
        asked,
        ["list 0 limit 500", "watch 1", "list - limit 500", "watch #"]
    );
}

#[tokio::test]
async fn c038_a_question_that_is_refused_as_bad_is_answered_by_a_list() {
    let asked = asked_by_an_informer(true, &[Some("yesterday")]).await;
    assert_eq!(asked, ["stream yesterday", "list 0 limit 500", "watch #"]);
}

#[tokio::test]
async fn c039_initial_events_from_a_version_to_come_are_asked_for_as_of_now() {
    let asked = asked_by_an_informer(true, &[Some("4000000000")]).await;
    assert_eq!(asked, ["stream 4000000000", "stream -"]);
}

#[tokio::test]
async fn c043_a_watch_that_is_retried_tells_each_event_once() {
    let api = Api::with_widgets().await;
    let first = create(&api, "a").await;
    change(&api, "a").await;
    let noted = Noted::new(&api, &[]);
    let mut watcher = RetryWatcher::new(noted, &first).unwrap();
    api.delete("widgets/a", Value::Null).await.ok();
    let mut seen = Vec::new();
    while seen.len() < 2 {
        let event = timeout(DEADLINE, watcher.next())
            .await
            .expect("an event in time");
        seen.push(match event.unwrap().unwrap() {
            WatchEvent::Modified(Item::Object(widget)) => {
                ("changed", widget.metadata.name.to_string())
            }
            WatchEvent::Deleted(Item::Object(widget)) => {
                ("deleted", widget.metadata.name.to_string())
            }
            other => panic!("{other:?}"),
        });
    }
    assert_eq!(
        seen,
        [("changed", "a".to_owned()), ("deleted", "a".to_owned())]
    );
}

#[tokio::test]
async fn c044_a_watch_that_is_retried_ends_when_its_version_is_lost() {
    let api = Api::with_widgets().await;
    create(&api, "a").await;
    api.server.forget_history().await;
    let mut watcher = RetryWatcher::new(Noted::new(&api, &[Some("1")]), "17").unwrap();
    let ended = timeout(DEADLINE, watcher.next())
        .await
        .expect("an end in time");
    assert!(ended.unwrap().unwrap_err().is_gone());
    assert!(watcher.next().await.is_none());
}

#[tokio::test]
async fn c065_who_subscribes_late_is_told_what_is_there_and_then_what_happens() {
    let api = Api::with_widgets().await;
    create(&api, "a").await;
    let informer = SharedInformer::<Widget>::new(Noted::new(&api, &[]), InformerOptions::default());
    let shutdown = CancellationToken::new();
    let story = async {
        assert!(informer.wait_until_synced().await);
        let mut late = informer.subscribe(SubscriptionOptions::default());
        change(&api, "a").await;
        create(&api, "b").await;
        let mut told = Vec::new();
        while told.len() < 3 {
            let next = timeout(DEADLINE, late.next())
                .await
                .expect("news in time")
                .unwrap();
            let how = match &next {
                Notification::Added { initial: true, .. } => "there",
                Notification::Added { .. } => "added",
                Notification::Updated { .. } => "updated",
                other => panic!("{:?}", other.key()),
            };
            told.push(format!("{how} {}", next.object().metadata().name));
        }
        assert_eq!(told, ["there a", "updated a", "added b"]);
        shutdown.cancel();
    };
    tokio::join!(informer.run(shutdown.clone()), story);
}
