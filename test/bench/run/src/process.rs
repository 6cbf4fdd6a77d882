//! What the kernel says of a process: time on a core, memory now, memory at the most.

use std::fs;

use crate::child::Outcome;

/// Nanoseconds that all its threads have been on a core.
pub fn cpu_nanos(pid: u32) -> Outcome<u64> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task"))
        .map_err(|error| format!("cannot look at process {pid}: {error}"))?;
    let mut sum = 0;
    for task in tasks.flatten() {
        // A thread may end while we look.
        let Ok(text) = fs::read_to_string(task.path().join("schedstat")) else {
            continue;
        };
        sum += text
            .split_whitespace()
            .next()
            .and_then(|nanos| nanos.parse::<u64>().ok())
            .ok_or_else(|| format!("the kernel's schedstat reads `{}`", text.trim()))?;
    }
    match sum {
        0 => Err(format!("the kernel counts no time of process {pid}")),
        _ => Ok(sum),
    }
}

/// Bytes in memory now.
pub fn rss(pid: u32) -> Outcome<u64> {
    status(pid, "VmRSS:")
}

/// The most there were since the start, or since [`forget_peak`].
pub fn peak_rss(pid: u32) -> Outcome<u64> {
    status(pid, "VmHWM:")
}

/// Starts a new peak from here.
pub fn forget_peak(pid: u32) -> Outcome<()> {
    // 5 is for the peak; see proc_pid_clear_refs(5).
    fs::write(format!("/proc/{pid}/clear_refs"), "5")
        .map_err(|error| format!("cannot reset the peak of process {pid}: {error}"))
}

/// Bytes of memory that new programs could have.
pub fn available_memory() -> Outcome<u64> {
    let text = read("/proc/meminfo")?;
    kilobytes(&text, "MemAvailable:").ok_or_else(|| "/proc/meminfo has no MemAvailable".to_owned())
}

/// The cores this process may use, in order.
pub fn cores() -> Outcome<Vec<usize>> {
    let text = read("/proc/self/status")?;
    let list = text
        .lines()
        .find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
    list.and_then(|list| cores_of(list.trim()))
        .ok_or_else(|| "/proc/self/status does not say which cores there are".to_owned())
}

/// Reads a list such as `0-2,5`.
fn cores_of(list: &str) -> Option<Vec<usize>> {
    let mut cores = Vec::new();
    for part in list.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        cores.extend(first.parse().ok()?..=last.parse::<usize>().ok()?);
    }
    Some(cores)
}

fn status(pid: u32, field: &str) -> Outcome<u64> {
    let text = read(&format!("/proc/{pid}/status"))?;
    kilobytes(&text, field).ok_or_else(|| format!("the status of process {pid} has no {field}"))
}

fn read(path: &str) -> Outcome<String> {
    fs::read_to_string(path).map_err(|error| format!("cannot read {path}: {error}"))
}

/// The bytes of a line such as `VmRSS:   2284 kB`.
fn kilobytes(text: &str, field: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(field))?;
    let number: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(number * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_cores_and_sizes_are_read_as_the_kernel_writes_them() {
        assert_eq!(cores_of("0-2,5"), Some(vec![0, 1, 2, 5]));
        assert_eq!(cores_of("3"), Some(vec![3]));
        assert_eq!(cores_of(""), None);
        let status = "VmHWM:\t    2300 kB\nVmRSS:\t    2284 kB\n";
        assert_eq!(kilobytes(status, "VmRSS:"), Some(2284 * 1024));
        assert_eq!(kilobytes(status, "VmSwap:"), None);
    }
}
