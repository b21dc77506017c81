//! What a check asks of a backend, and what would do harm if it were asked.
//!
//! Values only: the bytes of a question are made in [`crate::dns_question`] or at the edge. None of
//! them says which address is asked: that is the backend's.

use domain::base::iana::{Rcode, Rtype};

use crate::spec::{CheckSpec, CheckSpecError};
use crate::status_set::StatusSet;

/// What is asked of a backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckKind {
    /// That its port accepts a connection.
    Tcp,
    /// A connection, a text that is sent, a text that comes back.
    Dialogue(Dialogue),
    /// One GET in plain text.
    Http(HttpCheck),
    /// One GET over TLS.
    Https(HttpCheck),
    /// `grpc.health.v1.Health/Check` by HTTP/2 in plain text (h2c with prior knowledge).
    Grpc(GrpcCheck),
    /// The same over TLS.
    Grpcs(GrpcCheck),
    /// One DNS query by UDP.
    Dns(DnsCheck),
    /// A program of this machine.
    Command(CommandCheck),
}

/// The GET of an HTTP check, the same with and without TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpCheck {
    /// The request target, beginning with `/`; a query may follow.
    pub path: String,
    /// The `Host` field; the backend's address if absent.
    pub host: Option<String>,
    /// The name asked for by SNI over TLS; that of `host` if absent.
    pub server_name: Option<String>,
    /// The statuses that pass.
    pub status: StatusSet,
    /// A text that the first [`CheckSpec::BODY_BYTES_MAX`] bytes of the body must hold.
    pub body: Option<String>,
}

/// What is said on a connection. At least one of the two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dialogue {
    /// What is sent once the connection stands.
    pub send: Option<String>,
    /// A text that must be among the first [`CheckSpec::ANSWER_BYTES_MAX`] bytes that come back.
    pub expect: Option<String>,
}

/// A question in gRPC's health checking protocol, version 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrpcCheck {
    /// The gRPC service that is asked about; the server as a whole if absent.
    pub service: Option<String>,
    /// The `:authority`; the backend's address if absent.
    pub host: Option<String>,
    /// The name asked for by SNI over TLS; that of `host` if absent.
    pub server_name: Option<String>,
}

/// One query, and what answer passes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsCheck {
    /// The name that is asked for.
    pub name: String,
    /// The type that is asked for.
    pub record_type: Rtype,
    /// The code that the answer must have.
    pub rcode: Rcode,
    /// What one of the answer's records of that type must say, as in a zone file.
    pub answer: Option<String>,
}

/// A program and its arguments. No shell reads them.
///
/// Never travels: who may speak for a backend must not be able to start programs elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandCheck {
    /// The program's absolute path.
    pub program: String,
    /// What stands behind it.
    pub arguments: Vec<String>,
}

impl CheckKind {
    /// One word, as in the configuration.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Tcp | Self::Dialogue(_) => "tcp",
            Self::Http(_) => "http",
            Self::Https(_) => "https",
            Self::Grpc(_) => "grpc",
            Self::Grpcs(_) => "grpcs",
            Self::Dns(_) => "dns",
            Self::Command(_) => "command",
        }
    }

    /// Refuses what would do harm to the one who runs it.
    pub(crate) fn validate(&self) -> Result<(), CheckSpecError> {
        match self {
            Self::Tcp => Ok(()),
            Self::Dialogue(dialogue) => dialogue.validate(),
            Self::Http(http) | Self::Https(http) => http.validate(),
            Self::Grpc(grpc) | Self::Grpcs(grpc) => grpc.validate(),
            Self::Dns(dns) => dns.validate(),
            Self::Command(command) => command.validate(),
        }
    }
}

impl Dialogue {
    fn validate(&self) -> Result<(), CheckSpecError> {
        let texts = || [&self.send, &self.expect].into_iter().flatten();
        if texts().next().is_none() || !texts().all(|text| is_text(text)) {
            return Err(CheckSpecError::Text);
        }
        Ok(())
    }
}

impl HttpCheck {
    /// Nothing in here may end the request line or a header field early (RFC 9112, 11.1).
    fn validate(&self) -> Result<(), CheckSpecError> {
        let is_visible = self.path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#');
        let length = self.path.len();
        if !self.path.starts_with('/') || !is_visible || length > CheckSpec::PATH_BYTES_MAX {
            return Err(CheckSpecError::Path);
        }
        check_hosts([&self.host, &self.server_name])?;
        if self.status.is_empty() {
            return Err(CheckSpecError::NoStatus);
        }
        if !self.body.as_deref().is_none_or(is_text) {
            return Err(CheckSpecError::Text);
        }
        Ok(())
    }
}

impl GrpcCheck {
    fn validate(&self) -> Result<(), CheckSpecError> {
        check_hosts([&self.host, &self.server_name])?;
        if !self.service.as_deref().is_none_or(is_text) {
            return Err(CheckSpecError::Text);
        }
        Ok(())
    }
}

impl DnsCheck {
    fn validate(&self) -> Result<(), CheckSpecError> {
        if crate::dns_question::name_of(self).is_none() {
            return Err(CheckSpecError::Name);
        }
        if !self.answer.as_deref().is_none_or(is_text) {
            return Err(CheckSpecError::Text);
        }
        Ok(())
    }
}

impl CommandCheck {
    fn validate(&self) -> Result<(), CheckSpecError> {
        let is_argument =
            |text: &String| text.len() <= CheckSpec::ARGUMENT_BYTES_MAX && !text.contains('\0');
        let is_program = self.program.starts_with('/') && is_argument(&self.program);
        let are_arguments = self.arguments.iter().all(is_argument);
        if !is_program || !are_arguments || self.arguments.len() > CheckSpec::ARGUMENTS_MAX {
            return Err(CheckSpecError::Command);
        }
        Ok(())
    }
}

/// Hosts that can stand in a header field or in a handshake.
fn check_hosts(hosts: [&Option<String>; 2]) -> Result<(), CheckSpecError> {
    let stands = |c: char| c.is_ascii_alphanumeric() || ".-_:[]".contains(c);
    let is_host = |host: &String| {
        !host.is_empty() && host.len() <= CheckSpec::HOST_BYTES_MAX && host.chars().all(stands)
    };
    if hosts.into_iter().flatten().all(is_host) { Ok(()) } else { Err(CheckSpecError::Host) }
}

/// A text to send or to look for: not nothing, and not a document.
fn is_text(text: &str) -> bool {
    (1..=CheckSpec::TEXT_BYTES_MAX).contains(&text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: &CheckKind, expect: Result<(), CheckSpecError>) {
        assert_eq!(kind.validate(), expect, "{kind:?}");
    }

    fn http(change: impl FnOnce(&mut HttpCheck), expect: Result<(), CheckSpecError>) {
        let mut http = HttpCheck {
            path: "/health?deep=1".to_owned(),
            host: Some("app.demo.local:8080".to_owned()),
            server_name: None,
            status: "200-299".parse().unwrap(),
            body: None,
        };
        change(&mut http);
        check(&CheckKind::Http(http), expect);
    }

    #[test]
    fn a_request_cannot_be_split_by_its_parts() {
        http(|http| http.path = String::new(), Err(CheckSpecError::Path));
        http(|http| http.path = "health".to_owned(), Err(CheckSpecError::Path));
        http(|http| http.path = "/a b".to_owned(), Err(CheckSpecError::Path));
        http(|http| http.path = "/\r\nX: y".to_owned(), Err(CheckSpecError::Path));
        http(|http| http.path = "/".repeat(1_025), Err(CheckSpecError::Path));
        http(|http| http.host = None, Ok(()));
        http(|http| http.host = Some("[2001:db8::1]:80".to_owned()), Ok(()));
        http(|http| http.host = Some(String::new()), Err(CheckSpecError::Host));
        http(|http| http.host = Some("a\nb".to_owned()), Err(CheckSpecError::Host));
        http(|http| http.server_name = Some("a b".to_owned()), Err(CheckSpecError::Host));
        http(|http| http.status = StatusSet::NONE, Err(CheckSpecError::NoStatus));
        http(|http| http.body = Some("ready".to_owned()), Ok(()));
        http(|http| http.body = Some(String::new()), Err(CheckSpecError::Text));
        http(|http| http.body = Some("x".repeat(1_025)), Err(CheckSpecError::Text));
    }

    #[test]
    fn a_dialogue_says_or_hears_something() {
        let talk = |send: Option<&str>, expect: Option<&str>| {
            let [send, expect] = [send, expect].map(|text| text.map(str::to_owned));
            CheckKind::Dialogue(Dialogue { send, expect })
        };
        check(&talk(Some("PING\r\n"), Some("+PONG")), Ok(()));
        check(&talk(None, Some("220 ")), Ok(()));
        check(&talk(None, None), Err(CheckSpecError::Text));
        check(&talk(Some(""), Some("x")), Err(CheckSpecError::Text));
    }

    #[test]
    fn a_query_has_a_name() {
        let dns = |name: &str, answer: Option<&str>| {
            CheckKind::Dns(DnsCheck {
                name: name.to_owned(),
                record_type: Rtype::A,
                rcode: Rcode::NOERROR,
                answer: answer.map(str::to_owned),
            })
        };
        check(&dns("app.example.net", Some("192.0.2.1")), Ok(()));
        check(&dns("example.net.", None), Ok(()));
        check(&dns(".", None), Ok(()));
        for wrong in ["", "a..b", &"a.".repeat(200), &"a".repeat(64)] {
            check(&dns(wrong, None), Err(CheckSpecError::Name));
        }
        check(&dns("a", Some("")), Err(CheckSpecError::Text));
    }

    #[test]
    fn a_command_is_a_path_and_a_few_arguments() {
        let command = |program: &str, arguments: &[&str]| {
            CheckKind::Command(CommandCheck {
                program: program.to_owned(),
                arguments: arguments.iter().map(|text| (*text).to_owned()).collect(),
            })
        };
        check(&command("/usr/bin/check", &["-H", "", "-H"]), Ok(()));
        check(&command("check", &[]), Err(CheckSpecError::Command));
        check(&command("", &[]), Err(CheckSpecError::Command));
        check(&command("/bin/a\0b", &[]), Err(CheckSpecError::Command));
        check(&command("/bin/a", &["\0"]), Err(CheckSpecError::Command));
        check(&command("/bin/a", &["x"; 33]), Err(CheckSpecError::Command));
        check(&command("/bin/a", &[&"x".repeat(1_025)]), Err(CheckSpecError::Command));
    }
}
