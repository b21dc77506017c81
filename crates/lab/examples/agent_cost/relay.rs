//! A way to the overwatch that counts what passes, and can be slow. Looks into nothing: what it counts is
//! what TLS made of it.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// While it is slow, it rests so long for so many bytes.
const SLOW_BYTES: usize = 64;
const SLOW_REST: Duration = Duration::from_millis(100);

/// Relays every connection until the program ends.
pub(super) struct Relay {
    pub(super) address: SocketAddr,
    passed: Arc<Passed>,
}

#[derive(Default)]
struct Passed {
    to_overwatch: AtomicU64,
    is_slow: AtomicBool,
}

impl Relay {
    pub(super) async fn start(overwatch: SocketAddr) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let passed = Arc::new(Passed::default());
        let relayed = Arc::clone(&passed);
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let passed = Arc::clone(&relayed);
                tokio::spawn(async move {
                    // A connection that breaks is the agent's affair: it dials again.
                    let _ = pass(near, overwatch, &passed).await;
                });
            }
        });
        Ok(Self { address, passed })
    }

    /// Bytes that went to the overwatch.
    pub(super) fn to_overwatch(&self) -> u64 {
        self.passed.to_overwatch.load(Ordering::Relaxed)
    }

    /// Whether it reads next to nothing.
    pub(super) fn set_slow(&self, is_slow: bool) {
        self.passed.is_slow.store(is_slow, Ordering::Relaxed);
    }
}

async fn pass(near: TcpStream, overwatch: SocketAddr, passed: &Passed) -> std::io::Result<()> {
    let far = TcpStream::connect(overwatch).await?;
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
    let back = AtomicU64::new(0);
    tokio::select! {
        ended = copy(near_in, far_out, &passed.to_overwatch, &passed.is_slow) => ended,
        ended = copy(far_in, near_out, &back, &passed.is_slow) => ended,
    }
}

async fn copy(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    count: &AtomicU64,
    is_slow: &AtomicBool,
) -> std::io::Result<()> {
    let mut buffer = vec![0; 16 << 10];
    loop {
        let length = from.read(&mut buffer).await?;
        if length == 0 {
            return to.shutdown().await;
        }
        count.fetch_add(length as u64, Ordering::Relaxed);
        for _ in 0..length.div_ceil(SLOW_BYTES) {
            if !is_slow.load(Ordering::Relaxed) {
                break;
            }
            tokio::time::sleep(SLOW_REST).await;
        }
        to.write_all(buffer.get(..length).unwrap_or_default()).await?;
    }
}
