//! What there was at one version: what a list is cut from, page by page, and what initial events tell.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::body::Body;

/// All objects as of one version.
pub struct Snapshot {
    pub version: u64,
    pub objects: Vec<Object>,
}

/// An object as of one version.
#[derive(Clone)]
pub struct Object {
    pub body: Arc<Body>,
    pub version: u64,
}

/// The last few: pages of lists that go on are cut from them.
#[derive(Default)]
pub struct Snapshots(VecDeque<Arc<Snapshot>>);

/// How many are kept.
const KEPT: usize = 4;

impl Snapshots {
    pub fn at(&self, version: u64) -> Option<Arc<Snapshot>> {
        self.0
            .iter()
            .find(|snapshot| snapshot.version == version)
            .cloned()
    }

    pub fn keep(&mut self, snapshot: Arc<Snapshot>) {
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back(snapshot);
    }

    pub fn forget(&mut self) {
        self.0.clear();
    }
}

/// Where a list goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    pub version: u64,
    pub place: usize,
}

impl Token {
    pub fn parse(text: &str) -> Option<Self> {
        let (version, place) = text.split_once('-')?;
        Some(Token {
            version: version.parse().ok()?,
            place: place.parse().ok()?,
        })
    }

    pub fn text(self) -> String {
        format!("{}-{}", self.version, self.place)
    }
}
