//! The program against an interpreter of the instructions it uses.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::netlink::ports::ranges;

const ALL: Share = Share { of_bits: 0, number: 0 };

/// Runs a program over a message: whether it is kept. A load outside of it drops, as in the
/// kernel.
fn keeps(program: &[Instruction], message: &[u8]) -> bool {
    let mut accumulator = 0;
    let mut at = 0;
    loop {
        let Instruction { code, jump_true, jump_false, value } = program[at];
        at += 1;
        let jump = |holds| usize::from(if holds { jump_true } else { jump_false });
        match code {
            LOAD_HALF => match message.get(value as usize..value as usize + 2) {
                Some(half) => accumulator = u32::from(half[0]) << 8 | u32::from(half[1]),
                None => return false,
            },
            AND => accumulator &= value,
            JUMP_IF_EQUAL => at += jump(accumulator == value),
            JUMP_IF_AT_LEAST => at += jump(accumulator >= value),
            JUMP_IF_ABOVE => at += jump(accumulator > value),
            RETURN => return value != DROP,
            other => panic!("instruction {other:#x} is not among ours"),
        }
    }
}

fn message_with_local_port(port: u16) -> Vec<u8> {
    let mut message = vec![0; HEADER_BYTES + 72];
    message[HEADER_BYTES + 4..HEADER_BYTES + 6].copy_from_slice(&port.to_be_bytes());
    message
}

fn check(ports: &BTreeSet<u16>, asked: impl IntoIterator<Item = u16>) {
    let program = port_filter(&ranges(ports), ALL);
    assert!(program.len() <= 4096, "BPF_MAXINSNS");
    for port in asked {
        let kept = keeps(&program, &message_with_local_port(port));
        assert_eq!(kept, ports.contains(&port), "port {port} of {ports:?}");
    }
}

#[test]
fn every_port_is_decided_as_the_set_decides() {
    for ports in [
        BTreeSet::new(),
        BTreeSet::from([0]),
        BTreeSet::from([80, 443, 65_535]),
        (8000..9000).collect(),
    ] {
        check(&ports, 0..=65_535);
    }
}

#[test]
fn every_connection_is_in_one_share_and_even_ports_are_in_all() {
    let ranges = ranges(&BTreeSet::from([80, 443]));
    let shares: Vec<Vec<Instruction>> =
        Share::each(3).map(|share| port_filter(&ranges, share)).collect();
    assert_eq!(shares.len(), 8);
    let mut kept_by = [0; 8];
    for client in (32_768..=u16::MAX).step_by(2) {
        let mut message = message_with_local_port(443);
        message[HEADER_BYTES + 6..HEADER_BYTES + 8].copy_from_slice(&client.to_be_bytes());
        let keeping: Vec<usize> = (0..8).filter(|share| keeps(&shares[*share], &message)).collect();
        assert_eq!(keeping.len(), 1, "client port {client}");
        kept_by[keeping[0]] += 1;
        message[HEADER_BYTES + 4..HEADER_BYTES + 6].copy_from_slice(&81u16.to_be_bytes());
        assert!(!shares.iter().any(|share| keeps(share, &message)), "another local port");
    }
    assert_eq!(kept_by, [2_048; 8]);
}

#[test]
fn a_message_without_a_port_is_dropped() {
    let program = port_filter(&ranges(&(0..=65_535).collect()), ALL);
    assert!(!keeps(&program, &[0; HEADER_BYTES + 5]));
    assert!(!keeps(&program, &[]));
}

#[test]
fn too_many_ranges_become_one() {
    let most: BTreeSet<u16> = (10..).step_by(2).take(RANGES_MAX).collect();
    check(&most, 0..=4000);
    let more: BTreeSet<u16> = (10..).step_by(2).take(RANGES_MAX + 1).collect();
    let program = port_filter(&ranges(&more), ALL);
    let kept = |port| keeps(&program, &message_with_local_port(port));
    assert!(more.iter().all(|port| kept(*port)), "nothing of ours is dropped");
    assert!(kept(11) && !kept(9) && !kept(2011), "and nothing outside of the whole is kept");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_set_of_ports(ports in prop::collection::btree_set(any::<u16>(), 0..200), others in prop::collection::vec(any::<u16>(), 200)) {
        let edges = ports.iter().flat_map(|p| [p.saturating_sub(1), *p, p.saturating_add(1)]);
        let asked: Vec<u16> = edges.chain(others).collect();
        check(&ports, asked);
    }
}
