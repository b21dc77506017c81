//! Where all passes that nodes are told and want. Nothing is changed here but by a test that breaks the
//! product on purpose, to see that it is noticed.

use std::fmt;

use mesh::Frame;
use model::Subnet;

use super::invariants::Said;
use super::nodes::End;

/// What passes.
#[derive(Debug)]
#[cfg_attr(not(test), expect(dead_code, reason = "only a test looks into what passes"))]
pub(super) enum Passing<'a> {
    /// Some overwatch is about to be told this.
    Event(&'a mut overwatch::Event),
    /// An overwatch wants this.
    Effect(usize, &'a mut overwatch::Effect),
    /// One end says this to another.
    Frame { by: End, to: End, frame: &'a mut Frame },
    /// The bytes of that.
    Bytes(&'a mut Vec<u8>),
    /// An overwatch answers a client network.
    Answer(Subnet, &'a mut Said),
}

/// Changes what passes; says whether it passes at all.
pub(super) type Spoil = Box<dyn FnMut(Passing<'_>) -> bool + Send>;

/// What a test does to it, if there is one.
#[derive(Default)]
pub(super) struct Seam(pub(super) Option<Spoil>);

impl Seam {
    pub(super) fn passes(&mut self, passing: Passing<'_>) -> bool {
        self.0.as_mut().is_none_or(|spoil| spoil(passing))
    }
}

impl fmt::Debug for Seam {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Seam").field(&self.0.is_some()).finish()
    }
}
