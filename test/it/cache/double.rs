//! A server of pods that keeps its history, notes what it was asked and when, and fails on request.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bitcoin_controller::api::ObjectKey;
use bitcoin_controller::api::core::Pod;
use bitcoin_controller::api::meta::ListMeta;
use bitcoin_controller::cache::ListWatch;
use bitcoin_controller::cache::list_watch::Answer;
use bitcoin_controller::client::{
    EachItem, Error, Item, ListParams, WatchEvent, WatchParams, WatchStream,
};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::faults::{Fault, StreamFault, broken, status, status_with_cause};
use super::objects::{describe, key, pod, undecodable};

type Sender = mpsc::UnboundedSender<Result<WatchEvent<Pod>, Error>>;

/// The server. Clones are the same one.
#[derive(Clone, Default)]
pub(crate) struct PodServer(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    version: u64,
    /// Watches from before this version are told that it is gone.
    oldest: u64,
    pods: BTreeMap<ObjectKey, Item<Pod>>,
    /// Every event with its version.
    history: Vec<(u64, WatchEvent<Pod>)>,
    watches: Vec<Sender>,
    /// What could be read at each version at which something changed.
    states: BTreeMap<u64, Vec<String>>,
    /// How many pages a list has at most, whatever version is asked for; 0: always one.
    page_size: usize,
    next_uid: u64,
    list_faults: VecDeque<Option<Fault>>,
    watch_faults: VecDeque<Option<Fault>>,
    stream_faults: VecDeque<Option<StreamFault>>,
    requests: Vec<(Instant, String)>,
    timeouts: Vec<Duration>,
}

impl PodServer {
    /// A server at version 10.
    pub(crate) fn new() -> Self {
        let server = PodServer::default();
        server.lock().version = 10;
        server
    }

    /// Creates or changes a pod; a new one gets a new UID. Returns the version.
    pub(crate) fn put(&self, name: &str) -> u64 {
        self.put_item(name, |name, uid, version| {
            Item::Object(pod(name, uid, version))
        })
    }

    /// Creates or changes a pod so that it cannot be read.
    pub(crate) fn put_bad(&self, name: &str) -> u64 {
        self.put_item(name, |name, uid, version| {
            Item::Undecodable(undecodable(name, uid, version))
        })
    }

    fn put_item(&self, name: &str, make: impl Fn(&str, &str, u64) -> Item<Pod>) -> u64 {
        let mut state = self.lock();
        state.version += 1;
        let uid = match state.pods.get(&key(name)) {
            Some(Item::Object(known)) => known.metadata.uid.to_string(),
            Some(Item::Undecodable(known)) => known.uid.to_string(),
            None => {
                state.next_uid += 1;
                format!("uid-{}", state.next_uid)
            }
        };
        let item = make(name, &uid, state.version);
        let is_new = state.pods.insert(key(name), item.clone()).is_none();
        state.publish(match is_new {
            true => WatchEvent::Added(item),
            false => WatchEvent::Modified(item),
        });
        state.version
    }

    /// Deletes a pod, if it is there.
    pub(crate) fn delete(&self, name: &str) {
        let mut state = self.lock();
        let Some(mut last) = state.pods.remove(&key(name)) else {
            return;
        };
        state.version += 1;
        let version: Box<str> = state.version.to_string().into();
        match &mut last {
            Item::Object(pod) => pod.metadata.resource_version = version,
            Item::Undecodable(bad) => bad.resource_version = version,
        }
        state.publish(WatchEvent::Deleted(last));
    }

    /// Something else has changed on the server; watches are told by a bookmark.
    pub(crate) fn bookmark(&self) {
        let mut state = self.lock();
        state.version += 1;
        let resource_version = state.version.to_string().into();
        state.publish(WatchEvent::Bookmark {
            resource_version,
            initial_events_end: false,
        });
    }

    /// Sends `event` as it is, without a part in the history.
    pub(crate) fn send(&self, event: WatchEvent<Pod>) {
        self.lock().send(&event);
    }

    /// Ends all watches well.
    pub(crate) fn close_watches(&self) {
        self.lock().watches.clear();
    }

    /// Breaks all watches with what `error` makes.
    pub(crate) fn break_watches(&self, error: impl Fn() -> Error) {
        for watch in std::mem::take(&mut self.lock().watches) {
            let _ = watch.send(Err(error()));
        }
    }

    /// Forgets the history: watches from before now are gone.
    pub(crate) fn compact(&self) {
        let mut state = self.lock();
        state.oldest = state.version;
    }

    /// Gives lists in pages of this many, also for version `0`.
    pub(crate) fn paginate(&self, page_size: usize) {
        self.lock().page_size = page_size;
    }

    /// What happens to the next lists; `None`: they are answered.
    pub(crate) fn fail_lists(&self, faults: impl IntoIterator<Item = Option<Fault>>) {
        self.lock().list_faults.extend(faults);
    }

    /// What happens to the next watches; `None`: they are answered.
    pub(crate) fn fail_watches(&self, faults: impl IntoIterator<Item = Option<Fault>>) {
        self.lock().watch_faults.extend(faults);
    }

    /// What happens to the next initial events; `None`: they come whole.
    pub(crate) fn fail_streams(&self, faults: impl IntoIterator<Item = Option<StreamFault>>) {
        self.lock().stream_faults.extend(faults);
    }

    /// Says that the initial events were all, to those who have not been told.
    pub(crate) fn end_initial_events(&self) {
        let mut state = self.lock();
        let end = state.end_of_initial_events();
        state.send(&end);
    }

    /// What was asked so far, such as `list 0 limit=500`, `stream -` and `watch 10`.
    pub(crate) fn requests(&self) -> Vec<String> {
        let state = self.lock();
        state
            .requests
            .iter()
            .map(|(_, text)| text.clone())
            .collect()
    }

    /// When each request came.
    pub(crate) fn times(&self) -> Vec<Instant> {
        self.lock().requests.iter().map(|(at, _)| *at).collect()
    }

    /// The timeouts of the watches so far.
    pub(crate) fn timeouts(&self) -> Vec<Duration> {
        self.lock().timeouts.clone()
    }

    pub(crate) fn n_watches(&self) -> usize {
        let mut state = self.lock();
        state.watches.retain(|watch| !watch.is_closed());
        state.watches.len()
    }

    pub(crate) fn version(&self) -> u64 {
        self.lock().version
    }

    /// What is there: each pod that can be read, as `name@version`.
    pub(crate) fn readable(&self) -> Vec<String> {
        self.lock().readable()
    }

    /// What was there at `version`.
    pub(crate) fn readable_at(&self, version: u64) -> Vec<String> {
        let state = self.lock();
        let last = state.states.range(..=version).next_back();
        last.map(|(_, readable)| readable.clone())
            .unwrap_or_default()
    }

    /// The names of the pods that cannot be read.
    pub(crate) fn unreadable(&self) -> Vec<String> {
        let state = self.lock();
        let bad = state
            .pods
            .iter()
            .filter(|(_, item)| matches!(item, Item::Undecodable(_)));
        bad.map(|(key, _)| key.name.to_string()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

impl State {
    fn readable(&self) -> Vec<String> {
        let pods = self.pods.values();
        pods.filter_map(|item| match item {
            Item::Object(pod) => Some(describe(pod)),
            Item::Undecodable(_) => None,
        })
        .collect()
    }

    fn publish(&mut self, event: WatchEvent<Pod>) {
        self.states.insert(self.version, self.readable());
        self.send(&event);
        self.history.push((self.version, event));
    }

    fn send(&mut self, event: &WatchEvent<Pod>) {
        self.watches
            .retain(|watch| watch.send(Ok(event.clone())).is_ok());
    }

    fn note(&mut self, request: String) {
        self.requests.push((Instant::now(), request));
    }

    /// A token names the version of the first page and the number of the next item.
    fn page(&self, params: &ListParams, each: EachItem<'_, Pod>) -> Result<ListMeta, Error> {
        let asked = params.resource_version.as_deref().unwrap_or("");
        let (version, from) = match &params.continue_token {
            None => (self.version, 0),
            Some(token) => {
                let (version, from) = token.split_once('/').unwrap();
                (version.parse().unwrap(), from.parse().unwrap())
            }
        };
        if version != self.version {
            return Err(Error::refused("list pods", status(410, "Expired")));
        }
        if asked.parse::<u64>().is_ok_and(|asked| asked > self.version) {
            let status = status_with_cause(504, "Timeout", "ResourceVersionTooLarge", "");
            return Err(Error::refused("list pods", status));
        }
        let limit = match (self.page_size, params.limit) {
            (0, _) | (_, None) => usize::MAX,
            (size, Some(limit)) => size.min(usize::try_from(limit).unwrap()),
        };
        let mut next = from;
        for item in self.pods.values().skip(from).take(limit) {
            each(item.clone());
            next += 1;
        }
        let token = match next < self.pods.len() {
            true => format!("{version}/{next}"),
            false => String::new(),
        };
        Ok(ListMeta {
            resource_version: version.to_string().into(),
            continue_token: token.into(),
        })
    }

    fn open_watch(&mut self, from: &str) -> Result<WatchStream<Pod>, Error> {
        let from: u64 = from.parse().unwrap();
        if from < self.oldest {
            return Err(Error::refused("watch pods", status(410, "Expired")));
        }
        let (sender, receiver) = mpsc::unbounded_channel();
        for (_, event) in self.history.iter().filter(|(version, _)| *version > from) {
            sender.send(Ok(event.clone())).unwrap();
        }
        self.watches.push(sender);
        Ok(WatchStream::from_channel(receiver))
    }
}

impl State {
    fn open_stream(&mut self, from: &str) -> Result<WatchStream<Pod>, Error> {
        if from.parse().is_ok_and(|from: u64| from > self.version) {
            let status = status_with_cause(504, "Timeout", "ResourceVersionTooLarge", "");
            return Err(Error::refused("watch pods", status));
        }
        let (sender, receiver) = mpsc::unbounded_channel();
        let fault = self.stream_faults.pop_front().flatten();
        let limit = match fault {
            Some(StreamFault::Close(limit) | StreamFault::Break(limit)) => limit,
            _ => usize::MAX,
        };
        for item in self.pods.values().take(limit) {
            sender.send(Ok(WatchEvent::Added(item.clone()))).unwrap();
        }
        match fault {
            Some(StreamFault::Close(_)) => return Ok(WatchStream::from_channel(receiver)),
            Some(StreamFault::Break(_)) => {
                sender.send(Err(broken())).unwrap();
                return Ok(WatchStream::from_channel(receiver));
            }
            Some(StreamFault::NoEnd) => {}
            None => sender.send(Ok(self.end_of_initial_events())).unwrap(),
        }
        self.watches.push(sender);
        Ok(WatchStream::from_channel(receiver))
    }

    fn end_of_initial_events(&self) -> WatchEvent<Pod> {
        WatchEvent::Bookmark {
            resource_version: self.version.to_string().into(),
            initial_events_end: true,
        }
    }
}

impl ListWatch<Pod> for PodServer {
    fn list<'a>(&'a self, params: ListParams, each: EachItem<'a, Pod>) -> Answer<'a, ListMeta> {
        Box::pin(async move {
            let fault = {
                let mut state = self.lock();
                let version = params.resource_version.as_deref().unwrap_or("-");
                let limit = params
                    .limit
                    .map_or(String::new(), |limit| format!(" limit={limit}"));
                let token = params.continue_token.as_deref();
                let token = token.map_or(String::new(), |token| format!(" continue={token}"));
                state.note(format!("list {version}{limit}{token}"));
                state.list_faults.pop_front().flatten()
            };
            match fault {
                Some(fault) => Err(fault.happen().await),
                None => self.lock().page(&params, each),
            }
        })
    }

    fn watch(&self, params: WatchParams) -> Answer<'_, WatchStream<Pod>> {
        Box::pin(async move {
            let fault = {
                let mut state = self.lock();
                state.note(
                    match (params.send_initial_events, params.resource_version.as_str()) {
                        (true, "") => "stream -".to_owned(),
                        (true, version) => format!("stream {version}"),
                        (false, version) => format!("watch {version}"),
                    },
                );
                state.timeouts.push(params.timeout);
                state.watch_faults.pop_front().flatten()
            };
            match fault {
                Some(fault) => Err(fault.happen().await),
                None if params.send_initial_events => {
                    self.lock().open_stream(&params.resource_version)
                }
                None => self.lock().open_watch(&params.resource_version),
            }
        })
    }
}
