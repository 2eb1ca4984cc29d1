//! Servers that mean to cost their guest's neighbours something: what they send counts, what it takes is charged, and
//! both end.

use std::io::Read as _;
use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use rustls::{ServerConfig, ServerConnection};

use super::*;

const MIB: u64 = 1024 * 1024;

/// A server that does the same with every connection.
fn serve(behave: impl Fn(TcpStream) + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let uri = format!("http://{}/", listener.local_addr().unwrap());
    let behave = Arc::new(behave);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let behave = Arc::clone(&behave);
            std::thread::spawn(move || behave(stream));
        }
    });
    uri
}

/// A server that answers each request with `head` and then with `more` for as long as anybody takes it.
fn endless(head: &'static str, more: &'static str) -> String {
    serve(move |mut stream| {
        receive(&mut stream);
        let _ = stream.write_all(head.as_bytes());
        let more = more.repeat(1 + 8192 / more.len());
        while stream.write_all(more.as_bytes()).is_ok() {}
    })
}

fn handler(outbound_bytes: u64) -> Handler {
    let mut handler = Handler::new();
    handler.policy.limits.outbound_bytes = outbound_bytes;
    handler.policy.limits.wall_time = Duration::from_secs(60);
    handler.policy.limits.cpu_time = Duration::from_secs(60);
    handler
}

/// Whether it ended at the limit of bytes, and all that came was counted and charged.
async fn ends_at_its_bytes(uri: String) {
    let handler = handler(MIB);
    let mut outbound = handler.outbound("a");
    let ended = outbound.get(&uri).await;
    assert!(matches!(ended, Err(Error::HttpResponseBodySize(Some(MIB)))), "{ended:?}");
    let usage = outbound.usage();
    assert_eq!((usage.bytes_in + usage.bytes_out, usage.limit), (MIB + 1, Some(Limit::OutboundBytes)));
    assert!(outbound.charged() > Duration::ZERO);
}

#[tokio::test]
async fn interim_responses_without_end() {
    ends_at_its_bytes(endless("", "HTTP/1.1 103 Early Hints\r\n\r\n")).await;
    ends_at_its_bytes(endless("", "HTTP/1.1 100 Continue\r\nlink: </x>\r\n\r\n")).await;
}

#[tokio::test]
async fn chunks_without_end() {
    const CHUNKED: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    ends_at_its_bytes(endless(CHUNKED, "1\r\nx\r\n")).await;
}

/// The parser has limits of its own for these, far below that of the event.
#[tokio::test]
async fn heads_extensions_and_trailers_without_end() {
    const CHUNKED: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    for (head, more) in [
        ("HTTP/1.1 200 OK\r\n", "x: y\r\n"),
        ("HTTP/1.1 200 OK\r\nx: ", "xxxxxxxxxxxxxxxx"),
        (CHUNKED, "1;extension\r\nx\r\n"),
        (CHUNKED, "1;extension=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\nx\r\n"),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n", "x: y\r\n"),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\nx: ", "xxxxxxxxxxxxxxxx"),
    ] {
        let handler = handler(MIB);
        let mut outbound = handler.outbound("a");
        let ended = outbound.get(&endless(head, more)).await;
        assert!(ended.is_err(), "{head:?} {more:?}: {ended:?}");
        assert!(outbound.usage().bytes_in <= MIB + 1);
    }
}

#[tokio::test]
async fn what_a_server_makes_costly_ends_with_the_event_s_processor_time() {
    let mut handler = handler(u64::MAX);
    handler.policy.limits.cpu_time = Duration::from_millis(20);
    let mut outbound = handler.outbound("a");
    let ended = outbound.get(&endless("", "HTTP/1.1 103 Early Hints\r\n\r\n")).await;
    assert!(matches!(ended, Err(Error::ConnectionTerminated)), "{ended:?}");
    let charged = outbound.charged();
    // A turn is the most that it can be over.
    assert!(charged >= Duration::from_millis(20) && charged < Duration::from_millis(500), "{charged:?}");
    outbound.account.as_ref().unwrap().sender.meter.exhausted().await;
}

#[tokio::test]
async fn others_have_their_turns_while_a_server_floods() {
    let handler = handler(4 * MIB);
    let mut outbound = handler.outbound("a");
    let turns = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&turns);
    let neighbour = tokio::spawn(async move {
        loop {
            counted.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
        }
    });
    let flooded = outbound.get(&endless("", "HTTP/1.1 103 Early Hints\r\n\r\n")).await;
    neighbour.abort();
    assert!(flooded.is_err());
    let turns = turns.load(Ordering::Relaxed);
    assert!(turns >= 4 * 1024 / 16, "{turns} turns for 4 MiB");
}

#[tokio::test]
async fn a_flood_ends_with_its_event() {
    let (gone, is_gone) = channel();
    let gone = Mutex::new(gone);
    let uri = serve(move |mut stream| {
        receive(&mut stream);
        while stream.write_all("HTTP/1.1 103 Early Hints\r\n\r\n".as_bytes()).is_ok() {}
        gone.lock().unwrap().send(()).unwrap();
    });
    let handler = handler(u64::MAX);
    let mut outbound = handler.outbound("a");
    let account = outbound.account().unwrap();
    let target = Target::of(&uri.parse().unwrap()).unwrap();
    let exchange = outbound.exchange(account, target, None).unwrap();
    let running = tokio::spawn(exchange.run(request(Method::GET, &uri, "")));
    while outbound.usage().bytes_in == 0 {
        tokio::task::yield_now().await;
    }
    outbound.end();
    assert!(matches!(running.await.unwrap(), Err(Error::ConnectionTerminated)));
    let (bytes, charged) = (outbound.usage().bytes_in, outbound.charged());
    is_gone.recv().unwrap();
    assert_eq!((outbound.usage().bytes_in, outbound.charged()), (bytes, charged));
}

/// Also where the guest holds on to a body that it does not read.
#[tokio::test]
async fn a_body_ends_with_its_event() {
    let uri = endless("HTTP/1.1 200 OK\r\n\r\n", "xxxxxxxxxxxxxxxx");
    let handler = handler(u64::MAX);
    let mut outbound = handler.outbound("a");
    let mut body = outbound.send(request(Method::GET, &uri, ""), None).await.unwrap().into_body();
    body.frame().await.unwrap().unwrap();
    outbound.end();
    let rest = async { while let Some(Ok(_)) = body.frame().await {} };
    tokio::time::timeout(Duration::from_secs(30), rest).await.unwrap();
    assert_eq!(handler.clients.last().pool.resting(), 0);
}

#[tokio::test]
async fn a_body_that_nobody_reads_costs_no_more_than_a_piece_ahead() {
    let uri = endless("HTTP/1.1 200 OK\r\n\r\n", "xxxxxxxxxxxxxxxx");
    let handler = handler(64 * MIB);
    let mut outbound = handler.outbound("a");
    let body = outbound.send(request(Method::GET, &uri, ""), None).await.unwrap().into_body();
    let mut before = u64::MAX;
    while before != outbound.usage().bytes_in {
        before = outbound.usage().bytes_in;
        for _ in 0..1000 {
            tokio::task::yield_now().await;
        }
    }
    assert!(before < MIB, "{before} bytes");
    drop(body);
}

#[tokio::test]
async fn a_byte_at_a_time_is_charged() {
    let uri = serve(|mut stream| {
        let _ = stream.set_nodelay(true);
        receive(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
        while stream.write_all(b"x").is_ok() {}
    });
    let handler = handler(20_000);
    let mut outbound = handler.outbound("a");
    let ended = outbound.get(&uri).await;
    assert!(matches!(ended, Err(Error::HttpResponseBodySize(Some(20_000)))), "{ended:?}");
    assert!(outbound.charged() > Duration::ZERO);
}

#[tokio::test]
async fn a_connection_on_which_something_came_is_not_used() {
    for first in ["HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nno", "x"] {
        let (sent, is_sent) = channel();
        let sent = Mutex::new(sent);
        let uri = serve(move |mut stream| {
            let _ = stream.write_all(first.as_bytes());
            sent.lock().unwrap().send(()).unwrap();
            let _ = stream.read(&mut [0; 1000]);
        });
        let handler = handler(MIB);
        let mut outbound = handler.outbound("a");
        let target = Target::of(&uri.parse().unwrap()).unwrap();
        let account = outbound.account().unwrap();
        let lease = handler.clients.lease(&account.sender, &outbound.policy, target).unwrap();
        let link = lease.client.dialer.dial(&lease.purpose, &account).await.unwrap();
        is_sent.recv().unwrap();
        while link.is_quiet() {
            tokio::task::yield_now().await;
        }
        lease.client.pool.put(lease.purpose.clone(), link);
        assert!(lease.client.pool.take(&lease.purpose).is_none());
    }
}

#[tokio::test]
async fn a_server_that_goes_on_after_its_response_loses_its_connection() {
    let (gone, is_gone) = channel();
    let gone = Mutex::new(gone);
    let uri = serve(move |mut stream| {
        receive(&mut stream);
        let _ = stream.write_all(OK.as_bytes());
        while stream.write_all("HTTP/1.1 200 OK\r\n\r\n".as_bytes()).is_ok() {}
        gone.lock().unwrap().send(()).unwrap();
    });
    let handler = handler(MIB);
    let mut outbound = handler.outbound("a");
    assert_eq!(outbound.get(&uri).await.unwrap(), "ok");
    // Nobody asks for anything, and the connection is closed all the same.
    let pool = &handler.clients.last().pool;
    while pool.resting() > 0 {
        tokio::task::yield_now().await;
    }
    is_gone.recv_timeout(Duration::from_secs(30)).unwrap();
    assert!(outbound.usage().bytes_in < 100_000, "{:?}", outbound.usage());
    assert_eq!(outbound.get(&uri).await.unwrap(), "ok");
}

#[tokio::test]
async fn a_reset_in_the_middle_is_an_error() {
    let uri = serve(|mut stream| {
        receive(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nx");
        let _ = socket_reset(&stream);
    });
    let ended = handler(MIB).get("a", &uri).await;
    assert!(matches!(ended, Err(Error::ConnectionTerminated)), "{ended:?}");
}

/// Has the stream end in a reset when it is dropped.
fn socket_reset(stream: &TcpStream) -> std::io::Result<()> {
    Ok(rustix::net::sockopt::set_socket_linger(stream, Some(Duration::ZERO))?)
}

#[tokio::test]
async fn switching_protocols_is_a_response_and_the_end_of_the_connection() {
    let uri =
        endless("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n", "xxxx");
    let handler = handler(MIB);
    let response = handler.outbound("a").send(request(Method::GET, &uri, ""), None).await;
    assert_eq!(response.unwrap().status(), 101);
    assert_eq!(handler.clients.last().pool.resting(), 0);
}

#[tokio::test]
async fn a_handshake_counts_and_is_charged() {
    let (roots, tls) = certificate();
    let server = Server::at("127.0.0.1:0", Some(tls), &[&[OK]]);
    let resolver = Answers::of("localhost", &[&["127.0.0.1"]]);
    let handler = Handler::with("127.0.0.1:1", resolver, &roots);
    let mut outbound = handler.outbound("a");
    assert_eq!(outbound.get(&format!("https://localhost:{}/", server.port())).await.unwrap(), "ok");
    let usage = outbound.usage();
    assert!(usage.bytes_in > 500 && usage.bytes_out > 200, "{usage:?}");
    assert!(outbound.charged() > Duration::from_micros(50), "{:?}", outbound.charged());
}

#[tokio::test]
async fn a_handshake_that_goes_on_and_on_ends_at_its_bytes() {
    let uri = serve(|mut stream| {
        // Records of a handshake that holds one long message.
        let record = [&[22, 3, 3, 0x40, 0x00][..], &[2; 0x4000]].concat();
        let _ = stream.read(&mut [0; 10_000]);
        while stream.write_all(&record).is_ok() {}
    });
    let handler = handler(MIB);
    let mut outbound = handler.outbound("a");
    let ended = outbound.get(&uri.replace("http:", "https:")).await;
    assert!(ended.is_err(), "{ended:?}");
    assert!(outbound.usage().bytes_in <= MIB + 1);
}

/// A server that speaks TLS and then sends messages of TLS itself for as long as anybody takes them.
fn endless_tls(tls: Arc<ServerConfig>, answers: bool) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut session = ServerConnection::new(tls).unwrap();
        while session.is_handshaking() {
            session.complete_io(&mut stream).unwrap();
        }
        let mut tls = rustls::Stream::new(&mut session, &mut stream);
        receive(&mut tls);
        if answers {
            tls.write_all(OK.as_bytes()).unwrap();
        }
        // Each is a message that the client has to understand, and that brings no byte to its guest.
        while session.refresh_traffic_keys().is_ok() && session.write_tls(&mut stream).is_ok() {}
    });
    port
}

#[tokio::test]
async fn messages_of_tls_without_end() {
    let (roots, tls) = certificate();
    let port = endless_tls(tls, false);
    let resolver = Answers::of("localhost", &[&["127.0.0.1"]]);
    let mut handler = Handler::with("127.0.0.1:1", resolver, &roots);
    handler.policy.limits.outbound_bytes = 200_000;
    handler.policy.limits.wall_time = Duration::from_secs(60);
    let mut outbound = handler.outbound("a");
    let ended = outbound.get(&format!("https://localhost:{port}/")).await;
    assert!(ended.is_err(), "{ended:?}");
    assert!(outbound.usage().bytes_in <= 200_001, "{:?}", outbound.usage());
}

#[tokio::test]
async fn messages_of_tls_after_the_response_end_the_connection() {
    let (roots, tls) = certificate();
    let port = endless_tls(tls, true);
    let resolver = Answers::of("localhost", &[&["127.0.0.1"]]);
    let handler = Handler::with("127.0.0.1:1", resolver, &roots);
    let mut outbound = handler.outbound("a");
    let uri = format!("https://localhost:{port}/");
    match outbound.get(&uri).await {
        Ok(text) => assert_eq!(text, "ok"),
        // So many came with the response that they were too many.
        Err(error) => assert!(matches!(error, Error::TlsProtocolError), "{error:?}"),
    }
    let pool = &handler.clients.last().pool;
    let began = Instant::now();
    while pool.resting() > 0 {
        assert!(began.elapsed() < Duration::from_secs(30));
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn strangers_share_limits_and_no_connection() {
    let server = Server::start(&[&[OK; 3], &[OK; 3], &[OK; 3]]);
    let handler = handler(MIB);
    let owner = || Owner::Handler(0);
    for tenant in ["x", "y", "x", "y"] {
        assert_eq!(handler.outbound_of(owner(), tenant).get(&server.uri()).await.unwrap(), "ok");
    }
    assert_eq!(server.connections(), [0, 1, 0, 1]);
    let client = handler.clients.last();
    handler.outbound("known").get(&server.uri()).await.unwrap();
    assert!(!Arc::ptr_eq(&client, &handler.clients.last()));
}

#[tokio::test]
async fn strangers_do_not_resume_each_other_s_tls() {
    let (roots, tls) = certificate();
    let server = Server::at("127.0.0.1:0", Some(tls), &[&[OK] as &[&str]; 3]);
    let uri = format!("https://localhost:{}/", server.port());
    let answers = Answers::of("localhost", &[&["127.0.0.1"] as &[&str]; 3]);
    let handler = Handler::with("127.0.0.1:1", answers, &roots);
    for tenant in ["x", "y", "x"] {
        handler.outbound_of(Owner::Handler(0), tenant).get(&uri).await.unwrap();
        server.closed.recv().unwrap();
    }
    assert_eq!(server.handshakes.lock().unwrap().clone(), [HandshakeKind::Full; 3]);
}
