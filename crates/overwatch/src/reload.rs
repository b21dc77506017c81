//! Other settings while it runs: what is still there keeps all that is known of it.
//!
//! One event, taken whole: the view that follows is published in one step. The learned table, the
//! standings, overrides, drains, pins and sessions stay; a session that the tokens no longer grant
//! what it was granted ends, and its agent proves itself anew.

use std::collections::BTreeSet;
use std::sync::Arc;

use geo::Geo;
use mesh::{Grant, MeshKeys, Tokens};
use model::Time;

use crate::registry::reconfigure::Reconfigured;
use crate::session::Stage;
use crate::{Effect, LinkId, Overwatch, Settings};

/// What is to hold from now on.
#[derive(Clone, Debug)]
pub struct Reload {
    /// All of the settings. The node's name and the bounds of the table are not among what can
    /// change: both stay as they are.
    pub settings: Settings,
    /// Geography; the very same value where it did not change, so that nothing is learned anew.
    pub geo: Arc<Geo>,
}

impl Overwatch {
    /// Goes by other settings from now on. The caller settles what follows.
    pub(crate) fn reload(&mut self, reload: Reload, now: Time, out: &mut Vec<Effect>) {
        let Reload { settings, geo } = reload;
        let Settings {
            node_id: _,
            region,
            keys,
            overwatches,
            tokens,
            enrolment,
            checks,
            stale,
            table: _,
            backends,
            domains,
            zones,
            signed,
            answers,
        } = settings;
        self.region = region;
        self.stale = stale;
        self.agents.set_enrolment(enrolment);
        self.registry.set_terms(checks);
        let Reconfigured { touched, orphaned } = self.registry.reconfigure(backends);
        self.touched.extend(touched);
        // Only the agent knows what it offers where the configuration says nothing any more.
        let orphaned = orphaned.iter().filter_map(|agent| self.agents.get(agent)?.link);
        let mut closing: BTreeSet<LinkId> = orphaned.collect();
        closing.extend(self.unfounded(&keys, &tokens));
        out.extend(closing.into_iter().map(|link| Effect::Close { link }));
        self.reload_peers(overwatches, !self.identity.keys.are_all_in(&keys), now, out);
        (self.identity.keys, self.identity.tokens) = (keys, tokens);
        self.peers.weigh_all_again();

        let table = &self.table;
        self.publisher.reload((zones, answers, domains), &geo, |service| {
            let rows = table.rows(service).into_iter();
            rows.map(|(subnet, region, estimate)| (subnet, region, Some(estimate))).collect()
        });
        self.sign_by(signed, now, out);
        let services = self.publisher.domains().map(|domain| domain.service.clone()).collect();
        self.publisher.stand(&services, &self.registry, now);
        // A domain that is new, or learns anew, has its first map with the first view, and by what
        // operators said.
        self.hand.tell_again();
        self.learn(now);
        // Which checks there are may follow from the terms alone.
        self.watch(out);
    }

    /// The sessions that may rest on a secret, or on a grant of it, that is no more. Which secret
    /// an agent has proven is not kept, so all that may have proven it are asked again.
    fn unfounded(&self, keys: &MeshKeys, tokens: &Tokens) -> Vec<LinkId> {
        let is_key_gone = !self.identity.keys.are_all_in(keys);
        let gone: Vec<Grant> = self.identity.tokens.missing_in(tokens).collect();
        let is_unfounded = |stage: &Stage| match stage {
            Stage::Speaking(speaker) => {
                let mut grants = speaker.authority.grants().iter();
                is_key_gone || grants.any(|grant| gone.contains(grant))
            }
            Stage::Proving(_) => is_key_gone || !gone.is_empty(),
            Stage::Telling(_) => is_key_gone,
            Stage::Ended => false,
        };
        let sessions = self.sessions.iter().filter(|(_, session)| is_unfounded(&session.stage));
        sessions.map(|(link, _)| *link).collect()
    }
}
