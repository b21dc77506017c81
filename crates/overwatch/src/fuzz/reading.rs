//! An answer as its asker reads it, in so far as promises speak of it. Must never be used for
//! anything but the check of one.

use dns::{NameBuf, OptionCode, RecordType};

/// An answer taken apart.
#[derive(Default)]
pub(super) struct Message {
    pub(super) questions: u16,
    /// But the OPT record.
    pub(super) records: usize,
    /// The types in the authority section.
    pub(super) authority: Vec<RecordType>,
    pub(super) has_opt: bool,
    /// With the upper bits of the OPT record.
    pub(super) rcode: u16,
    pub(super) is_authoritative: bool,
    pub(super) is_cut: bool,
    /// What the client subnet option says.
    pub(super) scope: Option<u8>,
}

impl Message {
    /// Reads one; `None` where it is malformed, has bytes behind its last record or two OPT records.
    pub(super) fn read(packet: &[u8]) -> Option<Self> {
        let number = |at: usize| Some(u16::from_be_bytes([*packet.get(at)?, *packet.get(at + 1)?]));
        let flags = number(2)?;
        let mut message = Self {
            questions: number(4)?,
            rcode: flags & 0x0f,
            is_authoritative: flags & 0x0400 != 0,
            is_cut: flags & 0x0200 != 0,
            ..Self::default()
        };
        let mut at = 12;
        for _ in 0..message.questions {
            at = NameBuf::read(packet, at).ok()?.1 + 4;
        }
        for (section, count) in [number(6)?, number(8)?, number(10)?].into_iter().enumerate() {
            for _ in 0..count {
                at = message.record(packet, at, section)?;
            }
        }
        (at == packet.len()).then_some(message)
    }

    /// Reads the record that begins at `at`; returns where the next one does.
    fn record(&mut self, packet: &[u8], at: usize, section: usize) -> Option<usize> {
        let (_, at) = NameBuf::read(packet, at).ok()?;
        let head: &[u8; 10] = packet.get(at..)?.first_chunk()?;
        let [t0, t1, _, _, high, _, _, _, l0, l1] = *head;
        let record_type = RecordType(u16::from_be_bytes([t0, t1]));
        let end = at + 10 + usize::from(u16::from_be_bytes([l0, l1]));
        let rdata = packet.get(at + 10..end)?;
        if record_type != RecordType::OPT {
            self.records += 1;
            self.authority.extend((section == 1).then_some(record_type));
            return Some(end);
        }
        if self.has_opt || section != 2 {
            return None;
        }
        self.has_opt = true;
        self.rcode |= u16::from(high) << 4;
        self.read_options(rdata).map(|()| end)
    }

    fn read_options(&mut self, mut rest: &[u8]) -> Option<()> {
        while let [c0, c1, l0, l1, behind @ ..] = rest {
            let length = usize::from(u16::from_be_bytes([*l0, *l1]));
            let (value, behind) = behind.split_at_checked(length)?;
            if OptionCode(u16::from_be_bytes([*c0, *c1])) == OptionCode::CLIENT_SUBNET {
                self.scope = Some(*value.get(3)?);
            }
            rest = behind;
        }
        rest.is_empty().then_some(())
    }
}
