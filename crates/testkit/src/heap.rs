//! An allocator that counts what each thread asks of it. It changes nothing else about the heap.

#![expect(unsafe_code, reason = "a global allocator cannot be written without it")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system's allocator, and a count. A test's binary makes it its own:
///
/// ```
/// #[global_allocator]
/// static HEAP: testkit::CountingHeap = testkit::CountingHeap;
///
/// assert_eq!(testkit::allocations(|| drop(std::hint::black_box(Box::new(1)))), 1);
/// assert_eq!(testkit::allocations(|| ()), 0);
/// ```
pub struct CountingHeap;

#[derive(Clone, Copy)]
struct Calls {
    allocations: u64,
    frees: u64,
}

thread_local! {
    /// Of this thread: other tests and the test runner have their own.
    static CALLS: Cell<Calls> = const { Cell::new(Calls { allocations: 0, frees: 0 }) };
}

/// How often `work` allocates on this thread. 0 also where [`CountingHeap`] is not the allocator: a
/// test that expects 0 also shows that its count counts.
pub fn allocations(work: impl FnOnce()) -> u64 {
    let before = CALLS.get().allocations;
    work();
    CALLS.get().allocations - before
}

/// What this thread has taken from the heap and given back, since it started.
pub fn heap_calls() -> u64 {
    let calls = CALLS.get();
    calls.allocations + calls.frees
}

// SAFETY: every call is passed on to the system's allocator as it came. Counting itself needs no heap:
// the cell is constant and has nothing to drop.
unsafe impl GlobalAlloc for CountingHeap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let calls = CALLS.get();
        CALLS.set(Calls { allocations: calls.allocations + 1, ..calls });
        // SAFETY: the caller keeps the promises that this call needs.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        let calls = CALLS.get();
        CALLS.set(Calls { frees: calls.frees + 1, ..calls });
        // SAFETY: the caller keeps the promises that this call needs.
        unsafe { System.dealloc(pointer, layout) }
    }
}
