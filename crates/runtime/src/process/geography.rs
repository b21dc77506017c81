//! The databases of geography: read from their files, and kept where nothing of them changed.

use std::path::Path;
use std::sync::Arc;

use config::GeographySettings;
use geo::{CustomMapping, Geo};

use super::StartError;
use super::digest::Digest;

/// Geography, and what it was made of.
#[derive(Clone, Debug)]
pub(super) struct Geography {
    /// Ready to be asked.
    pub(super) built: Arc<Geo>,
    /// Of each database's bytes.
    files: [Option<String>; 2],
    mappings: Vec<CustomMapping>,
}

impl Geography {
    /// Reads the databases; what is in them goes into the digest. Where they and the mappings are as
    /// they were, geography is the very same value.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, or is no database; all of them.
    pub(super) fn read(
        settings: &GeographySettings,
        digest: &mut Digest,
        before: Option<&Self>,
    ) -> Result<Self, Vec<StartError>> {
        let mut errors = Vec::new();
        let mut read = |path: &Option<String>| -> Option<Vec<u8>> {
            let path = path.as_ref()?;
            let failed =
                |source| StartError::DatabaseFile { path: Path::new(path).to_owned(), source };
            let bytes = std::fs::read(path).map_err(failed);
            bytes.inspect(|bytes| digest.bytes(bytes)).map_err(|error| errors.push(error)).ok()
        };
        let countries = read(&settings.database_path);
        let systems = read(&settings.asn_database_path);
        if !errors.is_empty() {
            return Err(errors);
        }
        let files = [&countries, &systems].map(|bytes| bytes.as_deref().map(Digest::of_file));
        let mappings = settings.custom_mappings.clone();
        let built = match before {
            Some(before) if before.files == files && before.mappings == mappings => {
                Arc::clone(&before.built)
            }
            _ => {
                let built = Geo::build(countries.as_deref(), systems.as_deref(), &mappings);
                Arc::new(built.map_err(|error| vec![error.into()])?)
            }
        };
        Ok(Self { built, files, mappings })
    }

    /// Whether a database has other bytes.
    pub(super) fn has_other_files(&self, before: &Self) -> bool {
        self.files != before.files
    }
}
