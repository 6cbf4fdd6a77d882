//! An allocator that counts what is alive of one thread's memory: the controller's.
//!
//! The pretend world has threads of its own, which are not counted. What the controller's thread allocates and
//! another one frees would be counted as alive for ever; what crosses is told in [`wire`](crate::wire).

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicI64, Ordering};

thread_local! {
    static IS_COUNTED: Cell<bool> = const { Cell::new(false) };
}

static LIVE: AtomicI64 = AtomicI64::new(0);
static PEAK: AtomicI64 = AtomicI64::new(0);

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: every call goes on to the system's allocator as it is; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as i64);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as i64));
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size as i64 - layout.size() as i64);
        unsafe { System.realloc(pointer, layout, size) }
    }
}

fn count(bytes: i64) {
    // A thread that is ending is not counted any more.
    if IS_COUNTED.try_with(Cell::get).unwrap_or(false) {
        let live = LIVE.fetch_add(bytes, Ordering::Relaxed) + bytes;
        PEAK.fetch_max(live, Ordering::Relaxed);
    }
}

/// Counts the thread that calls this, from now on, and nothing that was counted before.
pub fn count_this_thread() {
    LIVE.store(0, Ordering::Relaxed);
    IS_COUNTED.set(true);
}

/// What is alive of what counted threads have allocated, in bytes.
pub fn live() -> i64 {
    LIVE.load(Ordering::Relaxed)
}

/// The most that was alive since this was asked last, in bytes.
pub fn peak() -> i64 {
    PEAK.swap(live(), Ordering::Relaxed)
}
