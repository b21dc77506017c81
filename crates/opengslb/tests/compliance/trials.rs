//! The tests: what is sent. Must not say what is right, but for what a test asks for.

/// EDNS in a test's packet.
pub(crate) struct Opt {
    pub(crate) udp_size: u16,
    pub(crate) version: u8,
    pub(crate) flags: u16,
    /// As they stand on the wire.
    pub(crate) options: &'static [u8],
}

/// One test.
pub(crate) struct Trial {
    /// The name that it has everywhere.
    pub(crate) name: &'static str,
    pub(crate) qtype: u16,
    /// Flags of the header that are set.
    pub(crate) flags: u16,
    /// Another kind of message is a header only.
    pub(crate) opcode: u8,
    pub(crate) edns: Option<Opt>,
}

pub(crate) const AA: u16 = 0x0400;
pub(crate) const TC: u16 = 0x0200;
pub(crate) const RD: u16 = 0x0100;
pub(crate) const RA: u16 = 0x0080;
pub(crate) const Z: u16 = 0x0040;
pub(crate) const AD: u16 = 0x0020;
pub(crate) const CD: u16 = 0x0010;
/// The one flag of EDNS that is defined (RFC 3225, 3).
pub(crate) const DO: u16 = 0x8000;

pub(crate) const SOA: u16 = 6;
pub(crate) const DNSKEY: u16 = 48;
/// An option that nobody has defined.
pub(crate) const UNKNOWN: u16 = 100;
/// The options by which the tests ask.
pub(crate) const COOKIE: u16 = 10;

const NSID: &[u8] = &[0, 3, 0, 0];
/// A client whose address is withheld.
const SUBNET: &[u8] = &[0, 8, 0, 4, 0, 1, 0, 0];
const EXPIRE: &[u8] = &[0, 9, 0, 0];
const A_COOKIE: &[u8] = &[0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8];
const UNKNOWN_OPTION: &[u8] = &[0, 100, 0, 0];
const LIST: &[u8] =
    &[0, 3, 0, 0, 0, 8, 0, 4, 0, 1, 0, 0, 0, 9, 0, 0, 0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8];

/// All tests, in the order of the manual.
pub(crate) const TRIALS: [Trial; 34] = [
    plain("dns", 0),
    plain("aa", AA),
    plain("ad", AD),
    plain("cd", CD),
    plain("ra", RA),
    plain("rd", RD),
    plain("tc", TC),
    plain("zflag", Z),
    Trial { opcode: 15, ..plain("opcode", 0) },
    Trial { opcode: 15, ..plain("opcodeflg", TC | RD | RA | CD | AD | AA | Z) },
    Trial { qtype: 666, ..plain("type666", 0) },
    plain("tcp", 0),
    edns("edns", 0, 0, &[]),
    edns("edns1", 1, 0, &[]),
    small("edns@512"),
    edns("ednsopt", 0, 0, UNKNOWN_OPTION),
    edns("edns1opt", 1, 0, UNKNOWN_OPTION),
    edns("do", 0, DO, &[]),
    Trial { flags: CD, ..edns("docd", 0, DO, &[]) },
    edns("edns1do", 1, DO, &[]),
    edns("ednsflags", 0, 0x0080, &[]),
    edns("edns1flags", 1, 0x0080, &[]),
    edns("optlist", 0, 0, LIST),
    edns("ednsnsid", 0, 0, NSID),
    edns("ednscookie", 0, 0, A_COOKIE),
    edns("ednsexpire", 0, 0, EXPIRE),
    edns("ednssubnet", 0, 0, SUBNET),
    edns("edns1nsid", 1, 0, NSID),
    edns("edns1cookie", 1, 0, A_COOKIE),
    edns("edns1expire", 1, 0, EXPIRE),
    edns("edns1subnet", 1, 0, SUBNET),
    small("ednstcp"),
    edns("bind11", 0, DO, A_COOKIE),
    Trial { flags: RD | AD, ..edns("dig11", 0, 0, A_COOKIE) },
];

/// A question for the SOA without EDNS.
const fn plain(name: &'static str, flags: u16) -> Trial {
    Trial { name, qtype: SOA, flags, opcode: 0, edns: None }
}

/// A question for the SOA with EDNS.
const fn edns(name: &'static str, version: u8, flags: u16, options: &'static [u8]) -> Trial {
    let edns = Some(Opt { udp_size: 4096, version, flags, options });
    Trial { name, qtype: SOA, flags: 0, opcode: 0, edns }
}

/// A question whose answer is long, by somebody who takes little.
const fn small(name: &'static str) -> Trial {
    let edns = Some(Opt { udp_size: 512, version: 0, flags: DO, options: &[] });
    Trial { name, qtype: DNSKEY, flags: 0, opcode: 0, edns }
}

impl Trial {
    /// The packet, for the zone's apex.
    pub(crate) fn packet(&self, zone: &[u8]) -> Vec<u8> {
        let flags = self.flags | u16::from(self.opcode) << 11;
        let questions = u8::from(self.opcode == 0);
        let mut packet = vec![0x12, 0x34];
        packet.extend(flags.to_be_bytes());
        packet.extend([0, questions, 0, 0, 0, 0, 0, u8::from(self.edns.is_some())]);
        if self.opcode == 0 {
            packet.extend(zone);
            packet.extend(self.qtype.to_be_bytes());
            packet.extend([0, 1]);
        }
        if let Some(opt) = &self.edns {
            packet.extend([0, 0, 41]);
            packet.extend(opt.udp_size.to_be_bytes());
            packet.extend([0, opt.version]);
            packet.extend(opt.flags.to_be_bytes());
            packet.extend(u16::try_from(opt.options.len()).unwrap().to_be_bytes());
            packet.extend(opt.options);
        }
        packet
    }

    /// Whether a cut answer is asked for again by TCP. The one about cutting takes it as it is.
    pub(crate) fn takes_whole(&self) -> bool {
        self.name != "edns@512"
    }

    /// The version of EDNS that is spoken; 0 also without any.
    pub(crate) fn version(&self) -> u8 {
        self.edns.as_ref().map_or(0, |opt| opt.version)
    }

    /// Whether the asker sends a cookie.
    pub(crate) fn has_cookie(&self) -> bool {
        self.edns.as_ref().is_some_and(|opt| opt.options.ends_with(A_COOKIE))
    }
}
