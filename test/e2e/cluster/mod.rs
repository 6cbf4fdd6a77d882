//! Scenarios on a cluster that runs pods.

mod by_hand;
mod faults;
mod helm;
mod history;
mod image;
mod lifecycle;
mod lnd;
mod mining;
mod money;
mod network;
mod operate;
mod partitions;
mod rights;
mod storage;
mod trouble;
// Last by name, because it looks at what all the others have left in the audit log.
mod z_audit;
