//! The whole loop of a DNS worker, on real sockets: a query by UDP touches the heap nowhere between
//! the kernel and the kernel. An allocator that counts, asked by the worker itself at each batch.

#![expect(clippy::unwrap_used, reason = "a test may stop where it is surprised")]

use std::net::{SocketAddr, UdpSocket};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use runtime::answer::Answering;
use runtime::clock::Clock;
use runtime::dns::{Arrival, Handler, UdpServer};
use testkit::{CountingHeap, heap_calls};

/// More than one batch, and few enough for the smallest receive buffer.
const BURST: usize = 100;
const BURSTS: usize = 50;

#[global_allocator]
static HEAP: CountingHeap = CountingHeap;

/// Answers, and tells at the beginning of each batch what its thread has asked of the heap by then.
#[derive(Clone)]
struct Watched<H> {
    handler: H,
    heap_calls: Arc<AtomicU64>,
    batches: Arc<AtomicU64>,
}

impl<H: Handler> Handler for Watched<H> {
    fn foresee<'q>(&mut self, queries: impl Iterator<Item = (&'q [u8], SocketAddr)>) {
        self.handler.foresee(queries);
    }

    fn batch(&mut self) -> impl FnMut(&[u8], Arrival, &mut [u8]) -> Option<usize> {
        self.heap_calls.store(heap_calls(), Ordering::SeqCst);
        self.batches.fetch_add(1, Ordering::SeqCst);
        self.handler.batch()
    }
}

/// A question for A from a client's /24 (RFC 1035, 4.1; RFC 7871, 6).
fn query(name: &str, network: [u8; 3]) -> Vec<u8> {
    let mut bytes = vec![0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1];
    for label in name.split('.') {
        bytes.push(u8::try_from(label.len()).unwrap());
        bytes.extend_from_slice(label.as_bytes());
    }
    bytes
        .extend_from_slice(b"\0\0\x01\0\x01\0\0\x29\x04\xd0\0\0\0\0\0\x0b\0\x08\0\x07\0\x01\x18\0");
    bytes.extend_from_slice(&network);
    bytes
}

/// Asks `server` in a burst and hears all answers.
fn burst(client: &UdpSocket, queries: &[Vec<u8>], buffer: &mut [u8]) {
    for number in 0..BURST {
        client.send(&queries[number % queries.len()]).unwrap();
    }
    for _ in 0..BURST {
        assert!(client.recv(buffer).unwrap() >= 12);
    }
}

/// Steered, static, an alias, nothing, not ours, not understood.
fn queries() -> Vec<Vec<u8>> {
    let names = ["app", "geo", "www", "mail", "no.such", "x.wild", "ns.sub"];
    let names = names.map(|name| format!("{name}.demo.local"));
    let mut queries: Vec<Vec<u8>> =
        (0..).zip(&names).map(|(number, name)| query(name, [10, 9, number])).collect();
    queries.push(query("elsewhere.example", [10, 9, 9]));
    queries.push(b"\0\x07\x01\0\0\x02\0\0\0\0\0\0".to_vec());
    queries
}

#[test]
fn no_query_by_udp_touches_the_heap() {
    let view = Arc::new(ArcSwap::new(overwatch::fuzz::view().unwrap()));
    // A wildcard asks the kernel for each destination; one address does not.
    for (address, asked) in [("0.0.0.0:0", "127.0.0.2"), ("127.0.0.1:0", "127.0.0.1")] {
        let handler = Watched {
            handler: Answering::new(Arc::clone(&view), Clock::start(), None),
            heap_calls: Arc::default(),
            batches: Arc::default(),
        };
        let server =
            UdpServer::start(address.parse().unwrap(), NonZeroUsize::MIN, &handler).unwrap();
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        client.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        client.connect((asked, server.local_addr().port())).unwrap();
        let (queries, mut buffer) = (queries(), [0; 4096]);
        let calls_by_then = || handler.heap_calls.load(Ordering::SeqCst);
        // What a thread needs once it takes with its first batch.
        burst(&client, &queries, &mut buffer);
        burst(&client, &queries, &mut buffer);
        let before = calls_by_then();
        for _ in 0..BURSTS {
            burst(&client, &queries, &mut buffer);
        }
        let batches = handler.batches.load(Ordering::SeqCst);
        assert_eq!(calls_by_then() - before, 0, "{address}, {batches} batches");
        let received = ((BURSTS + 2) * BURST) as u64;
        assert_eq!(server.counters().received, received);
        assert!(batches < received / 2, "{batches} batches for {received} queries");
    }
}
