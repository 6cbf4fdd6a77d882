//! What makes an election safe, and what does not.

use std::time::Duration;

use bitcoin_controller::api::ObjectKey;
use bitcoin_controller::base::Random;
use bitcoin_controller::client::{Client, Config};
use bitcoin_controller::leader::config::process_identity;
use bitcoin_controller::leader::{ConfigError, LeaderElectionConfig, LeaderElector};

fn config(lease: u64, renew: u64, retry: u64) -> LeaderElectionConfig {
    let mut config = LeaderElectionConfig::new(ObjectKey::new("default", "a"), "one");
    config.lease_duration = Duration::from_millis(lease);
    config.renew_deadline = Duration::from_millis(renew);
    config.retry_period = Duration::from_millis(retry);
    config
}

#[test]
fn c103_only_a_lease_longer_than_the_deadline_longer_than_the_stretched_period_is_safe() {
    let cases = [
        ((15_000, 10_000, 2_000), Ok(())),
        ((10_001, 10_000, 8_333), Ok(())),
        ((10_000, 10_000, 2_000), Err(ConfigError::RenewDeadline)),
        ((9_000, 10_000, 2_000), Err(ConfigError::RenewDeadline)),
        ((15_000, 12_000, 10_000), Err(ConfigError::RetryPeriod)),
        ((15_000, 2_000, 2_000), Err(ConfigError::RetryPeriod)),
        ((15_000, 10_000, 0), Err(ConfigError::ZeroRetryPeriod)),
        ((15_000, 0, 0), Err(ConfigError::RetryPeriod)),
        ((0, 0, 0), Err(ConfigError::RenewDeadline)),
    ];
    for ((lease, renew, retry), expected) in cases {
        assert_eq!(
            config(lease, renew, retry).check(),
            expected,
            "{lease} {renew} {retry}"
        );
    }
}

#[test]
fn c103_a_candidate_without_a_name_cannot_stand() {
    let mut nameless = config(15_000, 10_000, 2_000);
    nameless.identity = String::new();
    let client = Client::connect(Config::plain("http://nowhere").unwrap()).unwrap();
    let refused = LeaderElector::new(client, nameless).unwrap_err();
    assert_eq!(refused, ConfigError::NoIdentity);
}

#[test]
fn two_processes_on_one_host_have_names_of_their_own() {
    let random = Random::os();
    let (one, other) = (process_identity(&random), process_identity(&random));
    assert_ne!(one, other);
    let host = |identity: &str| identity.rsplit_once('_').unwrap().0.to_owned();
    assert_eq!(host(&one), host(&other));
    assert!(!host(&one).is_empty(), "{one}");
}
