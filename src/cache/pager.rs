//! A whole collection, from as many pages as the server wants to give it in.
//!
//! A server that reads its storage gives lists in pages, with a token that asks for the next; all
//! pages of one list are of one version. A server that answers from its own cache gives all at
//! once, and does so more cheaply: so pages are asked for only where the storage is read anyway.
//! If the server forgets that version while we read, the pages read so far are worth nothing, and
//! the list is asked for once more, in one piece.
//!
//! # Invariants
//! - A token is sent without a version: it holds one, and a server refuses both together.
//! - Objects are compared with the store as they arrive; see [`NextState`].
//! - What comes back is whole, or an error.
//!
//! # Example
//! ```no_run
//! # async fn example(client: bitcoin_controller::client::Client) -> Result<(), bitcoin_controller::client::Error> {
//! use bitcoin_controller::api::core::Pod;
//! use bitcoin_controller::cache::{ApiListWatch, Indexer, pager::Pager};
//! use bitcoin_controller::client::Scope;
//!
//! let pods = Indexer::<Pod>::default();
//! let list_watch = ApiListWatch::new(client, Scope::All);
//! let (next, version) = Pager::new(None).list(&list_watch, Some("0"), &pods).await?;
//! println!("{} pods at version {version}", next.n_changed());
//! # Ok(())
//! # }
//! ```
//!
//! # Source
//! client-go `tools/pager/pager.go`, and the choice of `limit` in `tools/cache/reflector.go`.

use crate::api::Resource;
use crate::api::meta::ListMeta;
use crate::cache::list_watch::ListWatch;
use crate::cache::next_state::NextState;
use crate::cache::reflector_store::ReflectorStore;
use crate::client::list::PAGE_SIZE;
use crate::client::{Error, ListParams};

/// Lists whole collections, and remembers how this server likes to be asked.
#[derive(Clone, Debug)]
pub struct Pager {
    page_size: Option<u32>,
    /// This server gives pages even for version `0`: it has no cache, so always ask for pages.
    has_paginated: bool,
}

impl Pager {
    /// A pager that asks for `page_size` objects a page. `None`: for [`PAGE_SIZE`] where the server
    /// reads its storage anyway, and for all in one page where it can answer from its cache.
    pub fn new(page_size: Option<u32>) -> Self {
        Pager {
            page_size,
            has_paginated: false,
        }
    }

    /// Everything there is, as the difference from `store`, and at which version. `version`: at
    /// least as new as that one; `0`: whatever is at hand; `None`: as of now.
    ///
    /// # Errors
    /// Whatever the server or the network says; a list without a version.
    ///
    /// # Cancel safety
    /// Dropping the future abandons the list.
    pub async fn list<R: Resource>(
        &mut self,
        list_watch: &dyn ListWatch<R>,
        version: Option<&str>,
        store: &dyn ReflectorStore<R>,
    ) -> Result<(NextState<R>, Box<str>), Error> {
        let whole = ListParams {
            resource_version: version.map(str::to_owned),
            ..ListParams::default()
        };
        let mut params = ListParams {
            limit: self.limit(version),
            ..whole.clone()
        };
        let mut next = NextState::default();
        loop {
            let is_first = params.continue_token.is_none();
            let mut page = page_into(&mut next, list_watch, &params, store).await;
            // The server has forgotten where we were while we read: once more, all in one page.
            if page.as_ref().is_err_and(Error::is_gone) && !is_first {
                next = NextState::default();
                params = whole.clone();
                page = page_into(&mut next, list_watch, &params, store).await;
            }
            let page = page?;
            if page.continue_token.is_empty() {
                return match page.resource_version.is_empty() {
                    false => Ok((next, page.resource_version)),
                    true => Err(no_version::<R>()),
                };
            }
            self.has_paginated |= version == Some("0");
            params.resource_version = None;
            params.continue_token = Some(page.continue_token.into());
        }
    }

    fn limit(&self, version: Option<&str>) -> Option<u32> {
        let is_from_storage = self.has_paginated || matches!(version, None | Some("0"));
        self.page_size.or(is_from_storage.then_some(PAGE_SIZE))
    }
}

async fn page_into<R: Resource>(
    next: &mut NextState<R>,
    list_watch: &dyn ListWatch<R>,
    params: &ListParams,
    store: &dyn ReflectorStore<R>,
) -> Result<ListMeta, Error> {
    let mut put = |item| next.put(item, store);
    list_watch.list(params.clone(), &mut put).await
}

fn no_version<R: Resource>() -> Error {
    Error::Protocol {
        operation: format!("list {}", R::PLURAL),
        what: "the list has no resourceVersion, so nothing can be watched from it".to_owned(),
    }
}
