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
/// The Secret that the spec names, or ours, lacks a key or has a value that cannot be used.
pub const SECRET_INCOMPLETE: &str = "SecretIncomplete";
/// An object of the name we need belongs to somebody else.
pub const NAME_CONFLICT: &str = "NameConflict";
/// Event, Warning: no node has the network's chain any more.
pub const CHAIN_RESET: &str = "ChainReset";
/// Event, Warning, and condition Connected: somebody has switched a node's network off.
pub const SWITCHED_OFF: &str = "NetworkSwitchedOff";
/// Volumes of an earlier network of this name are in the way.
pub const FOREIGN_VOLUME: &str = "ForeignVolume";
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
/// Condition PodsReady: a node refuses our credentials, the present ones and those before them.
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
/// Event, and condition WalletReady: the node has the wallet, and the wallet has its keys.
pub const WALLET_LOADED: &str = "WalletLoaded";
/// Condition WalletReady: it is still looking for its money in the chain.
pub const WALLET_SCANNING: &str = "WalletScanning";
/// Condition WalletReady: its node does not answer.
pub const WALLET_NODE_NOT_READY: &str = "WalletNodeNotReady";
/// Condition WalletReady: there is no node of its ordinal.
pub const WALLET_NODE_MISSING: &str = "WalletNodeMissing";
/// Condition WalletReady: its node's bitcoind has no wallets.
pub const WALLET_UNSUPPORTED: &str = "WalletsUnsupported";
/// Condition WalletReady: its node refuses to make or load it.
pub const WALLET_FAILED: &str = "WalletFailed";
/// Condition WalletReady, Unknown: something blocks the network before its wallet is looked at.
pub const WALLET_NOT_SEEN: &str = "WalletNotLookedAt";
/// Event, Warning: our Secret lacks keys that the server refuses to add, or has no seed where one should be.
pub const SECRET_OUTDATED: &str = "SecretOutdated";
/// Condition Mined: the height that was asked for is reached.
pub const HEIGHT_REACHED: &str = "HeightReached";
/// Condition Mined: blocks follow one another as was asked for.
pub const ON_PACE: &str = "OnPace";
/// Condition Mined: blocks are being mined, and the height is not reached yet.
pub const MINING: &str = "Mining";
/// Condition Mined: mining rests, as was asked for. It does not keep a network from being ready.
pub const PAUSED: &str = "Paused";
/// Condition Mined: blocks are due, and links are missing.
pub const WAITING_FOR_LINKS: &str = "WaitingForLinks";
/// Condition Mined: blocks are due, and the wallet that is paid has no address yet.
pub const WAITING_FOR_WALLET: &str = "WaitingForWallet";
/// Condition Mined: no node may mine.
pub const NO_MINER: &str = "NoMiner";
/// Condition Mined: the node whose turn it is does not answer, or is behind.
pub const MINER_NOT_READY: &str = "MinerNotReady";
/// Condition Mined: a node refused the block.
pub const BLOCK_REFUSED: &str = "BlockRefused";
/// Condition Mined, Unknown: something blocks the network before it is looked at.
pub const NOT_LOOKED_AT: &str = "MiningNotLookedAt";
/// Event: the first block, or the height that was asked for.
pub const MINED: &str = "Mined";
/// Event, Warning: a node refused a block.
pub const MINING_FAILED: &str = "MiningFailed";
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
    const BLOCKING: [&str; 9] = [
        INVALID_NAME,
        INVALID_SPEC,
        SECRET_MISSING,
        SECRET_INCOMPLETE,
        NAME_CONFLICT,
        FOREIGN_VOLUME,
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
