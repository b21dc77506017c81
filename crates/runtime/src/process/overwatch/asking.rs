//! What an overwatch is asked by its API, and what it tells. Documents are the node's; nothing is
//! decided here.

use std::net::IpAddr;
use std::num::NonZeroU32;

use ::overwatch::{Command, Event, OutsideFault, OutsideRow, Said, TokenFault, TokenOrder};
use api::geo::{GeoDomain, GeoTest};
use config::{EntityKind, EntityName};
use geo::{Fix, Place};
use model::TokenName;
use routing::algorithm::geolocation::region_of;
use tokio::sync::oneshot;

use super::Process;
use super::edges::access_of;
use super::making::Wanted;
use super::running::has_token;
use super::sharing::Sharing;
use crate::http::{Ask, Document, KeyText, Question, Told};
#[cfg(test)]
use crate::panics::faults;

impl Process {
    /// Answers a question, or sees that it will be. A question that finds a fault is answered by nobody, which
    /// the API says.
    pub(super) fn on_ask(&mut self, ask: Ask) {
        let changes = |question: &Question| {
            matches!(question, Question::Reload | Question::Make(_) | Question::Command(_))
        };
        if let Some(awaiting) = self.awaiting.as_mut().filter(|_| changes(&ask.question)) {
            return awaiting.hold(ask);
        }
        let Ask { question, said, expected, reply } = ask;
        let revision = self.node.revision();
        if expected.is_some_and(|expected| expected != revision) {
            let _ = reply.send(Told::Changed(revision));
            return;
        }
        let mut told = match question {
            Question::Reload => return self.reload(Some(reply)),
            Question::Make(wish) => {
                return self.make(Wanted { wish, said, expected, reply });
            }
            Question::BackUp => return self.back_up(reply),
            Question::Report { source, rows } => match self.report(source, rows) {
                Some(told) => told,
                None => return,
            },
            Question::Command(command) => return self.command(command, (said, expected), reply),
            question => self.told(question),
        };
        if let Told::Document(document) = &mut told {
            document.revision = Some(revision);
        }
        // Who asked may have gone.
        let _ = reply.send(told);
    }

    /// Carries a word out, and says so once it is in the store.
    fn command(
        &mut self,
        command: Command,
        (said, expected): (Said, Option<u64>),
        reply: oneshot::Sender<Told>,
    ) {
        let configured = self.running.configured_token(&command);
        // One that was made before the configuration had it can be taken back.
        let waits = |name: &&TokenName| {
            let is_revoked = matches!(command, Command::Tokens(TokenOrder::Revoke(_)));
            is_revoked && self.node.tokens().any(|token| token.name == **name)
        };
        let configured = configured.filter(|name| !waits(name));
        let configured = configured.map(|name| TokenFault::Configured(name.clone()).into());
        let objection =
            configured.or_else(|| self.node.objection(&command, &said, self.clock.now()));
        match objection {
            // Who asked may have gone.
            Some(objection) => drop(reply.send(Told::Objected(objection))),
            None if self.sharing.is_some() && !command.is_of_this_overwatch() => {
                self.share_word(command, (said, expected), reply);
            }
            None if self.sharing.is_some() => {
                let is_done = self.carry_out_here(command, said);
                self.answer_what_is_done(is_done, reply, Told::Done);
            }
            None => {
                let is_about_tokens = matches!(command, Command::Tokens(_));
                let is_done = self.handle(Event::Command { command, said });
                if is_about_tokens {
                    self.edges.allow(access_of(&self.running.config, self.node.tokens()));
                }
                self.answer_what_is_done(is_done, reply, Told::Done);
            }
        }
    }

    /// Takes what a source from outside reports; nothing where that found a fault.
    fn report(&mut self, source: TokenName, rows: Vec<OutsideRow>) -> Option<Told> {
        self.handle(Event::OutsideReport { source: source.clone(), rows }).then_some(())?;
        Some(match self.node.outside_taken(&source) {
            Some(Ok(taken)) => document(&api::latency::ReportTaken {
                rows: taken.rows,
                waiting: taken.waiting,
                left_out: taken.left_out,
                held: taken.is_held,
            }),
            Some(Err(fault)) => Told::Objected(fault.clone().into()),
            None => Told::Objected(OutsideFault::Unknown(source).into()),
        })
    }

    fn told(&self, question: Question) -> Told {
        #[cfg(test)]
        faults::meet("question");
        let now = self.clock.now();
        match question {
            Question::Latency { wanted, rows_max } => {
                match self.node.latency_page(&wanted, rows_max) {
                    Ok(page) => Told::Latency(page),
                    Err(fault) => Told::Objected(fault.into()),
                }
            }
            Question::LatencySearch(mut search) => match self.node.latency_search(&mut search) {
                Ok(is_done) => Told::Searched { search, is_done },
                Err(fault) => Told::Objected(fault.into()),
            },
            Question::Version => document(&self.version()),
            Question::Domains => document(&self.domains()),
            Question::Backends => document(&self.node.backend_list(now)),
            Question::Agents => document(&self.node.agent_list(now)),
            Question::Sources => document(&self.node.source_list(now)),
            Question::Peers => document(&self.node.peer_document(now)),
            Question::Cluster { expected_agents } => {
                let mut status = self.node.cluster_status(expected_agents, now);
                status.etcd = self.sharing.as_ref().map(Sharing::status);
                document(&status)
            }
            Question::Explain { domain, client } => {
                match self.node.explanation(&domain, client, now) {
                    Ok(explanation) => document(&explanation),
                    Err(fault) => Told::Objected(fault.into()),
                }
            }
            Question::Locate(address) => document(&self.located(address)),
            Question::Pins => document(&self.node.pin_list()),
            Question::Regions => document(&self.node.region_list(now)),
            Question::Learning => document(&self.node.learning_list()),
            Question::Resolvers => document(&self.node.resolver_list()),
            Question::Audit => document(&self.node.audit()),
            Question::SignedZones => document(&self.node.signed_zones(now)),
            Question::DsRecords(zone) => match self.node.ds_records(zone.as_name()) {
                Ok(records) => document(&records),
                Err(fault) => Told::Objected(fault.into()),
            },
            Question::ExportKeys(zone) => match self.node.export_keys(zone.as_name()) {
                Ok(text) => Told::Keys(KeyText::new(text)),
                Err(fault) => Told::Objected(fault.into()),
            },
            Question::Ready => {
                let ready = self.ready();
                Told::Ready { is_ready: ready.ready, document: json(&ready) }
            }
            Question::Entities(kind) => self.entities_of(kind),
            Question::Entity(name) => self.entity(&name),
            Question::Tokens => document(&self.token_list()),
            // Whoever asks waits for more than a look at the node.
            Question::Reload
            | Question::Make(_)
            | Question::BackUp
            | Question::Report { .. }
            | Question::Command(_) => Told::Done,
        }
    }

    /// The domains, each with who defines it.
    fn domains(&self) -> api::domains::Domains {
        let mut list = self.node.domain_list();
        for domain in &mut list.domains {
            let Ok(name) = EntityName::new(EntityKind::Domain, &[&domain.name]) else { continue };
            let entities = self.running.entities.iter();
            let Some(found) = entities.into_iter().find(|entity| entity.name == name) else {
                continue;
            };
            domain.source = Some(if found.file.is_some() { "file" } else { "api" }.to_owned());
            (domain.file, domain.line) = found.file.clone().unzip();
            domain.comment = self.running.config.domain_comments.get(&domain.name).cloned();
        }
        list
    }

    fn located(&self, address: IpAddr) -> GeoTest {
        let address = address.to_canonical();
        let Fix { class_of, prefix, .. } = self.running.geography.built.locate(address);
        let domains = self.running.config.domains.iter().filter_map(|domain| {
            let (region, by) = region_of(domain, class_of)?;
            let (domain, region) = (domain.name.clone(), region.to_string());
            Some(GeoDomain { domain, region, by: by.to_owned() })
        });
        let mut domains: Vec<GeoDomain> = domains.collect();
        domains.sort_by(|a, b| a.domain.cmp(&b.domain));
        GeoTest {
            address: address.to_string(),
            network: prefix.to_string(),
            mapped_region: class_of.custom_region.as_ref().map(ToString::to_string),
            country: class_of.country.map(|country| country.code().to_owned()),
            continent: class_of.continent.map(|continent| continent.code().to_owned()),
            asn: class_of.asn.map(NonZeroU32::get),
            latitude: class_of.place.map(Place::latitude),
            longitude: class_of.place.map(Place::longitude),
            domains,
        }
    }

    fn token_list(&self) -> api::tokens::Tokens {
        let made = self.node.tokens().map(|token| api::tokens::Token {
            name: token.name.to_string(),
            role: token.role.to_string(),
            configured: false,
            created: Some(token.created.to_rfc3339()),
            by: Some(token.by.clone()),
            waiting: has_token(&self.running.config, &token.name),
        });
        api::tokens::Tokens { tokens: self.running.configured_tokens().chain(made).collect() }
    }

    fn version(&self) -> api::status::Version {
        let sandbox = crate::confine::in_force().layers().filter(|(_, is_in_force)| *is_in_force);
        api::status::Version {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            platform: format!("{}/{}", std::env::consts::OS, std::env::consts::ARCH),
            config_digest: self.running.digest.clone(),
            sandbox: sandbox.map(|(layer, _)| layer.to_owned()).collect(),
            generated_at: self.clock.now().to_rfc3339(),
        }
    }

    /// What is to be said where the disk does not take what changes.
    fn unkept_changes(&self) -> Option<String> {
        let kept = self.keeping.kept();
        if kept.is_some_and(|kept| kept.is_kept) || !self.edges.is_served() {
            return None;
        }
        let since = kept.map_or(0, |kept| kept.unsaved_s);
        let what = "the store has not taken what changed";
        Some(format!("{what} for {since} s, a restart would forget it: see the log"))
    }

    fn ready(&self) -> api::status::Ready {
        let without = self.node.domains_without_server();
        let faults = self.node.signing_faults(self.clock.now());
        let (health_ready, signing_ready) = (without.is_empty(), faults.is_empty());
        let unknown = format!("no server is known to be up for {}", without.join(", "));
        let faults = faults.iter().map(ToString::to_string);
        let peers = self.node.peer_list();
        let away: Vec<&str> =
            peers.iter().filter(|p| p.since.is_none()).map(|p| p.address.as_str()).collect();
        let unreached = format!("these overwatches are not reached: {}", away.join(", "));
        let missing = (!health_ready).then_some(unknown).into_iter().chain(faults);
        // This one answers all the same.
        let peers_connected = peers.len() - away.len();
        let missing = missing.chain((!away.is_empty()).then_some(unreached));
        let etcd = self.sharing.as_ref().map(Sharing::status);
        let away = etcd.as_ref().filter(|etcd| !etcd.in_step).map(|etcd| {
            let (since, why) = (etcd.since.as_deref(), etcd.why.as_deref());
            let (since, why) = (since.unwrap_or_default(), why.unwrap_or_default());
            format!("etcd: unreachable since {since}, changes are refused: {why}")
        });
        let missing = missing.chain(away);
        let missing = missing.chain(self.unkept_changes()).chain(self.unkept_rows());
        let message = missing.collect::<Vec<_>>().join("; ");
        api::status::Ready {
            ready: health_ready && signing_ready,
            message: (!message.is_empty()).then_some(message),
            // The sockets are open before this can be asked.
            dns_ready: true,
            health_ready,
            signing_ready,
            peers_known: peers.len(),
            peers_connected,
            etcd,
        }
    }
}

/// A document as it is told.
pub(super) fn document(document: &impl serde::Serialize) -> Told {
    Told::Document(Document { text: json(document), revision: None })
}

/// Plain data as JSON: there is nothing in it that JSON cannot say.
pub(super) fn json(document: &impl serde::Serialize) -> String {
    serde_json::to_string(document).unwrap_or_default()
}
