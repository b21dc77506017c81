//! TLS as a client of the API: whom the command line trusts.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

/// Why nobody can be trusted.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// No certificates.
    #[error("no certificate, or no key, in PEM can be read from {path}")]
    Certificates {
        /// The file.
        path: PathBuf,
        /// Why.
        source: pem::Error,
    },
    /// TLS cannot be set up.
    #[error("TLS cannot be set up")]
    Tls(#[from] rustls::Error),
}

/// A client that trusts those whom the certificates in a file lead to, and nobody else.
///
/// # Errors
///
/// The file cannot be read or holds something else.
pub fn tls_client(trusted: &Path) -> Result<TlsConnector, TrustError> {
    tls_client_as(trusted, None)
}

/// The same, with a certificate and a key of its own where it has to show one.
///
/// # Errors
///
/// A file cannot be read or holds something else, or the two do not belong together.
pub(crate) fn tls_client_as(
    trusted: &Path,
    own: Option<(&Path, &Path)>,
) -> Result<TlsConnector, TrustError> {
    let unreadable = |source| TrustError::Certificates { path: trusted.to_owned(), source };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(trusted).map_err(unreadable)? {
        // A system's list may have some that this library does not take.
        let _ = roots.add(certificate.map_err(unreadable)?);
    }
    if roots.is_empty() {
        return Err(unreadable(pem::Error::NoItemsFound));
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots);
    let config = match own {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let of = |path: &Path| {
                let path = path.to_owned();
                |source| TrustError::Certificates { path, source }
            };
            let shown = CertificateDer::pem_file_iter(certificate).and_then(Iterator::collect);
            let shown: Vec<_> = shown.map_err(of(certificate))?;
            let key = PrivateKeyDer::from_pem_file(key).map_err(of(key))?;
            builder.with_client_auth_cert(shown, key)?
        }
    };
    Ok(Arc::new(config).into())
}
