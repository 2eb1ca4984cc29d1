//! Events with one answer each, environments that come and go.

use super::*;

const ONE: EnvironmentId = EnvironmentId(1);
const TWO: EnvironmentId = EnvironmentId(2);

fn events() -> Events {
    let events = Events::new(Duration::from_secs(3));
    events.begin_environment(ONE);
    events
}

fn event(body: &'static str) -> Event {
    Event { body: Bytes::from_static(body.as_bytes()), ..Event::default() }
}

fn send(events: &Events, name: &'static str) -> oneshot::Receiver<Reply> {
    events.send(name.to_owned(), event(name))
}

async fn answer(reply: oneshot::Receiver<Reply>) -> Answer {
    reply.await.unwrap().collect().await
}

fn whole(body: &'static str) -> Reply {
    Reply::Whole(Bytes::from_static(body.as_bytes()))
}

fn replied(body: &'static str) -> Answer {
    Answer::Replied(Bytes::from_static(body.as_bytes()))
}

fn error_type(answer: Answer) -> String {
    match answer {
        Answer::Replied(body) => panic!("{body:?}"),
        Answer::Failed { error_type, .. } | Answer::NotStarted { error_type, .. } => error_type,
    }
}

#[tokio::test]
async fn each_event_gets_its_own_answer() {
    let events = events();
    let (first, second) = (send(&events, "1"), send(&events, "2"));
    let (one, two) = (events.next(ONE).await, events.next(ONE).await);
    assert_eq!((one.event.body.as_ref(), two.event.body.as_ref()), (&b"1"[..], &b"2"[..]));
    events.answer(&two.request_id, whole("b")).unwrap();
    events.answer(&one.request_id, whole("a")).unwrap();
    assert_eq!((answer(first).await, answer(second).await), (replied("a"), replied("b")));
    assert_eq!(events.answer(&one.request_id, whole("c")), Err(Unknown));
}

#[tokio::test]
async fn who_asks_first_gets_the_event_that_comes() {
    let events = events();
    let mut reply = None;
    let send = async { reply = Some(send(&events, "late")) };
    let (delivery, ()) = tokio::join!(events.next(ONE), send);
    assert!(reply.is_some());
    assert_eq!(delivery.event.body.as_ref(), b"late");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    let deadline = u128::from(delivery.deadline_ms);
    assert!((now + 2000..=now + 3000).contains(&deadline), "{deadline}");
}

#[tokio::test]
async fn where_nothing_can_start_all_are_told() {
    let events = events();
    let before = send(&events, "1");
    events.fail_start(ONE, Failure::new("Runtime.X", "why"));
    assert_eq!(error_type(answer(before).await), "Runtime.X");
    assert_eq!(error_type(answer(send(&events, "2")).await), "Runtime.X");
}

#[tokio::test]
async fn a_start_that_fails_beside_one_that_works_costs_no_event() {
    let events = events();
    drop(tokio::time::timeout(Duration::ZERO, events.next(ONE)).await);
    events.begin_environment(TWO);
    let reply = send(&events, "1");
    events.fail_start(TWO, Failure::new("Runtime.X", "why"));
    assert!(!events.end_environment(TWO, |_| Failure::new("Runtime.ExitError", "gone")));
    let delivery = events.next(ONE).await;
    events.answer(&delivery.request_id, whole("a")).unwrap();
    assert_eq!(answer(reply).await, replied("a"));
}

#[tokio::test]
async fn an_environment_that_ends_answers_what_it_had_and_nothing_else() {
    let events = events();
    let (had, waits) = (send(&events, "1"), send(&events, "2"));
    drop(events.next(ONE).await);
    assert!(events.end_environment(ONE, |id| Failure::new("Runtime.ExitError", id)));
    let Answer::Failed { body, .. } = answer(had).await else { panic!("an answer") };
    assert_eq!(body, r#"{"errorMessage":"1","errorType":"Runtime.ExitError"}"#);
    assert_eq!((events.load().waiting, events.load().ready), (1, 0));
    events.begin_environment(TWO);
    assert_eq!(events.next(TWO).await.request_id, "2");
    drop(waits);
}

#[tokio::test]
async fn one_that_is_to_go_keeps_its_event_and_gets_no_other() {
    let events = events();
    let (first, second) = (send(&events, "1"), send(&events, "2"));
    let delivery = events.next(ONE).await;
    assert_eq!(events.fate(ONE, false).await, Fate::Started);
    events.retire(ONE);
    events.begin_environment(TWO);
    assert_eq!(events.next(TWO).await.request_id, "2");
    events.answer(&delivery.request_id, whole("a")).unwrap();
    assert_eq!(answer(first).await, replied("a"));
    let asks = events.next(ONE);
    tokio::select! {
        biased;
        _ = asks => panic!("it got another event"),
        fate = events.fate(ONE, true) => assert_eq!(fate, Fate::Drained),
    }
    drop(second);
}

#[tokio::test]
async fn an_event_has_the_function_s_timeout_and_no_more() {
    let events = Events::new(Duration::from_millis(20));
    events.begin_environment(ONE);
    let reply = send(&events, "1");
    let sent = Instant::now();
    let late = async {
        drop(events.next(ONE).await);
        events.fate(ONE, true).await
    };
    let Fate::Overdue(late) = late.await else { panic!("it is not overdue") };
    assert!(sent.elapsed() >= Duration::from_millis(20));
    events.fail(&late, |_| Failure::new("Sandbox.Timedout", "late"));
    assert_eq!(error_type(answer(reply).await), "Sandbox.Timedout");
}

#[tokio::test]
async fn a_stream_without_an_end_was_cut_off() {
    let (pieces, stream) = tokio::sync::mpsc::channel(2);
    pieces.send(Piece::Data(Bytes::from_static(b"part"))).await.unwrap();
    drop(pieces);
    let reply = Reply::Streamed(Stream { content_type: None, pieces: stream });
    assert_eq!(error_type(reply.collect().await), "Runtime.TruncatedResponse");
}

#[tokio::test]
async fn a_caller_that_went_away_costs_nothing() {
    let events = events();
    drop(send(&events, "1"));
    let delivery = events.next(ONE).await;
    assert_eq!(events.answer(&delivery.request_id, whole("a")), Ok(()));
}
