//! Whose object is it?
//!
//! The informers select by label, so an object that is not in the cache may exist all the same: its
//! label was taken off, or somebody else made it. So a miss is followed by a GET, and only a 404 means
//! that the name is free. What exists is ours if its controller owner has this network's UID; a later
//! network of the same name is somebody else.
//!
//! # Invariants
//! - [`Found::Ours`] is never terminating, and [`Found::Free`] was said by the server in this pass or
//!   follows from an object that we wrote and the cache has lost.
//! - Nothing is adopted, ever.

use std::sync::Arc;

use crate::api::{ObjectKey, Resource};
use crate::client::{Client, Error};

/// What stands at a name.
#[derive(Debug)]
pub enum Found<R> {
    /// Nothing: the name is free.
    Free,
    /// An object of this network.
    Ours(Arc<R>),
    /// One that is being deleted, whoever's it is: to be waited for.
    Terminating,
    /// Somebody else's, and whose.
    Foreign(String),
}

/// Looks at `key`, in the cache first.
///
/// # Errors
/// The GET failed otherwise than by 404.
///
/// # Cancel safety
/// It only reads.
///
/// # Rights
/// `get` on the kind.
pub async fn find<R: Resource>(
    client: &Client,
    cached: Option<Arc<R>>,
    key: &ObjectKey,
    network_uid: &str,
) -> Result<Found<R>, Error> {
    let object = match cached {
        Some(object) => object,
        None => match client.get::<R>(key).await {
            Ok(object) => Arc::new(object),
            Err(error) if error.is_not_found() => return Ok(Found::Free),
            Err(error) => return Err(error),
        },
    };
    Ok(judge(object, network_uid))
}

fn judge<R: Resource>(object: Arc<R>, network_uid: &str) -> Found<R> {
    let metadata = object.metadata();
    match metadata.controller() {
        _ if metadata.is_terminating() => Found::Terminating,
        Some(owner) if owner.uid == network_uid => Found::Ours(object),
        Some(owner) => Found::Foreign(format!("{} {} (uid {})", owner.kind, owner.name, owner.uid)),
        None => Found::Foreign("nobody: it has no controller".to_owned()),
    }
}
