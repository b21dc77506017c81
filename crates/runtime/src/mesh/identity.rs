//! This node's key and certificate: made at first start, kept for good.
//!
//! The key is the identity: it is what others pin. The certificate only carries it and this node's
//! name, and is issued anew with the same key when the name changes. Neither expires (RFC 5280,
//! 4.1.2.5: 9999 means no end).

#[cfg(unix)]
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::{fmt, fs, io};

use mesh::KeyHash;
use rcgen::{CertificateParams, DnType, KeyPair, PKCS_ECDSA_P256_SHA256, PublicKeyData};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use zeroize::Zeroizing;

use super::files;
use super::tls::{CertificateFault, facts_of};

/// Where key and certificate are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityFiles {
    /// The certificate, PEM.
    pub certificate: PathBuf,
    /// The private key, PKCS #8 in PEM, mode 0600.
    pub key: PathBuf,
}

/// A key and the certificate that goes with it.
#[derive(Clone)]
pub struct Identity {
    certificate: CertificateDer<'static>,
    /// PKCS #8 in DER, wiped when it is dropped.
    key_der: Zeroizing<Vec<u8>>,
    key: KeyHash,
    name: String,
}

/// Where an identity comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Provenance {
    /// Made just now: this node has never run here.
    Created,
    /// Found on disk.
    Loaded,
    /// The key was found; its certificate was missing or had another name and was issued anew.
    Reissued {
        /// The name it had.
        from: Option<String>,
    },
}

/// Why a node has no identity.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// A file cannot be read.
    #[error("{path} cannot be read")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("{path} cannot be written")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Everybody may read the key.
    #[error("the key in {path} is readable by everybody: run chmod 600 {path}")]
    Exposed {
        /// The file.
        path: PathBuf,
    },
    /// The key is gone and its certificate is there.
    #[error(
        "there is a certificate in {certificate} but no key in {key}: bring the key back, or \
        remove the certificate to start with a new identity"
    )]
    KeyMissing {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
    /// Not a private key.
    #[error("{path} holds no ECDSA P-256 private key in PKCS #8 and PEM")]
    Key {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rcgen::Error,
    },
    /// Not a certificate.
    #[error("{path} holds no certificate in PEM: remove it, and it is issued anew")]
    CertificateText {
        /// The file.
        path: PathBuf,
    },
    /// A certificate that cannot be used.
    #[error("the certificate in {path} cannot be used: remove it, and it is issued anew")]
    Certificate {
        /// The file.
        path: PathBuf,
        /// Why.
        source: CertificateFault,
    },
    /// Key and certificate do not go together.
    #[error("the certificate in {path} is for another key: remove it, and it is issued anew")]
    OtherKey {
        /// The certificate's file.
        path: PathBuf,
    },
    /// The certificate could not be made.
    #[error("no certificate can be made for {name:?}")]
    Issue {
        /// The name.
        name: String,
        /// Why.
        source: rcgen::Error,
    },
}

impl Identity {
    /// This node's identity under `name` (an agent's or an overwatch's id): loaded from the files,
    /// or made and written there.
    ///
    /// # Errors
    ///
    /// Files that cannot be read, written or used; nothing is ever overwritten that could still be
    /// of use.
    pub fn load_or_create(
        files: &IdentityFiles,
        name: &str,
    ) -> Result<(Self, Provenance), IdentityError> {
        let certificate = read(&files.certificate)?;
        let Some(key_text) = read(&files.key)? else {
            return if certificate.is_some() {
                let (certificate, key) = (files.certificate.clone(), files.key.clone());
                Err(IdentityError::KeyMissing { certificate, key })
            } else {
                Self::create(files, name)
            };
        };
        refuse_exposed(&files.key)?;
        let key = KeyPair::from_pem(&key_text)
            .map_err(|source| IdentityError::Key { path: files.key.clone(), source })?;
        let found = certificate.map(|text| Self::of_text(&files.certificate, &text, &key));
        match found.transpose()? {
            Some(identity) if identity.name.eq_ignore_ascii_case(name) => {
                Ok((identity, Provenance::Loaded))
            }
            other => {
                let from = other.map(|identity| identity.name);
                Ok((Self::issue(files, name, &key)?, Provenance::Reissued { from }))
            }
        }
    }

    /// The name in its certificate.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The hash of its public key: what others pin.
    #[must_use]
    pub const fn key(&self) -> KeyHash {
        self.key
    }

    pub(super) fn certificate(&self) -> CertificateDer<'static> {
        self.certificate.clone()
    }

    pub(super) fn private_key(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.key_der.to_vec()).into()
    }

    fn create(files: &IdentityFiles, name: &str) -> Result<(Self, Provenance), IdentityError> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)
            .map_err(|source| IdentityError::Issue { name: name.to_owned(), source })?;
        write(&files.key, &key.serialize_pem())?;
        Ok((Self::issue(files, name, &key)?, Provenance::Created))
    }

    /// A new certificate for a key.
    fn issue(files: &IdentityFiles, name: &str, key: &KeyPair) -> Result<Self, IdentityError> {
        let mut params = CertificateParams::default();
        params.distinguished_name.remove(DnType::CommonName);
        params.distinguished_name.push(DnType::CommonName, name);
        params.not_before = rcgen::date_time_ymd(2000, 1, 1);
        params.not_after = rcgen::date_time_ymd(9999, 12, 31);
        let certificate = params
            .self_signed(key)
            .map_err(|source| IdentityError::Issue { name: name.to_owned(), source })?;
        write(&files.certificate, &certificate.pem())?;
        Self::of_der(&files.certificate, certificate.der().clone(), key)
    }

    fn of_text(path: &Path, text: &str, key: &KeyPair) -> Result<Self, IdentityError> {
        let der = CertificateDer::from_pem_slice(text.as_bytes())
            .map_err(|_| IdentityError::CertificateText { path: path.to_owned() })?;
        Self::of_der(path, der, key)
    }

    fn of_der(
        path: &Path,
        certificate: CertificateDer<'static>,
        key: &KeyPair,
    ) -> Result<Self, IdentityError> {
        let facts = facts_of(&certificate)
            .map_err(|source| IdentityError::Certificate { path: path.to_owned(), source })?;
        if facts.key != KeyHash::of_spki(&key.subject_public_key_info()) {
            return Err(IdentityError::OtherKey { path: path.to_owned() });
        }
        let key_der = Zeroizing::new(key.serialize_der());
        Ok(Self { certificate, key_der, key: facts.key, name: facts.name })
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("name", &self.name)
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

/// A file's text; `None` where there is no file.
fn read(path: &Path) -> Result<Option<String>, IdentityError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(IdentityError::Read { path: path.to_owned(), source }),
    }
}

fn write(path: &Path, text: &str) -> Result<(), IdentityError> {
    files::write_private(path, text.as_bytes())
        .map_err(|source| IdentityError::Write { path: path.to_owned(), source })
}

/// A group may be let in on purpose; everybody may not.
fn refuse_exposed(path: &Path) -> Result<(), IdentityError> {
    let metadata = fs::metadata(path)
        .map_err(|source| IdentityError::Read { path: path.to_owned(), source })?;
    #[cfg(unix)]
    let is_private = metadata.permissions().mode() & 0o007 == 0;
    // Windows has no such bits: who may read it is up to the directory.
    #[cfg(not(unix))]
    let is_private = metadata.is_file();
    if is_private { Ok(()) } else { Err(IdentityError::Exposed { path: path.to_owned() }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files_in(directory: &tempfile::TempDir) -> IdentityFiles {
        IdentityFiles {
            certificate: directory.path().join("state/agent.crt"),
            key: directory.path().join("state/agent.key"),
        }
    }

    #[test]
    fn an_identity_is_made_once_and_its_key_outlives_its_name() {
        let directory = tempfile::tempdir().unwrap();
        let files = files_in(&directory);
        let (first, how) = Identity::load_or_create(&files, "backend-eu-west").unwrap();
        assert_eq!((first.name(), how), ("backend-eu-west", Provenance::Created));
        let mode = fs::metadata(&files.key).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let (again, how) = Identity::load_or_create(&files, "Backend-EU-West").unwrap();
        assert_eq!((again.key(), how), (first.key(), Provenance::Loaded));
        let (renamed, how) = Identity::load_or_create(&files, "backend-eu-north").unwrap();
        let from = Some("backend-eu-west".to_owned());
        assert_eq!((renamed.key(), how), (first.key(), Provenance::Reissued { from }));
        assert_eq!(renamed.name(), "backend-eu-north");
        fs::remove_file(&files.certificate).unwrap();
        let (reissued, how) = Identity::load_or_create(&files, "backend-eu-north").unwrap();
        assert_eq!((reissued.key(), how), (first.key(), Provenance::Reissued { from: None }));
        assert!(!format!("{first:?}").contains("PRIVATE"));
    }

    /// What is said after a change to a good identity's files.
    fn check(change: impl FnOnce(&IdentityFiles), expect: &str) {
        let directory = tempfile::tempdir().unwrap();
        let files = files_in(&directory);
        Identity::load_or_create(&files, "agent").unwrap();
        change(&files);
        let said = Identity::load_or_create(&files, "agent").unwrap_err().to_string();
        let said = said.replace(&*directory.path().to_string_lossy(), "");
        assert!(said.contains(expect), "{said}");
    }

    #[test]
    fn what_cannot_be_used_is_said_clearly_and_left_alone() {
        check(
            |files| fs::remove_file(&files.key).unwrap(),
            "but no key in /state/agent.key: bring",
        );
        check(
            |files| fs::set_permissions(&files.key, fs::Permissions::from_mode(0o644)).unwrap(),
            "run chmod 600 /state/agent.key",
        );
        check(
            |files| fs::write(&files.key, "rubbish").unwrap(),
            "/state/agent.key holds no ECDSA P-256 private key",
        );
        check(
            |files| fs::write(&files.certificate, "rubbish").unwrap(),
            "/state/agent.crt holds no certificate in PEM: remove it",
        );
        check(
            |files| {
                let other = tempfile::tempdir().unwrap();
                let other = files_in(&other);
                Identity::load_or_create(&other, "agent").unwrap();
                fs::copy(&other.certificate, &files.certificate).unwrap();
            },
            "the certificate in /state/agent.crt is for another key",
        );
        check(
            |files| {
                fs::remove_file(&files.key).unwrap();
                fs::create_dir(&files.key).unwrap();
            },
            "/state/agent.key cannot be read",
        );
    }
}
