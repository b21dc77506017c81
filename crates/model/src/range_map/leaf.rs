//! Neighbouring ranges in as few lines of memory as hold them: the first start in full, the others by
//! how far behind it they are. Knows no other leaf, so not where its last range ends.
//!
//! Must never take a second wait for memory to be searched: what is read first is a range of each line,
//! and none of these reads depends on another.

use super::last_until;

/// What a processor reads from memory at once.
const LINE_BYTES: usize = 64;

/// The ranges of each form, as groups and how many each has. A search looks at the first range of each
/// group, then through one group.
///
/// With values of four bytes each form fills six lines but for the head, and no line is without a
/// group's first range or the head. Four lines to eight took as long; twelve took a third longer.
const NEAR: (usize, usize) = (6, 10);
const FAR: (usize, usize) = (5, 9);
const WIDE: (usize, usize) = (6, 3);

/// The most ranges that a leaf can have.
pub(super) const RANGES_MAX: usize = NEAR.0 * NEAR.1;
/// Fewer ranges than that go together with those of the leaf before, so that a map which was changed often
/// has no many short leaves: a third of the most.
pub(super) const RANGES_FEW: usize = 20;

/// Neighbouring ranges of one family: 384 bytes where a value has four or fewer.
///
/// Aligned to two lines, for memory is fetched in pairs of them.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(128))]
pub(super) struct Leaf<V: Copy> {
    form: Form<V>,
    /// Behind the ranges: in the last line, in which no group begins.
    head: Head,
}

/// Packed, for it lies behind bytes.
#[derive(Clone, Copy, Debug)]
#[repr(Rust, packed)]
struct Head {
    /// The start of the first range.
    base: u128,
    /// Starts are counted in units of two to the power of this.
    shift: u8,
    /// How many ranges there are. The places behind them repeat the last one.
    len: u8,
}

#[derive(Clone, Copy, Debug)]
enum Form<V: Copy> {
    Near([[Entry<u16, V>; NEAR.1]; NEAR.0]),
    Far([[Entry<u32, V>; FAR.1]; FAR.0]),
    Wide([[Entry<u128, V>; WIDE.1]; WIDE.0]),
}

/// A range: it ends where the next one starts. Packed: with a value of four bytes it takes 6, 8 or 20.
///
/// Start and value are side by side because a search that ends at the one goes on to the other.
#[derive(Clone, Copy, Debug)]
#[repr(Rust, packed)]
struct Entry<D: Copy, V: Copy> {
    /// How far behind the base, in the leaf's units.
    start: D,
    value: V,
}

impl<V: Copy> Leaf<V> {
    /// A leaf of the first of these ranges, each its start and its value, in the form that holds the most
    /// of them. With few left for the next leaf, both have about half. None where there are none.
    pub(super) fn of(ranges: &[(u128, V)]) -> Option<Self> {
        let base = ranges.first()?.0;
        let (near, near_shift) = fitting(ranges, u16::MAX.into(), NEAR.0 * NEAR.1);
        let (far, far_shift) = match near {
            RANGES_MAX => (0, 0),
            _ => fitting(ranges, u32::MAX.into(), FAR.0 * FAR.1),
        };
        let held = near.max(far).max(ranges.len().min(WIDE.0 * WIDE.1));
        let are_few_left = (1..RANGES_FEW).contains(&(ranges.len() - held));
        let len = if are_few_left { held.min(ranges.len().div_ceil(2)) } else { held };
        let ranges = &ranges[..len];
        let (form, shift) = if near == held {
            let units = |start| u16::try_from((start - base) >> near_shift).unwrap_or(u16::MAX);
            (Form::Near(grouped(ranges, units)), near_shift)
        } else if far == held {
            let units = |start| u32::try_from((start - base) >> far_shift).unwrap_or(u32::MAX);
            (Form::Far(grouped(ranges, units)), far_shift)
        } else {
            (Form::Wide(grouped(ranges, |start| start - base)), 0)
        };
        let len = u8::try_from(len).unwrap_or(u8::MAX);
        Some(Self { form, head: Head { base, shift, len } })
    }

    /// The start of the first range.
    pub(super) const fn base(&self) -> u128 {
        self.head.base
    }

    /// How many ranges there are.
    pub(super) fn len(&self) -> usize {
        self.head.len.into()
    }

    /// The last place whose range starts at an address or before it: the first where all start behind,
    /// one behind them all where the last one repeats.
    pub(super) fn place_of(&self, address: u128) -> usize {
        let units = address.saturating_sub(self.head.base) >> self.head.shift;
        match &self.form {
            Form::Near(groups) => place_in(groups, u16::try_from(units).unwrap_or(u16::MAX)),
            Form::Far(groups) => place_in(groups, u32::try_from(units).unwrap_or(u32::MAX)),
            Form::Wide(groups) => place_in(groups, units),
        }
    }

    /// The range at a place: its start and its value.
    pub(super) fn get(&self, place: usize) -> (u128, V) {
        let (units, value) = match &self.form {
            Form::Near(groups) => parts(groups, place),
            Form::Far(groups) => parts(groups, place),
            Form::Wide(groups) => parts(groups, place),
        };
        (self.head.base + (units << self.head.shift), value)
    }

    /// All of them in order.
    pub(super) fn ranges(&self) -> impl Iterator<Item = (u128, V)> {
        (0..self.len()).map(|place| self.get(place))
    }

    /// Those from the range of an address on, or all if they start behind it.
    pub(super) fn ranges_from(&self, address: u128) -> impl Iterator<Item = (u128, V)> {
        let first = self.place_of(address).min(self.len() - 1);
        (first..self.len()).map(|place| self.get(place))
    }

    /// The last one's value.
    pub(super) fn last(&self) -> V {
        self.get(self.len() - 1).1
    }

    /// A place in each of its lines, none of which is read.
    pub(super) fn lines(&self) -> impl Iterator<Item = *const u8> {
        let first = std::ptr::from_ref(self).cast::<u8>();
        (0..size_of::<Self>()).step_by(LINE_BYTES).map(move |offset| first.wrapping_add(offset))
    }
}

/// How many of these ranges, from the first on and at most so many, have starts that fit into numbers up to
/// `max`, and in which units.
fn fitting<V>(ranges: &[(u128, V)], max: u128, most: usize) -> (usize, u8) {
    // The first one is at 0, in whatever unit.
    let shift_of = |bits: u128| (bits.trailing_zeros() % u128::BITS) as u8;
    let base = ranges.first().map_or(0, |(start, _)| *start);
    let mut bits = 0;
    let mut len = 0;
    for (start, _) in ranges.iter().take(most) {
        let with_it = bits | (start - base);
        if (start - base) >> shift_of(with_it) > max {
            break;
        }
        bits = with_it;
        len += 1;
    }
    (len, shift_of(bits))
}

/// The ranges in groups, with the last one once more in the places that are left.
fn grouped<D: Copy, V: Copy, const GROUPS: usize, const EACH: usize>(
    ranges: &[(u128, V)],
    units: impl Fn(u128) -> D,
) -> [[Entry<D, V>; EACH]; GROUPS] {
    std::array::from_fn(|group| {
        std::array::from_fn(|place| {
            let (start, value) = ranges[(group * EACH + place).min(ranges.len() - 1)];
            Entry { start: units(start), value }
        })
    })
}

/// The last place whose range starts there or before: the group first, then the place in it.
fn place_in<D: Copy + Ord, V: Copy, const GROUPS: usize, const EACH: usize>(
    groups: &[[Entry<D, V>; EACH]; GROUPS],
    units: D,
) -> usize {
    let group = last_until::<GROUPS>(|group| { groups[group][0].start } <= units);
    group * EACH + last_until::<EACH>(|place| { groups[group][place].start } <= units)
}

/// The start in units, and the value, of the range at a place.
fn parts<D: Copy + Into<u128>, V: Copy, const GROUPS: usize, const EACH: usize>(
    groups: &[[Entry<D, V>; EACH]; GROUPS],
    place: usize,
) -> (u128, V) {
    let Entry { start, value } = groups.as_flattened()[place];
    (start.into(), value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leaf_is_six_lines() {
        assert_eq!(size_of::<Leaf<u32>>(), 6 * LINE_BYTES);
        assert_eq!(size_of::<Leaf<u8>>(), 6 * LINE_BYTES);
    }

    /// The first leaf of so many ranges, so far apart.
    fn check(count: u64, apart: u128, len: usize, shift: u8) {
        let ranges: Vec<(u128, u64)> =
            (0..count).map(|number| (7 + u128::from(number) * apart, number)).collect();
        let leaf = Leaf::of(&ranges).unwrap();
        assert_eq!((leaf.len(), leaf.head.shift), (len, shift), "{count} times {apart}");
        assert!(leaf.ranges().eq(ranges[..len].iter().copied()), "{count} times {apart}");
        for (place, (start, _)) in ranges[..len].iter().enumerate() {
            for at in [*start, start + apart - 1] {
                assert_eq!(leaf.place_of(at).min(len - 1), place, "{count} times {apart}: {at}");
            }
        }
        assert_eq!(leaf.place_of(0).min(len - 1), 0);
        let behind = leaf.ranges_from(u128::MAX);
        assert!(behind.eq([ranges[len - 1]]), "{count} times {apart}");
        let repeated = leaf.get(leaf.place_of(u128::MAX));
        assert_eq!(repeated, ranges[len - 1]);
        assert_eq!(leaf.last(), ranges[len - 1].1);
    }

    #[test]
    fn a_leaf_has_as_many_ranges_as_fit() {
        check(200, 1, 60, 0);
        check(200, 256, 60, 8);
        check(200, 3 << 80, 60, 80);
        check(200, 1110, 60, 1);
        check(200, 1111, 59, 0);
        check(200, 65_537, 45, 0);
        check(200, 65_537 << 64, 45, 64);
        check(200, (1 << 32) + 1, 18, 0);
        check(1, 1, 1, 0);
        assert!(Leaf::<u8>::of(&[]).is_none());
    }

    #[test]
    fn few_ranges_left_are_too_few() {
        check(61, 1, 31, 0);
        check(79, 1, 40, 0);
        check(80, 1, 60, 0);
        check(19, (1 << 32) + 1, 10, 0);
    }

    #[test]
    fn a_far_neighbour_is_left_to_the_next_leaf_or_makes_this_one_far() {
        let with_gap = |before: u128| {
            let start = |number| number + if number < before { 0 } else { 1 << 40 };
            let ranges: Vec<(u128, u128)> = (0..100).map(|n| (start(n), n)).collect();
            let leaf = Leaf::of(&ranges).unwrap();
            assert!(leaf.ranges().eq(ranges[..leaf.len()].iter().copied()));
            leaf.len()
        };
        // Behind a gap that no form but the wide one spans.
        assert_eq!((with_gap(50), with_gap(18), with_gap(17)), (50, 18, 18));
    }
}
