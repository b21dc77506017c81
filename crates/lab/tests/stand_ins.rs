//! The look-alikes as they are typed, against servers of the test's own; beside the real tool
//! where the machine has it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{Read, Write};
use std::net::{TcpListener, UdpSocket};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const TABLE: &str = "{\"entries\":[{\"subnet\":\"10.1.2.0/24\",\"rtt_ms\":85,\"list\":[1,2.5,-3],\
                     \"text\":\"a \\\"b\\\" \\u00e4 \\n\",\"no\":null,\"yes\":true}],\
                     \"empty\":{},\"none\":[]}";

fn bench() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent().and_then(Path::parent).unwrap().join("examples/lab_bench")
}

/// Runs the look-alike called `name`.
fn run(name: &str, args: &[&str], input: &str) -> Output {
    let directory = tempfile::tempdir().unwrap();
    let link = directory.path().join(name);
    symlink(bench(), &link).unwrap();
    feed(Command::new(link).args(args), input).unwrap()
}

fn feed(command: &mut Command, input: &str) -> std::io::Result<Output> {
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    // A program that needs no input may have ended already.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn jq_prints_what_jq_prints() {
    let filters = [".", ".entries[0].rtt_ms", ".entries[]", ".entries | .[0].list[1]", ".nothing"];
    for filter in filters {
        let ours = run("jq", &[filter], TABLE);
        assert!(ours.status.success(), "{filter}");
        if let Ok(real) = feed(Command::new("jq").arg(filter), TABLE) {
            assert_eq!(stdout(&ours), stdout(&real), "{filter}");
        }
    }
    assert_eq!(stdout(&run("jq", &["-r", ".entries[0].subnet"], TABLE)), "10.1.2.0/24\n");
    assert_eq!(stdout(&run("jq", &["-c", ".entries[0].list"], TABLE)), "[1,2.5,-3]\n");
    let wrong = run("jq", &["."], "not JSON");
    assert_eq!(wrong.status.code(), Some(1));
    assert!(!run("jq", &["map(.x)"], TABLE).status.success());
}

#[test]
fn curl_prints_a_page_and_fails_as_curl_does() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/page", server.local_addr().unwrap());
    let answer = std::thread::spawn(move || {
        for status in ["200 OK", "404 Not Found"] {
            let (mut stream, _) = server.accept().unwrap();
            let mut head = [0; 1024];
            let length = stream.read(&mut head).unwrap();
            assert!(head[..length].starts_with(b"GET /page HTTP/1.1\r\n"));
            write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 3\r\n\r\nhi\n").unwrap();
        }
    });
    assert_eq!(stdout(&run("curl", &[&url], "")), "hi\n");
    assert_eq!(run("curl", &["-sf", &url], "").status.code(), Some(22));
    answer.join().unwrap();
    // The listener is closed now.
    let refused = run("curl", &[&url], "");
    assert_eq!(refused.status.code(), Some(7));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("curl: (7) Failed to connect"));
}

#[test]
fn dig_prints_the_address_and_names_the_subnet() {
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = server.local_addr().unwrap().port().to_string();
    let answer = std::thread::spawn(move || {
        let mut query = [0; 512];
        let (length, from) = server.recv_from(&mut query).unwrap();
        let query = &query[..length];
        // Header with one answer, the question, then a pointer to it: A, IN, 60 s, 10.2.1.10.
        let question = &query[12..12 + 20];
        let mut message = [&query[..2], &[0x85, 0, 0, 1, 0, 1, 0, 0, 0, 0], question].concat();
        message.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 2, 1, 10]);
        server.send_to(&message, from).unwrap();
        query.to_vec()
    });
    let args = ["@127.0.0.1", "-p", &port, "app.demo.local", "A", "+short", "+subnet=10.1.2.0/24"];
    assert_eq!(stdout(&run("dig", &args, "")), "10.2.1.10\n");
    let query = answer.join().unwrap();
    // RFC 7871: option 8, 7 bytes, family 1, 24 bits, scope 0, the network.
    assert!(query.ends_with(&[0, 8, 0, 7, 0, 1, 24, 0, 10, 1, 2]), "{query:02x?}");
    // Nobody listens any more.
    let silent = run("dig", &["@127.0.0.1", "-p", &port, "a.b", "+time=1"], "");
    assert_eq!(silent.status.code(), Some(9));
}
