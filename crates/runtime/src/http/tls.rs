//! The API's certificate, as files that somebody else issues and renews.

use std::path::PathBuf;
use std::sync::Arc;

use config::ApiTls;
use rustls::ServerConfig;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Why the API cannot be served over TLS.
#[derive(Debug, thiserror::Error)]
pub enum ApiTlsError {
    /// No certificates.
    #[error("api.tls.cert: no certificate in PEM can be read from {path}")]
    Certificate {
        /// The file.
        path: PathBuf,
        /// Why.
        source: pem::Error,
    },
    /// No key.
    #[error("api.tls.key: no private key in PEM can be read from {path}")]
    Key {
        /// The file.
        path: PathBuf,
        /// Why.
        source: pem::Error,
    },
    /// They are of no use.
    #[error("api.tls: this certificate and this key cannot be used together")]
    Unfit(#[source] rustls::Error),
}

/// What connections are accepted with. TLS 1.2 is allowed: what reads an API is older than what
/// speaks to a mesh.
///
/// # Errors
///
/// A file cannot be read, holds something else, or the two do not belong together.
pub(crate) fn server_config(files: &ApiTls) -> Result<Arc<ServerConfig>, ApiTlsError> {
    let path = PathBuf::from(&files.cert);
    let certificates = CertificateDer::pem_file_iter(&path).and_then(|certificates| {
        let certificates: Vec<_> = certificates.collect::<Result<_, _>>()?;
        if certificates.is_empty() { Err(pem::Error::NoItemsFound) } else { Ok(certificates) }
    });
    let certificates = certificates.map_err(|source| ApiTlsError::Certificate { path, source })?;
    let path = PathBuf::from(&files.key);
    let key = PrivateKeyDer::from_pem_file(&path);
    let key = key.map_err(|source| ApiTlsError::Key { path, source })?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(ApiTlsError::Unfit)?;
    let mut config = builder
        .with_no_client_auth()
        .with_single_cert(certificates, key)
        .map_err(ApiTlsError::Unfit)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
