//! TLS 1.3 with self-signed certificates on both sides, and what it established.
//!
//! Any self-signed certificate is accepted; that the peer holds its key is verified, who the peer
//! is is not: that is proven over the session (decision 10). No session is resumed, so that each one
//! proves possession of the key. Never TLS 1.2, whatever the peer asks for.

use std::net::SocketAddr;
use std::sync::Arc;

use mesh::{Exporter, KeyHash, Peer};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, Error,
    PeerIncompatible, ServerConfig, SignatureScheme, version,
};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::identity::Identity;

/// The longest name in a certificate: what a name of an agent or overwatch can be.
const NAME_CHARS_MAX: usize = 253;

/// What a client asks for; not sent (no SNI), since names are proven otherwise.
const SERVER_NAME: &str = "overwatch.invalid";

/// Why a certificate cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateFault {
    /// None was shown.
    #[error("there is no certificate")]
    Missing,
    /// Not X.509, or more than the one.
    #[error("there is no single X.509 certificate")]
    Malformed,
    /// No common name, or one that no node can have.
    #[error("the certificate's common name is no name of a node")]
    Name,
    /// TLS would not export keying material.
    #[error("TLS exports no keying material")]
    Exporter,
}

/// Why TLS cannot be set up with this identity.
#[derive(Debug, thiserror::Error)]
#[error("TLS cannot be set up with this node's key and certificate")]
pub struct TlsSetupError(#[from] Error);

/// What a certificate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CertificateFacts {
    /// Its common name.
    pub(super) name: String,
    /// Its public key.
    pub(super) key: KeyHash,
}

/// The server's side.
pub(super) fn server_config(identity: &Identity) -> Result<Arc<ServerConfig>, TlsSetupError> {
    let provider = provider();
    let verifier = Arc::new(AnySelfSigned(provider.signature_verification_algorithms));
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&version::TLS13])?
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![identity.certificate()], identity.private_key())?;
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
    Ok(Arc::new(config))
}

/// The client's side.
pub(super) fn client_config(identity: &Identity) -> Result<Arc<ClientConfig>, TlsSetupError> {
    let provider = provider();
    let verifier = Arc::new(AnySelfSigned(provider.signature_verification_algorithms));
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_client_auth_cert(vec![identity.certificate()], identity.private_key())?;
    config.resumption = rustls::client::Resumption::disabled();
    config.enable_sni = false;
    Ok(Arc::new(config))
}

/// The name that [`client_config`] needs and never sends.
pub(super) fn server_name() -> Result<ServerName<'static>, CertificateFault> {
    ServerName::try_from(SERVER_NAME).map_err(|_| CertificateFault::Name)
}

/// What the session established about the other end.
pub(super) fn peer_of<Data>(
    session: &rustls::ConnectionCommon<Data>,
    address: SocketAddr,
    own_key: KeyHash,
) -> Result<Peer, CertificateFault> {
    let certificate = session.peer_certificates().and_then(<[_]>::first);
    let CertificateFacts { name, key } = facts_of(certificate.ok_or(CertificateFault::Missing)?)?;
    let exporter = session
        .export_keying_material([0; 32], Exporter::LABEL, None)
        .map_err(|_| CertificateFault::Exporter)?;
    let address = SocketAddr::new(address.ip().to_canonical(), address.port());
    Ok(Peer { address, name, key, own_key, exporter: Exporter::from_bytes(exporter) })
}

/// What a certificate says about its holder.
pub(super) fn facts_of(der: &[u8]) -> Result<CertificateFacts, CertificateFault> {
    let (rest, certificate) =
        X509Certificate::from_der(der).map_err(|_| CertificateFault::Malformed)?;
    if !rest.is_empty() {
        return Err(CertificateFault::Malformed);
    }
    let name = certificate.subject().iter_common_name().next();
    let name = name.and_then(|name| name.as_str().ok()).ok_or(CertificateFault::Name)?;
    if name.is_empty() || name.chars().count() > NAME_CHARS_MAX || name.contains(char::is_control) {
        return Err(CertificateFault::Name);
    }
    Ok(CertificateFacts {
        name: name.to_owned(),
        key: KeyHash::of_spki(certificate.public_key().raw),
    })
}

/// Named, since a process with two providers has no default one.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// Accepts any certificate whose holder signs the session with its key.
#[derive(Debug)]
struct AnySelfSigned(WebPkiSupportedAlgorithms);

impl AnySelfSigned {
    /// One certificate with a name and a key.
    fn check(certificate: &[u8], others: &[CertificateDer<'_>]) -> Result<(), Error> {
        let unusable = || Error::InvalidCertificate(CertificateError::BadEncoding);
        facts_of(certificate).map_err(|_| unusable())?;
        if others.is_empty() { Ok(()) } else { Err(unusable()) }
    }

    fn verify(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.0)
    }

    fn no_tls12() -> Result<HandshakeSignatureValid, Error> {
        Err(Error::PeerIncompatible(PeerIncompatible::Tls12NotOffered))
    }
}

impl ServerCertVerifier for AnySelfSigned {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Self::check(certificate, others).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Self::no_tls12()
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}

impl ClientCertVerifier for AnySelfSigned {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Self::check(certificate, others).map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Self::no_tls12()
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}
