//! What the kernel says of a process.

use bitcoin_controller::metrics::process::Process;

#[test]
fn a_program_may_be_called_anything() {
    let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 9 0 0 0 250 50 0 0 20 0 5 0 12345 33 44 0";
    let status = "Name:\ta\nVmSize:\t  2048 kB\nVmRSS:\t     512 kB\n";
    let limits = "Limit   Soft Limit   Hard Limit   Units\nMax open files            1024                 524288               files\n";
    let system = "cpu  1 2 3\nbtime 1700000000\nprocesses 5\n";
    let expected = Process {
        cpu_seconds: Some(3.0),
        start_time_seconds: Some(1_700_000_123.45),
        resident_bytes: Some(512 << 10),
        virtual_bytes: Some(2 << 20),
        max_fds: Some(1024),
    };
    assert_eq!(Process::of(stat, status, limits, system), expected);
}

#[test]
fn what_cannot_be_read_is_left_out() {
    assert_eq!(Process::of("", "", "", ""), Process::default());
    let unlimited = "Max open files            unlimited            unlimited            files\n";
    let odd = Process::of("7 (a) S 1", "VmRSS:\tmuch kB\n", unlimited, "btime soon\n");
    assert_eq!(odd, Process::default());
}
