//! What the kernel knows of this process, under the names that every exporter uses.
//!
//! Four small files of `/proc` are read on each scrape. Where they are not there, on another system, the
//! families are left out: no number is better than a wrong one.
//!
//! # Invariants
//! - A family is there with its true number or not at all.
//!
//! # Example
//! ```
//! use bitcoin_controller::metrics::{Page, process};
//!
//! let mut page = Page::default();
//! process::collect(&mut page);
//! # #[cfg(target_os = "linux")]
//! assert!(page.into_text().contains("\nprocess_resident_memory_bytes "));
//! ```
//!
//! # Source
//! prometheus/client_golang `prometheus/process_collector_procfsenabled.go`; proc(5). What differs: no
//! network bytes (they are the pod's, not the process's), no limit on virtual memory.

use std::fs;

use crate::metrics::page::{Kind, Page, Value};

/// What the files say. What could not be read is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Process {
    /// Time spent on processors, in seconds.
    pub cpu_seconds: Option<f64>,
    /// When the process was started, in Unix seconds.
    pub start_time_seconds: Option<f64>,
    /// Memory that is in the machine's, in bytes.
    pub resident_bytes: Option<u64>,
    /// Addresses in use, in bytes.
    pub virtual_bytes: Option<u64>,
    /// How many files and sockets may be open.
    pub max_fds: Option<u64>,
}

impl Process {
    /// From `/proc/self/stat`, `/proc/self/status`, `/proc/self/limits` and `/proc/stat`.
    pub fn of(stat: &str, status: &str, limits: &str, system: &str) -> Self {
        // The second field is the program's name, in which there may be spaces and parentheses.
        let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        let ticks = |number: usize| -> Option<f64> {
            let field = fields.split_whitespace().nth(number - FIRST_AFTER_NAME)?;
            Some(field.parse::<f64>().ok()? / TICKS_A_SECOND)
        };
        let cpu_seconds = ticks(UTIME).zip(ticks(STIME)).map(|(user, own)| user + own);
        let boot_time = number_after(system, "btime ");
        let since_boot = ticks(STARTTIME);
        Process {
            cpu_seconds,
            start_time_seconds: boot_time
                .zip(since_boot)
                .map(|(boot, since)| boot as f64 + since),
            resident_bytes: number_after(status, "VmRSS:").map(|kib| kib * KIB),
            virtual_bytes: number_after(status, "VmSize:").map(|kib| kib * KIB),
            max_fds: number_after(limits, "Max open files "),
        }
    }

    /// Of this process.
    fn read() -> Self {
        let text = |path| fs::read_to_string(path).unwrap_or_default();
        Process::of(
            &text("/proc/self/stat"),
            &text("/proc/self/status"),
            &text("/proc/self/limits"),
            &text("/proc/stat"),
        )
    }
}

/// The number that follows `name` at the beginning of a line.
fn number_after(text: &str, name: &str) -> Option<u64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
    rest.split_whitespace().next()?.parse().ok()
}

/// Fields of `stat` are numbered from 1 in proc(5); this is the first one after the name.
const FIRST_AFTER_NAME: usize = 3;
const UTIME: usize = 14;
const STIME: usize = 15;
const STARTTIME: usize = 22;

/// Fixed towards programs, whatever the kernel's own clock does.
const TICKS_A_SECOND: f64 = 100.0;

const KIB: u64 = 1024;

/// Writes the families `process_*`.
pub fn collect(page: &mut Page) {
    let process = Process::read();
    // One of them is the folder itself, read at this moment.
    let open_fds = fs::read_dir("/proc/self/fd")
        .ok()
        .map(|files| files.count().saturating_sub(1));
    let mut one = |name, kind, help, value: Option<Value>| {
        if let Some(value) = value {
            page.family(name, kind, help).sample(&[], value);
        }
    };
    one(
        "process_cpu_seconds_total",
        Kind::Counter,
        "Total user and system CPU time spent in seconds.",
        process.cpu_seconds.map(Value::from),
    );
    one(
        "process_max_fds",
        Kind::Gauge,
        "Maximum number of open file descriptors.",
        process.max_fds.map(Value::from),
    );
    one(
        "process_open_fds",
        Kind::Gauge,
        "Number of open file descriptors.",
        open_fds.map(Value::from),
    );
    one(
        "process_resident_memory_bytes",
        Kind::Gauge,
        "Resident memory size in bytes.",
        process.resident_bytes.map(Value::from),
    );
    one(
        "process_start_time_seconds",
        Kind::Gauge,
        "Start time of the process since unix epoch in seconds.",
        process.start_time_seconds.map(Value::from),
    );
    one(
        "process_virtual_memory_bytes",
        Kind::Gauge,
        "Virtual memory size in bytes.",
        process.virtual_bytes.map(Value::from),
    );
}
