//! DNS over UDP: the hot path.
//!
//! One thread a core, each with a socket of its own on the same address and a handler of its own,
//! so no two of them ever wait for each other. A thread takes the datagrams that wait, asks the
//! handler about each, and sends the answers: two calls of the kernel for them all
//! ([`batch`](super::batch)). It allocates nothing after its start.
//!
//! Must never shut a socket: another process may serve the same one, before this one or after it.

use std::io;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use socket2::Socket;

use super::batch::{Batch, Slot};
use super::durations::{DurationCounters, Durations};
use super::{Arrival, Handled, Handler, Transport, handle, packet};
use crate::bind;
use crate::panics::survived;

/// How long a thread sleeps in the kernel at most before it looks whether it is to end: nothing but a
/// datagram wakes it. Four looks a second cost nothing, and a process that ends waits for no longer.
const LOOK_UP: Duration = Duration::from_millis(250);
/// How long a device that takes nothing may hold a thread; what it does not take by then is lost.
const DEVICE_MAX: Duration = Duration::from_secs(1);
/// How long a thread rests after the socket failed, so that a lasting fault is no busy loop.
const REST: Duration = Duration::from_millis(10);

/// The threads that serve one address; dropping it ends them, as [`UdpServer::stop`] does.
#[derive(Debug)]
pub struct UdpServer {
    local: SocketAddr,
    workers: Vec<Worker>,
    /// The threads are to answer what they took from the kernel, then end.
    is_over: Arc<AtomicBool>,
}

#[derive(Debug)]
struct Worker {
    counts: Arc<Counts>,
    /// Taken when the thread is waited for.
    thread: Option<JoinHandle<()>>,
}

/// What became of the datagrams since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UdpCounters {
    /// Datagrams that came in.
    pub received: u64,
    /// Answers that the kernel took.
    pub sent: u64,
    /// Datagrams that the handler gave no answer to.
    pub unanswered: u64,
    /// Datagrams over [`QUERY_BYTES_MAX`](super::QUERY_BYTES_MAX), dropped.
    pub too_long: u64,
    /// Handlers that panicked, and threads; a fault in this program.
    pub panics: u64,
    /// Failures to receive; a socket that somebody has shut is a hundred a second.
    pub receive_errors: u64,
    /// Answers that the kernel refused, as where there is no route back.
    pub send_errors: u64,
    /// How long they were in the workers' hands.
    pub durations: DurationCounters,
}

/// One worker's counters, on cache lines of its own (two, as processors fetch them in pairs).
#[derive(Debug, Default)]
#[repr(align(128))]
struct Counts {
    received: AtomicU64,
    sent: AtomicU64,
    unanswered: AtomicU64,
    too_long: AtomicU64,
    panics: AtomicU64,
    receive_errors: AtomicU64,
    send_errors: AtomicU64,
    durations: Durations,
}

impl UdpServer {
    /// Serves `address` with `workers` threads; port 0 lets the system choose one. `[::]` serves
    /// all addresses of both families.
    ///
    /// # Errors
    ///
    /// The address cannot be bound, or no thread can be started.
    pub fn start<H: Handler>(
        address: SocketAddr,
        workers: NonZeroUsize,
        handler: &H,
    ) -> io::Result<Self> {
        Self::serve(Self::bind(address, workers)?, handler)
    }

    /// The sockets for so many threads, all on one address; queries wait in them until they are
    /// served.
    ///
    /// # Errors
    ///
    /// The address cannot be bound.
    pub fn bind(address: SocketAddr, workers: NonZeroUsize) -> io::Result<Vec<Socket>> {
        let (first, local) = bind::udp_first(address)?;
        let beside = (1..workers.get()).map(|_| bind::udp_beside(local));
        std::iter::once(Ok(first)).chain(beside).collect()
    }

    /// Serves each of these sockets with a thread of its own.
    ///
    /// # Errors
    ///
    /// There is none, or no thread can be started.
    pub fn serve<H: Handler>(sockets: Vec<Socket>, handler: &H) -> io::Result<Self> {
        let none = || io::Error::other("no socket to serve");
        let local = sockets.first().ok_or_else(none)?.local_addr()?.as_socket();
        let local = local.ok_or_else(none)?;
        let mut server = Self { local, workers: Vec::new(), is_over: Arc::default() };
        for socket in sockets {
            server.add_worker(socket, handler.clone())?;
        }
        Ok(server)
    }

    fn add_worker<H: Handler>(&mut self, socket: Socket, handler: H) -> io::Result<()> {
        // Bound to one address, there is nothing to ask.
        let is_any = self.local.ip().is_unspecified();
        if is_any {
            packet::ask_for_destination(&socket, self.local.is_ipv6())?;
        }
        socket.set_read_timeout(Some(LOOK_UP))?;
        socket.set_write_timeout(Some(DEVICE_MAX))?;
        let counts = Arc::new(Counts::default());
        let serving = Serving {
            socket,
            bound: self.local,
            is_any,
            handler,
            counts: Arc::clone(&counts),
            is_over: Arc::clone(&self.is_over),
        };
        let name = format!("dns-udp-{}", self.workers.len());
        let thread = std::thread::Builder::new().name(name).spawn(move || serving.run())?;
        self.workers.push(Worker { counts, thread: Some(thread) });
        Ok(())
    }

    /// The address that is served, with the port the system chose.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// The counters of all threads together.
    #[must_use]
    pub fn counters(&self) -> UdpCounters {
        let sum = |pick: fn(&Counts) -> &AtomicU64| {
            self.workers.iter().map(|worker| pick(&worker.counts).load(Ordering::Relaxed)).sum()
        };
        UdpCounters {
            received: sum(|counts| &counts.received),
            sent: sum(|counts| &counts.sent),
            unanswered: sum(|counts| &counts.unanswered),
            too_long: sum(|counts| &counts.too_long),
            panics: sum(|counts| &counts.panics),
            receive_errors: sum(|counts| &counts.receive_errors),
            send_errors: sum(|counts| &counts.send_errors),
            durations: self.durations(),
        }
    }

    fn durations(&self) -> DurationCounters {
        let mut durations = DurationCounters::default();
        self.workers.iter().for_each(|worker| durations.add(&worker.counts.durations));
        durations
    }

    /// Ends the threads once each has answered what it took from the kernel, and waits for them: a
    /// quarter of a second at most where nothing comes. What waits in the sockets stays there for
    /// another process that serves them; without one, the port is free.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for UdpServer {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        for thread in self.workers.iter_mut().filter_map(|worker| worker.thread.take()) {
            // A thread that panicked has ended as well.
            drop(thread.join());
        }
    }
}

/// One thread's own.
struct Serving<H> {
    socket: Socket,
    bound: SocketAddr,
    /// Bound to all addresses: each datagram says which it was sent to.
    is_any: bool,
    handler: H,
    counts: Arc<Counts>,
    is_over: Arc<AtomicBool>,
}

impl<H: Handler> Serving<H> {
    /// Serves until it is told to end. The kernel gives this socket its share of the askers for
    /// as long as it is open, so a thread that a panic has ended would leave them without answers.
    fn run(mut self) {
        while !self.is_over() {
            // What a turn leaves behind is counters, and buffers that the next one makes anew.
            if survived(|| self.serve()).is_none() {
                add(&self.counts.panics, 1);
                std::thread::park_timeout(REST);
            }
        }
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    /// Three steps, each over what the one before left.
    fn serve(&mut self) {
        let mut batch = Batch::new();
        while !self.is_over() {
            if self.receive(&mut batch) {
                let taken_at = Instant::now();
                self.answer(batch.slots());
                self.send(&mut batch);
                self.counts.durations.count(batch.slots().len() as u64, taken_at.elapsed());
            }
        }
    }

    /// Waits for datagrams; says whether there are any.
    fn receive(&self, batch: &mut Batch) -> bool {
        match batch.receive(&self.socket, self.is_any) {
            Ok(()) => true,
            Err(error) => {
                if !is_idle(&error) {
                    add(&self.counts.receive_errors, 1);
                    std::thread::park_timeout(REST);
                }
                false
            }
        }
    }

    /// Asks the handler about each datagram; what it reads once a batch is let go with the last.
    fn answer(&mut self, slots: &mut [Slot]) {
        add(&self.counts.received, slots.len() as u64);
        if slots.len() > 1 {
            let queries =
                slots.iter().filter_map(|slot| Some((slot.query(), slot.addresses.peer()?)));
            // What it would have made faster is answered all the same: one packet that it cannot bear
            // costs the others of its batch nothing.
            let foreseen = survived(|| self.handler.foresee(queries));
            add(&self.counts.panics, u64::from(foreseen.is_none()));
        }
        let mut answering = self.handler.batch();
        for slot in slots {
            if slot.is_cut {
                add(&self.counts.too_long, 1);
                continue;
            }
            let Some(peer) = slot.addresses.peer() else { continue };
            let local = slot.addresses.local().unwrap_or_else(|| self.bound.ip());
            let local = SocketAddr::new(local, self.bound.port());
            let arrival = Arrival { transport: Transport::Udp, peer, local };
            let (query, room) = slot.query_and_room();
            match handle(&mut answering, query, arrival, room) {
                Handled::Answer(length) => slot.set_answer(length),
                Handled::Nothing => add(&self.counts.unanswered, 1),
                Handled::Panic => add(&self.counts.panics, 1),
            }
        }
    }

    fn send(&self, batch: &mut Batch) {
        let sent = batch.send(&self.socket);
        add(&self.counts.sent, sent.taken);
        add(&self.counts.send_errors, sent.refused);
    }
}

/// Whether nothing was received because nothing came.
fn is_idle(error: &io::Error) -> bool {
    use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
    matches!(error.kind(), WouldBlock | TimedOut | Interrupted)
}

/// One thread writes each counter: to read and to write is enough, and a step that no other thread
/// may divide would cost ten times as much.
pub(super) fn add(counter: &AtomicU64, number: u64) {
    counter.store(counter.load(Ordering::Relaxed).wrapping_add(number), Ordering::Relaxed);
}

#[cfg(test)]
mod tests;
