//! What a value may be: the kinds of the table of keys, with their limits.
//!
//! A kind checks one text and gives it back in the form in which it is printed and parsed into the
//! settings; what it expected, it says in words that the reference page shows too. It knows no
//! key, no default and no other value.

use std::net::IpAddr;

use health::StatusSet;
use model::{Region, Service, Subnet};

use crate::values::{CookieSecret, EtcdEndpoint, HostPort, Listen, MeshKey, Milliseconds, clip};

/// What stands at a key.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// A map whose keys are entries of the table below this one.
    Section,
    /// A section that the table holds once under another path, because it occurs twice.
    Like(&'static str),
    /// A list of sections; their keys are below `path[]`.
    Sections {
        /// The fewest items.
        min: usize,
        /// The most items.
        max: usize,
        /// The two keys that an old form, a map of the one to the other, is read into.
        old_map: Option<[&'static str; 2]>,
        /// The key that an item without a map means: `a` is `{name: a}`.
        bare: Option<&'static str>,
    },
    /// A list of scalars.
    List {
        /// What each item is.
        of: &'static Scalar,
        /// The fewest items.
        min: usize,
        /// The most items.
        max: usize,
    },
    /// One scalar, or a list of them.
    OneOrList {
        /// What each is.
        of: &'static Scalar,
        /// The most.
        max: usize,
    },
    /// One value.
    One(Scalar),
}

/// What stands for a lifetime without an end.
pub(crate) const NEVER: &str = "never";

/// A single value, written as one text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scalar {
    /// `true` or `false`.
    Bool,
    /// A whole number within limits, both included.
    Integer {
        /// The least.
        min: u64,
        /// The most.
        max: u64,
    },
    /// A number above one limit and up to another.
    Number {
        /// The limit that it must exceed.
        above: f64,
        /// The most.
        max: f64,
    },
    /// Degrees of latitude or longitude, either way.
    Degrees {
        /// The most.
        max: f64,
    },
    /// A duration with its unit, within limits, both included.
    Duration {
        /// The least.
        min_ms: u64,
        /// The most.
        max_ms: u64,
    },
    /// The same, or `never`.
    Lifetime {
        /// The least.
        min_ms: u64,
        /// The most.
        max_ms: u64,
    },
    /// One line for people.
    Comment,
    /// One line about the server, for whoever asks by DNS: at most 128 bytes, what an answer always
    /// has room for ([`dns::NSID_BYTES_MAX`]).
    Label,
    /// A path on this machine.
    Path,
    /// A record as in a zone file, on one line.
    Record,
    /// The request target of a check: begins with `/`.
    UrlPath,
    /// A text that a check sends or looks for, line ends and all.
    Text,
    /// A part of a command line. The same may stand there twice.
    Argument,
    /// A type of DNS records.
    RecordType,
    /// A host for a check's `Host` field: a name or an address, with a port if need be.
    Host,
    /// A secret of so many characters at least.
    Secret {
        /// The fewest characters.
        min: usize,
    },
    /// 32 bytes in base64; secret.
    MeshKey,
    /// 16 bytes in hexadecimal; secret.
    CookieSecret,
    /// A name in the grammar of [`model::Region`].
    Name,
    /// A domain name of the public grammar (RFC 1035, 2.3.1, and `_`).
    DomainName,
    /// The same, or a wildcard: `*.` before it (RFC 4592, 2.1.1).
    SteeredName,
    /// A protocol's name in TLS (RFC 7301, 6), of at most 32 bytes: the longest one registered has
    /// half as many, and eight of them must fit ([`zone::steering::HTTPS_BYTES_MAX`]).
    Protocol,
    /// Two letters (ISO 3166-1 alpha-2).
    Country,
    /// `address/length`, or an address by itself.
    Network,
    /// An IP address.
    Address,
    /// Where to listen.
    Listen,
    /// Where to connect to.
    HostPort,
    /// An endpoint of etcd, with its scheme.
    EtcdEndpoint,
    /// HTTP status codes.
    Status,
    /// One of a few words.
    Word(&'static [Word]),
}

/// One word that may stand at a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word {
    /// As it is printed.
    pub name: &'static str,
    /// Other ways to write it.
    pub aliases: &'static [&'static str],
}

impl Word {
    /// A word that is written in one way.
    pub(crate) const fn plain(name: &'static str) -> Self {
        Self { name, aliases: &[] }
    }

    fn is(&self, text: &str) -> bool {
        std::iter::once(&self.name).chain(self.aliases).any(|name| name.eq_ignore_ascii_case(text))
    }
}

impl Scalar {
    /// Whether the value must never be shown.
    #[must_use]
    pub const fn is_secret(&self) -> bool {
        matches!(self, Self::Secret { .. } | Self::MeshKey | Self::CookieSecret)
    }

    /// Whether a list may hold the same twice.
    pub(crate) const fn may_repeat(&self) -> bool {
        matches!(self, Self::Argument)
    }

    /// The text in its printed form, or what was found instead of the expected.
    pub(crate) fn check(&self, text: &str) -> Result<String, String> {
        let found = || format!("found {}", clip(text));
        let shown = |checked: Option<String>| checked.ok_or_else(found);
        match self {
            Self::Bool => {
                let is = |word: &&&str| word.eq_ignore_ascii_case(text);
                shown(["true", "false"].iter().find(is).map(ToString::to_string))
            }
            Self::Integer { min, max } => {
                let digits = text.bytes().all(|b| b.is_ascii_digit());
                let number =
                    text.parse::<u64>().ok().filter(|n| digits && (min..=max).contains(&n));
                shown(number.map(|n| n.to_string()))
            }
            Self::Number { above, max } => {
                let number = text.parse::<f64>().ok().filter(|n| n > above && n <= max);
                shown(number.map(|n| n.to_string()))
            }
            Self::Degrees { max } => {
                let number = text.parse::<f64>().ok().filter(|n| n.abs() <= *max);
                shown(number.map(|n| n.to_string()))
            }
            Self::Lifetime { .. } if text.eq_ignore_ascii_case(NEVER) => Ok(NEVER.to_owned()),
            Self::Duration { min_ms, max_ms } | Self::Lifetime { min_ms, max_ms } => {
                let Milliseconds(ms) = text.parse()?;
                // Kept as it was written: 168h need not come back as 7d.
                shown((min_ms..=max_ms).contains(&&ms).then(|| text.to_owned()))
            }
            Self::Comment | Self::Path | Self::Record => {
                shown(is_line(text).then(|| text.to_owned()))
            }
            Self::Label => {
                let is = is_line(text) && text.len() <= dns::NSID_BYTES_MAX;
                shown(is.then(|| text.to_owned()))
            }
            Self::UrlPath | Self::Host | Self::Text | Self::Argument | Self::RecordType => {
                shown(self.check_of_health(text))
            }
            Self::Secret { min } => check_secret(text, *min),
            Self::MeshKey => text.parse::<MeshKey>().map(|_| text.to_owned()),
            Self::CookieSecret => text.parse::<CookieSecret>().map(|_| text.to_owned()),
            Self::Name => name(text),
            Self::DomainName => domain_name(text),
            Self::SteeredName => match text.strip_prefix("*.") {
                Some(above) => wildcard(above),
                None => domain_name(text),
            },
            Self::Protocol => {
                let stands = |b: u8| b.is_ascii_alphanumeric() || b"./-_".contains(&b);
                let is = (1..=32).contains(&text.len()) && text.bytes().all(stands);
                shown(is.then(|| text.to_owned()))
            }
            Self::Country => {
                let is = text.len() == 2 && text.bytes().all(|b| b.is_ascii_alphabetic());
                shown(is.then(|| text.to_ascii_uppercase()))
            }
            Self::Network => text.parse::<Subnet>().map(|s| s.to_string()).map_err(|error| {
                // The model's own words name what was meant.
                let is_none = matches!(error, model::SubnetError::Text(_));
                if is_none { found() } else { format!("{}: {error}", found()) }
            }),
            Self::Address | Self::Listen | Self::HostPort | Self::EtcdEndpoint => {
                shown(self.check_of_place(text))
            }
            Self::Status => shown(text.parse::<StatusSet>().ok().map(|s| s.to_string())),
            Self::Word(words) => {
                shown(words.iter().find(|word| word.is(text)).map(|word| word.name.to_owned()))
            }
        }
    }

    /// Where something is, or listens.
    fn check_of_place(&self, text: &str) -> Option<String> {
        match self {
            Self::Address => text.parse::<IpAddr>().ok().map(|a| a.to_string()),
            Self::Listen => text.parse::<Listen>().ok().map(|l| l.to_string()),
            Self::HostPort => text.parse::<HostPort>().ok().map(|h| h.to_string()),
            _ => text.parse::<EtcdEndpoint>().ok().map(|e| e.to_string()),
        }
    }

    /// A part of a health check, as [`health::CheckSpec::validate`] demands it.
    fn check_of_health(&self, text: &str) -> Option<String> {
        let stands = match self {
            Self::UrlPath => is_url_path(text),
            Self::Host => is_host(text),
            Self::Text => (1..=health::CheckSpec::TEXT_BYTES_MAX).contains(&text.len()),
            Self::Argument => {
                text.len() <= health::CheckSpec::ARGUMENT_BYTES_MAX && !text.contains('\0')
            }
            Self::RecordType => return text.parse::<health::Rtype>().ok().map(|t| t.to_string()),
            _ => false,
        };
        stands.then(|| text.to_owned())
    }

    /// What stands there, in words, with the limits.
    #[must_use]
    pub fn expected(&self) -> String {
        match self {
            Self::Bool => "`true` or `false`".to_owned(),
            Self::Integer { min, max } => format!("a whole number from {min} to {max}"),
            Self::Number { above, max } => format!("a number above {above} and up to {max}"),
            Self::Degrees { max } => format!("degrees from -{max} to {max}, as in `52.37`"),
            Self::Duration { min_ms, max_ms } => {
                let (min, max) = (Milliseconds(*min_ms), Milliseconds(*max_ms));
                format!("a duration from {min} to {max}, as in `10s`, `5m` or `7d`")
            }
            Self::Lifetime { min_ms, max_ms } => {
                let duration = Self::Duration { min_ms: *min_ms, max_ms: *max_ms };
                format!("`{NEVER}`, or {}", duration.expected())
            }
            Self::Comment => "one line of text".to_owned(),
            Self::Label => format!("one line of at most {} bytes", dns::NSID_BYTES_MAX),
            Self::Path => "a path".to_owned(),
            Self::Record => "a record, as in `www 300 A 192.0.2.1`".to_owned(),
            Self::UrlPath => "a path that begins with `/`".to_owned(),
            Self::Text => format!("a text of up to {} bytes", health::CheckSpec::TEXT_BYTES_MAX),
            Self::Argument => "an argument".to_owned(),
            Self::RecordType => "a type of DNS records, as in `A` or `TYPE65`".to_owned(),
            Self::Host => "a host name or an address".to_owned(),
            Self::Secret { min } => format!("a secret of at least {min} characters"),
            Self::CookieSecret => {
                "exactly 32 hexadecimal digits (`openssl rand -hex 16`)".to_owned()
            }
            Self::MeshKey => "base64 of exactly 32 bytes (`openssl rand -base64 32`)".to_owned(),
            Self::Name => "a name of letters, digits, `.`, `_` and `-`".to_owned(),
            Self::DomainName => "a domain name".to_owned(),
            Self::SteeredName => "a domain name, or `*.` and one".to_owned(),
            Self::Protocol => "a protocol's name in TLS, as in `h2`".to_owned(),
            Self::Country => "a country of two letters (ISO 3166-1), as in `DE`".to_owned(),
            Self::Network => "a network, as in `10.1.2.0/24`".to_owned(),
            Self::Address => "an IP address".to_owned(),
            Self::Listen => "an address to listen on, as in `:53` or `10.1.1.10:53`".to_owned(),
            Self::HostPort => "host and port, as in `10.1.1.10:7946`".to_owned(),
            Self::EtcdEndpoint => "a URL with a port, as in `https://10.0.0.1:2379`".to_owned(),
            Self::Status => "HTTP statuses, as in `200`, `200-299` or `2xx`".to_owned(),
            Self::Word(words) => {
                let names: Vec<String> = words.iter().map(|w| format!("`{}`", w.name)).collect();
                format!("one of {}", names.join(", "))
            }
        }
    }
}

impl Kind {
    /// What stands there, in words, with the limits.
    #[must_use]
    pub fn expected(&self) -> String {
        match self {
            Self::Section | Self::Like(_) => "a map of keys".to_owned(),
            Self::Sections { max, bare: Some(key), .. } => {
                format!("a list of at most {max}, each a `{key}` or a map of keys")
            }
            Self::Sections { max, min: 0, .. } => format!("a list of at most {max} maps of keys"),
            Self::Sections { max, min, .. } => format!("a list of {min} to {max} maps of keys"),
            Self::List { of, max, min: 0 } => {
                format!("a list of at most {max}, each {}", of.expected())
            }
            Self::List { of, max, min } => {
                format!("a list of {min} to {max}, each {}", of.expected())
            }
            Self::OneOrList { of, max } => format!("{}, or a list of up to {max}", of.expected()),
            Self::One(scalar) => scalar.expected(),
        }
    }
}

/// Says how long a secret is, never what it is.
fn check_secret(text: &str, min: usize) -> Result<String, String> {
    match text.chars().count() {
        found if found < min => Err(format!("found {found}")),
        _ => Ok(text.to_owned()),
    }
}

/// Something that can stand on one line of a log.
fn is_line(text: &str) -> bool {
    !text.is_empty() && text.len() <= 4096 && !text.chars().any(char::is_control)
}

/// As [`health::CheckSpec::validate`] demands it.
fn is_url_path(text: &str) -> bool {
    text.starts_with('/')
        && text.len() <= health::CheckSpec::PATH_BYTES_MAX
        && text.bytes().all(|b| b.is_ascii_graphic() && b != b'#')
}

/// As [`health::CheckSpec::validate`] demands it.
fn is_host(text: &str) -> bool {
    let stands = |c: char| c.is_ascii_alphanumeric() || ".-_:[]".contains(c);
    !text.is_empty() && text.len() <= health::CheckSpec::HOST_BYTES_MAX && text.chars().all(stands)
}

fn name(text: &str) -> Result<String, String> {
    match text.parse::<Region>() {
        Ok(name) => Ok(name.as_str().to_owned()),
        Err(error) => Err(format!("found {}: {error}", clip(text))),
    }
}

/// A name whose labels fit into a DNS message (RFC 1035, 2.3.4).
fn domain_name(text: &str) -> Result<String, String> {
    let name = text.parse::<Service>().map_err(|error| format!("found {}: {error}", clip(text)))?;
    if name.as_str().split('.').any(|label| label.len() > 63) {
        return Err(format!("found {}: a label has at most 63 characters", clip(text)));
    }
    Ok(name.as_str().to_owned())
}

/// The wildcard right below a name.
fn wildcard(above: &str) -> Result<String, String> {
    let name = format!("*.{}", domain_name(above)?);
    if name.len() > Service::MAX_LEN {
        return Err(format!("found {}: a name has at most 253 characters", clip(&name)));
    }
    Ok(name)
}

#[cfg(test)]
mod tests;
