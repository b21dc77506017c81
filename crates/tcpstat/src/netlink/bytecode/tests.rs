//! The program against an interpreter and an auditor that follow the kernel's rules.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::netlink::ports::ranges;

/// One operation as the kernel sees it.
fn op_at(program: &[u8], offset: usize) -> (u8, usize, usize) {
    let op = &program[offset..offset + OP_BYTES];
    (op[0], usize::from(op[1]), usize::from(u16::from_ne_bytes([op[2], op[3]])))
}

/// Runs a program as `inet_diag_bc_run` does: whether the walk ended exactly at the end.
fn passes(program: &[u8], local_port: u16) -> bool {
    let mut offset = 0;
    while offset < program.len() {
        let (code, yes, no) = op_at(program, offset);
        let port = || op_at(program, offset + OP_BYTES).2;
        let holds = match code {
            JUMP => false,
            LOCAL_PORT_AT_LEAST => usize::from(local_port) >= port(),
            LOCAL_PORT_AT_MOST => usize::from(local_port) <= port(),
            other => panic!("operation {other} is not among ours"),
        };
        offset += if holds { yes } else { no };
    }
    offset == program.len()
}

/// The rules of `inet_diag_bc_audit`: steps that are whole, targets that the `yes` chain visits,
/// and a chain that ends exactly at the end.
fn audit(program: &[u8]) {
    let mut visited = BTreeSet::new();
    let mut offset = 0;
    while offset < program.len() {
        visited.insert(offset);
        offset += op_at(program, offset).1;
    }
    assert_eq!(offset, program.len(), "the yes chain ends at the end");
    visited.insert(program.len());
    for &offset in visited.iter().filter(|offset| **offset < program.len()) {
        let (code, yes, no) = op_at(program, offset);
        let min = if code == JUMP { OP_BYTES } else { COMPARE_BYTES };
        let left = program.len() - offset;
        for step in [yes, no] {
            let least = if step == yes { min.min(yes) } else { min };
            assert!(step >= least && step <= left + 4 && step % 4 == 0, "step {step} at {offset}");
        }
        assert!(no >= left || visited.contains(&(offset + no)), "{no} at {offset} hits nothing");
    }
}

fn check(ports: &BTreeSet<u16>, asked: impl IntoIterator<Item = u16>) {
    let program = port_filter(&ranges(ports));
    audit(&program);
    for port in asked {
        assert_eq!(passes(&program, port), ports.contains(&port), "port {port} of {ports:?}");
    }
}

#[test]
fn one_port_is_these_bytes() {
    let program = port_filter(&ranges(&BTreeSet::from([8080])));
    let [no_low, no_high] = 20u16.to_ne_bytes();
    let [port_low, port_high] = 8080u16.to_ne_bytes();
    let [fail_low, fail_high] = 12u16.to_ne_bytes();
    #[rustfmt::skip]
    assert_eq!(program, [
        2, 8, no_low, no_high,      // at least ... else 16 bytes to the end and 4 behind it
        0, 0, port_low, port_high,  // ... 8080
        3, 8, fail_low, fail_high,  // at most ... else 8 bytes to the end and 4 behind it
        0, 0, port_low, port_high,  // ... 8080
    ]);
}

#[test]
fn every_port_is_decided_as_the_set_decides() {
    for ports in [
        BTreeSet::from([80]),
        BTreeSet::from([0]),
        BTreeSet::from([65_535]),
        BTreeSet::from([0, 65_535]),
        BTreeSet::from([80, 443, 8080]),
        (1000..2000).collect(),
        (0..=65_535).collect(),
    ] {
        check(&ports, 0..=65_535);
    }
    check(&(0..2000).step_by(2).collect(), 0..2100);
}

#[test]
fn the_longest_program_is_what_the_limit_says() {
    let ports: BTreeSet<u16> = (0..=u16::MAX).step_by(2).collect();
    let program = port_filter(&ranges(&ports));
    assert_eq!(program.len(), RANGES_MAX * RANGE_BYTES - OP_BYTES);
    audit(&program);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_set_of_ports(ports in prop::collection::btree_set(any::<u16>(), 1..200), others in prop::collection::vec(any::<u16>(), 200)) {
        let edges = ports.iter().flat_map(|p| [p.saturating_sub(1), *p, p.saturating_add(1)]);
        let asked: Vec<u16> = edges.chain(others).collect();
        check(&ports, asked);
    }
}
