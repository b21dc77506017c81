//! Other zones, terms and domains: a domain is known by its name, and keeps what it learned.

use std::collections::BTreeMap;
use std::sync::Arc;

use geo::Geo;
use latency::RowChange;
use model::Service;
use routing::DomainSettings;
use zone::Zones;

use super::{Domain, Publisher};
use crate::AnswerTerms;

impl Publisher {
    /// Learns all rows that are known: those of a table that was kept over a restart.
    pub(crate) fn recall(&mut self, rows: impl Fn(&Service) -> Vec<RowChange>) {
        for domain in &mut self.domains {
            domain.learning.take(rows(&domain.settings.service));
        }
    }

    /// Has these from now on. `rows` are all that is known of a service; they are asked for where a
    /// domain is new, or has to learn anew. The pools are to be made next.
    pub(crate) fn reload(
        &mut self,
        (zones, terms, domains): (Zones, AnswerTerms, Vec<DomainSettings>),
        geo: &Arc<Geo>,
        rows: impl Fn(&Service) -> Vec<RowChange>,
    ) {
        let old = std::mem::replace(self, Self::new(zones, terms, geo, Vec::new()));
        self.signers = old.signers;
        let by_name = |domain: Domain| (domain.settings.name.clone(), domain);
        let mut old: BTreeMap<String, Domain> = old.domains.into_iter().map(by_name).collect();
        for settings in domains {
            let settings = Arc::new(settings);
            let known = || rows(&settings.service);
            let domain = if let Some(mut domain) = old.remove(&settings.name) {
                domain.learning.succeed(&settings, geo, known);
                domain.capacity = domain.capacity.succeed(&domain.settings, &settings);
                domain.map = Arc::new(domain.learning.map());
                Domain { settings, ..domain }
            } else {
                let mut domain = Domain::new(settings.clone(), geo);
                domain.learning.take(known());
                domain
            };
            self.add(domain);
        }
    }
}
