//! Somebody at the mesh port who is no agent: other protocols, garbage, and a TLS client that does
//! everything right until it speaks.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme};

/// The door closes long before this.
const TIMEOUT: Duration = Duration::from_secs(15);

/// Says `bytes` without TLS and waits until the door closes; it says nothing useful back.
pub(crate) fn says(door: SocketAddr, bytes: &[u8]) {
    let mut stream = connect(door);
    // It may close before it has heard all.
    let _ = stream.write_all(bytes);
    wait_for_close(&mut stream);
}

/// Says `bytes` in a TLS session with a certificate in the name of `name`, and waits until the door
/// closes.
pub(crate) fn says_in_tls(door: SocketAddr, name: &str, bytes: &[u8]) {
    let mut session = ClientConnection::new(config(name), server_name()).unwrap();
    let mut stream = connect(door);
    let mut tls = rustls::Stream::new(&mut session, &mut stream);
    let _ = tls.write_all(bytes).and_then(|()| tls.flush());
    wait_for_close(&mut tls);
}

fn connect(door: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(door).unwrap();
    stream.set_read_timeout(Some(TIMEOUT)).unwrap();
    stream
}

fn wait_for_close(stream: &mut impl std::io::Read) {
    let mut rest = Vec::new();
    match stream.take(1 << 20).read_to_end(&mut rest) {
        Ok(_) => {}
        Err(error) => assert_ne!(error.kind(), std::io::ErrorKind::WouldBlock, "it stays open"),
    }
    assert!(rest.len() < 4096, "a stranger is told little");
}

fn server_name() -> ServerName<'static> {
    "overwatch.invalid".try_into().unwrap()
}

fn config(name: &str) -> Arc<ClientConfig> {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut parameters = rcgen::CertificateParams::new(Vec::new()).unwrap();
    parameters.distinguished_name = rcgen::DistinguishedName::new();
    parameters.distinguished_name.push(rcgen::DnType::CommonName, name);
    let certificate = parameters.self_signed(&key).unwrap().der().clone();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyCertificate))
        .with_client_auth_cert(vec![certificate], key)
        .unwrap();
    Arc::new(config)
}

/// A stranger does not care whom he talks to.
#[derive(Debug)]
struct AnyCertificate;

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
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("TLS 1.3 only".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ECDSA_NISTP256_SHA256, SignatureScheme::ED25519]
    }
}
