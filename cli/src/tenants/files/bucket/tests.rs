//! A bucket in memory, and writers that use it at the same time.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;

use bulkhead_host::aws::{Client, Credentials, Provider};
use bulkhead_host::policy::manifest::Manifest;
use bulkhead_host::policy::manifest::store::StoreUrl;
use bulkhead_host::store::Digest;
use bulkhead_host::tls::ExtraRoots;

use super::*;

/// The objects by their paths, and the statuses that the next requests get in place of an answer.
#[derive(Clone, Default)]
struct Memory {
    objects: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
    failures: Arc<Mutex<Vec<u16>>>,
}

impl Memory {
    /// Starts the server, and opens its bucket.
    fn start() -> (Self, Bucket) {
        let (memory, listener) = (Self::default(), TcpListener::bind("127.0.0.1:0").unwrap());
        let toml = format!(
            "[store]\nname = 'prod'\nurl = 's3://tenants/prod'\nendpoint_url = 'http://{}'\n\
             public_keys = ['ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=']",
            listener.local_addr().unwrap()
        );
        let this = memory.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let this = this.clone();
                thread::spawn(move || this.serve(&stream.unwrap()));
            }
        });
        let store = Manifest::parse(&toml).unwrap().store.unwrap();
        let StoreUrl::Bucket(url) = &store.url else { panic!("{:?}", store.url) };
        let credentials =
            Credentials { access_key: "A".to_owned(), secret: "S".to_owned(), token: None, expires: None };
        let client = Client::new(ExtraRoots::default());
        let bucket =
            Bucket::with(&store, url, Ok("us-east-1".to_owned()), client, Provider::fixed(credentials));
        (memory, bucket)
    }

    fn serve(&self, stream: &TcpStream) {
        let mut reader = BufReader::new(stream);
        loop {
            let mut lines = Vec::new();
            loop {
                let mut line = String::new();
                if reader.read_line(&mut line).unwrap_or(0) == 0 {
                    return;
                }
                match line.trim_end() {
                    "" => break,
                    line => lines.push(line.to_owned()),
                }
            }
            let header = |name: &str| {
                lines.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).unwrap_or_default()
            };
            let mut body = vec![0; header("content-length").parse().unwrap_or(0)];
            reader.read_exact(&mut body).unwrap();
            let (status, body) = self.answer(&lines[0], [header("if-match"), header("if-none-match")], body);
            let etag = Digest::of(&body);
            let head =
                format!("HTTP/1.1 {status} X\r\netag: \"{etag}\"\r\ncontent-length: {}\r\n\r\n", body.len());
            let mut stream = stream;
            let written = stream.write_all(&[head.as_bytes(), &body].concat());
            if written.is_err() {
                return;
            }
        }
    }

    fn answer(&self, line: &str, [if_match, if_none]: [&str; 2], body: Vec<u8>) -> (u16, Vec<u8>) {
        if let Some(status) = self.failures.lock().unwrap().pop() {
            return (status, b"<Error><Code>Odd</Code></Error>".to_vec());
        }
        let mut words = line.split(' ');
        let (method, target) = (words.next().unwrap(), words.next().unwrap());
        let mut objects = self.objects.lock().unwrap();
        if let Some((_, query)) = target.split_once('?') {
            return (200, list(&objects, query).into_bytes());
        }
        let found = objects.get(target).cloned();
        let etag = found.as_ref().map(|found| format!("\"{}\"", Digest::of(found)));
        let missing = || (404, b"<Error><Code>NoSuchKey</Code></Error>".to_vec());
        match (method, found) {
            ("GET", Some(found)) => (200, found),
            ("PUT", None) if !if_match.is_empty() => missing(),
            ("PUT", Some(_)) if !if_none.is_empty() => (412, Vec::new()),
            ("PUT", _) if !if_match.is_empty() && etag.as_deref() != Some(if_match) => (412, Vec::new()),
            ("PUT", _) => {
                objects.insert(target.to_owned(), body);
                (200, Vec::new())
            }
            ("DELETE", Some(_)) if !if_match.is_empty() && etag.as_deref() != Some(if_match) => {
                (412, Vec::new())
            }
            ("DELETE", _) => {
                objects.remove(target);
                (204, Vec::new())
            }
            _ => missing(),
        }
    }
}

/// When all objects were written.
const WRITTEN: &str = "2026-01-01T00:00:00.000Z";

/// Pages of two objects.
fn list(objects: &BTreeMap<String, Vec<u8>>, query: &str) -> String {
    let value = |name: &str| {
        let found = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        found.unwrap_or_default().replace("%2F", "/")
    };
    let (prefix, after) = (value("prefix"), value("continuation-token"));
    let mut rows: Vec<String> = Vec::new();
    for (path, content) in objects {
        let key = path.strip_prefix("/tenants/").unwrap();
        if !key.starts_with(&prefix) {
            continue;
        }
        rows.push(format!(
            "<Contents><Key>{key}</Key><Size>{}</Size><LastModified>{WRITTEN}</LastModified></Contents>",
            content.len()
        ));
    }
    let from: usize = after.parse().unwrap_or(0);
    let next = (from + 2 < rows.len())
        .then(|| format!("<NextContinuationToken>{}</NextContinuationToken>", from + 2));
    let page: String = rows.into_iter().skip(from).take(2).collect();
    format!("<ListBucketResult>{page}{}</ListBucketResult>", next.unwrap_or_default())
}

#[test]
fn an_object_is_replaced_only_if_it_is_the_one_that_is_known() {
    let (memory, bucket) = Memory::start();
    let key = Key::record("acme");
    assert_eq!(Files::read(&bucket, &key, 9).unwrap(), None);
    assert!(!bucket.replace(&key, b"1", Some(b"0")).unwrap(), "there is none yet");
    assert!(bucket.replace(&key, b"1", None).unwrap());
    for before in [None, Some(&b"0"[..]), Some(b""), Some(b"01")] {
        assert!(!bucket.replace(&key, b"2", before).unwrap(), "{before:?}");
    }
    assert!(bucket.replace(&key, b"2", Some(b"1")).unwrap());
    assert_eq!(Files::read(&bucket, &key, 9).unwrap().as_deref(), Some(&b"2"[..]));
    assert!(!bucket.create(&key, b"3").unwrap());
    assert!(bucket.create(&Key::earlier("acme", 1), b"3").unwrap());
    bucket.write(&Key::earlier("acme", 1), b"4").unwrap();
    let paths: Vec<String> = memory.objects.lock().unwrap().keys().cloned().collect();
    assert_eq!(paths, [format!("/tenants/prod/{}", Key::earlier("acme", 1)), format!("/tenants/prod/{key}")]);
    for other in [&b"1"[..], b"", b"23"] {
        assert!(!bucket.remove_unchanged(&key, other).unwrap(), "{other:?}");
    }
    assert!(bucket.remove_unchanged(&key, b"2").unwrap());
    assert!(!bucket.remove_unchanged(&key, b"2").unwrap());
    assert_eq!(Files::read(&bucket, &key, 9).unwrap(), None);
}

#[test]
fn of_many_writers_at_once_one_replaces_an_object() {
    let (_memory, bucket) = Memory::start();
    let key = Key::record("acme");
    bucket.write(&key, b"before").unwrap();
    let barrier = Barrier::new(8);
    let replaced = thread::scope(|scope| {
        let writers: Vec<_> = (0..8_u8)
            .map(|number| {
                let (bucket, key, barrier) = (&bucket, &key, &barrier);
                scope.spawn(move || {
                    barrier.wait();
                    bucket.replace(key, &[number], Some(b"before")).unwrap()
                })
            })
            .collect();
        writers.into_iter().map(|writer| writer.join().unwrap()).filter(|is| *is).count()
    });
    assert_eq!(replaced, 1);
}

#[test]
fn a_list_has_all_pages_and_what_lies_below() {
    let (_memory, bucket) = Memory::start();
    for version in 1..=5 {
        bucket.write(&Key::earlier("acme", version), b"12").unwrap();
    }
    bucket.write(&Key::earlier("globex", 1), b"").unwrap();
    bucket.write(&Key::found("components", "odd/one"), b"").unwrap();
    let acme = bucket.list(&bulkhead_host::store::layout::history_of("acme")).unwrap();
    let names: Vec<&str> = acme.iter().map(Found::name).collect();
    assert_eq!((names.len(), names[4], acme[0].bytes), (5, "0000000000000005.json", 2));
    let written = humantime::parse_rfc3339(WRITTEN).unwrap();
    assert!(acme.iter().all(|found| found.written == written));
    assert_eq!(bucket.list("history").unwrap().len(), 6);
    let odd = bucket.list("components").unwrap();
    assert!(odd.len() == 1 && odd[0].key.as_str() == "components/odd/one", "{odd:?}");
    assert_eq!(bucket.list("native").unwrap(), []);
}

#[test]
fn an_object_is_removed_only_if_it_is_old_enough() {
    let (_memory, bucket) = Memory::start();
    let key = Key::earlier("acme", 1);
    bucket.write(&key, b"12").unwrap();
    let written = humantime::parse_rfc3339(WRITTEN).unwrap();
    assert!(!bucket.remove_older(&key, written - Duration::from_millis(1)).unwrap());
    assert!(!bucket.remove_older(&Key::earlier("acme", 2), written).unwrap(), "there is none");
    assert!(bucket.remove_older(&key, written).unwrap());
    assert!(!bucket.remove_older(&key, written).unwrap(), "it is gone");
}

#[test]
fn a_bucket_that_is_busy_is_asked_again_and_one_that_refuses_is_not() {
    let (memory, bucket) = Memory::start();
    let key = Key::record("acme");
    let fail = |statuses: &[u16]| *memory.failures.lock().unwrap() = statuses.to_vec();
    fail(&[503, 409, 429]);
    assert!(bucket.create(&key, b"1").unwrap());
    fail(&[503, 500]);
    assert_eq!(Files::read(&bucket, &key, 9).unwrap().as_deref(), Some(&b"1"[..]));
    fail(&[500]);
    bucket.write(&key, b"2").unwrap();
    // It may have been written.
    fail(&[500]);
    let error = format!("{:#}", bucket.replace(&key, b"3", None).unwrap_err());
    assert!(error.ends_with("cannot be written: S3 is busy, or has failed (500, Odd)"), "{error}");
    fail(&[403]);
    let error = format!("{:#}", bucket.write(&key, b"3").unwrap_err());
    assert!(
        error.contains("S3 denied access (403, Odd): these credentials need s3:GetObject, s3:PutObject"),
        "{error}"
    );
    fail(&[403]);
    let error = format!("{:#}", Files::read(&bucket, &key, 9).unwrap_err());
    assert!(error.contains("these credentials need"), "{error}");
}
