//! Any bytes at all as a file, for the fuzzer and the tests.

use crate::fault::Faults;
use crate::settings::ModeName;
use crate::{Given, Included, load, made, tree};

/// Must never panic. What is refused has sorted faults, each on one line; what is taken prints as
/// YAML that can be read.
pub fn fuzz(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    made::kept::fuzz_document(&text);
    // What is no document at all is refused before it is asked for whom it is.
    let is_read = tree::parse(&text, 0, &mut Faults::new("fuzz.yaml")).is_some();
    let modes = [None, Some(ModeName::Agent), Some(ModeName::Overwatch)];
    for mode in modes.into_iter().take(if is_read { modes.len() } else { 1 }) {
        let read_zone_file = |_: &str| Ok("@ TXT zone\n".to_owned());
        // Its own beginning again, under another name.
        let includes = |_: &str, _: &str| {
            let text: String = text.chars().take(200).collect();
            Ok(vec![Included { name: "other.yaml".to_owned(), text: text.into() }])
        };
        let given = Given {
            file_name: "fuzz.yaml",
            mode,
            host_name: "host",
            read_zone_file: &read_zone_file,
            includes: &includes,
        };
        match load(&text, &given) {
            Ok(checked) => {
                let mut faults = Faults::new("printed");
                assert!(tree::parse(&checked.effective, 0, &mut faults).is_some(), "{faults:?}");
                assert!(faults.is_clean(), "{faults:?}");
            }
            Err(faults) => {
                assert!(!faults.is_empty() && faults.is_sorted(), "{faults:?}");
                assert!(faults.iter().all(|fault| !fault.message.contains('\n')), "{faults:?}");
            }
        }
    }
}

#[cfg(test)]
mod tests;
