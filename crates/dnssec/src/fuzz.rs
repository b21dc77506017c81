//! What must hold for any text that somebody imports: it is refused, or it is a ring that reads back.
//!
//! The entry for fuzzers; a seeded loop in the tests calls the same one.

use crate::{Key, KeyRing};

/// Takes `data` for the text of a key, and of a ring.
///
/// # Panics
///
/// Where what was read is not what is written.
pub fn fuzz(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(key) = Key::from_text(text) {
        let again = Key::from_text(&key.to_text()).map(|again| again.tag());
        assert_eq!(again, Ok(key.tag()), "a key is not what it was");
    }
    if let Ok(ring) = KeyRing::from_text(text) {
        let written = ring.to_text();
        let again = KeyRing::from_text(&written).map(|again| again.to_text());
        assert_eq!(again.as_ref(), Ok(&written), "a ring is not what it was");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Algorithm;
    use crate::ring::Layout;
    use model::Time;

    /// A ring's text, with some bytes of it replaced, cut or doubled.
    #[test]
    fn any_text_is_refused_or_reads_back() {
        let mut ring = KeyRing::new(
            "example".parse().unwrap(),
            (Layout::KskZsk, Algorithm::Ed25519),
            Time::from_unix_ms(1_766_138_700_000),
            &mut {
                let mut next = 0;
                move || {
                    next += 1;
                    [next; 32]
                }
            },
        )
        .unwrap();
        ring.members[0].ds_seen = Some(Time::from_unix_ms(1_766_138_800_000));
        let text = ring.to_text();
        let mut state = 1_u64;
        let mut random = move |below: usize| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(state >> 33).unwrap() % below
        };
        fuzz(text.as_bytes());
        for _ in 0..2_000 {
            let mut bytes = text.as_bytes().to_vec();
            for _ in 0..=random(3) {
                let at = random(bytes.len());
                match random(3) {
                    0 => bytes[at] = u8::try_from(random(128)).unwrap(),
                    1 => bytes.truncate(at.max(1)),
                    _ => {
                        let part = bytes[at..].to_vec();
                        bytes.extend(part);
                    }
                }
            }
            fuzz(&bytes);
        }
    }
}
