//! A root that knows one delegation and answers by a script.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::sync::{Arc, Mutex};

use domain::base::iana::{Class, DigestAlgorithm, Rcode, Rtype, SecurityAlgorithm};
use domain::base::{Message, MessageBuilder, Name, Ttl};
use domain::rdata::{A, Ds, Ns};

/// What it says of `demo.test`.
pub(crate) struct Script {
    pub(crate) is_delegated: bool,
    /// Of ns1 and ns2.
    pub(crate) glue: [Ipv4Addr; 2],
    /// DS records: tag, algorithm, digest of SHA-256.
    pub(crate) ds: Vec<(u16, u8, Vec<u8>)>,
}

/// The running server; its threads end with the test's process.
pub(crate) struct Parent {
    script: Arc<Mutex<Script>>,
}

impl Parent {
    pub(crate) fn start(udp: UdpSocket, tcp: TcpListener) -> Self {
        let glue = [[127, 0, 0, 3].into(), [127, 0, 0, 4].into()];
        let script = Arc::new(Mutex::new(Script { is_delegated: true, glue, ds: Vec::new() }));
        let own = Arc::clone(&script);
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok((length, from)) = udp.recv_from(&mut buffer) {
                let _ = udp.send_to(&answer(&own.lock().unwrap(), &buffer[..length]), from);
            }
        });
        let own = Arc::clone(&script);
        std::thread::spawn(move || {
            for stream in tcp.incoming() {
                let Ok(mut stream) = stream else { continue };
                let mut length = [0; 2];
                if stream.read_exact(&mut length).is_err() {
                    continue;
                }
                let mut query = vec![0; u16::from_be_bytes(length).into()];
                if stream.read_exact(&mut query).is_ok() {
                    let answer = answer(&own.lock().unwrap(), &query);
                    let length = u16::try_from(answer.len()).unwrap().to_be_bytes();
                    let _ = stream.write_all(&[&length[..], &answer].concat());
                }
            }
        });
        Self { script }
    }

    pub(crate) fn says(&mut self, change: impl FnOnce(&mut Script)) {
        change(&mut self.script.lock().unwrap());
    }
}

fn answer(script: &Script, query: &[u8]) -> Vec<u8> {
    let query = Message::from_octets(query).unwrap();
    let zone: Name<Vec<u8>> = "demo.test".parse().unwrap();
    let names: [Name<Vec<u8>>; 2] = ["ns1.demo.test", "ns2.demo.test"].map(|n| n.parse().unwrap());
    let is_ds = query.first_question().unwrap().qtype() == Rtype::DS;
    let rcode = if script.is_delegated { Rcode::NOERROR } else { Rcode::NXDOMAIN };
    let mut builder = MessageBuilder::new_vec().start_answer(&query, rcode).unwrap();
    let is_referral = script.is_delegated && !is_ds;
    builder.header_mut().set_aa(!is_referral);
    let ttl = Ttl::from_secs(300);
    for (tag, algorithm, digest) in script.ds.iter().filter(|_| is_ds) {
        let (algorithm, sha) = (SecurityAlgorithm::from_int(*algorithm), DigestAlgorithm::SHA256);
        let ds = Ds::new(*tag, algorithm, sha, digest.clone()).unwrap();
        builder.push((&zone, Class::IN, ttl, ds)).unwrap();
    }
    let mut builder = builder.authority();
    for name in names.iter().filter(|_| is_referral) {
        builder.push((&zone, Class::IN, ttl, Ns::new(name))).unwrap();
    }
    let mut builder = builder.additional();
    for (name, address) in names.iter().zip(script.glue).filter(|_| is_referral) {
        builder.push((name, Class::IN, ttl, A::new(address))).unwrap();
    }
    builder.finish()
}
