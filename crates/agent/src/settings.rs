//! What an agent is told at start. All values are checked; defaults live in `config`.

use health::{CheckSpec, HeartbeatTerms};
use latency::LearningSettings;
use mesh::{MeshKeys, TokenSecret};
use model::{AgentId, Backend, Region};

use crate::Predictive;

/// Everything an agent needs to know.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Its name in the mesh, as in its certificate.
    pub agent_id: AgentId,
    /// The site that all its backends stand in.
    pub region: Region,
    /// The service token; never crosses the wire.
    pub token: TokenSecret,
    /// The mesh keys: one, or two while they rotate.
    pub keys: MeshKeys,
    /// The backends it speaks for; at least one.
    pub offers: Vec<Offer>,
    /// How often it says that it lives, and how often it may miss.
    pub heartbeat: HeartbeatTerms,
    /// How to learn; `None` where learning is switched off.
    pub learning: Option<LearningSettings>,
    /// How to take load off servers that strain; `None` where they keep it until they fail.
    pub predictive: Option<Predictive>,
}

/// One backend that the agent speaks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// What it is.
    pub backend: Backend,
    /// The local port on which its clients' connections end: the backend's own, or the port of a
    /// proxy in front of it on this machine.
    pub listen_port: u16,
    /// How to tell that it works; `None` where it is taken to.
    pub check: Option<CheckSpec>,
}
