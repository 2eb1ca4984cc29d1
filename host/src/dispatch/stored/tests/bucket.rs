//! A store in a bucket: how often it is asked, and what a function makes of a server that is gone, slow, or lies.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;

use super::*;
use crate::http1::test_server::receive;

/// The variables of a function.
pub(super) fn role() -> HashMap<&'static str, &'static str> {
    [("AWS_ACCESS_KEY_ID", "A"), ("AWS_SECRET_ACCESS_KEY", "S"), ("AWS_REGION", "eu-central-1")].into()
}

/// How a server answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood {
    Good,
    /// It closes every connection.
    Gone,
    Silent,
    /// A byte now and then.
    Dripping,
    Busy,
    /// It fails when it is asked for an object for the first time.
    FailsAtFirst,
    Denying,
    Redirecting,
    CutOff,
    TooShort,
    Endless,
    /// It does not say how long the body is.
    Unframed,
    /// A page of another server.
    NotFound,
    NoBucket,
    Unchanged,
}

/// A server with the objects of a store that is in a folder.
#[derive(Clone)]
pub(super) struct Objects {
    mood: Arc<Mutex<Mood>>,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Objects {
    fn serve(folder: PathBuf, listener: TcpListener) -> Self {
        let objects = Self { mood: Arc::new(Mutex::new(Mood::Good)), requests: Arc::default() };
        let this = objects.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (this, folder) = (this.clone(), folder.clone());
                thread::spawn(move || this.connection(&folder, stream.unwrap()));
            }
        });
        objects
    }

    fn connection(&self, folder: &Path, mut stream: TcpStream) {
        loop {
            let request = receive(&mut stream);
            if request.is_empty() {
                return;
            }
            let mut mood = *self.mood.lock().unwrap();
            let line = |request: &str| request.lines().next().unwrap().to_owned();
            let is_first = !self.requests.lock().unwrap().iter().any(|before| line(before) == line(&request));
            if mood == Mood::FailsAtFirst {
                mood = if is_first { Mood::Busy } else { Mood::Good };
            }
            let reply = reply(folder, &request, mood);
            self.requests.lock().unwrap().push(request);
            if mood == Mood::Gone || stream.write_all(&reply).is_err() {
                return;
            }
            if mood == Mood::Silent {
                drop(stream.read(&mut [0]));
            }
            if mood == Mood::Dripping {
                stream.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
                while !matches!(stream.read(&mut [0]), Ok(0)) && stream.write_all(b" ").is_ok() {}
            }
            if matches!(mood, Mood::CutOff | Mood::TooShort | Mood::Unframed) {
                return;
            }
        }
    }

    pub(super) fn is(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    pub(super) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.requests.lock().unwrap())
    }
}

fn reply(folder: &Path, request: &str, mood: Mood) -> Vec<u8> {
    let error = |status: &str, code: &str| {
        let body = format!("<Error><Code>{code}</Code></Error>");
        format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes()
    };
    let path = request.split(' ').nth(1).unwrap().strip_prefix("/tenants/").unwrap();
    let object = std::fs::read(folder.join(path));
    match mood {
        Mood::Good | Mood::FailsAtFirst => {}
        Mood::Gone | Mood::Silent => return Vec::new(),
        Mood::Dripping => return b"HTTP/1.1 200 OK\r\ncontent-length: 99999\r\n\r\n".to_vec(),
        Mood::Busy => return error("503 Slow Down", "SlowDown"),
        Mood::Denying => return error("403 Forbidden", "AccessDenied"),
        Mood::Redirecting => return error("301 Moved\r\nlocation: http://127.0.0.1:1/", "PermanentRedirect"),
        Mood::CutOff => return b"HTTP/1.1 200 OK\r\ncontent-le".to_vec(),
        Mood::TooShort => return b"HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n{".to_vec(),
        Mood::Endless => {
            let chunk = format!("fff\r\n{}\r\n", " ".repeat(0xfff)).repeat(40);
            return format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{chunk}").into_bytes();
        }
        Mood::Unframed => return b"HTTP/1.1 200 OK\r\n\r\n{".to_vec(),
        Mood::NotFound => return b"HTTP/1.1 404 Not Found\r\ncontent-length: 6\r\n\r\n<html>".to_vec(),
        Mood::NoBucket => return error("404 Not Found", "NoSuchBucket"),
        Mood::Unchanged => return b"HTTP/1.1 304 Not Modified\r\n\r\n".to_vec(),
    }
    let Ok(object) = object else { return error("404 Not Found", "NoSuchKey") };
    let etag = format!("\"{}\"", Digest::of(&object).digits());
    if request.contains(&format!("\r\nif-none-match: {etag}\r\n")) {
        return b"HTTP/1.1 304 Not Modified\r\n\r\n".to_vec();
    }
    let head = format!("HTTP/1.1 200 OK\r\netag: {etag}\r\ncontent-length: {}\r\n\r\n", object.len());
    [head.as_bytes(), &object].concat()
}

pub(super) fn stage(more: &str) -> (Stage, Objects) {
    let mut objects = None;
    let stage = Stage::at(
        |folder| {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            objects = Some(Objects::serve(folder.to_owned(), listener));
            format!("url = 's3://tenants'\nendpoint_url = 'http://{address}'")
        },
        more,
    );
    (stage, objects.unwrap())
}

/// What an event finds that can wait for so long.
fn find(stage: &Stage, tenant: &str, patience: Duration) -> Found {
    let (meter, mut stop) = (Meter::new(Duration::MAX), Stop::default());
    let mut waiting = Waiting::new(Instant::now() + patience, &meter, &mut stop);
    block_on(stage.stored.find_all(vec![tenant.into()], &mut waiting)).remove(tenant).unwrap()
}

#[test]
fn a_first_event_takes_two_requests_and_a_look_one_short_one() {
    let (stage, objects) = stage("refresh = '1ms'\nmax_stale = '1ms'");
    let record = stage.put("acme", 1, |_| ());
    let handler = stage.find("acme").unwrap().handler;
    stage.component(handler).unwrap();
    let native = Key::native(&record.handler.unwrap().native()[0].digest);
    let lines: Vec<String> =
        [Key::record("acme"), native].iter().map(|key| format!("GET /tenants/{key} ")).collect();
    let asked = objects.asked();
    assert_eq!(asked.len(), 2);
    assert!(asked.iter().zip(&lines).all(|(request, line)| request.starts_with(line)), "{asked:?}");
    for _ in 0..2 {
        wait_a_look();
        assert_eq!(stage.find("acme").unwrap().handler, handler);
        let asked = objects.asked();
        assert!(asked.len() == 1 && asked[0].contains("\r\nif-none-match: \""), "{asked:?}");
    }
    assert_eq!(stage.find("nobody").unwrap_err(), Absence::Unknown);
    // An update has another etag, and the same code is not fetched again.
    wait_a_look();
    stage.put("acme", 2, |record| {
        record.handler.as_mut().unwrap().settings.limits.insert("memory".to_owned(), 1 << 20);
    });
    objects.asked();
    assert_eq!(stage.find("acme").unwrap().policy.limits.memory, 1 << 20);
    stage.component(handler).unwrap();
    assert_eq!(objects.asked().len(), 1);
    wait_a_look();
    stage.put("acme", 3, |record| record.handler = None);
    assert_eq!(stage.find("acme").unwrap_err(), Absence::Unknown);
}

#[test]
fn a_tenant_that_is_known_is_served_whatever_becomes_of_the_store() {
    let (stage, objects) = stage("refresh = '1ms'\nmax_stale = '1h'");
    stage.put("acme", 1, |_| ());
    let handler = stage.find("acme").unwrap().handler;
    stage.component(handler).unwrap();
    for (number, (mood, expected)) in [
        (Mood::Gone, "the connection broke"),
        (Mood::Busy, "S3 is busy, or has failed (503, SlowDown)"),
        (Mood::Denying, "the role needs s3:GetObject"),
        (Mood::Redirecting, "the bucket is in another region"),
        (Mood::CutOff, "the connection broke"),
        (Mood::TooShort, "the connection broke"),
        (Mood::Unframed, "the body has no stated length"),
        (Mood::NotFound, "S3 answered with 404"),
        (Mood::NoBucket, "S3 answered with 404, NoSuchBucket"),
        (Mood::Unchanged, "S3 answered with 304"),
        (Mood::Silent, "the store has not answered in time"),
        (Mood::Dripping, "the store has not answered in time"),
    ]
    .into_iter()
    .enumerate()
    {
        objects.is(mood);
        let is_slow = matches!(mood, Mood::Silent | Mood::Dripping);
        let patience = if is_slow { Duration::from_millis(100) } else { Duration::from_secs(30) };
        let tenant = format!("t{number}");
        stage.put(&tenant, 1, |_| ());
        match find(&stage, &tenant, patience) {
            Err(Absence::Unavailable(reason)) => assert!(reason.contains(expected), "{mood:?}: {reason}"),
            other => panic!("{mood:?}: {other:?}"),
        }
        for _ in 0..2 {
            wait_a_look();
            assert_eq!(find(&stage, "acme", patience).unwrap().handler, handler, "{mood:?}");
            assert!(stage.component(handler).is_ok());
        }
    }
    objects.is(Mood::Good);
    stage.put("later", 1, |_| ());
    assert!(find(&stage, "later", Duration::from_secs(30)).is_ok());
}

#[test]
fn an_event_is_not_lost_because_s3_fails_once_and_a_look_behind_it_is_not_repeated() {
    let (stage, objects) = stage("refresh = '1ms'\nmax_stale = '1h'");
    stage.put("acme", 1, |_| ());
    objects.is(Mood::FailsAtFirst);
    let handler = stage.find("acme").unwrap().handler;
    assert!(stage.component(handler).is_ok());
    assert_eq!(objects.asked().len(), 4);
    objects.is(Mood::Busy);
    wait_a_look();
    assert!(stage.find("acme").is_ok());
    let until = in_half_a_minute();
    while !stage.stored.lock().records.is_empty() {
        assert!(Instant::now() < until, "it is still looked at");
        thread::yield_now();
    }
    assert_eq!(objects.asked().len(), 1);
}

#[test]
fn an_object_without_end_costs_its_tenant_only() {
    let (stage, objects) = stage(FOREVER);
    stage.put("acme", 1, |_| ());
    objects.is(Mood::Endless);
    assert!(stage.invalid("large").contains("and at most 131072 are read"));
    objects.is(Mood::Good);
    assert!(stage.find("acme").is_ok());
}
