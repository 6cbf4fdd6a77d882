//! Objects as plain JSON, one number for every change, and what an API server does at a write.
//!
//! The store keeps what it is given: whole values, never types of ours, so that a field we do not know
//! is still there when somebody else asks. Every change of an object takes the same path, whoever makes it:
//!
//! ```text
//!   clone ─> change ─> preconditions ─> put back what is the server's ─> defaults, pruning ─> rules
//!         ─> managed fields ─> nothing changed? done ─> generation ─> commit: number, history, wake watchers
//! ```
//!
//! It starts nothing by itself. Pods that have to run, dependents that have to go, namespaces that
//! have to become empty are the business of [`cluster`](crate::sim::cluster), which reads and writes
//! here like everybody else.
//!
//! # Invariants
//! - An object's `resourceVersion` is the number of the change that made it so; a write that changes
//!   nothing makes no change.
//! - `uid`, `creationTimestamp`, `generation` and `deletionTimestamp` are the store's alone.
//! - An object whose deletion has begun stays as long as it has finalizers or time to end, no longer.
//!
//! # Example
//! ```
//! use bitcoin_controller::base::{Clock, Random};
//! use bitcoin_controller::sim::request::Key;
//! use bitcoin_controller::sim::store::Store;
//! use serde_json::json;
//!
//! let store = Store::new(Clock::system(), Random::seeded(1));
//! let secret = json!({"metadata": {"name": "alpha"}, "type": "Opaque"});
//! let made = store.create("secrets", "default", secret, "me").expect("a sound object");
//! assert_eq!(made["metadata"]["namespace"], "default");
//!
//! let before = store.resource_version();
//! store.update("secrets", &Key::new("default", "alpha"), "me", |_| {}).expect("it is there");
//! assert_eq!(store.resource_version(), before);
//! ```
//!
//! # Source
//! apiserver `pkg/registry/generic/registry/store.go`, `pkg/registry/rest/{create,update,delete}.go`.

use std::collections::BTreeMap;
use std::fmt;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::base::{Clock, Random};
use crate::sim::admission;
use crate::sim::apply;
use crate::sim::defaults;
use crate::sim::history::Change;
use crate::sim::kinds::Kind;
use crate::sim::managed_fields::{self, Manager};
use crate::sim::object_meta;
use crate::sim::refusal::Refusal;
use crate::sim::request::{DeleteOptions, Key, Part};
use crate::sim::rules;
use crate::sim::state::State;

/// All objects of one kind, at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The moment.
    pub resource_version: u64,
    /// Sorted by key.
    pub objects: BTreeMap<Key, Arc<Value>>,
}

/// The objects. Clones are the same store.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    state: Mutex<State>,
    /// Wakes whoever waits for changes, in the order in which they began to wait: a channel of tokio's
    /// wakes in an order of its own, and the same seed would not be the same world.
    changed: Notify,
    clock: Clock,
    random: Random,
}

/// The namespaces that are there from the start.
const NAMESPACES: [&str; 2] = ["default", "kube-system"];

impl Store {
    /// A store with the built-in kinds and the namespaces `default` and `kube-system`.
    pub fn new(clock: Clock, random: Random) -> Self {
        let store = Store(Arc::new(Inner {
            state: Mutex::new(State::new()),
            changed: Notify::new(),
            clock,
            random,
        }));
        for name in NAMESPACES {
            let namespace = json!({"metadata": {"name": name}});
            store
                .create("namespaces", "", namespace, "kube-apiserver")
                .expect("a new store has room for its namespaces");
        }
        store
    }

    /// Remembers the last `n_changes` changes from now on: a world of thousands of pods changes more often
    /// in a second than a small one in an hour, and a watch must not fall behind by that alone.
    #[must_use]
    pub fn with_history(self, n_changes: usize) -> Self {
        self.lock().history.set_capacity(n_changes);
        self
    }

    /// A store of its own with the same objects: what happens there does not happen here.
    pub fn copy(&self) -> Store {
        let state = self.lock().clone();
        Store(Arc::new(Inner {
            changed: Notify::new(),
            state: Mutex::new(state),
            clock: self.0.clock.clone(),
            random: self.0.random.fork("copy"),
        }))
    }

    /// The clock that dates everything.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// The object, if it is there.
    pub fn get(&self, resource: &str, key: &Key) -> Option<Arc<Value>> {
        self.lock().tables.get(resource)?.objects.get(key).cloned()
    }

    /// All objects of a kind, in all namespaces, sorted by key.
    pub fn list(&self, resource: &str) -> Vec<Arc<Value>> {
        let state = self.lock();
        let table = state.tables.get(resource);
        table.map_or_else(Vec::new, |table| table.objects.values().cloned().collect())
    }

    /// The kinds there are, sorted by resource.
    pub fn kinds(&self) -> Vec<Arc<Kind>> {
        let state = self.lock();
        state
            .tables
            .values()
            .map(|table| Arc::clone(&table.kind))
            .collect()
    }

    /// The resources there are, such as `statefulsets.apps`, sorted.
    pub fn resources(&self) -> Vec<String> {
        self.lock().tables.keys().cloned().collect()
    }

    /// All objects of a kind as they are now, or as they were at an earlier moment.
    ///
    /// # Errors
    /// No such kind; the moment is forgotten, or has not come.
    pub fn snapshot(&self, resource: &str, at: Option<u64>) -> Result<Snapshot, Refusal> {
        let state = self.lock();
        let table = state
            .tables
            .get(resource)
            .ok_or_else(Refusal::no_such_resource)?;
        let mut objects = table.objects.clone();
        let resource_version = at.unwrap_or(state.resource_version);
        for change in state.changes_after(resource_version)?.rev() {
            if change.resource == resource {
                match &change.before {
                    Some(before) => objects.insert(change.key.clone(), Arc::clone(before)),
                    None => objects.remove(&change.key),
                };
            }
        }
        Ok(Snapshot {
            resource_version,
            objects,
        })
    }

    /// What happened to objects of a kind after a moment, oldest first, and the present moment.
    ///
    /// # Errors
    /// The moment is forgotten, or has not come.
    pub fn changes(&self, resource: &str, after: u64) -> Result<(Vec<Change>, u64), Refusal> {
        let state = self.lock();
        let changes = state
            .changes_after(after)?
            .filter(|change| change.resource == resource)
            .cloned()
            .collect();
        Ok((changes, state.resource_version))
    }

    /// The number of the latest change.
    pub fn resource_version(&self) -> u64 {
        self.lock().resource_version
    }

    /// Waits until there is a change after `seen`.
    ///
    /// # Cancel safety
    /// Safe: the number tells what was missed.
    pub async fn changed_after(&self, seen: u64) {
        loop {
            let mut changed = pin!(self.0.changed.notified());
            // Register before looking, or a change in between is missed.
            changed.as_mut().enable();
            if self.resource_version() > seen {
                return;
            }
            changed.await;
        }
    }

    /// Forgets what has happened so far, as a compaction of etcd does: watches from before get 410.
    pub fn compact(&self) {
        self.lock().history.compact();
    }

    /// Makes an object; without a name it gets one that begins with its `generateName`.
    ///
    /// # Errors
    /// There is one of that name, its namespace is missing or going, or it breaks rules.
    pub fn create(
        &self,
        resource: &str,
        namespace: &str,
        object: Value,
        manager: &str,
    ) -> Result<Arc<Value>, Refusal> {
        let by = Manager::update(manager, Part::Main);
        let now = self.0.clock.unix_seconds();
        let mut state = self.lock();
        self.insert(&mut state, resource, namespace, object, |kind, object| {
            managed_fields::note_update(kind, &json!({}), object, &by, now);
        })
    }

    /// Changes an object: reads, changes and writes it in one step.
    ///
    /// The status, where it is a subresource, is left as it is.
    ///
    /// # Errors
    /// It is not there, is not the one `change` thinks it is, or would break rules.
    pub fn update(
        &self,
        resource: &str,
        key: &Key,
        manager: &str,
        change: impl FnOnce(&mut Value),
    ) -> Result<Arc<Value>, Refusal> {
        self.update_part(Part::Main, resource, key, manager, change)
    }

    /// The same for the status alone.
    ///
    /// # Errors
    /// As [`update`](Self::update).
    pub fn update_status(
        &self,
        resource: &str,
        key: &Key,
        manager: &str,
        change: impl FnOnce(&mut Value),
    ) -> Result<Arc<Value>, Refusal> {
        self.update_part(Part::Status, resource, key, manager, change)
    }

    fn update_part(
        &self,
        part: Part,
        resource: &str,
        key: &Key,
        manager: &str,
        change: impl FnOnce(&mut Value),
    ) -> Result<Arc<Value>, Refusal> {
        let by = Manager::update(manager, part);
        self.write(resource, key, &by, |object| {
            change(object);
            Ok(())
        })
    }

    /// Changes an object as `by`, with a change that may refuse.
    ///
    /// # Errors
    /// What `change` says, or as [`update`](Self::update).
    pub fn write(
        &self,
        resource: &str,
        key: &Key,
        by: &Manager,
        change: impl FnOnce(&mut Value) -> Result<(), Refusal>,
    ) -> Result<Arc<Value>, Refusal> {
        let mut state = self.lock();
        let (kind, before) = state.object(resource, key)?;
        let mut next = (*before).clone();
        change(&mut next)?;
        object_meta::restore(&kind, &before, &mut next, by.part)?;
        rules::complete(&kind, Some(&before), &mut next)?;
        let now = self.0.clock.unix_seconds();
        managed_fields::note_update(&kind, &before, &mut next, by, now);
        Ok(self.replace(&mut state, &kind, key, before, next))
    }

    /// Server-side apply: makes the object, or the fields of it that `applied` names, so.
    ///
    /// # Errors
    /// Fields belong to others and `force` is not set; or as [`create`](Self::create) and
    /// [`update`](Self::update).
    pub fn apply(
        &self,
        resource: &str,
        key: &Key,
        applied: Value,
        by: &Manager,
        force: bool,
    ) -> Result<Arc<Value>, Refusal> {
        let now = self.0.clock.unix_seconds();
        let mut state = self.lock();
        apply::check(&*state.kind(resource)?, key, &applied)?;
        let (kind, before) = match state.object(resource, key) {
            Ok(found) => found,
            Err(refusal) if refusal.code == 404 && by.part == Part::Main => {
                object_meta::check_new(&*state.kind(resource)?, &applied)?;
                let object = applied.clone();
                return self.insert(
                    &mut state,
                    resource,
                    &key.namespace,
                    object,
                    |kind, object| {
                        managed_fields::note_apply(kind, &json!({}), object, &applied, by, now);
                    },
                );
            }
            Err(refusal) => return Err(refusal),
        };
        let mut next = (*before).clone();
        apply::apply(&kind, &mut next, &applied, by, force)?;
        object_meta::restore(&kind, &before, &mut next, by.part)?;
        rules::complete(&kind, Some(&before), &mut next)?;
        managed_fields::note_apply(&kind, &before, &mut next, &applied, by, now);
        Ok(self.replace(&mut state, &kind, key, before, next))
    }

    /// Begins an object's deletion, and ends it if nothing holds the object.
    ///
    /// # Errors
    /// It is not there, or is another one.
    pub fn delete(
        &self,
        resource: &str,
        key: &Key,
        options: &DeleteOptions,
    ) -> Result<Arc<Value>, Refusal> {
        let mut state = self.lock();
        let (kind, before) = state.object(resource, key)?;
        object_meta::check_preconditions(&kind, &before, options)?;
        let mut next = (*before).clone();
        object_meta::begin_deletion(&kind, &mut next, options, self.0.clock.unix_seconds());
        Ok(self.replace(&mut state, &kind, key, before, next))
    }

    /// The whole of a creation; `note` writes down whose fields they are.
    fn insert(
        &self,
        state: &mut State,
        resource: &str,
        namespace: &str,
        mut object: Value,
        note: impl FnOnce(&Kind, &mut Value),
    ) -> Result<Arc<Value>, Refusal> {
        let kind = state.kind(resource)?;
        object_meta::name(&kind, namespace, &mut object, &self.0.random)?;
        let key = Key::of(&object);
        if state.tables[resource].objects.contains_key(&key) {
            return Err(Refusal::already_exists(&kind, &key.name));
        }
        admission::admit(state, &kind, &key)?;
        object_meta::begin(&kind, &mut object, &self.0.random, &self.0.clock);
        rules::complete(&kind, None, &mut object)?;
        note(&kind, &mut object);
        defaults::allocate(resource, &mut object);
        Ok(self.commit(state, &kind, key, None, object, false))
    }

    /// Commits `next` unless it is what is there; takes the object out if nothing holds it any more.
    fn replace(
        &self,
        state: &mut State,
        kind: &Arc<Kind>,
        key: &Key,
        before: Arc<Value>,
        mut next: Value,
    ) -> Arc<Value> {
        let is_deletion = object_meta::is_released(&next);
        if !is_deletion && managed_fields::are_equal_but_for_times(&before, &next) {
            return before;
        }
        object_meta::count_generation(kind, &before, &mut next);
        self.commit(state, kind, key.clone(), Some(before), next, is_deletion)
    }

    fn commit(
        &self,
        state: &mut State,
        kind: &Kind,
        key: Key,
        before: Option<Arc<Value>>,
        object: Value,
        is_deletion: bool,
    ) -> Arc<Value> {
        let object = state.commit(kind, key, before, object, is_deletion);
        self.0.changed.notify_waiters();
        object
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Whoever panicked did so before its change: the state is touched by `State::commit` alone.
        let state = self.0.state.lock();
        state.unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Store at {}", self.resource_version())
    }
}
