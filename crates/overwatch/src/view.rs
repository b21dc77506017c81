//! All that an answer reads, published whole: a query loads it once and never waits.

use std::sync::Arc;

use routing::{DomainMap, ServerPool};
use zone::Zones;

use crate::{AnswerTerms, Signers};

/// What is true now, as far as answers go.
#[derive(Debug)]
pub struct View {
    /// The names we are an authority for.
    pub zones: Arc<Zones>,
    /// The steered domains; a [`zone::SteeredName`] is a place in this list.
    pub domains: Vec<DomainView>,
    /// How questions are answered, whatever they are for.
    pub terms: Arc<AnswerTerms>,
    /// What signs which zone.
    pub signers: Arc<Signers>,
}

/// One steered domain: where clients go, and which servers are there.
#[derive(Clone, Debug)]
pub struct DomainView {
    /// Changes with what is learned, about once a second.
    pub map: Arc<DomainMap>,
    /// Changes with each health event, at once.
    pub pool: Arc<ServerPool>,
}
