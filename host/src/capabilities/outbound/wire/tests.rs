use std::io::{Read, Write};
use std::net::TcpListener;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::super::account::tests::account;
use super::*;
use crate::policy::Limit;

/// A connection that an event with so many bytes pays for, and the other end of it.
async fn connected(outbound_bytes: u64) -> (Wire, std::net::TcpStream, Arc<Account>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let account = Arc::new(account(|policy| policy.limits.outbound_bytes = outbound_bytes).0);
    let payer = Payer::default();
    payer.set(Some(Arc::clone(&account)));
    (Wire::new(Arc::new(stream), payer), listener.accept().unwrap().0, account)
}

/// What the guest is told of this error.
fn told(error: &io::Error) -> Error {
    super::super::failure::of(error)
}

#[tokio::test]
async fn every_byte_counts_in_both_directions() {
    let (mut wire, mut server, account) = connected(100).await;
    begin_turn();
    wire.write_all(b"ask").await.unwrap();
    server.write_all(b"answer").unwrap();
    let mut answer = [0; 6];
    wire.read_exact(&mut answer).await.unwrap();
    let usage = account.usage();
    assert_eq!((&answer, usage.bytes_out, usage.bytes_in), (b"answer", 3, 6));
}

#[tokio::test]
async fn what_just_fits_is_read_and_one_byte_more_is_too_much() {
    let (mut wire, mut server, account) = connected(6).await;
    begin_turn();
    server.write_all(b"answer").unwrap();
    wire.read_exact(&mut [0; 6]).await.unwrap();
    assert_eq!(account.usage().limit, None);
    server.write_all(&[b'x'; 5000]).unwrap();
    let error = wire.read(&mut [0; 5000]).await.unwrap_err();
    assert!(matches!(told(&error), Error::HttpResponseBodySize(Some(6))), "{error}");
    assert_eq!((account.usage().bytes_in, account.usage().limit), (7, Some(Limit::OutboundBytes)));
}

#[tokio::test]
async fn no_more_is_sent_than_may_be() {
    let (mut wire, mut server, account) = connected(6).await;
    let error = wire.write_all(b"too much").await.unwrap_err();
    assert!(matches!(told(&error), Error::HttpRequestBodySize(Some(6))), "{error}");
    drop(wire);
    let mut sent = String::new();
    server.read_to_string(&mut sent).unwrap();
    assert_eq!((sent.as_str(), account.usage().bytes_out), ("too mu", 6));
    assert_eq!(account.usage().limit, Some(Limit::OutboundBytes));
}

#[tokio::test]
async fn a_turn_ends_however_much_there_is_to_read() {
    let (mut wire, mut server, _account) = connected(1 << 30).await;
    let sender = std::thread::spawn(move || server.write_all(&vec![0; 1 << 20]));
    let mut total = 0;
    let mut turns = 0;
    let read_all = std::future::poll_fn(|context| {
        begin_turn();
        turns += 1;
        let mut read = 0;
        loop {
            let mut bytes = [0; 1 << 16];
            let mut buffer = ReadBuf::new(&mut bytes);
            match Pin::new(&mut wire).poll_read(context, &mut buffer) {
                Poll::Ready(Ok(())) if buffer.filled().is_empty() => return Poll::Ready(()),
                Poll::Ready(Ok(())) => read += buffer.filled().len(),
                Poll::Ready(Err(error)) => panic!("{error}"),
                Poll::Pending => break,
            }
        }
        assert!(read <= TURN, "{read} bytes in one turn");
        total += read;
        if total == 1 << 20 { Poll::Ready(()) } else { Poll::Pending }
    });
    read_all.await;
    assert!(turns >= (1 << 20) / TURN, "{turns} turns");
    sender.join().unwrap().unwrap();
}

#[tokio::test]
async fn a_turn_has_room_for_few_small_reads_and_more_of_them_wait() {
    let (mut wire, mut server, account) = connected(1 << 20).await;
    server.write_all(&[b'x'; 1000]).unwrap();
    let one_turn = async |wire: &mut Wire| {
        let mut reads = 0;
        std::future::poll_fn(|context| {
            begin_turn();
            loop {
                let mut byte = [0];
                match Pin::new(&mut *wire).poll_read(context, &mut ReadBuf::new(&mut byte)) {
                    Poll::Ready(read) => reads += usize::from(read.is_ok()),
                    // The first time, the runtime may not have looked at the socket yet.
                    Poll::Pending if reads == 0 => return Poll::Pending,
                    Poll::Pending => return Poll::Ready(()),
                }
            }
        })
        .await;
        reads
    };
    assert_eq!(one_turn(&mut wire).await, TURN / LEAST);
    // They are as many as may be without a pause.
    assert_eq!(TURN / LEAST, 32);
    for _ in 0..3 {
        assert_eq!(one_turn(&mut wire).await, 1);
    }
    // Another exchange begins anew.
    wire.payer.set(Some(account));
    wire.pause = None;
    assert_eq!(one_turn(&mut wire).await, TURN / LEAST);
}

#[tokio::test]
async fn a_read_that_brings_much_ends_the_pauses() {
    let payer = Payer::default();
    assert!((0..32).all(|_| !payer.note(1)) && payer.note(1) && payer.note(LEAST - 1));
    assert!(!payer.note(LEAST) && !payer.note(1));
}

#[tokio::test]
async fn whatever_comes_while_nobody_asks_is_an_error() {
    let (mut wire, mut server, account) = connected(100).await;
    wire.payer.set(None);
    assert!(is_quiet(&wire.stream));
    server.write_all(b"x").unwrap();
    let error = wire.read(&mut [0; 10]).await.unwrap_err();
    assert!(error.to_string().contains("while no request was in flight"), "{error}");
    assert!(wire.write(b"x").await.is_err());
    assert_eq!(account.usage().bytes_in, 0, "nobody pays for it");
}

#[tokio::test]
async fn a_connection_is_quiet_until_a_byte_or_its_end_comes() {
    let (wire, mut server, _account) = connected(100).await;
    assert!(is_quiet(&wire.stream));
    server.write_all(b"x").unwrap();
    while is_quiet(&wire.stream) {
        std::thread::yield_now();
    }
    let (wire, server, _account) = connected(100).await;
    drop(server);
    while is_quiet(&wire.stream) {
        std::thread::yield_now();
    }
}
