//! Writes small MMDB files for the tests (MaxMind DB format, version 2.0). Correct files only:
//! tests damage them afterwards.

use std::net::IpAddr;

use model::Subnet;

/// A value of the data section.
pub(crate) enum Value {
    Text(&'static str),
    Number(u32),
    Short(u16),
    Long(u64),
    Double(f64),
    List(Vec<Self>),
    Map(Vec<(&'static str, Self)>),
}

/// What differs between files.
#[derive(Clone, Copy)]
pub(crate) struct Layout {
    /// 4, or 6 with the IPv4 networks under `::/96`.
    pub(crate) ip_version: u8,
    /// Bits of a tree record: 24, 28 or 32.
    pub(crate) record_bits: u16,
    /// Whether the IPv4 part hangs under `::ffff:0:0/96` and `2002::/16` too.
    pub(crate) aliases: bool,
}

impl Layout {
    pub(crate) const ALL: [Self; 4] = [
        Self { ip_version: 4, record_bits: 24, aliases: false },
        Self { ip_version: 6, record_bits: 24, aliases: false },
        Self { ip_version: 6, record_bits: 28, aliases: true },
        Self { ip_version: 6, record_bits: 32, aliases: true },
    ];
}

/// MaxMind's schema.
pub(crate) fn maxmind(country: &'static str, continent: &'static str) -> Value {
    Value::Map(vec![
        ("continent", Value::Map(vec![("code", Value::Text(continent))])),
        ("country", Value::Map(vec![("iso_code", Value::Text(country))])),
    ])
}

/// MaxMind's schema of a city database.
pub(crate) fn city(country: &'static str, latitude: f64, longitude: f64, accuracy: u16) -> Value {
    let location = vec![
        ("accuracy_radius", Value::Short(accuracy)),
        ("latitude", Value::Double(latitude)),
        ("longitude", Value::Double(longitude)),
    ];
    Value::Map(vec![
        ("country", Value::Map(vec![("iso_code", Value::Text(country))])),
        ("location", Value::Map(location)),
    ])
}

/// The flat schema.
pub(crate) fn flat(country: &'static str) -> Value {
    Value::Map(vec![("country_code", Value::Text(country))])
}

/// An ASN record.
pub(crate) fn asn(number: u32) -> Value {
    Value::Map(vec![
        ("autonomous_system_number", Value::Number(number)),
        ("autonomous_system_organization", Value::Text("Example Networks")),
    ])
}

/// Where a tree record leads.
#[derive(Clone, Copy)]
enum Link {
    Nothing,
    Node(u32),
    Data(u32),
}

/// The file that maps these disjoint networks to these values.
pub(crate) fn write(layout: Layout, networks: &[(&str, Value)]) -> Vec<u8> {
    let mut tree = vec![[Link::Nothing; 2]];
    let mut data = Vec::new();
    for (network, value) in networks {
        let at = data.len() as u32;
        encode(value, &mut data);
        let (bits, length) = path(layout, network.parse().unwrap());
        hang(&mut tree, bits, length, Link::Data(at));
    }
    if layout.aliases {
        let ipv4 = follow(&tree, 0, 96);
        hang(&mut tree, 0xffff << 32, 96, ipv4);
        hang(&mut tree, 0x2002 << 112, 16, ipv4);
    }
    let nodes = tree.len() as u32;
    let mut file = Vec::new();
    for [left, right] in &tree {
        let number = |link: &Link| match *link {
            Link::Nothing => nodes,
            Link::Node(node) => node,
            Link::Data(at) => nodes + 16 + at,
        };
        push_node(layout.record_bits, number(left), number(right), &mut file);
    }
    file.extend([0; 16]);
    file.extend(data);
    file.extend(b"\xab\xcd\xefMaxMind.com");
    encode(&metadata(layout, nodes), &mut file);
    file
}

fn metadata(layout: Layout, nodes: u32) -> Value {
    Value::Map(vec![
        ("binary_format_major_version", Value::Short(2)),
        ("binary_format_minor_version", Value::Short(0)),
        ("build_epoch", Value::Long(1_766_138_700)),
        ("database_type", Value::Text("Test")),
        ("description", Value::Map(Vec::new())),
        ("ip_version", Value::Short(layout.ip_version.into())),
        ("languages", Value::List(Vec::new())),
        ("node_count", Value::Number(nodes)),
        ("record_size", Value::Short(layout.record_bits)),
    ])
}

/// The way down the tree: bits from the top of 128, and how many.
fn path(layout: Layout, subnet: Subnet) -> (u128, u32) {
    let length = u32::from(subnet.length());
    match (subnet.address(), layout.ip_version) {
        (IpAddr::V4(v4), 4) => (u128::from(v4.to_bits()) << 96, length),
        (IpAddr::V4(v4), _) => (u128::from(v4.to_bits()), 96 + length),
        (IpAddr::V6(v6), _) => (v6.to_bits(), length),
    }
}

const fn side(bits: u128, depth: u32) -> usize {
    (bits >> (127 - depth) & 1) as usize
}

fn hang(tree: &mut Vec<[Link; 2]>, bits: u128, length: u32, link: Link) {
    let mut node = 0usize;
    for depth in 0..length - 1 {
        let next = match tree[node][side(bits, depth)] {
            Link::Node(next) => next as usize,
            Link::Nothing => {
                tree.push([Link::Nothing; 2]);
                let next = tree.len() - 1;
                tree[node][side(bits, depth)] = Link::Node(next as u32);
                next
            }
            Link::Data(_) => panic!("the networks of a file are disjoint"),
        };
        node = next;
    }
    tree[node][side(bits, length - 1)] = link;
}

fn follow(tree: &[[Link; 2]], bits: u128, length: u32) -> Link {
    let mut link = Link::Node(0);
    for depth in 0..length {
        let Link::Node(node) = link else { return link };
        link = tree[node as usize][side(bits, depth)];
    }
    link
}

fn push_node(record_bits: u16, left: u32, right: u32, file: &mut Vec<u8>) {
    let (l, r) = (left.to_be_bytes(), right.to_be_bytes());
    match record_bits {
        24 => file.extend([l[1], l[2], l[3], r[1], r[2], r[3]]),
        28 => file.extend([l[1], l[2], l[3], l[0] << 4 | r[0], r[1], r[2], r[3]]),
        _ => file.extend([l, r].concat()),
    }
}

fn encode(value: &Value, out: &mut Vec<u8>) {
    const TEXT: u8 = 2;
    const DOUBLE: u8 = 3;
    const U16: u8 = 5;
    const U32: u8 = 6;
    const MAP: u8 = 7;
    // Types from 8 up stand in a second byte, less 7.
    const U64_LESS_7: u8 = 2;
    const LIST_LESS_7: u8 = 4;
    match value {
        Value::Text(text) => {
            // Lengths from 29 up to 284 stand in a byte of their own.
            match u8::try_from(text.len()).unwrap() {
                short @ 0..29 => out.push(TEXT << 5 | short),
                long => out.extend([TEXT << 5 | 29, long - 29]),
            }
            out.extend(text.as_bytes());
        }
        Value::Number(number) => {
            out.push(U32 << 5 | 4);
            out.extend(number.to_be_bytes());
        }
        Value::Short(number) => {
            out.push(U16 << 5 | 2);
            out.extend(number.to_be_bytes());
        }
        Value::Long(number) => {
            out.extend([8, U64_LESS_7]);
            out.extend(number.to_be_bytes());
        }
        Value::Double(number) => {
            out.push(DOUBLE << 5 | 8);
            out.extend(number.to_be_bytes());
        }
        Value::List(values) => {
            out.extend([u8::try_from(values.len()).unwrap(), LIST_LESS_7]);
            values.iter().for_each(|value| encode(value, out));
        }
        Value::Map(entries) => {
            out.push(MAP << 5 | u8::try_from(entries.len()).unwrap());
            for (key, value) in entries {
                encode(&Value::Text(key), out);
                encode(value, out);
            }
        }
    }
}
