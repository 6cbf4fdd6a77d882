//! What happened to an object: as the store sees it, and as a handler is told.
//!
//! The store moves from one state to the next; a [`Change`] is the difference at one key: what was
//! there before, what is there after. Two changes of one key in a row are one change again, and
//! putting them together takes one line: the *before* of the first, the *after* of the second. That
//! is the whole of coalescing. A [`Notification`] is the change in the words handlers know from
//! client-go: added, updated, deleted.
//!
//! # Invariants
//! - Whether something is an addition or an update is decided by what was there before, never by
//!   what the server called it.
//! - An update may be to an object of the same name and another UID: deleted and created while we
//!   did not look.
//!
//! # Example
//! ```
//! use bitcoin_controller::api::{ObjectMeta, core::Pod};
//! use bitcoin_controller::cache::{After, Change, Notification};
//! use std::sync::Arc;
//!
//! let pod = |version: &str| {
//!     Arc::new(Pod { metadata: ObjectMeta { resource_version: version.into(), ..Default::default() }, ..Default::default() })
//! };
//! let first = Change { before: None, after: After::Is(pod("1")) };
//! let second = Change { before: Some(pod("1")), after: After::Is(pod("2")) };
//! let Notification::Added { object, .. } = first.then(second).into_notification(false) else { panic!() };
//! assert_eq!(&*object.metadata.resource_version, "2");
//! ```
//!
//! # Source
//! client-go `tools/cache/controller.go` (`ResourceEventHandler`), `delta_fifo.go`
//! (`DeletedFinalStateUnknown`). What differs: a tombstone is a flag, not another type.

use std::fmt;
use std::sync::Arc;

use crate::api::{ObjectKey, Resource};

/// The difference between two states of the store, at one key.
pub struct Change<R> {
    /// What was there; `None`: nothing.
    pub before: Option<Arc<R>>,
    /// What is there now.
    pub after: After<R>,
}

/// What is there after a [`Change`].
pub enum After<R> {
    /// This object.
    Is(Arc<R>),
    /// Nothing.
    Gone {
        /// The last state that is known.
        last: Arc<R>,
        /// Whether the object may have changed once more before it went: nobody saw it go.
        final_state_unknown: bool,
    },
}

impl<R> Change<R> {
    /// This change and then `later`, as one. States between the two are not told.
    ///
    /// An addition and a deletion become a deletion, not nothing: someone may have seen the object
    /// in the store meanwhile, and must hear that it is gone.
    #[must_use]
    pub fn then(self, later: Change<R>) -> Change<R> {
        Change {
            before: self.before,
            after: later.after,
        }
    }

    /// The object as it is now, or as it was last.
    pub fn object(&self) -> &Arc<R> {
        match &self.after {
            After::Is(object) => object,
            After::Gone { last, .. } => last,
        }
    }

    /// The change as handlers are told; `initial` says whether the object was there from the start.
    pub fn into_notification(self, initial: bool) -> Notification<R> {
        match (self.before, self.after) {
            (None, After::Is(object)) => Notification::Added { object, initial },
            (Some(old), After::Is(new)) => Notification::Updated { old, new },
            (
                _,
                After::Gone {
                    last,
                    final_state_unknown,
                },
            ) => Notification::Deleted {
                object: last,
                final_state_unknown,
            },
        }
    }
}

impl<R> Clone for Change<R> {
    fn clone(&self) -> Self {
        Change {
            before: self.before.clone(),
            after: match &self.after {
                After::Is(object) => After::Is(object.clone()),
                After::Gone {
                    last,
                    final_state_unknown,
                } => After::Gone {
                    last: last.clone(),
                    final_state_unknown: *final_state_unknown,
                },
            },
        }
    }
}

/// What a handler is told. The store is never behind it.
pub enum Notification<R> {
    /// An object is there that was not.
    Added {
        /// The object.
        object: Arc<R>,
        /// Whether it was there when the handler's view began: part of the first list, or of the
        /// replay for a handler that came later.
        initial: bool,
    },
    /// An object has changed, or (both the same) a resync reminds of it.
    Updated {
        /// As it was when this handler last heard of it.
        old: Arc<R>,
        /// As it is.
        new: Arc<R>,
    },
    /// An object is gone. The handler may not have heard of it before.
    Deleted {
        /// The last state that is known.
        object: Arc<R>,
        /// Whether it may have changed once more before it went: nobody saw it go.
        final_state_unknown: bool,
    },
}

impl<R: Resource> Notification<R> {
    /// Which object this is about.
    pub fn key(&self) -> ObjectKey {
        self.object().key()
    }

    /// The object as it is now, or as it was last.
    pub fn object(&self) -> &Arc<R> {
        match self {
            Notification::Added { object, .. } | Notification::Deleted { object, .. } => object,
            Notification::Updated { new, .. } => new,
        }
    }
}

/// Names what happened and the object; never its content.
impl<R: Resource> fmt::Debug for Notification<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self {
            Notification::Added { initial: true, .. } => "Added(initial)",
            Notification::Added { initial: false, .. } => "Added",
            Notification::Updated { .. } => "Updated",
            Notification::Deleted {
                final_state_unknown: true,
                ..
            } => "Deleted(final state unknown)",
            Notification::Deleted { .. } => "Deleted",
        };
        let version = &self.object().metadata().resource_version;
        write!(f, "{what} {}@{version}", self.key())
    }
}
