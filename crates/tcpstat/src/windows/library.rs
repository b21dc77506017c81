//! `iphlpapi.dll`, looked up while the program runs: the only part that needs Windows, and the only
//! unsafe code of it. A function that is missing is `None`; were it linked, the program would not
//! even start. Decides nothing.

#![expect(unsafe_code, reason = "the system's functions are asked by their addresses")]

use std::ffi::CString;

use windows_sys::Win32::Foundation::HMODULE;
use windows_sys::Win32::NetworkManagement::IpHelper::{
    MIB_TCP6ROW, MIB_TCP6ROW2, MIB_TCPROW_LH, MIB_TCPROW2, TCP_ESTATS_DATA_ROD_v0,
    TCP_ESTATS_FINE_RTT_ROD_v0, TCP_ESTATS_PATH_ROD_v0, TcpConnectionEstatsData,
    TcpConnectionEstatsFineRtt, TcpConnectionEstatsPath,
};
use windows_sys::Win32::System::LibraryLoader::{
    GetProcAddress, LOAD_LIBRARY_SEARCH_SYSTEM32, LoadLibraryExW,
};

use super::functions::{FamilyFunctions, Functions, List, Read, Subject, SwitchOn};
use super::rows::{Family, Row};

/// `GetTcpTable2`, `GetTcp6Table2`: the table, its length in bytes, whether it is to be sorted.
type ListFunction = unsafe extern "system" fn(*mut u32, *mut u32, i32) -> u32;

/// `SetPerTcp(6)ConnectionEStats`: the row, the subject, what to set, its version and length, where
/// in it to begin.
type SetFunction = unsafe extern "system" fn(*const u32, i32, *const u8, u32, u32, u32) -> u32;

/// `GetPerTcp(6)ConnectionEStats`: the row, the subject, and three times room, version and length:
/// what can be set, what never changes, what is measured.
type GetFunction = unsafe extern "system" fn(
    *const u32,
    i32,
    *mut u8,
    u32,
    u32,
    *mut u8,
    u32,
    u32,
    *mut u8,
    u32,
    u32,
) -> u32;

// What is read word by word elsewhere is what windows-sys declares.
const _: () = {
    assert!(size_of::<MIB_TCPROW2>() == 4 * 7 && size_of::<MIB_TCP6ROW2>() == 4 * 15);
    assert!(size_of::<MIB_TCPROW_LH>() == 4 * 5 && size_of::<MIB_TCP6ROW>() == 4 * 13);
    assert!(align_of::<MIB_TCP6ROW2>() == 4 && align_of::<MIB_TCP6ROW>() == 4);
    assert!(size_of::<TCP_ESTATS_DATA_ROD_v0>() == Subject::Data.bytes());
    assert!(size_of::<TCP_ESTATS_PATH_ROD_v0>() == Subject::Path.bytes());
    assert!(size_of::<TCP_ESTATS_FINE_RTT_ROD_v0>() == Subject::FineRtt.bytes());
    assert!(std::mem::offset_of!(TCP_ESTATS_DATA_ROD_v0, DataSegsOut) == 8);
    assert!(std::mem::offset_of!(TCP_ESTATS_DATA_ROD_v0, ThruBytesAcked) == 72);
    assert!(std::mem::offset_of!(TCP_ESTATS_PATH_ROD_v0, SmoothedRtt) == 108);
    assert!(std::mem::offset_of!(TCP_ESTATS_PATH_ROD_v0, RttVar) == 112);
    assert!(std::mem::offset_of!(TCP_ESTATS_PATH_ROD_v0, MinRtt) == 120);
    assert!(std::mem::offset_of!(TCP_ESTATS_PATH_ROD_v0, CountRtt) == 128);
    assert!(std::mem::offset_of!(TCP_ESTATS_FINE_RTT_ROD_v0, MinRtt) == 8);
    assert!(std::mem::offset_of!(TCP_ESTATS_FINE_RTT_ROD_v0, SumRtt) == 12);
    assert!(Subject::Data as i32 == TcpConnectionEstatsData);
    assert!(Subject::Path as i32 == TcpConnectionEstatsPath);
    assert!(Subject::FineRtt as i32 == TcpConnectionEstatsFineRtt);
};

/// The functions of this system.
pub(super) fn functions() -> Functions {
    let Some(library) = Library::load() else { return Functions::default() };
    Functions { ipv4: library.family(Family::Ipv4), ipv6: library.family(Family::Ipv6) }
}

/// The library. It stays loaded as long as the process lives, so its functions stay where they are.
struct Library(HMODULE);

impl Library {
    /// From the system's own directory and from nowhere else.
    fn load() -> Option<Self> {
        let name: Vec<u16> = "iphlpapi.dll\0".encode_utf16().collect();
        // SAFETY: `name` ends with a zero and lives through the call; the reserved handle is null.
        let module = unsafe {
            LoadLibraryExW(name.as_ptr(), std::ptr::null_mut(), LOAD_LIBRARY_SEARCH_SYSTEM32)
        };
        (!module.is_null()).then_some(Self(module))
    }

    fn family(&self, family: Family) -> FamilyFunctions {
        let names = family.function_names();
        FamilyFunctions {
            list: self.find(names.list).map(list_by),
            switch_on: self.find(names.switch_on).map(switch_on_by),
            read: self.find(names.read).map(read_by),
        }
    }

    /// Where a function of this name begins.
    fn find(&self, name: &str) -> Option<Address> {
        let name = CString::new(name).ok()?;
        // SAFETY: the module is loaded, and `name` ends with a zero.
        unsafe { GetProcAddress(self.0, name.as_ptr().cast()) }
    }
}

/// A function of unknown kind.
type Address = unsafe extern "system" fn() -> isize;

fn list_by(address: Address) -> List {
    // SAFETY: the name that was looked up is that of a function of this kind (iphlpapi.h).
    let list = unsafe { std::mem::transmute::<Address, ListFunction>(address) };
    Box::new(move |room, bytes| {
        let there = u32::try_from(size_of_val(room)).unwrap_or(u32::MAX);
        *bytes = there.min(*bytes);
        // SAFETY: `room` has at least `bytes` bytes, aligned as the tables are; nothing beyond
        // them is written.
        unsafe { list(room.as_mut_ptr(), bytes, 0) }
    })
}

fn switch_on_by(address: Address) -> SwitchOn {
    // SAFETY: as above.
    let set = unsafe { std::mem::transmute::<Address, SetFunction>(address) };
    Box::new(move |row: &Row, subject| {
        // The structures to set consist of one byte each (TCP_ESTATS_DATA_RW_v0 and its like).
        let is_collected = [1u8];
        let row = row.words().as_ptr();
        // SAFETY: `row` has the words of the family's row, and the byte its length; both live
        // through the call and are only read.
        unsafe { set(row, subject as i32, is_collected.as_ptr(), 0, 1, 0) }
    })
}

fn read_by(address: Address) -> Read {
    // SAFETY: as above.
    let get = unsafe { std::mem::transmute::<Address, GetFunction>(address) };
    Box::new(move |row: &Row, subject, is_collected, room| {
        let nothing = std::ptr::null_mut();
        let bytes = u32::try_from(size_of_val(room)).unwrap_or(0);
        let (row, measured) = (row.words().as_ptr(), room.as_mut_ptr().cast());
        // SAFETY: `row` has the words of the family's row; what can be set is one byte, read here
        // as a number whatever stands in it; `room` has `bytes` bytes, aligned for the longest of
        // the structures. What never changes is not asked for: null of length 0.
        unsafe { get(row, subject as i32, is_collected, 0, 1, nothing, 0, 0, measured, 0, bytes) }
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::net::{Ipv4Addr, TcpListener, TcpStream};

    use crate::Kernel;

    /// Whether it comes with its times is for the system to say: wine has none.
    #[test]
    fn a_connection_of_our_own_is_listed() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (far, _) = listener.accept().unwrap();
        let kernel = Kernel::new();
        println!("{}", kernel.probe());
        let ports = BTreeSet::from([far.local_addr().unwrap().port()]);
        let mut samples = Vec::new();
        let stats = kernel.dump().unwrap().read(&ports, &mut samples).unwrap();
        assert_eq!((stats.samples, samples.len()), (1, 1), "{samples:?}");
        assert_eq!(samples[0].client, near.local_addr().unwrap().ip());
        assert_eq!(samples[0].local, far.local_addr().unwrap());
    }
}
