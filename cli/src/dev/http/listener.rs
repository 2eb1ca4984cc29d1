//! Accepts the connections of a port and serves each of them, within limits.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::response::Response;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// The address that a request came from.
#[derive(Debug, Clone, Copy)]
pub(in crate::dev) struct Peer(pub(in crate::dev) IpAddr);

/// The limits of a port.
#[derive(Debug, Clone, Copy)]
pub(in crate::dev) struct Bounds {
    /// Connections at a time. Further ones wait to be accepted.
    pub(in crate::dev) connections: usize,
    /// The largest head of a request, in bytes.
    pub(in crate::dev) head: usize,
    /// The longest time that a connection may be idle.
    pub(in crate::dev) idle: Option<Duration>,
}

impl Bounds {
    /// For programs on this machine. Each environment has a connection, so their number is not limited here.
    pub(in crate::dev) const OF_PROGRAMS: Self =
        Self { connections: Semaphore::MAX_PERMITS, head: 400 * 1024, idle: None };

    /// For any web page. Heads may be larger than Lambda allows, and idle connections are closed to make room
    /// for others.
    pub(in crate::dev) const OF_THE_WEB: Self =
        Self { connections: 256, head: 64 * 1024, idle: Some(Duration::from_secs(30)) };
}

/// Accepts and serves connections until this future is dropped.
pub(in crate::dev) async fn serve<A, F>(listener: TcpListener, bounds: Bounds, answer: A)
where
    A: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Response> + Send + 'static,
{
    let permits = Arc::new(Semaphore::new(bounds.connections));
    let mut http = http1::Builder::new();
    http.max_buf_size(bounds.head).timer(TokioTimer::new()).header_read_timeout(bounds.idle);
    loop {
        let permit = Arc::clone(&permits).acquire_owned().await;
        // If the process is out of descriptors, for example, other connections may be closed meanwhile.
        let Ok((stream, peer)) = listener.accept().await else { continue };
        // The frames of a stream are small, and each is needed at once.
        let _ = stream.set_nodelay(true);
        let answer = answer.clone();
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(Peer(peer.ip()));
            let answer = answer(request);
            async move { Ok::<_, Infallible>(answer.await) }
        });
        let connection = http.serve_connection(TokioIo::new(stream), service);
        tokio::spawn(async move {
            // If a connection breaks, its client can open another one.
            let _ = connection.await;
            drop(permit);
        });
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::*;

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

    async fn listening(bounds: Bounds) -> (SocketAddr, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, answers) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
        let counting = Arc::clone(&answers);
        tokio::spawn(serve(listener, bounds, move |request| {
            assert_eq!(
                request.extensions().get::<Peer>().map(|Peer(ip)| ip.to_string()).unwrap(),
                "127.0.0.1"
            );
            counting.fetch_add(1, Ordering::Relaxed);
            async { Response::default() }
        }));
        (address, answers)
    }

    async fn ask(stream: &mut TcpStream) -> String {
        stream.write_all(REQUEST).await.unwrap();
        answer(stream).await
    }

    async fn answer(stream: &mut TcpStream) -> String {
        let mut read = Vec::new();
        while !read.ends_with(b"\r\n\r\n") && stream.read_buf(&mut read).await.unwrap() > 0 {}
        String::from_utf8(read).unwrap()
    }

    #[tokio::test]
    async fn more_connections_than_the_limit_wait() {
        let (address, answers) = listening(Bounds { connections: 2, ..Bounds::OF_THE_WEB }).await;
        let [mut one, mut two, mut three] = [
            TcpStream::connect(address).await.unwrap(),
            TcpStream::connect(address).await.unwrap(),
            TcpStream::connect(address).await.unwrap(),
        ];
        assert!(ask(&mut one).await.starts_with("HTTP/1.1 200") && ask(&mut two).await.contains("200"));
        three.write_all(REQUEST).await.unwrap();
        ask(&mut two).await;
        assert_eq!(answers.load(Ordering::Relaxed), 3, "the third is not taken");
        drop(one);
        assert!(answer(&mut three).await.starts_with("HTTP/1.1 200"));
    }

    #[tokio::test]
    async fn who_asks_for_nothing_or_too_much_is_let_go() {
        let short = Some(Duration::from_millis(20));
        let (address, answers) = listening(Bounds { idle: short, ..Bounds::OF_THE_WEB }).await;
        let mut idle = TcpStream::connect(address).await.unwrap();
        assert!(!answer(&mut idle).await.contains("200"));
        let mut kept = TcpStream::connect(address).await.unwrap();
        assert!(ask(&mut kept).await.contains("200"));
        assert_eq!(answer(&mut kept).await, "", "closed");
        let mut large = TcpStream::connect(address).await.unwrap();
        let head = format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "a".repeat(2 * Bounds::OF_THE_WEB.head));
        // It is rejected before all of it is read.
        let _ = large.write_all(head.as_bytes()).await;
        let mut refused = Vec::new();
        let _ = large.read_to_end(&mut refused).await;
        assert!(!refused.starts_with(b"HTTP/1.1 200"));
        assert_eq!(answers.load(Ordering::Relaxed), 1);
    }
}
