//! Exchanges that are ended by a limit: of bytes, of time, or of requests.

use super::*;

#[tokio::test]
async fn a_response_over_the_budget_is_cut_off() {
    let large = format!("HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n{}", "x".repeat(100_000));
    let server = Server::start(&[&[&large]]);
    let mut handler = Handler::new();
    handler.policy.limits.outbound_bytes = 50_000;
    let mut outbound = handler.outbound("a");
    let cut = outbound.get(&server.uri()).await;
    assert!(matches!(cut, Err(Error::HttpResponseBodySize(Some(50_000)))), "{cut:?}");
    assert_eq!(outbound.usage().limit, Some(Limit::OutboundBytes));
}

#[tokio::test]
async fn a_request_over_the_budget_is_cut_off() {
    let server = Server::start(&[&[OK]]);
    let mut handler = Handler::new();
    handler.policy.limits.outbound_bytes = 3;
    let mut outbound = handler.outbound("a");
    let cut = outbound.send(request(Method::POST, &server.uri(), "four"), None).await;
    assert!(matches!(cut, Err(Error::HttpRequestBodySize(Some(3)))), "{cut:?}");
    assert_eq!(outbound.usage().limit, Some(Limit::OutboundBytes));
}

#[tokio::test]
async fn a_head_without_end_is_not_taken() {
    let head = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "x".repeat(200_000));
    let server = Server::start(&[&[&head]]);
    let failed = Handler::new().get("a", &server.uri()).await;
    assert!(matches!(failed, Err(Error::HttpResponseHeaderSectionSize(None))), "{failed:?}");
}

#[tokio::test]
async fn a_response_that_ends_early_is_an_error() {
    let server = Server::start(&[&["HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nok"]]);
    let failed = Handler::new().get("a", &server.uri()).await;
    assert!(matches!(failed, Err(Error::ConnectionTerminated)), "{failed:?}");
}

#[tokio::test]
async fn silence_ends_with_the_guest_s_patience() {
    let options = |first_byte, between_bytes| RequestOptions {
        connect_timeout: None,
        first_byte_timeout: Some(Duration::from_millis(first_byte)),
        between_bytes_timeout: Some(Duration::from_millis(between_bytes)),
    };
    let server = Server::start(&[&["…"], &["HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nok…"]]);
    let mut outbound = Handler::new().outbound("a");
    let get = || request(Method::GET, &server.uri(), "");
    let silent = outbound.send(get(), Some(options(20, 5000))).await;
    assert!(matches!(silent, Err(Error::ConnectionReadTimeout)), "{silent:?}");
    let mut body = outbound.send(get(), Some(options(5000, 20))).await.unwrap().into_body();
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "ok");
    let stalled = body.frame().await.unwrap();
    assert!(matches!(stalled, Err(Error::ConnectionReadTimeout)), "{stalled:?}");
    assert!(body.frame().await.is_none());
}

#[tokio::test]
async fn silence_ends_with_the_event() {
    let server = Server::start(&[&["…"]]);
    let mut handler = Handler::new();
    handler.policy.limits.wall_time = Duration::from_millis(20);
    assert!(matches!(handler.get("a", &server.uri()).await, Err(Error::ConnectionReadTimeout)));
}

#[tokio::test]
async fn no_patience_at_all_is_an_error_and_no_panic() {
    let server = Server::start(&[&["…"]]);
    let none = Some(Duration::ZERO);
    let options =
        RequestOptions { connect_timeout: none, first_byte_timeout: none, between_bytes_timeout: none };
    let mut outbound = Handler::new().outbound("a");
    let failed = outbound.send(request(Method::GET, &server.uri(), ""), Some(options)).await;
    // Loopback may be faster than any timer.
    let is_timeout = matches!(failed, Err(Error::ConnectionTimeout | Error::ConnectionReadTimeout));
    assert!(is_timeout, "{failed:?}");
}

#[tokio::test]
async fn a_handshake_without_end_ends_with_the_event() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut handler = Handler::new();
    handler.policy.limits.wall_time = Duration::from_millis(20);
    let failed = handler.get("a", &format!("https://{}/", silent.local_addr().unwrap())).await;
    assert!(matches!(failed, Err(Error::ConnectionTimeout)), "{failed:?}");
}

#[tokio::test]
async fn nobody_there_is_told_as_such() {
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let failed = Handler::new().get("a", &format!("http://{gone}/")).await;
    assert!(matches!(failed, Err(Error::ConnectionRefused)), "{failed:?}");
}

#[tokio::test]
async fn requests_under_way_are_limited() {
    let server = Server::start(&[&["…"] as &[&str]; 17]);
    let mut outbound = Handler::new().outbound("a");
    let mut start = |connect_timeout| {
        let request = request(Method::GET, &server.uri(), "");
        let (account, target) = (outbound.account().unwrap(), Target::of(request.uri()).unwrap());
        let options = RequestOptions { connect_timeout, ..RequestOptions::default() };
        tokio::spawn(outbound.exchange(account, target, Some(options)).unwrap().run(request))
    };
    let running: Vec<_> = (0..16).map(|_| start(None)).collect();
    let last = start(Some(Duration::from_millis(20))).await.unwrap();
    assert!(matches!(last, Err(Error::ConnectionLimitReached)), "{last:?}");
    // A request that is dropped makes room for another.
    running[0].abort();
    let next = start(Some(Duration::from_secs(4)));
    running[1].abort();
    tokio::task::yield_now().await;
    assert!(!next.is_finished());
}
