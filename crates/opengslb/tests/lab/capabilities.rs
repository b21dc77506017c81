//! What the agents may do: nothing that any user may not.

use crate::harness::Lab;

/// Empty capability sets, no way to gain any, and another user where there is one.
#[track_caller]
pub(crate) fn assert_none(lab: &Lab) {
    let agents = lab.agents();
    assert_eq!(agents.len(), 3, "{agents:?}");
    for (pid, host) in agents {
        let read = |file: &str| std::fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap();
        let status = read("status");
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(&format!("{name}:\t")));
            line.unwrap_or_else(|| panic!("no {name} in {status}")).to_owned()
        };
        for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
            assert_eq!(field(set), "0000000000000000", "{set} of the agent on {host}");
        }
        assert_eq!(field("NoNewPrivs"), "1");
        // Lines of: first id inside, first id outside, count.
        let map = read("uid_map");
        let fields: Vec<u64> = map.split_whitespace().map(|field| field.parse().unwrap()).collect();
        let is_alone = fields == [0, fields[1], 1];
        let root_outside = fields[1].to_string();
        let has_roots_id = field("Uid").split('\t').any(|uid| uid == root_outside);
        assert_eq!(has_roots_id, is_alone, "{host}: user {}, ids {map}", field("Uid"));
    }
}
