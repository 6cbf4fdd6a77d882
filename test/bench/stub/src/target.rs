//! What a path leads to.

use crate::shapes::Shape;

/// A place in the API.
#[derive(Debug, PartialEq, Eq)]
pub enum Target {
    /// The objects that are served.
    Served,
    /// Objects of another kind, or of one namespace: there are none.
    Empty { api_version: String, kind: String },
    /// One object of the kind that is served.
    Object { namespace: String, name: String },
    /// Anything else.
    Nothing,
}

impl Target {
    pub fn parse(path: &str, shape: Shape) -> Self {
        let Some((group_path, rest)) = split_group(path) else {
            return Target::Nothing;
        };
        let is_served = |plural: &str| format!("{group_path}/{plural}") == shape.path();
        let segments: Vec<&str> = rest.split('/').collect();
        match segments[..] {
            [plural] if is_served(plural) => Target::Served,
            [plural] | ["namespaces", _, plural] => Target::Empty {
                api_version: group_path.split('/').skip(2).collect::<Vec<_>>().join("/"),
                kind: kind(plural),
            },
            ["namespaces", namespace, plural, name] if is_served(plural) => {
                Target::object(namespace, name)
            }
            [plural, name] if is_served(plural) => Target::object("", name),
            _ => Target::Nothing,
        }
    }

    fn object(namespace: &str, name: &str) -> Self {
        Target::Object {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }

    pub fn is_collection(&self) -> bool {
        matches!(self, Target::Served | Target::Empty { .. })
    }
}

/// Parts the path of a group and version (`/api/v1`, `/apis/apps/v1`) from what follows.
fn split_group(path: &str) -> Option<(&str, &str)> {
    let n_segments = match path.split('/').nth(1)? {
        "api" => 2,
        "apis" => 3,
        _ => return None,
    };
    let (end, _) = path.match_indices('/').nth(n_segments)?;
    Some((&path[..end], &path[end + 1..])).filter(|(_, rest)| !rest.is_empty())
}

/// What objects of a kind are called that we know only the plural of: `leases` are each a `Lease`. Nobody looks.
fn kind(plural: &str) -> String {
    let singular = plural.strip_suffix('s').unwrap_or(plural);
    let mut letters = singular.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}
