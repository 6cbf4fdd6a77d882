//! An allocator that counts what one thread holds, and the most it held.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static CURRENT: Cell<i64> = const { Cell::new(0) };
    static PEAK: Cell<i64> = const { Cell::new(0) };
}

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
        // Old and new may exist side by side for a moment.
        count(size as i64);
        let moved = unsafe { System.realloc(pointer, layout, size) };
        count(-(layout.size() as i64));
        moved
    }
}

fn count(bytes: i64) {
    // A thread that is ending is not counted any more.
    let _ = CURRENT.try_with(|current| {
        current.set(current.get() + bytes);
        let _ = PEAK.try_with(|peak| peak.set(peak.get().max(current.get())));
    });
}

/// What this thread holds, in bytes.
pub fn current() -> i64 {
    CURRENT.get()
}

/// The most it held since the peak was forgotten.
pub fn peak() -> i64 {
    PEAK.get()
}

/// Starts a new peak from here.
pub fn forget_peak() {
    PEAK.set(CURRENT.get());
}
