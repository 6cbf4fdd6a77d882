//! From when a probe's event was sent to when it was seen.

use std::thread::sleep;
use std::time::Duration;

use crate::child::{Deadline, Nanos, Outcome};
use crate::trial::Trial;

/// Lags in nanoseconds, the shortest first.
pub struct Lags(Vec<u64>);

/// Of all probes that were sent in `trial`: until they were reconciled, and until a further handler was told.
/// That one and the worker may be a moment behind the first handler.
pub fn of(trial: &mut Trial, n_probes: u64) -> Outcome<(Lags, Outcome<Lags>)> {
    let sent = trial.stub.probes_sent()?;
    let deadline = Deadline::after(PATIENCE);
    loop {
        let [reconciled, handled] = trial.probes()?;
        let [reconciled, told] =
            [&reconciled, &handled].map(|seen| Lags::new(&sent, seen, n_probes as usize));
        let is_complete = reconciled.is_ok() && (told.is_ok() || handled.is_empty());
        if is_complete || deadline.has_passed() {
            return Ok((reconciled?, told));
        }
        sleep(Duration::from_millis(50));
    }
}

const PATIENCE: Duration = Duration::from_secs(10);

impl Lags {
    /// Of every event in `sent`. The probes take turns, `n_probes` of them: a version that was never seen has
    /// been joined with the same probe's next, and lasted until that one was.
    ///
    /// # Errors
    /// An event was not seen, and none after it of the same probe.
    pub fn new(sent: &[(u64, Nanos)], seen: &[(u64, Nanos)], n_probes: usize) -> Outcome<Lags> {
        let mut seen = seen.to_vec();
        seen.sort_unstable();
        let when = |version: &u64| {
            let place = seen.partition_point(|(seen, _)| seen < version);
            let (found, at) = seen.get(place)?;
            (found == version).then_some(*at)
        };
        let mut lags = Vec::new();
        for (number, (version, at)) in sent.iter().enumerate() {
            let of_same_probe = sent[number..].iter().step_by(n_probes.max(1));
            let seen_at = of_same_probe
                .map(|(version, _)| version)
                .find_map(when)
                .ok_or_else(|| format!("a probe's version {version} was never seen"))?;
            lags.push(seen_at.saturating_sub(*at));
        }
        if lags.is_empty() {
            return Err("no probe was sent".to_owned());
        }
        lags.sort_unstable();
        Ok(Lags(lags))
    }

    /// The lag that `percent` of all do not exceed.
    pub fn percentile(&self, percent: usize) -> u64 {
        let place = (self.0.len() * percent).div_ceil(100).max(1);
        self.0[place - 1]
    }

    pub fn longest(&self) -> u64 {
        self.percentile(100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_that_was_joined_lasts_until_the_next_of_its_probe() {
        let sent = [(1, 100), (2, 200), (3, 300), (4, 400)];
        // Probe 0: versions 1 and 3, of which 1 was never seen. Probe 1: 2 and 4.
        let seen = [(4, 440), (2, 220), (3, 310)];
        let lags = Lags::new(&sent, &seen, 2).expect("lags");
        assert_eq!(lags.0, [10, 20, 40, 210]);
        assert_eq!(lags.percentile(50), 20);
        assert_eq!(lags.longest(), 210);
        assert!(Lags::new(&sent, &[(2, 220)], 2).is_err());
    }

    #[test]
    fn percentiles_are_lags_that_were_measured() {
        let lags = Lags((1..=1_000).collect());
        assert_eq!(lags.percentile(99), 990);
        assert_eq!(lags.percentile(50), 500);
    }
}
