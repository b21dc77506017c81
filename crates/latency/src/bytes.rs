//! Numbers and names as bytes, the lowest byte first: what is kept on disk is made of these. Knows
//! nothing of files.
//!
//! Threat model of the way back: the bytes may be cut or flipped anywhere. Nothing is reserved for what
//! they announce and do not have, and every name is checked.

use model::{AgentId, Subnet};

use crate::table::Position;

/// Bytes that are not what they should be: they end too early, or say what cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} is cut short, or says what cannot be")]
pub struct BytesFault {
    /// What was being read.
    pub what: &'static str,
}

/// Bytes that are still to be read.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    what: &'static str,
}

impl<'a> Reader<'a> {
    /// Reads these; `what` they are is told in a fault.
    #[must_use]
    pub const fn new(bytes: &'a [u8], what: &'static str) -> Self {
        Self { bytes, what }
    }

    /// Whether nothing is left.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// How many bytes are left.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.bytes.len()
    }

    /// That what is read cannot be.
    #[must_use]
    pub const fn fault(&self) -> BytesFault {
        BytesFault { what: self.what }
    }

    /// The next bytes.
    ///
    /// # Errors
    ///
    /// There are not as many. So too below.
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], BytesFault> {
        let (taken, rest) = self.bytes.split_at_checked(count).ok_or(self.fault())?;
        self.bytes = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], BytesFault> {
        let (taken, rest) = self.bytes.split_first_chunk().ok_or(self.fault())?;
        self.bytes = rest;
        Ok(*taken)
    }

    /// A number below 2^8.
    pub fn u8(&mut self) -> Result<u8, BytesFault> {
        self.array().map(u8::from_le_bytes)
    }

    /// A number below 2^16.
    pub fn u16(&mut self) -> Result<u16, BytesFault> {
        self.array().map(u16::from_le_bytes)
    }

    /// A number below 2^32.
    pub fn u32(&mut self) -> Result<u32, BytesFault> {
        self.array().map(u32::from_le_bytes)
    }

    /// A number below 2^64.
    pub fn u64(&mut self) -> Result<u64, BytesFault> {
        self.array().map(u64::from_le_bytes)
    }

    /// A number of any size, seven bits a byte.
    pub fn number(&mut self) -> Result<u128, BytesFault> {
        let mut number = 0u128;
        for shift in (0..u128::BITS).step_by(7) {
            let byte = self.u8()?;
            let bits = u128::from(byte & 0x7f);
            if bits << shift >> shift != bits {
                return Err(self.fault());
            }
            number |= bits << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(self.fault())
    }

    /// A number that may be missing.
    pub fn option(&mut self) -> Result<Option<u64>, BytesFault> {
        match self.u8()? {
            0 => Ok(None),
            1 => self.u64().map(Some),
            _ => Err(self.fault()),
        }
    }

    /// A name of a kind that checks it.
    pub fn name<Name: std::str::FromStr>(&mut self) -> Result<Name, BytesFault> {
        let text = self.text()?;
        text.parse().map_err(|_| self.fault())
    }

    fn text(&mut self) -> Result<&'a str, BytesFault> {
        let length = self.u16()?;
        str::from_utf8(self.take(length.into())?).map_err(|_| self.fault())
    }

    /// An agent, or a source from outside.
    pub fn agent(&mut self) -> Result<AgentId, BytesFault> {
        let text = self.text()?;
        AgentId::kept(text).map_err(|_| self.fault())
    }

    /// How far an agent was heard.
    pub fn position(&mut self) -> Result<Position, BytesFault> {
        Ok(Position { epoch: self.u64()?, sequence: self.u64()? })
    }

    /// A client network.
    pub fn subnet(&mut self) -> Result<Subnet, BytesFault> {
        let address = match self.u8()? {
            4 => self.array::<4>()?.into(),
            6 => self.array::<16>()?.into(),
            _ => return Err(self.fault()),
        };
        Subnet::new(address, self.u8()?).map_err(|_| self.fault())
    }
}

/// Appends what [`Reader::number`] reads.
pub fn put_number(bytes: &mut Vec<u8>, mut number: u128) {
    while number >= 0x80 {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push((number & 0x7f) as u8);
}

/// Appends what [`Reader::option`] reads.
pub fn put_option(bytes: &mut Vec<u8>, number: Option<u64>) {
    bytes.push(number.is_some().into());
    bytes.extend(number.into_iter().flat_map(u64::to_le_bytes));
}

/// Appends what [`Reader::name`] and [`Reader::agent`] read. Names are shorter than 2^16 by far; of a
/// longer text nothing is kept.
pub fn put_name(bytes: &mut Vec<u8>, name: &str) {
    let Ok(length) = u16::try_from(name.len()) else { return bytes.extend([0, 0]) };
    bytes.extend(length.to_le_bytes());
    bytes.extend(name.as_bytes());
}

/// Appends what [`Reader::position`] reads.
pub fn put_position(bytes: &mut Vec<u8>, position: Position) {
    bytes.extend(position.epoch.to_le_bytes());
    bytes.extend(position.sequence.to_le_bytes());
}

/// Appends what [`Reader::subnet`] reads.
pub fn put_subnet(bytes: &mut Vec<u8>, subnet: Subnet) {
    match subnet.address() {
        std::net::IpAddr::V4(v4) => {
            bytes.push(4);
            bytes.extend(v4.octets());
        }
        std::net::IpAddr::V6(v6) => {
            bytes.push(6);
            bytes.extend(v6.octets());
        }
    }
    bytes.push(subnet.length());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_any_size_come_back_and_no_cut_one_does() {
        for number in
            [0, 1, 127, 128, 16_383, 16_384, u128::from(u64::MAX), u128::MAX - 1, u128::MAX]
        {
            let mut bytes = Vec::new();
            put_number(&mut bytes, number);
            assert_eq!(Reader::new(&bytes, "it").number(), Ok(number));
            bytes.pop();
            assert!(Reader::new(&bytes, "it").number().is_err(), "{number}");
        }
        // One bit more than there is room for.
        let mut long = [0xff; 19];
        long[18] = 0x07;
        assert!(Reader::new(&long, "it").number().is_err());
    }

    #[test]
    fn agents_and_sources_keep_their_names() {
        let source = AgentId::of_source(&"probe".parse().unwrap());
        for agent in [source, "web-1".parse().unwrap()] {
            let mut bytes = Vec::new();
            put_name(&mut bytes, agent.as_str());
            let mut reader = Reader::new(&bytes, "it");
            assert_eq!(reader.agent(), Ok(agent));
            assert!(reader.is_empty());
        }
        let mut bytes = Vec::new();
        put_name(&mut bytes, "outside:");
        assert!(Reader::new(&bytes, "it").agent().is_err());
    }
}
