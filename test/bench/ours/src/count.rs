//! An allocator that counts what the process holds.
//!
//! # Invariants
//! - Bytes asked for are counted, not what the system's allocator rounds them up to.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicI64, Ordering};

static LIVE: AtomicI64 = AtomicI64::new(0);

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: every call goes on to the system's allocator as it is; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(size(layout.size()));
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-size(layout.size()));
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count(size(new_size) - size(layout.size()));
        unsafe { System.realloc(pointer, layout, new_size) }
    }
}

/// No allocation is larger than `isize::MAX`.
fn size(bytes: usize) -> i64 {
    bytes as i64
}

fn count(bytes: i64) {
    LIVE.fetch_add(bytes, Ordering::Relaxed);
}

/// Bytes allocated and not given back.
pub fn live() -> i64 {
    LIVE.load(Ordering::Relaxed)
}
