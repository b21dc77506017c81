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
///
/// let (before, _) = testkit::heap_bytes();
/// let kept = std::hint::black_box(Box::new([1u8; 300]));
/// drop(std::hint::black_box(Box::new([1u8; 200])));
/// assert_eq!(testkit::heap_bytes(), (before + 300, before + 500));
/// drop(kept);
/// assert_eq!(testkit::heap_bytes(), (before, before + 300));
/// ```
pub struct CountingHeap;

#[derive(Clone, Copy)]
struct Calls {
    allocations: u64,
    frees: u64,
    bytes: i64,
    most_bytes: i64,
}

thread_local! {
    /// Of this thread: other tests and the test runner have their own.
    static CALLS: Cell<Calls> = const {
        Cell::new(Calls { allocations: 0, frees: 0, bytes: 0, most_bytes: 0 })
    };
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

/// The bytes that this thread asked for and did not give back, and the most that they were since the last
/// call. What others gave to it to drop counts less than nothing.
pub fn heap_bytes() -> (i64, i64) {
    let calls = CALLS.get();
    CALLS.set(Calls { most_bytes: calls.bytes, ..calls });
    (calls.bytes, calls.most_bytes)
}

impl Calls {
    fn count(self, bytes: usize, is_more: bool) -> Self {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        let bytes = if is_more { self.bytes + bytes } else { self.bytes - bytes };
        Self { bytes, most_bytes: self.most_bytes.max(bytes), ..self }
    }
}

// SAFETY: every call is passed on to the system's allocator as it came. Counting itself needs no heap:
// the cell is constant and has nothing to drop.
unsafe impl GlobalAlloc for CountingHeap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let calls = CALLS.get();
        let counted = calls.count(layout.size(), true);
        CALLS.set(Calls { allocations: calls.allocations + 1, ..counted });
        // SAFETY: the caller keeps the promises that this call needs.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        let calls = CALLS.get();
        let counted = calls.count(layout.size(), false);
        CALLS.set(Calls { frees: calls.frees + 1, ..counted });
        // SAFETY: the caller keeps the promises that this call needs.
        unsafe { System.dealloc(pointer, layout) }
    }
}
