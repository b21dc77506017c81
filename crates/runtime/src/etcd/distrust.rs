//! Two ends of a connection that do not trust each other: what is to be looked at. Decides nothing.

use std::error::Error;
use std::io;

use rustls::CertificateError;

use super::EtcdError;

/// What is said of an error that TLS is behind; `None` of any other.
pub(super) fn said(endpoint: &str, error: &(dyn Error + 'static)) -> Option<EtcdError> {
    let source = of_tls(error)?.clone();
    let (endpoint, advice) = (endpoint.to_owned(), advice(&source));
    Some(EtcdError::Untrusted { endpoint, advice, source })
}

/// TLS's own error, however deep it lies.
fn of_tls<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e rustls::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        // What an `io::Error` holds is not its source, but that one's source is.
        let held = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = match held {
            Some(held) => Some(held),
            None => error.source(),
        };
    }
    None
}

const fn advice(error: &rustls::Error) -> &'static str {
    match error {
        rustls::Error::InvalidCertificate(fault) => match fault {
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                "`ca` of `overwatch.store.etcd` does not lead to the certificate that it shows"
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "the certificate that it shows does not name the host of the endpoint"
            }
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => {
                "the certificate that it shows is not valid now; is this machine's clock right?"
            }
            _ => "the certificate that it shows cannot be used",
        },
        // Whether one is missing or not the right one is told apart by few.
        rustls::Error::AlertReceived(_) => {
            "it wants a certificate for clients to which its --trusted-ca-file leads: `cert` and `key` of \
             `overwatch.store.etcd`"
        }
        _ => "TLS does not come about; are its client URLs `https`?",
    }
}
