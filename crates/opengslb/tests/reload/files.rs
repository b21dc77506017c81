//! The file that an overwatch of a test reads.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use tempfile::TempDir;

/// Where it is.
pub(crate) fn config_in(directory: &TempDir) -> PathBuf {
    directory.path().join("config.yaml")
}

/// Replaces it, whole or not at all: the overwatch may be reading.
pub(crate) fn write(directory: &TempDir, text: &str) {
    let beside = directory.path().join("config.yaml.new");
    fs::write(&beside, text).unwrap();
    fs::set_permissions(&beside, Permissions::from_mode(0o600)).unwrap();
    fs::rename(beside, config_in(directory)).unwrap();
}
