//! What answers say of themselves to caches: for which part of the network they hold (RFC 7871, 7.2.1).
//!
//! Random tables, geographies and constraints, random questions, the scopes read out of the answers'
//! bytes. Of one name no two of them overlap unless they are equal, for a resolver may keep only one
//! of two that do (7.3.1); and whoever is inside one is sent where the answer says.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::IpAddr;

use dns::RecordType;
use model::Subnet;
use overwatch::{Asker, Outcome, Transport, Worker, resolve};
use testkit::Random;

use crate::bench::Bench;
use crate::dialogues::World;
use crate::settings::{APP, ip, parsed};
use crate::wire::{self, Question};

/// Worlds, and questions in each, which is quadratic: about two seconds without optimisation.
const WORLDS: u64 = 40;
const QUESTIONS: usize = 60;
/// How many clients of a scope are asked about, beside those at its edges.
const CLIENTS: usize = 6;

const REGIONS: [&str; 3] = ["eu-west", "us-east", "ap-southeast"];

/// An address where much is said about few networks.
fn address(random: &mut Random) -> IpAddr {
    let bits = random.next();
    if random.below(3) == 0 {
        // Two bits here and there, so that prefixes of all lengths share their beginnings.
        let bits = u128::from(bits & 0x8101_4202_8040_0803) << 32;
        return IpAddr::from((0x2001_0db8_u128 << 96 | bits).to_be_bytes());
    }
    let bits = u32::try_from(bits & 0x0083_4183).unwrap();
    IpAddr::from((0x0a00_0000_u32 | bits).to_be_bytes())
}

/// A network of any length down to a host.
fn network(random: &mut Random) -> Subnet {
    let address = address(random);
    let (least, most) = if address.is_ipv4() { (8, 32) } else { (32, 128) };
    let length = least + random.below(most - least + 1);
    Subnet::of(address, u8::try_from(length).unwrap())
}

/// The lines of a world.
fn world(random: &mut Random) -> String {
    let mut text = "zone demo.local\n".to_owned();
    let algorithm =
        ["learned_latency", "learned_latency", "learned_latency", "geolocation", "failover"];
    let limit = random.one_of(&["", " max 60", " min 20"]);
    let _ = writeln!(text, "domain {APP} {}{limit}", random.one_of(&algorithm));
    for (region, codes) in REGIONS.iter().zip(["countries DE", "countries US,CA", "continents AS"])
    {
        let _ = writeln!(text, "region {region} {codes}");
    }
    if random.below(2) == 0 {
        let _ = writeln!(text, "default {}", random.one_of(&REGIONS));
    }
    for _ in 0..random.below(4) {
        let country = random.one_of(&["DE", "US", "SG"]);
        let client =
            if random.below(3) == 0 { (*country).to_owned() } else { network(random).to_string() };
        let _ = writeln!(text, "limit {client} to {}", random.one_of(&REGIONS));
    }
    let mut seen = BTreeSet::new();
    for _ in 0..random.below(8) {
        let network = network(random);
        if seen.insert(network) {
            let _ =
                writeln!(text, "country {network} {}", random.one_of(&["DE", "US", "SG", "BR"]));
        }
    }
    seen.clear();
    for _ in 0..random.below(4) {
        let network = network(random);
        if seen.insert(network) {
            let _ = writeln!(text, "place {network} {}", random.one_of(&REGIONS));
        }
    }
    for (number, region) in REGIONS.iter().enumerate() {
        let is_down = if random.below(6) == 0 { " down" } else { "" };
        let _ = writeln!(text, "server {APP} {region} 10.200.{number}.1{is_down}");
        let _ = writeln!(text, "server {APP} {region} 2001:db8:200:{number}::1{is_down}");
    }
    let mut seen = BTreeSet::new();
    for _ in 0..random.below(24) {
        let (network, region) = (network(random), random.one_of(&REGIONS));
        if seen.insert((network, region)) {
            let (ms, samples) = (1 + random.below(100), 1 + random.below(30));
            let _ = writeln!(text, "row {APP} {region} {network} {ms} {samples}");
        }
    }
    text
}

/// What is said to a client: the network for which it holds, if it names its own, and the order of
/// the regions with why it is so. Always the first turn, so that nothing but the client counts.
fn ask(bench: &Bench, client: Subnet, qtype: RecordType) -> (Option<Subnet>, String) {
    let question = Question::new(APP, qtype).of_network(&client.to_string());
    let asker = Asker {
        address: ip("192.0.2.99"),
        local: ip("10.1.1.10"),
        transport: Transport::Udp,
        now: bench.now,
    };
    let mut buffer = vec![0; 65_535];
    let packet = question.to_bytes();
    let reply = resolve(&bench.view, &asker, &packet, &mut Worker::new(None), &mut buffer);
    let (network, scope) = wire::read(reply.bytes).ecs.unwrap();
    assert_eq!(network, client.to_string(), "the network comes back as it was");
    let Outcome::Steered { decision, .. } = &reply.outcome else { panic!("{APP} is steered") };
    let first = decision.region.map_or_else(|| "nowhere".to_owned(), ToString::to_string);
    let mut ranking = format!("{first} {}", decision.reason.as_str());
    for other in decision.runners_up() {
        let _ = write!(ranking, ", {} {}", other.region, other.reason);
    }
    let block = (client.length() > 0).then(|| Subnet::of(client.address(), scope));
    assert!(block.is_some() || scope == 0, "a network that is withheld has no part (7.1.2)");
    (block, ranking)
}

/// The addresses of a block at which something might change: its ends, those next to every network
/// that the world speaks of, and others.
fn clients_of(block: Subnet, edges: &[IpAddr], random: &mut Random) -> Vec<IpAddr> {
    let inside = |address: &&IpAddr| block.contains(**address);
    let mut clients: Vec<_> = edges.iter().filter(inside).copied().collect();
    clients.push(block.address());
    clients.push(last_of(block));
    for _ in 0..CLIENTS {
        clients.push(within(block, address(random)));
    }
    clients
}

fn bits_of(address: IpAddr) -> (u128, u32) {
    match address {
        IpAddr::V4(address) => (u128::from(address.to_bits()), 32),
        IpAddr::V6(address) => (address.to_bits(), 128),
    }
}

fn address_of(bits: u128, width: u32) -> IpAddr {
    match width {
        32 => IpAddr::from(u32::try_from(bits & u128::from(u32::MAX)).unwrap().to_be_bytes()),
        _ => IpAddr::from(bits.to_be_bytes()),
    }
}

/// The bits behind a block's prefix.
fn host_bits(block: Subnet, width: u32) -> u128 {
    let free = width - u32::from(block.length());
    if free == 128 { u128::MAX } else { (1 << free) - 1 }
}

fn last_of(block: Subnet) -> IpAddr {
    let (bits, width) = bits_of(block.address());
    address_of(bits | host_bits(block, width), width)
}

/// The address in a block with another one's last bits.
fn within(block: Subnet, other: IpAddr) -> IpAddr {
    let (bits, width) = bits_of(block.address());
    address_of(bits | (bits_of(other).0 & host_bits(block, width)), width)
}

/// First and last address of each network in the text, and their neighbours.
fn edges_of(text: &str) -> Vec<IpAddr> {
    let networks = text.split_whitespace().filter_map(|word| word.parse::<Subnet>().ok());
    let near = |network: Subnet| {
        let (first, width) = bits_of(network.address());
        let (last, _) = bits_of(last_of(network));
        [first, first.wrapping_sub(1), last, last.wrapping_add(1)]
            .map(|bits| address_of(bits, width))
    };
    networks.flat_map(near).collect()
}

fn check(seed: u64) {
    let mut random = Random::new(0x9e37_79b9_7f4a_7c15 ^ (seed << 32) ^ seed);
    let text = world(&mut random);
    let bench = text.lines().collect::<World>().build();
    let edges = edges_of(&text);
    let mut scopes: BTreeSet<Subnet> = BTreeSet::new();
    for _ in 0..QUESTIONS {
        let client = if random.below(2) == 0 && !edges.is_empty() {
            let edge = edges[random.below(edges.len())];
            Subnet::of(
                edge,
                network(&mut random).length().min(if edge.is_ipv4() { 32 } else { 128 }),
            )
        } else {
            network(&mut random)
        };
        let qtype = if random.below(2) == 0 { RecordType::A } else { RecordType::AAAA };
        let (block, ranking) = ask(&bench, client, qtype);
        let Some(block) = block else { continue };
        scopes.insert(block);
        for inside in clients_of(block, &edges, &mut random) {
            let (scope, theirs) = ask(&bench, Subnet::host(inside), qtype);
            assert_eq!(theirs, ranking, "{inside} in {block}, the scope of {client}:\n{text}");
            assert_eq!(scope, Some(block), "{inside} in {block}, the scope of {client}:\n{text}");
        }
    }
    for one in &scopes {
        for other in scopes.iter().filter(|other| *other != one) {
            let is_inside = one.contains(other.address()) || other.contains(one.address());
            assert!(!is_inside, "{one} and {other} overlap:\n{text}");
        }
    }
}

#[test]
fn scopes_never_overlap_and_hold_for_everybody_in_them() {
    (1..=WORLDS).for_each(check);
}

#[test]
fn a_network_that_is_withheld_gets_an_answer_for_all() {
    let mut random = Random::new(7);
    let bench = world(&mut random).lines().collect::<World>().build();
    for everybody in ["0.0.0.0/0", "::/0"] {
        assert_eq!(ask(&bench, parsed(everybody), RecordType::A).0, None);
    }
}
