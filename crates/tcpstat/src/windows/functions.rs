//! The six functions of `iphlpapi.dll` as a table of values, so that one of them may be missing and
//! a test may stand for all of them. Calls nothing by itself.

use std::fmt;

use super::rows::{Family, Row};

/// Windows' numbers for what can be known of a connection (TCP_ESTATS_TYPE).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// TcpConnectionEstatsData: bytes and segments.
    Data = 1,
    /// TcpConnectionEstatsPath: round-trip times in milliseconds.
    Path = 3,
    /// TcpConnectionEstatsFineRtt: round-trip times in microseconds.
    FineRtt = 8,
}

impl Subject {
    /// The length of what is read of it (TCP_ESTATS_DATA_ROD_v0, TCP_ESTATS_PATH_ROD_v0,
    /// TCP_ESTATS_FINE_RTT_ROD_v0). Windows refuses any other.
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            Self::Data => 96,
            Self::Path => 160,
            Self::FineRtt => 16,
        }
    }
}

/// Writes the family's table of connections into the buffer. The number says how many bytes there
/// are, and afterwards how many there should be. Answers with a code of winerror.h.
pub type List = Box<dyn Fn(&mut [u32], &mut u32) -> u32 + Send + Sync>;

/// Switches the collection of a subject on, for one connection.
pub type SwitchOn = Box<dyn Fn(&Row, Subject) -> u32 + Send + Sync>;

/// Reads a subject of one connection: the first byte is 0 where it is not collected, then come the
/// subject's [`Subject::bytes`], in units of 8 so that they stand where Windows wants them.
pub type Read = Box<dyn Fn(&Row, Subject, &mut u8, &mut [u64]) -> u32 + Send + Sync>;

/// What can be asked about one family; `None` where the system has no such function.
#[derive(Default)]
pub struct FamilyFunctions {
    /// `GetTcpTable2`, `GetTcp6Table2`.
    pub list: Option<List>,
    /// `SetPerTcpConnectionEStats`, `SetPerTcp6ConnectionEStats`.
    pub switch_on: Option<SwitchOn>,
    /// `GetPerTcpConnectionEStats`, `GetPerTcp6ConnectionEStats`.
    pub read: Option<Read>,
}

/// All of it.
#[derive(Default)]
pub struct Functions {
    /// About IPv4 connections.
    pub ipv4: FamilyFunctions,
    /// About IPv6 connections.
    pub ipv6: FamilyFunctions,
}

impl Functions {
    /// Those of one family.
    pub(crate) const fn of(&self, family: Family) -> &FamilyFunctions {
        match family {
            Family::Ipv4 => &self.ipv4,
            Family::Ipv6 => &self.ipv6,
        }
    }
}

impl fmt::Debug for Functions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let there = |functions: &FamilyFunctions| {
            [functions.list.is_some(), functions.switch_on.is_some(), functions.read.is_some()]
        };
        f.debug_struct("Functions")
            .field("ipv4", &there(&self.ipv4))
            .field("ipv6", &there(&self.ipv6))
            .finish()
    }
}

/// The functions' own names, for errors and for looking them up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Names {
    pub(crate) list: &'static str,
    pub(crate) switch_on: &'static str,
    pub(crate) read: &'static str,
}

impl Family {
    /// What the functions about it are called.
    pub(crate) const fn function_names(self) -> Names {
        match self {
            Self::Ipv4 => Names {
                list: "GetTcpTable2",
                switch_on: "SetPerTcpConnectionEStats",
                read: "GetPerTcpConnectionEStats",
            },
            Self::Ipv6 => Names {
                list: "GetTcp6Table2",
                switch_on: "SetPerTcp6ConnectionEStats",
                read: "GetPerTcp6ConnectionEStats",
            },
        }
    }
}

/// Codes that mean something here (winerror.h).
pub(crate) mod code {
    /// NO_ERROR.
    pub(crate) const DONE: u32 = 0;
    /// ERROR_ACCESS_DENIED: no administrator.
    pub(crate) const ACCESS_DENIED: u32 = 5;
    /// ERROR_NOT_SUPPORTED.
    pub(crate) const NOT_SUPPORTED: u32 = 50;
    /// ERROR_CALL_NOT_IMPLEMENTED.
    pub(crate) const CALL_NOT_IMPLEMENTED: u32 = 120;
    /// ERROR_INSUFFICIENT_BUFFER.
    pub(crate) const INSUFFICIENT_BUFFER: u32 = 122;
    /// ERROR_NO_DATA: an empty table.
    pub(crate) const NO_DATA: u32 = 232;
    /// ERROR_NOT_FOUND: no such connection any more.
    pub(crate) const NOT_FOUND: u32 = 1168;
}
