//! One request to the API, over TCP or the control socket.

use std::fmt::{self, Display, Formatter};
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use api::Problem;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncWrite};
use zeroize::Zeroizing;

use super::failure::Failure;

/// The longest document: a learned table of a million rows has some 170 MB.
const BODY_BYTES_MAX: usize = 512 << 20;

/// Who is asked.
pub(super) struct Client {
    place: Place,
    timeout: Duration,
    /// What stands behind `Bearer`; never shown.
    token: Option<Zeroizing<String>>,
}

/// The environment variable that a token is taken from: on a command line others could read it.
const TOKEN: &str = "OPENGSLB_TOKEN";
/// The one that names the certificates that are trusted.
const CERTIFICATES: &str = "OPENGSLB_CA";
/// Those that this system trusts, where nothing is named.
const CERTIFICATES_OF_SYSTEM: &str = "/etc/ssl/certs/ca-certificates.crt";

/// What came back, whatever it says.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) status: StatusCode,
    /// The number of the last change, as `If-Match` takes it.
    pub(super) tag: Option<String>,
    pub(super) body: String,
}

/// Where the API is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A control socket.
    Socket(PathBuf),
    /// Host and port.
    Tcp(String),
    /// The same, over TLS.
    Tls(String),
}

impl Display for Place {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(path) => write!(f, "unix:{}", path.display()),
            Self::Tcp(authority) => write!(f, "http://{authority}"),
            Self::Tls(authority) => write!(f, "https://{authority}"),
        }
    }
}

impl Place {
    /// Takes `http://HOST[:PORT]`, `https://HOST[:PORT]` and `unix:PATH`.
    pub(super) fn parse(text: &str) -> Result<Self, Failure> {
        if let Some(path) = text.strip_prefix("unix:") {
            return Ok(Self::Socket(path.into()));
        }
        let wrong = || {
            Failure::Usage(format!(
                "{text:?} is no API: http://HOST:PORT, https://HOST:PORT or unix:PATH is expected"
            ))
        };
        let (rest, port, place): (_, _, fn(String) -> Self) = match text.strip_prefix("https://") {
            Some(rest) => (rest, 443, Self::Tls),
            None => (text.strip_prefix("http://").ok_or_else(wrong)?, 80, Self::Tcp),
        };
        let authority = rest.trim_end_matches('/');
        let is_plain = authority.chars().all(|c| c.is_ascii_alphanumeric() || ".-:[]_".contains(c));
        if authority.is_empty() || !is_plain {
            return Err(wrong());
        }
        let host_end = authority.rfind(']').unwrap_or(0);
        let has_port = authority.get(host_end..).is_some_and(|rest| rest.contains(':'));
        Ok(place(if has_port { authority.to_owned() } else { format!("{authority}:{port}") }))
    }

    /// Where a word, the environment or this machine leads.
    fn find(word: Option<&str>) -> Result<Self, Failure> {
        let from_environment = std::env::var("OPENGSLB_API").ok().filter(|text| !text.is_empty());
        if let Some(text) = word.or(from_environment.as_deref()) {
            return Self::parse(text);
        }
        let default = |key| config::keys::default_of(key).unwrap_or_default();
        #[cfg(unix)]
        {
            let socket = PathBuf::from(default("overwatch.data_dir")).join("control.sock");
            // Whether it can be opened is best known by opening it.
            if UnixStream::connect(&socket).is_ok() {
                return Ok(Self::Socket(socket));
            }
        }
        Ok(Self::Tcp(default("api.address").to_owned()))
    }
}

impl Client {
    /// A client of what `api` names, or else of what this machine has.
    pub(super) fn new(api: Option<&str>, timeout_s: u16) -> Result<Self, Failure> {
        let timeout = Duration::from_secs(timeout_s.max(1).into());
        let token = std::env::var(TOKEN).ok().filter(|token| !token.is_empty());
        Ok(Self { place: Place::find(api)?, timeout, token: token.map(Zeroizing::new) })
    }

    /// Where it asks.
    pub(super) const fn place(&self) -> &Place {
        &self.place
    }

    /// A document, as it came.
    pub(super) fn text(&self, path: &str) -> Result<String, Failure> {
        self.say(Method::GET, path, String::new())
    }

    /// A document, read. `json` is its text.
    pub(super) fn read<T: DeserializeOwned>(&self, json: &str) -> Result<T, Failure> {
        serde_json::from_str(json).map_err(|error| {
            Failure::Unavailable(format!(
                "{} answers what this release does not understand: {error}",
                self.place
            ))
        })
    }

    /// One request; its body where it was carried out.
    pub(super) fn say(&self, method: Method, path: &str, body: String) -> Result<String, Failure> {
        let told = self.change(method, path, body, None)?;
        if told.status.is_success() {
            return Ok(told.body);
        }
        Err(self.refused(told.status, &told.body))
    }

    /// The failure that a refusal is.
    pub(super) fn refused(&self, status: StatusCode, body: &str) -> Failure {
        refused(self.place(), status, body)
    }

    /// One request, made only if `tag` is still the number of the last change, where one is given.
    ///
    /// Blocks, on a runtime of its own.
    pub(super) fn change(
        &self,
        method: Method,
        path: &str,
        body: String,
        tag: Option<&str>,
    ) -> Result<Told, Failure> {
        let unavailable = |why: &dyn Display| {
            Failure::Unavailable(format!(
                "no answer from {}: {why}; is opengslb running there? --api names another place",
                self.place
            ))
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| unavailable(&error))?;
        let exchange = async {
            let limited =
                tokio::time::timeout(self.timeout, self.exchange(&method, path, body, tag));
            limited.await.map_err(|_| format!("nothing in {} s", self.timeout.as_secs()))?
        };
        runtime.block_on(exchange).map_err(|why| unavailable(&why))
    }

    async fn exchange(
        &self,
        method: &Method,
        path: &str,
        body: String,
        tag: Option<&str>,
    ) -> Result<Told, String> {
        let host = match &self.place {
            Place::Socket(_) => "localhost",
            Place::Tcp(authority) | Place::Tls(authority) => authority,
        };
        // What is sent is a document, or a zone's keys.
        let media_type = if body.starts_with('{') { "application/json" } else { "text/plain" };
        let mut request = Request::builder().method(method).uri(path);
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {}", token.as_str()));
        }
        if let Some(tag) = tag {
            request = request.header("if-match", tag);
        }
        let request = request
            .header("host", host)
            .header("content-type", media_type)
            .body(Full::new(Bytes::from(body)))
            .map_err(chain)?;
        match &self.place {
            #[cfg(not(unix))]
            Place::Socket(_) => Err("this system has no such sockets".to_owned()),
            #[cfg(unix)]
            Place::Socket(path) => {
                let stream = tokio::net::UnixStream::connect(path).await.map_err(chain)?;
                send(stream, request).await
            }
            Place::Tcp(authority) => {
                let stream = tokio::net::TcpStream::connect(authority).await.map_err(chain)?;
                send(stream, request).await
            }
            Place::Tls(authority) => {
                let named = std::env::var(CERTIFICATES).ok().filter(|path| !path.is_empty());
                let trusted = named.unwrap_or_else(|| CERTIFICATES_OF_SYSTEM.to_owned());
                let connector = runtime::tls_client(Path::new(&trusted)).map_err(chain)?;
                let stream = tokio::net::TcpStream::connect(authority).await.map_err(chain)?;
                let host = authority.rsplit_once(':').map_or(authority.as_str(), |(host, _)| host);
                let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
                let name = ServerName::try_from(host).map_err(chain)?;
                let stream = connector.connect(name, stream).await.map_err(|error| {
                    format!("{}; trusted is what {trusted} holds ({CERTIFICATES})", chain(error))
                })?;
                send(stream, request).await
            }
        }
    }
}

async fn send(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Full<Bytes>>,
) -> Result<Told, String> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(chain)?;
    // Ends with the runtime; what goes wrong is told to the request.
    let connection = tokio::spawn(connection);
    let response = sender.send_request(request).await.map_err(chain)?;
    let status = response.status();
    let tag = response.headers().get("etag").and_then(|tag| tag.to_str().ok()).map(str::to_owned);
    let body = Limited::new(response.into_body(), BODY_BYTES_MAX).collect().await;
    let body = body.map_err(|error| error.to_string())?.to_bytes();
    connection.abort();
    Ok(Told { status, tag, body: String::from_utf8_lossy(&body).into_owned() })
}

/// What a refusal says, with every fault.
fn refused(place: &Place, status: StatusCode, body: &str) -> Failure {
    let text = match serde_json::from_str(body) {
        Ok(Problem { title, detail, faults, .. }) => {
            let head = format!("{}: {detail}", title.to_lowercase());
            [&[head], faults.as_slice()].concat().join("\n")
        }
        Err(_) => format!("{place} answers {status}"),
    };
    match status {
        StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED | StatusCode::TOO_MANY_REQUESTS => {
            Failure::NotAllowed(text)
        }
        StatusCode::SERVICE_UNAVAILABLE => Failure::Unavailable(text),
        _ => Failure::Refused(text),
    }
}

fn chain(error: impl std::error::Error) -> String {
    runtime::logs::chain(&error)
}

/// A part of a path, with everything escaped that is not plain (RFC 3986, 2.3).
pub(super) fn escaped(part: &str) -> String {
    let mut out = String::new();
    for byte in part.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out += &format!("%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read() {
        for (text, expect) in [
            ("http://a:1", Some("http://a:1")),
            ("http://a/", Some("http://a:80")),
            ("http://[::1]", Some("http://[::1]:80")),
            ("http://[::1]:8080", Some("http://[::1]:8080")),
            ("unix:/run/a.sock", Some("unix:/run/a.sock")),
            ("https://a", Some("https://a:443")),
            ("https://[::1]:8443/", Some("https://[::1]:8443")),
            ("a:1", None),
            ("http://", None),
            ("http://a/b", None),
        ] {
            let place = Place::parse(text).ok().map(|place| place.to_string());
            assert_eq!(place.as_deref(), expect, "{text}");
        }
    }

    #[test]
    fn parts_of_paths_cannot_leave_their_place() {
        assert_eq!(escaped("app.demo.local"), "app.demo.local");
        assert_eq!(escaped("2001:db8::1"), "2001:db8::1");
        assert_eq!(escaped("../a?b c"), "..%2Fa%3Fb%20c");
    }
}
