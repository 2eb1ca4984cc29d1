//! Requests for an event, and a stop that comes before, between and after.

use std::sync::Arc;

use tokio::sync::Notify;

use super::wire::tests::Step::{self, Read, Tell, WaitFor, WaitForEnd, Write};
use super::wire::tests::serve_all;
use super::*;

const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\nlambda-runtime-aws-request-id: 1\r\ncontent-length: 5\r\n\r\nev";

/// What a client gets that is asked to stop when a server has come to here, which takes some steps before and some after.
async fn stopped(before: &[Step], after: Vec<Step>) -> Option<NextEvent> {
    let (come, stopped) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let between = [Tell(Arc::clone(&come)), WaitFor(Arc::clone(&stopped))];
    let steps = before.iter().cloned().chain(between).chain(after).chain([WaitForEnd]);
    let (address, _served) = serve_all(vec![steps.collect()]).await;
    let mut api = RuntimeApi::new(address.to_string().parse().unwrap());
    let stop = Stop::default();
    let mut told = stop.clone();
    let next = tokio::spawn(async move { api.next(&mut told).await.unwrap() });
    come.notified().await;
    stop.request();
    stopped.notify_one();
    next.await.unwrap()
}

#[tokio::test]
async fn c11_14_an_event_that_has_begun_to_arrive_is_read_to_its_end() {
    let event = stopped(&[Read(80), Write(HEAD)], vec![Write(b"ent")]).await.unwrap();
    assert_eq!(event.body, "event");
    let event = stopped(&[Read(80), Write(&HEAD[..1])], vec![Write(&HEAD[1..]), Write(b"ent")]).await;
    assert_eq!(event.unwrap().body, "event");
}

#[tokio::test]
async fn c11_14_an_event_that_never_ends_is_not_waited_for() {
    assert!(stopped(&[Read(80), Write(HEAD)], vec![]).await.is_none());
}

#[tokio::test]
async fn c11_14_a_request_without_a_reply_is_given_up() {
    assert!(stopped(&[Read(80)], vec![]).await.is_none());
}

#[tokio::test]
async fn c11_14_nothing_is_requested_after_the_stop() {
    let stop = Stop::default();
    stop.request();
    // Nothing listens there.
    let mut api = RuntimeApi::new("127.0.0.1:1".parse().unwrap());
    assert!(api.next(&mut stop.clone()).await.unwrap().is_none());
}
