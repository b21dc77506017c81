//! A word to the processor about what will be read soon.
//!
//! Must never change what anything comes to: it may be left out, and is where the processor is not of
//! the kind that we know.

#![cfg_attr(
    target_arch = "x86_64",
    expect(unsafe_code, reason = "the instruction has no safe form: it takes a pointer")
)]

/// Asks for the line of memory around a place, and waits for nothing.
#[inline]
pub(crate) fn fetch(place: *const u8) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: it is a hint: nothing is read by it, whatever the pointer, and none faults.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(place.cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = place;
}
