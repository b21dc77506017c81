//! Which files a process may read, write and execute: Landlock.
//!
//! Directories, not files: a file that is replaced is another file, and its directory is not. Must
//! never be given a right that this kernel's successors add: they are asked for here, by name.

use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access as _, AccessFs, BitFlags, PathBeneath, PathFd, Ruleset, RulesetAttr as _,
    RulesetCreated, RulesetCreatedAttr as _, RulesetError, RulesetStatus,
};

use super::{Done, Needs};

/// The rights that are handled: reading, writing, making, removing, renaming, truncating, and control
/// of devices (Linux 6.10). Later ones are about sockets by path, which the journal, a service manager
/// and readers of dnstap need.
const HANDLED: ABI = ABI::V5;

/// What the resolver of names, the C library, and readers of the machine's own numbers read. Whole,
/// since what lies there is replaced: `resolv.conf` at each new lease. Secrets there are their owners'.
const SYSTEM: [&str; 8] = ["/etc", "/usr", "/lib", "/lib64", "/proc", "/sys", "/run", "/nix/store"];

/// Devices without a device.
const DEVICES: [&str; 5] = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"];

/// Where programs of checks may leave files.
const TEMPORARY: [&str; 3] = ["/tmp", "/var/tmp", "/dev/shm"];

/// Restricts this thread and all that it starts.
pub(super) fn restrict(needs: &Needs) -> Result<Done, String> {
    let restricted = ruleset(needs).and_then(RulesetCreated::restrict_self);
    let status = restricted.map_err(|error| format!("Landlock is refused: {error}"))?;
    let said = match needs.runs_programs {
        true => "writes to its own directories and temporary ones",
        false => "reads and writes its own directories",
    };
    let said = Some(said.to_owned());
    match status.ruleset {
        RulesetStatus::FullyEnforced => Ok(Done::Whole(said)),
        RulesetStatus::PartiallyEnforced => {
            let missing = "this kernel is older than 6.10: some of Landlock's rules are not there";
            Ok(Done::Part(said, missing.to_owned()))
        }
        RulesetStatus::NotEnforced => {
            Err("this kernel has no Landlock: files are not restricted".to_owned())
        }
    }
}

fn ruleset(needs: &Needs) -> Result<RulesetCreated, RulesetError> {
    let all = AccessFs::from_all(HANDLED);
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let own = all & !BitFlags::from(AccessFs::Execute) & !BitFlags::from(AccessFs::IoctlDev);
    let mut rules = Ruleset::default().handle_access(all)?.create()?;
    rules = allow(rules, DEVICES, AccessFs::ReadFile | AccessFs::WriteFile)?;
    rules = allow(rules, &needs.writable, own)?;
    if needs.runs_programs {
        rules = allow(rules, TEMPORARY, own)?;
        return allow(rules, ["/"], read | AccessFs::Execute);
    }
    rules = allow(rules, SYSTEM, read)?;
    allow(rules, needs.readable.iter().flat_map(|path| real(path)), read)
}

/// What is not there needs no rule.
fn allow(
    mut rules: RulesetCreated,
    paths: impl IntoIterator<Item = impl AsRef<Path>>,
    access: BitFlags<AccessFs>,
) -> Result<RulesetCreated, RulesetError> {
    for path in paths {
        let Ok(place) = PathFd::new(path.as_ref()) else { continue };
        let is_directory = path.as_ref().is_dir();
        let access = if is_directory { access } else { access & AccessFs::from_file(HANDLED) };
        rules = rules.add_rule(PathBeneath::new(place, access))?;
    }
    Ok(rules)
}

/// Symbolic links that are followed on the way to one file: as many as Linux follows
/// (path_resolution(7)). Where there are more nothing can be opened anyhow.
const LINKS_MAX: usize = 40;

/// The directories in which a file is: that of its name, that of each link on the way and of what it
/// leads to, as certificates are renewed and releases of a database are changed. A directory is itself.
/// Of the root only the file: its directory is all.
fn real(path: &Path) -> Vec<PathBuf> {
    let directory = |path: &Path| {
        if path.is_dir() {
            return path.to_owned();
        }
        match path.parent() {
            Some(parent) if parent.as_os_str().is_empty() => PathBuf::from("."),
            Some(parent) if parent != Path::new("/") => parent.to_owned(),
            _ => path.to_owned(),
        }
    };
    let led = path.canonicalize().ok().map(|path| directory(&path));
    std::iter::once(directory(path)).chain(links(path)).chain(led).collect()
}

/// The directories that have a link on the way to a file: what the link is changed to lies there too.
/// Not the root's own ones: `/var/run` is a link, and `/var` is too much.
fn links(path: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut way = path.to_owned();
    for _ in 0..LINKS_MAX {
        let mut parts: Vec<&Path> = way.ancestors().collect();
        parts.reverse();
        let link = parts.into_iter().find_map(|part| Some((part, std::fs::read_link(part).ok()?)));
        let Some((link, target)) = link else { break };
        let place = link.parent().unwrap_or(Path::new("")).to_owned();
        // What is absolute replaces the place.
        let mut next = place.join(target);
        if let Ok(rest) = way.strip_prefix(link)
            && rest != Path::new("")
        {
            next.push(rest);
        }
        if place == Path::new("") {
            found.push(PathBuf::from("."));
        } else if place.ancestors().count() > 2 {
            found.push(place);
        }
        way = next;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_where_its_name_is_and_where_it_leads() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        for name in ["live", "archive"] {
            std::fs::create_dir(at(name)).unwrap();
        }
        std::fs::write(at("archive/a1.pem"), "").unwrap();
        std::os::unix::fs::symlink("../archive/a1.pem", at("live/a.pem")).unwrap();
        let archive = at("archive").canonicalize().unwrap();
        assert_eq!(real(&at("live/a.pem")), [at("live"), at("live"), archive.clone()]);
        assert_eq!(real(&at("archive")), [at("archive"), archive.clone()]);
        assert_eq!(real(&at("live/not-there-yet")), [at("live")]);
        assert_eq!(real(Path::new("zone")), [PathBuf::from(".")]);
        // A directory that is another one from tomorrow on.
        std::os::unix::fs::symlink("archive", at("current")).unwrap();
        let way = real(&at("current/a1.pem"));
        assert_eq!(way, [at("current"), directory.path().to_owned(), archive]);
        // Around in a circle it ends.
        std::os::unix::fs::symlink("round", at("round")).unwrap();
        assert_eq!(real(&at("round/x")).len(), 1 + LINKS_MAX);
        // Not all of the machine.
        assert_eq!(real(Path::new("/config.yaml")), [PathBuf::from("/config.yaml")]);
    }
}
