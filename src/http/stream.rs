//! A long answer that goes out while it is made: what is written on a thread that may block becomes the body, a few pieces at a time, so
//! that a slow reader costs no memory. One who goes away ends the writing.
use std::io::{self, Write};
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use hyper::body::{Body as Stream, Bytes, Frame};
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// Bytes of one piece.
const PIECE: usize = 64 * 1024;
/// Pieces that wait for the reader.
const AHEAD: usize = 2;

/// What comes from the writing thread: pieces, or why there are no more of them.
type Piece<E> = Result<Bytes, E>;

/// Runs `write`. Gives the body once there is a first piece, or what went wrong before.
pub(super) async fn body<E: Send + 'static>(
    write: impl FnOnce(&mut dyn Write) -> Result<(), E> + Send + 'static,
) -> Option<Result<Body, E>> {
    let (to, mut from) = channel::<Piece<E>>(AHEAD);
    tokio::task::spawn_blocking(move || {
        let mut out = Pieces { to: to.clone(), piece: Vec::with_capacity(PIECE) };
        match write(&mut out) {
            Ok(()) => drop(out.flush()),
            // What was written so far is not sent: the answer breaks off, and nobody takes it for a whole one.
            Err(e) => drop(to.blocking_send(Err(e))),
        }
    });
    match from.recv().await? {
        Ok(first) => Some(Ok(Body::new(Answer { first: Some(first), from }))),
        Err(e) => Some(Err(e)),
    }
}

struct Pieces<E> {
    to: Sender<Piece<E>>,
    piece: Vec<u8>,
}

impl<E> Write for Pieces<E> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE));
        self.to.blocking_send(Ok(piece.into())).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

struct Answer<E> {
    first: Option<Bytes>,
    from: Receiver<Piece<E>>,
}

impl<E: Send + 'static> Stream for Answer<E> {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        self.from.poll_recv(cx).map(|piece| {
            piece.map(|piece| piece.map(Frame::data).map_err(|_| io::Error::other("the answer broke off")))
        })
    }
}
