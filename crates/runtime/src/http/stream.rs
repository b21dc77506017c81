//! A body that comes by and by: what a handler's task puts into a queue, until either end drops it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::Frame;
use tokio::sync::mpsc;

/// A part; an error breaks the connection off, so that nobody takes half of a body for the whole.
pub(super) type Part = io::Result<Bytes>;

/// The reader's end.
#[derive(Debug)]
pub(super) struct Stream(mpsc::Receiver<Part>);

/// A body, and where its parts go; at most `waiting_max` wait for the reader.
pub(super) fn stream(waiting_max: usize) -> (mpsc::Sender<Part>, Body) {
    let (parts, reader) = mpsc::channel(waiting_max);
    (parts, Body::new(Stream(reader)))
}

impl HttpBody for Stream {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        self.0.poll_recv(context).map(|part| part.map(|part| part.map(Frame::data)))
    }
}
