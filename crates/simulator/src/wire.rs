//! The sockets: accepts connections, speaks HTTP/1.1 over them, and can let go of HTTP to cut, reset, stall or write raw
//! bytes. Not responsible for what is answered.
use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// What is done to a connection instead of an HTTP reply. A handler puts it into its response's extensions, and the rest
/// of that response is then never sent.
#[derive(Debug, Clone)]
pub(super) struct Cut {
    /// Written first, as they are.
    pub(super) bytes: Vec<u8>,
    /// Then this.
    pub(super) end: End,
}

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// An orderly close (FIN).
    Close,
    /// A reset (RST).
    Reset,
    /// When the client gives up.
    Hang,
}

/// Serves until `stop`.
pub(super) async fn accept(listener: TcpListener, router: Router, stop: CancellationToken) {
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        // Out of file handles: the next one may work, after a breath.
        let Ok((stream, _)): Result<(TcpStream, SocketAddr), _> = accepted else {
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        let (router, stop) = (router.clone(), stop.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = converse(stream, router) => {}
            }
        });
    }
}

/// One connection from its first byte to its last.
async fn converse(stream: TcpStream, router: Router) {
    let (cut_now, mut cuts) = mpsc::channel::<Cut>(1);
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |request| {
        let (reply, cut_now) = (router.call(request), cut_now.clone());
        async move {
            let mut reply = reply.await?;
            if let Some(cut) = reply.extensions_mut().remove::<Cut>() {
                // The loop below takes the stream away from HTTP: this reply is never finished.
                let _connection_gone = cut_now.send(cut).await;
                std::future::pending::<()>().await;
            }
            Ok::<_, Infallible>(reply)
        }
    });
    let mut http = http1::Builder::new();
    // The `Date` header is the simulated clock's.
    http.auto_date_header(false);
    let mut connection = http.serve_connection(TokioIo::new(stream), service);
    let cut = tokio::select! {
        // The client left or broke the protocol, or the keep-alive ended: nothing to tell.
        _ended = &mut connection => return,
        cut = cuts.recv() => cut,
    };
    if let Some(cut) = cut {
        finish(connection.into_parts().io.into_inner(), cut).await;
    }
}

async fn finish(mut stream: TcpStream, cut: Cut) {
    // Whether the client still listens is not the simulator's business: errors end the connection all the same.
    let _written = stream.write_all(&cut.bytes).await;
    let _flushed = stream.flush().await;
    match cut.end {
        End::Close => {
            let _closed = stream.shutdown().await;
        }
        End::Reset => {
            let _set = stream.set_zero_linger();
        }
        End::Hang => {
            let mut ignored = [0_u8; 256];
            while stream.read(&mut ignored).await.is_ok_and(|n| n > 0) {}
        }
    }
}
