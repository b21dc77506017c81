//! An etcd of one member on a host of its own, which holds what operators make while a run with `--etcd`
//! lasts.

use crate::demo::stage::{Background, Stage};
use crate::topology;

/// The host that it runs on.
pub(super) const HOST: &str = "etcd";
/// The program.
pub(super) const PROGRAM: &str = "etcd";

/// Peers are nobody; clients come over the lab's network, which is nobody else's, so without TLS. What it
/// wrote is found again by the next one.
const COMMAND: &str = "exec etcd --name lab --log-level error \
     --data-dir $OPENGSLB_LAB/hosts/etcd/state/etcd \
     --listen-client-urls http://10.2.5.10:2379 --advertise-client-urls http://10.2.5.10:2379 \
     --listen-peer-urls http://127.0.0.1:2380 --initial-advertise-peer-urls http://127.0.0.1:2380 \
     --initial-cluster lab=http://127.0.0.1:2380";

/// What stands before a line of the topology that counts where etcd is wanted.
const MARK: &str = "# etcd: ";

/// The topology of a run.
pub(super) fn topology(with_etcd: bool) -> String {
    let text = topology::CHAOS;
    if with_etcd { text.replace(MARK, "") } else { text.to_owned() }
}

/// A running one. Dropping it kills it by SIGKILL.
pub(super) struct Etcd {
    _process: Background,
}

impl Etcd {
    pub(super) fn start(stage: &Stage) -> anyhow::Result<Self> {
        Ok(Self { _process: stage.beside(HOST, COMMAND)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::Topology;

    #[test]
    fn its_lines_count_where_it_is_wanted() {
        let parsed = |with_etcd| topology(with_etcd).parse::<Topology>().unwrap();
        let (without, with) = (parsed(false), parsed(true));
        assert_eq!(without.hosts.len() + 1, with.hosts.len());
        assert_eq!(
            with.host(HOST).unwrap().1.addresses,
            ["10.2.5.10".parse::<std::net::IpAddr>().unwrap()]
        );
        let config = with.overwatch_config.unwrap();
        assert!(config.contains("\n  store:\n    etcd:\n"), "{config}");
        assert!(!config.contains("# etcd"), "{config}");
    }
}
