//! An allocator that counts what one thread asks for, and what it holds.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    static BYTES: Cell<u64> = const { Cell::new(0) };
    static LIVE: Cell<i64> = const { Cell::new(0) };
}

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: every call goes on to the system's allocator as it is; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        give_back(layout.size());
        unsafe { System.dealloc(pointer, layout) }
    }

    /// Counts as a new allocation: it may be one, and whether it is depends on the neighbours.
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size, layout.size());
        unsafe { System.realloc(pointer, layout, size) }
    }
}

fn count(taken: usize, given_back: usize) {
    // A thread that is ending is not counted any more.
    let _ = ALLOCATIONS.try_with(|allocations| allocations.set(allocations.get() + 1));
    let _ = BYTES.try_with(|bytes| bytes.set(bytes.get() + taken as u64));
    let _ = LIVE.try_with(|live| live.set(live.get() + taken as i64 - given_back as i64));
}

fn give_back(size: usize) {
    let _ = LIVE.try_with(|live| live.set(live.get() - size as i64));
}

/// What this thread has asked for so far.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    /// How often.
    pub allocations: u64,
    /// How much in all, whether or not it was given back.
    pub bytes: u64,
}

/// What this thread has asked for so far.
pub fn asked() -> Asked {
    Asked {
        allocations: ALLOCATIONS.get(),
        bytes: BYTES.get(),
    }
}

/// What this thread holds, in bytes.
pub fn live() -> i64 {
    LIVE.get()
}
