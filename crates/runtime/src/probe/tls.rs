//! TLS for checks: it must work, but it proves nothing.
//!
//! A check asks whether a server serves, not who it is: as with other load balancers, any
//! certificate will do, expired, self-signed or for another name. Nothing secret is sent, and
//! nothing is believed but the status; when the certificate ends is told, not judged. So this must never be used for anything else.

use std::sync::Arc;

use model::Time;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// The client side of checks' TLS, by what is spoken over it.
#[derive(Clone)]
pub(super) struct Tls {
    pub(super) http1: TlsConnector,
    pub(super) h2: TlsConnector,
}

impl Tls {
    pub(super) fn new() -> Result<Self, Error> {
        let connector = |protocol: &[u8]| -> Result<_, Error> {
            Ok(TlsConnector::from(Arc::new(client_config(protocol)?)))
        };
        Ok(Self { http1: connector(b"http/1.1")?, h2: connector(b"h2")? })
    }
}

/// When the certificate that a server showed ends (RFC 5280, 4.1.2.5).
pub(super) fn end_of(stream: &TlsStream<TcpStream>) -> Option<Time> {
    let shown = stream.get_ref().1.peer_certificates()?.first()?;
    let (_, certificate) = x509_parser::parse_x509_certificate(shown).ok()?;
    let end_s = u64::try_from(certificate.validity().not_after.timestamp()).ok()?;
    Some(Time::from_unix_ms(end_s.saturating_mul(1_000)))
}

/// The client side of a check's TLS: 1.2 or 1.3, this protocol, any certificate.
fn client_config(protocol: &[u8]) -> Result<ClientConfig, Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = Arc::new(AnyCertificate(Arc::clone(&provider)));
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.to_vec()];
    // Every check is a full handshake: a resumed one would not show a broken certificate or key.
    config.resumption = rustls::client::Resumption::disabled();
    Ok(config)
}

/// Takes any certificate, even one that rustls could not read (version 1, odd keys).
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
