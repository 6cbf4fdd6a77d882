//! Every reason that stands in an event or a condition, once.
//!
//! Reasons are for programs: alert rules and `kubectl get events --field-selector reason=…` name
//! them. So each is a constant, is never built from data, and means one thing.
//!
//! # Invariants
//! - CamelCase, and the same word for the same thing in events and conditions.

/// Event: one of the network's objects was created.
pub const CREATED: &str = "Created";
/// Event: one of them differed from what is wanted and was put right.
pub const REPAIRED: &str = "Repaired";
/// Event: the number of nodes is being changed.
pub const SCALED: &str = "Scaled";
/// Event: the network was split, or split otherwise.
pub const PARTITIONED: &str = "Partitioned";
/// Event: the network is no longer split.
pub const HEALED: &str = "Healed";
/// Event; a Warning if many blocks were dropped: blocks are no longer in a node's best chain.
pub const REORGANIZED: &str = "Reorganized";
/// Event: a pod that was started with something else is being replaced.
pub const REPLACED: &str = "Replaced";
/// Event, Warning: a connection into another network was cut.
pub const STRANGER: &str = "StrangerCut";
/// Event and condition: everything that was asked for holds.
pub const READY: &str = "NetworkReady";

/// The name cannot be that of a network.
pub const INVALID_NAME: &str = "InvalidName";
/// The spec cannot be read, or asks for what cannot be.
pub const INVALID_SPEC: &str = "InvalidSpec";
/// The Secret that the spec names is not there.
pub const SECRET_MISSING: &str = "SecretMissing";
/// The Secret that the spec names lacks a key or has a value that cannot be used.
pub const SECRET_INCOMPLETE: &str = "SecretIncomplete";
/// An object of the name we need belongs to somebody else.
pub const NAME_CONFLICT: &str = "NameConflict";
/// What would have to change cannot be changed on an existing object.
pub const IMMUTABLE_FIELD: &str = "ImmutableField";
/// The server refuses what we want to write.
pub const REFUSED: &str = "Refused";
/// Somebody else keeps changing what we put right.
pub const CONTESTED: &str = "Contested";
/// An object of the name we need is still being deleted.
pub const TERMINATING: &str = "PreviousTerminating";
/// The server's CustomResourceDefinition is older than this program: it drops part of the status.
pub const CRD_OUTDATED: &str = "CRDOutdated";

/// Condition PodsReady: every node answers.
pub const ALL_ANSWER: &str = "AllNodesAnswer";
/// Condition PodsReady: pods are on their way.
pub const STARTING: &str = "PodsStarting";
/// Condition PodsReady: the StatefulSet may not create pods.
pub const FAILED_CREATE: &str = "FailedCreate";
/// Condition PodsReady: a pod runs, and its node does not answer.
pub const NOT_ANSWERING: &str = "NotAnswering";
/// Condition PodsReady: a node refuses our credentials; it will be replaced.
pub const UNAUTHORIZED: &str = "Unauthorized";
/// Condition Connected: every wanted link is there.
pub const ALL_LINKED: &str = "AllLinksPresent";
/// Condition Connected: links are missing.
pub const LINKS_MISSING: &str = "LinksMissing";
/// Condition Connected: nodes of a network that is to be split are connected across sides.
pub const SIDES_LINKED: &str = "SidesLinked";
/// Condition Connected: links are there, and peers outside the network are missing.
pub const EXTERNAL_PEERS_MISSING: &str = "ExternalPeersMissing";
/// Condition Connected, Unknown: something blocks the network before its links are looked at.
pub const NOT_COMPARED: &str = "LinksNotCompared";
/// Condition Synced: all nodes have the same best block.
pub const ONE_TIP: &str = "OneBestBlock";
/// Condition Synced: the network is split, and all nodes of a side have the same best block.
pub const ONE_TIP_PER_SIDE: &str = "OneBestBlockPerSide";
/// Condition Synced: two chains have equal work, and only the next block can decide.
pub const EQUAL_WORK: &str = "EqualWork";
/// Condition Synced: they have different ones, or do not all say.
pub const TIPS_DIFFER: &str = "BestBlocksDiffer";
/// Condition Ready: pods wait to be replaced.
pub const REPLACING: &str = "ReplacingPods";
/// Condition Ready: the number of pods is not what is asked for.
pub const SCALING: &str = "Scaling";
/// Event, Warning: the network was ready and is not.
pub const NOT_READY: &str = "NetworkNotReady";
/// Event, Warning: a pod cannot run.
pub const POD_TROUBLE: &str = "PodTrouble";

/// `reason` as one of those that block a network until a person acts.
pub fn blocking(reason: &str) -> Option<&'static str> {
    const BLOCKING: [&str; 8] = [
        INVALID_NAME,
        INVALID_SPEC,
        SECRET_MISSING,
        SECRET_INCOMPLETE,
        NAME_CONFLICT,
        IMMUTABLE_FIELD,
        REFUSED,
        CONTESTED,
    ];
    BLOCKING.into_iter().find(|known| *known == reason)
}

/// Whether `reason` of PodsReady is what every start looks like.
pub fn is_on_its_way(reason: &str) -> bool {
    [
        ALL_ANSWER,
        STARTING,
        NOT_ANSWERING,
        UNAUTHORIZED,
        INVALID_SPEC,
    ]
    .contains(&reason)
}
