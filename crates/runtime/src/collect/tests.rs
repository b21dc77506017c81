//! What the threads do with readings, and with a source that is not there.

use std::cell::Cell;
#[cfg(target_os = "linux")]
use std::io::{Read, Write};
use std::net::Ipv4Addr;
#[cfg(target_os = "linux")]
use std::net::{TcpListener, TcpStream};

use model::SocketState;

use super::*;

fn sample(cookie: u64) -> Sample {
    Sample {
        client: Ipv4Addr::new(10, 1, 2, 3).into(),
        local: (Ipv4Addr::LOCALHOST, 80).into(),
        smoothed_rtt_us: 1_000,
        rtt_deviation_us: 0,
        min_rtt_us: Some(1_000),
        bytes_acked: 100,
        data_segments_out: Some(1),
        cookie,
        state: SocketState::Closed,
    }
}

fn cookies(collected: Option<Collected>) -> Vec<u64> {
    match collected {
        Some(Collected::Samples(samples)) => samples.iter().map(|s| s.cookie).collect(),
        other => panic!("{other:?}"),
    }
}

/// A listening thread's own, for no port, whose source was there at the start.
fn listening(to: mpsc::Sender<Collected>) -> Listening {
    let shared = Shared {
        stop: AtomicBool::new(false),
        ports: Mutex::default(),
        destroy_events: Source::new("destroy events", true),
        dump: Source::new("dump", true),
        counts: Counts::default(),
    };
    Listening { kernel: Kernel::new(), to, shared: Arc::new(shared) }
}

#[test]
fn while_the_loop_is_busy_readings_are_held_in_their_order() {
    let (to, mut from) = mpsc::channel(1);
    let listening = listening(to);
    let mut held = vec![sample(1)];
    assert!(listening.hand_on(&mut held, false).is_ok() && held.is_empty());
    held.push(sample(2));
    assert!(listening.hand_on(&mut held, false).is_ok() && held.len() == 1, "the queue is full");
    held.push(sample(3));
    assert_eq!(cookies(from.blocking_recv()), [1]);
    assert!(listening.hand_on(&mut held, false).is_ok() && held.is_empty());
    assert_eq!(cookies(from.blocking_recv()), [2, 3]);
    // Too much waits for room, and does not grow.
    held.push(sample(4));
    assert!(listening.hand_on(&mut held, false).is_ok());
    held.resize(HELD_MAX, sample(5));
    let loop_goes_on = thread::spawn(move || {
        let first = cookies(from.blocking_recv());
        (first, cookies(from.blocking_recv()).len(), cookies(from.blocking_recv()))
    });
    assert!(listening.hand_on(&mut held, false).is_ok() && held.is_empty());
    // So does what came before an error.
    held.push(sample(6));
    assert!(listening.hand_on(&mut held, true).is_ok() && held.is_empty());
    assert_eq!(loop_goes_on.join().unwrap(), (vec![4], HELD_MAX, vec![6]));
    held.push(sample(7));
    assert!(listening.hand_on(&mut held, false).is_err(), "nobody is there any more");
}

#[test]
fn a_source_that_fails_is_tried_again_and_again_and_a_panic_is_a_failure() {
    let (to, _from) = mpsc::channel(1);
    let listening = listening(to);
    let (source, tries) = (&listening.shared.destroy_events, Cell::new(0));
    let listen = || {
        tries.set(tries.get() + 1);
        let missing = Unavailable::NotAnnounced { waited_ms: tries.get() };
        assert_eq!(source.is_active(), tries.get() == 1);
        match tries.get() {
            4 => {
                source.found();
                Err(missing)
            }
            5 => panic!("as asked"),
            6 => {
                source.found();
                listening.shared.stop.store(true, Ordering::Relaxed);
                Ok(())
            }
            _ => Err(missing),
        }
    };
    let pauses = Backoff::new(Duration::from_millis(1), Duration::from_millis(2));
    listening.keep_trying(pauses, listen);
    assert!(source.is_active());
    assert_eq!(listening.shared.counts.errors.load(Ordering::Relaxed), 5);
}

/// A server, and its port as what is listened about.
#[cfg(target_os = "linux")]
fn server() -> (TcpListener, BTreeSet<u16>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let ports = BTreeSet::from([listener.local_addr().unwrap().port()]);
    (listener, ports)
}

/// One connection, from which the server learns something.
#[cfg(target_os = "linux")]
fn connect(listener: &TcpListener) {
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut server, _) = listener.accept().unwrap();
    server.write_all(b"hello").unwrap();
    client.read_exact(&mut [0; 5]).unwrap();
}

/// Looks again and again, not for ever.
#[cfg(target_os = "linux")]
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(30), "{what}");
        thread::park_timeout(Duration::from_millis(10));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn sources_that_were_missing_at_the_start_are_used_once_they_are_there_and_ports_change() {
    let kernel = Kernel::new();
    let found = kernel.probe();
    if found.destroy_events.is_err() || found.dump.is_err() {
        return println!("SKIPPED: this kernel does not tell: {found}");
    }
    let missing = || Err(Unavailable::NotAnnounced { waited_ms: 1 });
    let sources = Sources { destroy_events: missing(), dump: missing(), ..found };
    let (to, mut from) = mpsc::channel(64);
    let (first, ports) = server();
    let collector = Collector::start_with(&kernel, &sources, ports, to).unwrap();
    assert!(!collector.counters().has_dump);
    wait_until("the source is found", || collector.counters().has_destroy_events);
    let mut hears = |server: &TcpListener| {
        connect(server);
        let of_server = |sample: &Sample| sample.local == server.local_addr().unwrap();
        while let Ok(collected) = from.try_recv() {
            let Collected::Samples(samples) = collected else { continue };
            if samples.iter().any(of_server) {
                return true;
            }
        }
        false
    };
    wait_until("the first port is heard", || hears(&first));
    let (second, ports) = server();
    collector.set_ports(ports);
    wait_until("the other port is heard", || hears(&second));
    assert!(collector.counters().events >= 2, "they are counted on");
    collector.poll();
    wait_until("the dump is back", || collector.counters().has_dump);
}
