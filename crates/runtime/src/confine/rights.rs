//! Whose the process is, what it may, and that nobody looks into it.

use std::os::unix::fs::MetadataExt as _;

use rustix::process::{DumpableBehavior, Gid, Uid, geteuid, set_dumpable_behavior};
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, clear_ambient_capability_set,
    remove_capability_from_bounding_set, set_capabilities, set_keep_capabilities, set_no_new_privs,
    set_thread_groups, set_thread_res_gid, set_thread_res_uid,
};

use super::reach::{Lacks, lacks};
use super::{Done, Needs};

/// Becomes the owner of the first writable directory, where this is root and that is not: with that
/// user's number and the directory's group, and no other group. Calls of one thread: there is no
/// other one yet. Where that user cannot reach what is needed this stays root: an older release may have
/// left files of root's, and a key may be root's alone.
pub(super) fn become_owner(needs: &Needs) -> Result<Done, String> {
    let Some(directory) = needs.writable.first().filter(|_| geteuid().is_root()) else {
        return Ok(Done::Nothing);
    };
    let failed = |why: &dyn std::fmt::Display| {
        format!("this process stays root: {}: {why}", directory.display())
    };
    let metadata = std::fs::metadata(directory).map_err(|error| failed(&error))?;
    let (user, group) = (Uid::from_raw(metadata.uid()), Gid::from_raw(metadata.gid()));
    if user.is_root() {
        return Ok(Done::Nothing);
    }
    // The groups first: who is not root any more cannot change them.
    let become_it = move || {
        set_thread_groups(&[group])?;
        set_thread_res_gid(group, group, group)?;
        set_thread_res_uid(user, user, user)
    };
    let lacks = lacks(needs, become_it).map_err(|error| failed(&error))?;
    if let Some(path) = lacks.first() {
        let user = user.as_raw();
        let why = format!("user {user}, whose it is, cannot use {}", path.display());
        return Err(failed(&why));
    }
    if needs.enlarges_buffers || needs.hears_all_namespaces {
        // Who becomes another user loses all capabilities else; `drop_capabilities` sees to the rest.
        set_keep_capabilities(true).map_err(|error| failed(&error))?;
    }
    become_it().map_err(|error| failed(&error))?;
    let (user, group) = (user.as_raw(), group.as_raw());
    let owner = format!("user {user} and group {group}, whose {} is", directory.display());
    Ok(Done::Whole(Some(owner)))
}

/// Gives up every capability but those that are needed, in all sets: nothing that this process starts
/// has more (capabilities(7)).
pub(super) fn drop_capabilities(needs: &Needs) -> Result<Done, String> {
    let failed = |error: rustix::io::Errno| format!("capabilities cannot be given up: {error}");
    let has = capabilities(None).map_err(failed)?;
    let Lacks { unreadable, unwritable } = missed(needs, has.permitted);
    let kinds = [
        (unreadable.is_some(), CapabilitySet::DAC_READ_SEARCH, "CAP_DAC_READ_SEARCH"),
        (unwritable.is_some(), CapabilitySet::DAC_OVERRIDE, "CAP_DAC_OVERRIDE"),
        (needs.enlarges_buffers, CapabilitySet::NET_ADMIN, "CAP_NET_ADMIN"),
        (needs.hears_all_namespaces, CapabilitySet::NET_BROADCAST, "CAP_NET_BROADCAST"),
    ];
    let kinds = kinds.iter().filter(|(is_needed, ..)| *is_needed);
    let needed = kinds.clone().fold(CapabilitySet::empty(), |all, (_, one, _)| all | *one);
    for capability in CapabilitySet::all().difference(needed).iter() {
        // Needs a right of its own; without it no_new_privs does as well. A kernel that does not know
        // one says so.
        let _ = remove_capability_from_bounding_set(capability);
    }
    clear_ambient_capability_set().map_err(failed)?;
    let kept = has.permitted & needed;
    let sets = CapabilitySets {
        effective: kept,
        permitted: kept,
        // A program that is started inherits none.
        inheritable: CapabilitySet::empty(),
    };
    set_capabilities(None, sets).map_err(failed)?;
    set_keep_capabilities(false).map_err(failed)?;
    let left = kinds.filter(|(_, one, _)| kept.contains(*one)).map(|(.., name)| *name);
    let left: Vec<&str> = left.collect();
    let said = match left.is_empty() {
        true => "no capability is left".to_owned(),
        false => format!("left are {}", left.join(" and ")),
    };
    Ok(Done::Whole(Some(said)))
}

/// What a process that may go by the modes of files could not use without that right: other users' files.
fn missed(needs: &Needs, permitted: CapabilitySet) -> Lacks {
    if !permitted.intersects(CapabilitySet::DAC_READ_SEARCH | CapabilitySet::DAC_OVERRIDE) {
        return Lacks::default();
    }
    let none = CapabilitySets {
        effective: CapabilitySet::empty(),
        permitted: CapabilitySet::empty(),
        inheritable: CapabilitySet::empty(),
    };
    lacks(needs, move || set_capabilities(None, none)).unwrap_or_default()
}

/// Nothing that is started gains rights by its file (prctl(2), PR_SET_NO_NEW_PRIVS).
pub(super) fn gain_nothing() -> Result<Done, String> {
    let set = set_no_new_privs(true);
    set.map(|()| Done::Whole(None)).map_err(|error| format!("no_new_privs is refused: {error}"))
}

/// No core is written, and no other process of this user reads the secrets in memory
/// (PR_SET_DUMPABLE). A limit alone does not hold where cores go to a program (core(5)).
pub(super) fn hide_memory() -> Result<Done, String> {
    let hidden = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    let hidden = hidden.map_err(|error| format!("memory can be dumped: {error}"));
    hidden.map(|()| Done::Whole(None))
}
