//! The webhook as a process, and ExternalDNS' side of it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::MEDIA_TYPE;
use crate::daemon::eventually;
use crate::site::Site;

/// A running webhook; ended with this value.
pub(crate) struct Webhook {
    child: Child,
    said: Arc<Mutex<String>>,
    address: SocketAddr,
    health: SocketAddr,
}

impl Webhook {
    pub(crate) fn start(site: &Site) -> Self {
        Self::start_with(site, &[])
    }

    /// With more options.
    pub(crate) fn start_with(site: &Site, options: &[&str]) -> Self {
        // Free a moment ago: somebody else may have taken it since, and then the next one is tried.
        for _ in 0..5 {
            let health = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
            let mut webhook = Self::launch(site, health, options);
            let announced = "the webhook of ExternalDNS is at http://";
            eventually("it serves or ends", || {
                webhook.has_said(announced) || webhook.child.try_wait().unwrap().is_some()
            });
            if let Some((_, rest)) = webhook.said.lock().unwrap().split_once(announced) {
                webhook.address = rest.lines().next().unwrap().parse().unwrap();
            } else {
                continue;
            }
            return webhook;
        }
        panic!("it does not start five times");
    }

    fn launch(site: &Site, health: SocketAddr, options: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_opengslb-cli"));
        command.arg("--api").arg(format!("unix:{}", site.control().display()));
        command.args(["externaldns", "--zone", "test", "--listen", "127.0.0.1:0"]);
        command.args(["--health", &health.to_string(), "--algorithm", "failover"]);
        command.args(options);
        let mut child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let said = Arc::new(Mutex::new(String::new()));
        let (stderr, written) = (child.stderr.take().unwrap(), Arc::clone(&said));
        // Ends with the process.
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                *written.lock().unwrap() += &format!("{line}\n");
            }
        });
        Self { child, said, address: health, health }
    }

    pub(crate) fn has_said(&self, part: &str) -> bool {
        self.said.lock().unwrap().contains(part)
    }

    pub(crate) fn get(&self, path: &str) -> (u16, String, Value) {
        self.say("GET", path, MEDIA_TYPE, "")
    }

    /// A request; its status, head and body.
    pub(crate) fn say(
        &self,
        method: &str,
        path: &str,
        accept: &str,
        body: &str,
    ) -> (u16, String, Value) {
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost:8888\r\nAccept: {accept}\r\nConnection: close\r\n\
             Content-Type: {MEDIA_TYPE}\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        exchange(self.address, &request)
    }

    /// A batch; its status, and what is wrong with it in words.
    pub(crate) fn change(&self, changes: &Value) -> (u16, String) {
        let body = changes.to_string();
        let length = body.len();
        let request = format!(
            "POST /records HTTP/1.1\r\nHost: localhost:8888\r\nConnection: close\r\n\
             Content-Type: {MEDIA_TYPE}\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        let (status, _, body) = exchange_text(self.address, &request);
        (status, body)
    }

    /// What a kubelet is told.
    pub(crate) fn healthy(&self, path: &str) -> u16 {
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        exchange(self.health, &request).0
    }
}

impl Drop for Webhook {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn exchange(address: SocketAddr, request: &str) -> (u16, String, Value) {
    let (status, head, body) = exchange_text(address, request);
    (status, head, serde_json::from_str(&body).unwrap_or_default())
}

fn exchange_text(address: SocketAddr, request: &str) -> (u16, String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, format!("{head}\r\n"), body.to_owned())
}
