//! The bytes of a message while it is written: what does not fit is refused, what was begun can be
//! taken back.
//!
//! Knows how names and record data are written (RFC 1035, 3.3, 4.1.3 and 4.1.4; RFC 3597, 4), and
//! nothing of sections or flags.

use crate::compress::Suffixes;
use crate::header::HEADER_BYTES;
use crate::name::Name;
use crate::rdata::{Rdata, Soa};

/// It does not fit.
#[derive(Debug)]
pub(super) struct Full;

/// A message that grows to a limit.
pub(super) struct Sink<'b> {
    /// The message's bytes, as many as it may have.
    buffer: &'b mut [u8],
    /// How much is written.
    length: usize,
    /// How much may be written for now. Behind it stand the options that are kept for the end, the
    /// last one first, up to `kept_end`, and behind those there is room for what goes before them.
    room: usize,
    /// Where the kept options end.
    kept_end: usize,
    /// The names that can be pointed at.
    suffixes: Suffixes,
}

/// A place to go back to.
#[derive(Clone, Copy)]
pub(super) struct Mark {
    /// How much was written.
    length: usize,
    /// How many suffixes were remembered.
    suffixes: usize,
}

/// Where a length of two bytes will stand.
pub(super) struct LengthAt(usize);

impl<'b> Sink<'b> {
    /// An empty message in `buffer`, whose last `kept` bytes are not used before the end.
    pub(super) fn new(buffer: &'b mut [u8], kept: usize) -> Self {
        let room = buffer.len().saturating_sub(kept);
        Self { buffer, length: 0, room, kept_end: room, suffixes: Suffixes::new() }
    }

    /// Keeps an option for the end, before those that are kept already: written where it needs no
    /// other room. Nothing is kept where it does not fit.
    pub(super) fn keep(&mut self, [code, value]: [&[u8]; 2]) -> Result<(), Full> {
        let length = u16::try_from(value.len()).map_err(|_| Full)?.to_be_bytes();
        let bytes = code.len() + length.len() + value.len();
        let start = self.room.checked_sub(bytes).filter(|start| *start >= self.length);
        let start = start.ok_or(Full)?;
        let mut to = self.buffer.get_mut(start..self.room).ok_or(Full)?;
        for part in [code, &length, value] {
            let (here, rest) = to.split_at_mut_checked(part.len()).ok_or(Full)?;
            here.copy_from_slice(part);
            to = rest;
        }
        self.room = start;
        Ok(())
    }

    /// Writes what goes before the kept options, leaves two bytes for a length, moves the options up
    /// and opens all room there is.
    pub(super) fn put_kept(&mut self, head: &[u8]) -> Result<LengthAt, Full> {
        let to = self.length + head.len() + 2;
        let end = to + self.kept_end.saturating_sub(self.room);
        if end > self.buffer.len() {
            return Err(Full);
        }
        self.buffer.copy_within(self.room.min(self.kept_end)..self.kept_end, to);
        self.room = self.buffer.len();
        self.put(head)?;
        let length = self.reserve_length()?;
        self.length = end;
        Ok(length)
    }

    /// The place at hand.
    pub(super) fn mark(&self) -> Mark {
        Mark { length: self.length, suffixes: self.suffixes.used() }
    }

    /// Takes back what was written after `mark`.
    pub(super) fn back_to(&mut self, mark: Mark) {
        self.length = self.length.min(mark.length);
        self.suffixes.forget_after(mark.suffixes);
    }

    /// Writes bytes as they are.
    pub(super) fn put(&mut self, bytes: &[u8]) -> Result<(), Full> {
        let end =
            self.length.checked_add(bytes.len()).filter(|end| *end <= self.room).ok_or(Full)?;
        self.buffer.get_mut(self.length..end).ok_or(Full)?.copy_from_slice(bytes);
        self.length = end;
        Ok(())
    }

    /// Writes the message's first name: there is none yet that it could point at.
    pub(super) fn put_first_name(&mut self, name: Name<'_>) -> Result<(), Full> {
        let start = self.length;
        self.put(name.as_bytes())?;
        self.suffixes.remember(name, start, name.as_bytes().len());
        Ok(())
    }

    /// Writes a name, compressed where it can be.
    pub(super) fn put_name(&mut self, name: Name<'_>) -> Result<(), Full> {
        let start = self.length;
        let plan = self.suffixes.plan(self.buffer.get(..start).unwrap_or_default(), name);
        if !plan.plain.is_empty() {
            self.put(plan.plain)?;
            self.suffixes.remember(name, start, plan.plain.len());
        }
        plan.pointer.map_or(Ok(()), |pointer| self.put(&pointer))
    }

    /// Leaves two bytes for a length.
    pub(super) fn reserve_length(&mut self) -> Result<LengthAt, Full> {
        let at = LengthAt(self.length);
        self.put(&[0; 2])?;
        Ok(at)
    }

    /// Writes how much was written since the length's own place.
    pub(super) fn fill_length(&mut self, LengthAt(at): LengthAt) -> Result<(), Full> {
        let length = self.length.checked_sub(at + 2).and_then(|length| u16::try_from(length).ok());
        let place = self.buffer.get_mut(at..at + 2).ok_or(Full)?;
        place.copy_from_slice(&length.ok_or(Full)?.to_be_bytes());
        Ok(())
    }

    /// Writes a record's data. Names are compressed in the types of RFC 1035 only (RFC 3597, 4).
    pub(super) fn put_rdata(&mut self, rdata: &Rdata<'_>) -> Result<(), Full> {
        match rdata {
            Rdata::A(address) => self.put(&address.octets()),
            Rdata::Aaaa(address) => self.put(&address.octets()),
            Rdata::Ns(name) | Rdata::Cname(name) => self.put_name(*name),
            Rdata::Soa(soa) => self.put_soa(soa),
            Rdata::Txt(text) => self.put_text(text),
            Rdata::Other { bytes, .. } => self.put(bytes),
        }
    }

    /// Writes the data of an SOA record.
    fn put_soa(&mut self, soa: &Soa<'_>) -> Result<(), Full> {
        self.put_name(soa.primary)?;
        self.put_name(soa.mailbox)?;
        [soa.serial, soa.refresh_s, soa.retry_s, soa.expire_s, soa.minimum_s]
            .iter()
            .try_for_each(|number| self.put(&number.to_be_bytes()))
    }

    /// Writes a text in character strings.
    fn put_text(&mut self, text: &[u8]) -> Result<(), Full> {
        if text.is_empty() {
            return self.put(&[0]);
        }
        text.chunks(u8::MAX.into()).try_for_each(|string| {
            self.put(&[u8::try_from(string.len()).map_err(|_| Full)?])?;
            self.put(string)
        })
    }

    /// The message with its header in place.
    pub(super) fn into_message(self, header: [u8; HEADER_BYTES]) -> &'b [u8] {
        let Self { buffer, length, .. } = self;
        if let Some(first) = buffer.first_chunk_mut::<HEADER_BYTES>() {
            *first = header;
        }
        buffer.get(..length).unwrap_or_default()
    }
}
