//! One page of a list, read object by object while it arrives.
//!
//! A list of ten thousand Pods is a hundred megabytes on the wire and a few in our cache. Collecting
//! the body, making a tree of it and copying out what we want would hold all of that at once. So the
//! [scanner](crate::client::scan) cuts the body into its items as the bytes come in, each item goes
//! once through serde into the partial type, and its bytes are forgotten.
//!
//! ```text
//!   chunk ──> ListScanner ──item's bytes──> Item::read ──> Page.items, or whoever takes them one by one
//!                  └─────everything else──> envelope ──(at the end)──> kind, resourceVersion, continue
//! ```
//!
//! # Invariants
//! - At no time more than one item and one chunk of the network are held as bytes.
//! - `metadata` may stand before or after `items`.
//! - A bad item becomes [`Item::Undecodable`]; a broken page is an error, never a short page.
//!
//! # Example
//! ```
//! use bitcoin_controller::api::{core::Pod, text::Interner};
//! use bitcoin_controller::client::list::PageReader;
//!
//! let mut reader = PageReader::<Pod>::new(Interner::default());
//! reader.push(br#"{"kind": "PodList", "items": [{"metadata": {"na"#)?;
//! reader.push(br#"me": "a"}}], "metadata": {"resourceVersion": "7"}}"#)?;
//! let page = reader.finish()?;
//! assert_eq!((page.items.len(), &*page.resource_version), (1, "7"));
//! # Ok::<(), bitcoin_controller::client::list::Malformed>(())
//! ```
//!
//! # Source
//! client-go `tools/pager/pager.go`, apimachinery `pkg/apis/meta/v1/types.go` (`ListOptions`). What differs:
//! client-go reads the whole body and decodes all items or none.

use std::fmt;

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::api::meta::ListMeta;
use crate::api::text::Interner;
use crate::api::{Resource, Text};
use crate::base::json;
use crate::client::answer::Answer;
use crate::client::error::Error;
use crate::client::item::Item;
use crate::client::rest::Client;
use crate::client::scan::{Broken, Items, ListScanner};

/// How many objects to ask for at a time where nobody says; as client-go's pager.
pub const PAGE_SIZE: u32 = 500;

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

/// Takes the items of a page one by one, as they arrive.
pub type EachItem<'a, R> = &'a mut (dyn FnMut(Item<R>) + Send);

impl Client {
    /// Reads one page, and hands each item to `each` as it arrives instead of keeping it: who looks
    /// at every item once holds one at a time. The page is true only if the answer is `Ok`.
    ///
    /// # Errors
    /// As [`list`](Client::list).
    ///
    /// # Cancel safety
    /// Items that `each` was given stay given; without the `Ok` they are no page.
    pub async fn list_each<R: Resource>(
        &self,
        scope: &Scope,
        params: &ListParams,
        each: EachItem<'_, R>,
    ) -> Result<ListMeta, Error> {
        let answer = self.ask_for_page::<R>(scope, params).await?;
        let page = read_each(answer, params.interner.clone(), each).await?;
        Ok(ListMeta {
            resource_version: page.resource_version,
            continue_token: page.continue_token.unwrap_or_default(),
        })
    }
}

/// Reads one page from its bytes as they arrive.
#[derive(Debug)]
pub struct PageReader<R> {
    scanner: ListScanner,
    arrived: Arrived<R>,
}

/// The items so far.
#[derive(Debug)]
struct Arrived<R> {
    interner: Interner,
    items: Vec<Item<R>>,
}

impl<R: Resource> Items for &mut Arrived<R> {
    fn read_first(&mut self, bytes: &[u8]) -> Option<usize> {
        let (item, length) = Item::read_first(bytes, &self.interner)?;
        self.items.push(item);
        Some(length)
    }

    fn read_whole(&mut self, item: &[u8]) {
        self.items.push(Item::read(item, &self.interner));
    }
}

impl<R: Resource> PageReader<R> {
    /// A reader whose shared strings come from `interner`.
    pub fn new(interner: Interner) -> Self {
        PageReader {
            scanner: ListScanner::default(),
            arrived: Arrived {
                interner,
                items: Vec::new(),
            },
        }
    }

    /// Takes the next bytes of the body.
    ///
    /// # Errors
    /// What has come so far cannot become a list.
    pub fn push(&mut self, chunk: &[u8]) -> Result<(), Malformed> {
        self.scanner
            .push(chunk, &mut self.arrived)
            .map_err(Malformed::Broken)
    }

    /// Takes out the items that have arrived since the last call.
    pub fn take_items(&mut self) -> Vec<Item<R>> {
        std::mem::take(&mut self.arrived.items)
    }

    /// The page, once the body has ended, with the items that have not been taken out.
    ///
    /// # Errors
    /// The body was cut short, or is no list.
    pub fn finish(self) -> Result<Page<R>, Malformed> {
        let envelope: Envelope =
            json::from_slice(self.scanner.envelope()).map_err(Malformed::Envelope)?;
        // A table has `rows`; a list whose items we did not see would pass for an empty one.
        let has_unseen_items = envelope.items.is_some_and(|items| !items.is_empty());
        if !envelope.kind.ends_with("List") || has_unseen_items {
            let kind = envelope.kind.chars().take(KIND_LENGTH).collect();
            return Err(Malformed::Kind(kind));
        }
        let token = envelope.metadata.continue_token;
        Ok(Page {
            items: self.arrived.items,
            resource_version: envelope.metadata.resource_version,
            continue_token: (!token.is_empty()).then_some(token),
            kind: envelope.kind,
        })
    }
}

/// Reads the body of `answer`, chunk by chunk.
pub(crate) async fn read<R: Resource>(
    answer: Answer,
    interner: Interner,
) -> Result<Page<R>, Error> {
    let mut items = Vec::new();
    let page = read_each(answer, interner, &mut |item| items.push(item)).await?;
    Ok(Page { items, ..page })
}

/// As [`read`], but the page comes back without its items.
async fn read_each<R: Resource>(
    mut answer: Answer,
    interner: Interner,
    each: EachItem<'_, R>,
) -> Result<Page<R>, Error> {
    let mut reader = PageReader::new(interner);
    let outcome = loop {
        match answer.chunk().await? {
            Some(chunk) => {
                if let Err(malformed) = reader.push(&chunk) {
                    break Err(malformed);
                }
                reader.take_items().into_iter().for_each(&mut *each);
            }
            None => break reader.finish(),
        }
    };
    let operation = answer.operation;
    outcome.map_err(|malformed| match malformed {
        Malformed::Envelope(source) => Error::Decode { operation, source },
        other => Error::Protocol {
            operation,
            what: other.to_string(),
        },
    })
}

/// A list without its items.
#[derive(Deserialize)]
struct Envelope {
    kind: Box<str>,
    #[serde(default)]
    metadata: ListMeta,
    #[serde(default)]
    items: Option<Vec<IgnoredAny>>,
}

/// How much of a foreign kind is shown, in characters.
const KIND_LENGTH: usize = 64;

/// Why a body is not a page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// It cannot be cut into items.
    Broken(Broken),
    /// What is around the items is not JSON, ends too soon, or has another shape.
    Envelope(json::Error),
    /// It is of this kind, such as `Table`.
    Kind(String),
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Malformed::Broken(broken) => write!(f, "{broken}"),
            Malformed::Envelope(error) => write!(f, "{error}"),
            Malformed::Kind(kind) => write!(f, "the answer is no list but of kind `{kind}`"),
        }
    }
}

impl std::error::Error for Malformed {}
