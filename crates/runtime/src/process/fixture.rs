//! Configurations that tests write out themselves. No file is read.

use config::{Config, Given};

fn no_file(_path: &str) -> Result<String, String> {
    Err("none is named".to_owned())
}

/// What is known beside the text.
pub(super) fn given() -> Given<'static> {
    Given {
        file_name: "test",
        mode: None,
        host_name: "host",
        read_zone_file: &no_file,
        includes: &config::no_includes,
    }
}

/// The settings that a text makes.
pub(super) fn config(text: &str) -> Config {
    config::load(text, &given()).unwrap().config
}
