//! One page of a list, read object by object while it arrives.
//!
//! A list of ten thousand Pods is a hundred megabytes on the wire and a few in our cache. Collecting
//! the body, making a tree of it and copying out what we want would hold all of that at once. So the
//! [scanner](crate::client::scan) cuts the body into its items as the bytes come in, each item goes
//! once through serde into the partial type, and its bytes are forgotten.
//!
//! ```text
//!   chunk ──> ListScanner ──item's bytes──> Item::read ──> Page.items
//!                  └─────everything else──> envelope ──(at the end)──> kind, resourceVersion, continue
//! ```
//!
//! # Invariants
//! - At no time more than one item and one chunk of the network are held as bytes.
//! - `metadata` may stand before or after `items`.
//! - A bad item becomes [`Item::Undecodable`]; a broken page is an error, never a short page.
//!
//! # Source
//! client-go `tools/pager/pager.go`, `pkg/apis/meta/v1/types.go` (`ListOptions`). What differs: client-go reads the whole body
//! and decodes all items or none.

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::api::meta::ListMeta;
use crate::api::text::Interner;
use crate::api::{Resource, Text};
use crate::base::json;
use crate::client::item::Item;

/// Where to look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// In all namespaces; the only scope of kinds that live in none.
    All,
    /// In one namespace.
    Namespace(Text),
}

/// What to list. The default: everything, as of now, in one page.
#[derive(Clone, Debug, Default)]
pub struct ListParams {
    /// Only objects with these labels, such as `app=bitcoin-network`.
    pub label_selector: Option<String>,
    /// Only objects with these fields, such as `metadata.name=alpha`.
    pub field_selector: Option<String>,
    /// `None`: as of now. `0`: whatever the server has at hand. Otherwise at least as new as this.
    pub resource_version: Option<String>,
    /// `Exact` or `NotOlderThan`; only together with a resource version.
    pub resource_version_match: Option<&'static str>,
    /// How many objects a page may have; `None`: all in one page.
    pub limit: Option<u32>,
    /// From the page before. The resource version is then in the token and is not sent.
    pub continue_token: Option<String>,
    /// Where shared strings are kept.
    pub interner: Interner,
}

impl ListParams {
    /// The parameters for the page after `page`, if there is one.
    pub fn after<R>(&self, page: &Page<R>) -> Option<ListParams> {
        let token = page.continue_token.as_ref()?;
        Some(ListParams {
            continue_token: Some(token.to_string()),
            ..self.clone()
        })
    }
}

/// One page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<R> {
    /// The objects, in the server's order (by key).
    pub items: Vec<Item<R>>,
    /// The version at which this page is true; all pages of one list have the same.
    pub resource_version: Box<str>,
    /// Asks for the next page; `None` on the last.
    pub continue_token: Option<Box<str>>,
    /// The kind the server gave, such as `PodList`.
    pub kind: Box<str>,
}
