//! Buckets of AWS and of others, and everything that a server may answer in place of an object.

use std::collections::HashMap;
use std::net::TcpListener;
use std::time::SystemTime;

use super::*;
use crate::http1::test_server::Server as TestServer;
use crate::policy::manifest::Manifest;
use crate::policy::manifest::store::StoreUrl;
use crate::store::Digest;

const ROLE: [(&str, &str); 4] = [
    ("AWS_ACCESS_KEY_ID", "AKID"),
    ("AWS_SECRET_ACCESS_KEY", "secret"),
    ("AWS_SESSION_TOKEN", "token"),
    ("AWS_REGION", "eu-central-1"),
];

fn bucket(url: &str, more: &str, vars: &[(&str, &str)]) -> Bucket {
    let toml = format!(
        "[store]\nname = 'prod'\nurl = '{url}'\n{more}\n\
         public_keys = ['ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=']"
    );
    let store = Manifest::parse(&toml).unwrap().store.unwrap();
    let StoreUrl::Bucket(url) = &store.url else { panic!("{:?}", store.url) };
    Bucket::new(&store, url, Client::default(), &vars.iter().copied().collect::<HashMap<_, _>>())
}

/// A bucket on a server that gives these replies, each on a connection of its own.
fn at(server: &TestServer) -> Bucket {
    bucket("s3://tenants/prod", &format!("endpoint_url = '{}'", server.uri()), &ROLE)
}

fn key() -> Key {
    Key::component(&Digest::of(b"x"))
}

fn read(reply: &str) -> Result<Reading, ReadError> {
    at(&TestServer::start(&[&[reply]])).read(&key(), 100, None, 1)
}

fn error(reply: &str) -> String {
    let error = read(reply).unwrap_err();
    assert!(!error.is_of_content(), "{error:?}");
    let text = error.to_string();
    text.strip_prefix(&format!("{}: ", key())).unwrap().to_owned()
}

fn failed(status: &str, code: &str) -> String {
    let body = format!("<?xml version=\"1.0\"?>\n<Error><Code>{code}</Code><Message>No</Message></Error>");
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

#[test]
fn a_bucket_of_aws_is_a_part_of_the_name_of_its_server() {
    for (url, region, host, path) in [
        ("s3://tenants/prod", "eu-central-1", "tenants.s3.eu-central-1.amazonaws.com", "/prod"),
        ("s3://tenants", "cn-north-1", "tenants.s3.cn-north-1.amazonaws.com.cn", ""),
        ("s3://tenants", "us-gov-west-1", "tenants.s3.us-gov-west-1.amazonaws.com", ""),
        ("s3://tenants", "eusc-de-east-1", "tenants.s3.eusc-de-east-1.amazonaws.eu", ""),
        ("s3://my.tenants/prod", "eu-central-1", "s3.eu-central-1.amazonaws.com", "/my.tenants/prod"),
    ] {
        let bucket = bucket(url, &format!("region = '{region}'"), &ROLE);
        assert_eq!((bucket.server.authority().as_str(), bucket.path.as_str()), (host, path), "{url}");
        assert!(bucket.server.is_tls);
    }
    let of_environment = bucket("s3://tenants", "", &ROLE);
    assert_eq!(of_environment.server.host, "tenants.s3.eu-central-1.amazonaws.com");
    let other = bucket("s3://tenants/a/b", "endpoint_url = 'https://s3.example.com'", &[]);
    assert_eq!((other.server.host.as_str(), other.path.as_str()), ("s3.example.com", "/tenants/a/b"));
    assert_eq!(other.region.unwrap(), "us-east-1");
}

#[test]
fn what_the_environment_lacks_is_told() {
    let told = |vars: &[(&str, &str)]| {
        bucket("s3://tenants", "", vars).read(&key(), 9, None, 1).unwrap_err().to_string()
    };
    assert!(told(&[]).ends_with("the region is not known: set `region` in [store], or AWS_REGION"));
    assert!(told(&[("AWS_REGION", "eu.central")]).contains("AWS_REGION: expected the name of a region"));
    assert!(told(&ROLE[3..]).contains("there are no AWS credentials"), "{}", told(&ROLE[3..]));
}

#[test]
fn a_request_is_signed_and_what_is_known_is_asked_for_by_its_etag() {
    let found = "HTTP/1.1 200 OK\r\netag: \"1\"\r\ncontent-length: 2\r\n\r\nok";
    let server = TestServer::start(&[&[found, "HTTP/1.1 304 Not Modified\r\netag: \"1\"\r\n\r\n", found]]);
    let bucket = at(&server);
    let Reading::Found(state, content) = bucket.read(&key(), 2, None, 1).unwrap() else {
        panic!("it is there")
    };
    assert_eq!((&content, &state), (&b"ok".to_vec(), &State::Object("\"1\"".into())));
    assert!(matches!(bucket.read(&key(), 2, Some(&state), 1).unwrap(), Reading::Unchanged));
    let other = State::Object("\"0\"".into());
    assert!(
        matches!(bucket.read(&key(), 2, Some(&other), 1).unwrap(), Reading::Found(found, _) if found == state)
    );
    assert_eq!(server.connections(), [0, 0, 0]);
    let requests = server.requests();
    let line = |request: &str, name: &str| {
        let found = request.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
        found.unwrap_or_default().to_owned()
    };
    assert!(requests[0].starts_with(&format!("GET /tenants/prod/{} HTTP/1.1\r\n", key())), "{}", requests[0]);
    assert_eq!(line(&requests[0], "x-amz-content-sha256"), digest_of(b""));
    assert_eq!(line(&requests[0], "x-amz-security-token"), "token");
    let authorization = line(&requests[0], "authorization");
    assert!(authorization.starts_with("AWS4-HMAC-SHA256 Credential=AKID/"), "{authorization}");
    let scope = "/eu-central-1/s3/aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token, ";
    assert!(authorization.contains(scope), "{authorization}");
    assert_eq!(
        [line(&requests[1], "if-none-match"), line(&requests[2], "if-none-match")],
        ["\"1\"", "\"0\""]
    );
    assert!(!requests[0].contains("if-none-match"));
}

#[test]
fn only_an_object_that_does_not_exist_is_absent() {
    assert!(matches!(read(&failed("404 Not Found", "NoSuchKey")).unwrap(), Reading::Absent));
    assert_eq!(error(&failed("404 Not Found", "NoSuchBucket")), "S3 answered with 404, NoSuchBucket");
    assert_eq!(error("HTTP/1.1 404 Not Found\r\ncontent-length: 6\r\n\r\n<html>"), "S3 answered with 404");
}

#[test]
fn whoever_may_not_read_learns_what_is_needed() {
    let text = error(&failed("403 Forbidden", "AccessDenied"));
    for expected in ["(403, AccessDenied)", "s3:GetObject", "s3:ListBucket"] {
        assert!(text.contains(expected), "{text}");
    }
}

#[test]
fn a_redirect_is_not_followed() {
    let elsewhere = TestServer::start(&[&["HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"]]);
    for status in ["301 Moved Permanently", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"] {
        let reply = format!(
            "HTTP/1.1 {status}\r\nlocation: {}\r\nx-amz-bucket-region: eu-west-1\r\ncontent-length: 0\r\n\r\n",
            elsewhere.uri()
        );
        let text = error(&reply);
        assert!(text.contains("the bucket is in another region, or `endpoint_url` is wrong"), "{text}");
    }
    assert_eq!(elsewhere.requests(), [] as [String; 0]);
}

#[test]
fn every_other_answer_is_an_error_and_not_an_object() {
    assert_eq!(error(&failed("503 Slow Down", "SlowDown")), "S3 is busy, or has failed (503, SlowDown)");
    assert_eq!(error(&failed("500 Oh", "InternalError")), "S3 is busy, or has failed (500, InternalError)");
    assert_eq!(error("HTTP/1.1 204 No Content\r\n\r\n"), "S3 answered with 204");
    assert_eq!(error("HTTP/1.1 206 Partial\r\ncontent-length: 2\r\n\r\nok"), "S3 answered with 206");
    // Nothing was known.
    assert_eq!(error("HTTP/1.1 304 Not Modified\r\n\r\n"), "S3 answered with 304");
    let odd = failed("400 Bad Request", &("\u{1b}[2J".repeat(100) + "x"));
    let text = error(&odd);
    assert!(!text.contains('\u{1b}') && text.len() < 400, "{text}");
    assert!(error("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok").contains("the connection broke"));
    assert!(error("HTTP/1.1 200 OK\r\n\r\nok").contains("the body has no stated length"));
}

const FOUND: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

#[test]
fn an_object_is_asked_for_again_if_s3_fails_for_a_moment() {
    for transient in [
        failed("500 Oh", "InternalError"),
        failed("502 Oh", ""),
        failed("503 Slow Down", "SlowDown"),
        failed("504 Oh", ""),
        failed("429 Too Many Requests", ""),
        // The connection breaks.
        String::new(),
        "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok".to_owned(),
    ] {
        let server = TestServer::start(&[&[&transient], &[&transient], &[FOUND]]);
        let reading = at(&server).read(&key(), 100, None, ATTEMPTS).unwrap();
        assert!(matches!(reading, Reading::Found(_, content) if content == b"ok"), "{transient}");
        assert_eq!(server.connections(), [0, 1, 2]);
    }
    // So many times, and no further.
    let busy = failed("503 Slow Down", "SlowDown");
    let server = TestServer::start(&[&[busy.as_str(); 9]]);
    let error = at(&server).read(&key(), 100, None, ATTEMPTS).unwrap_err().to_string();
    assert!(error.ends_with("S3 is busy, or has failed (503, SlowDown)"), "{error}");
    assert_eq!(server.requests().len(), 4);
    // What will not pass is not asked for again.
    for lasting in [failed("403 Forbidden", "AccessDenied"), failed("501 Oh", "NotImplemented")] {
        let server = TestServer::start(&[&[&lasting, FOUND]]);
        assert!(at(&server).read(&key(), 100, None, ATTEMPTS).is_err());
        assert_eq!(server.requests().len(), 1, "{lasting}");
    }
}

fn dated(status: &str, code: &str, date: SystemTime) -> String {
    failed(&format!("{status}\r\ndate: {}", crate::aws::date(date)), code)
}

#[test]
fn a_clock_that_is_wrong_is_not_the_end() {
    let there = SystemTime::now() + Duration::from_secs(3 * 3600);
    let skewed = dated("403 Forbidden", "RequestTimeTooSkewed", there);
    let server = TestServer::start(&[&[&skewed, FOUND, FOUND]]);
    let bucket = at(&server);
    for _ in 0..2 {
        assert!(matches!(bucket.read(&key(), 100, None, 1).unwrap(), Reading::Found(..)));
    }
    let requests = server.requests();
    let day_and_hour = |request: &str| {
        let date = request.lines().find_map(|line| line.strip_prefix("x-amz-date: ")).unwrap().to_owned();
        date[..11].to_owned()
    };
    let [first, second, third] = [0, 1, 2].map(|at| day_and_hour(&requests[at]));
    assert!(requests.len() == 3 && first < second && second <= third, "{first} {second} {third}");
    // One attempt more, and none if the clocks differ by days.
    let server = TestServer::start(&[&[&skewed, &skewed, FOUND]]);
    let error = at(&server).read(&key(), 100, None, ATTEMPTS).unwrap_err().to_string();
    assert!(error.contains("(403, RequestTimeTooSkewed)"), "{error}");
    assert_eq!(server.requests().len(), 2);
    let far = dated("403 Forbidden", "RequestTimeTooSkewed", there + Duration::from_secs(48 * 3600));
    let server = TestServer::start(&[&[&far, FOUND]]);
    assert!(at(&server).read(&key(), 100, None, ATTEMPTS).is_err());
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn credentials_that_have_expired_are_fetched_again() {
    let answer = |key: &str| {
        let body = format!(
            r#"{{"AccessKeyId":"{key}","SecretAccessKey":"S","Token":"T","Expiration":"2099-01-01T00:00:00Z"}}"#
        );
        format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len())
    };
    let (one, two) = (answer("one"), answer("two"));
    let expired = failed("400 Bad Request", "ExpiredToken");
    let role = TestServer::start(&[&[&one, &two, &two]]);
    let server = TestServer::start(&[&[&expired, FOUND, &expired, &expired]]);
    let uri = role.uri();
    let vars = [("AWS_CONTAINER_CREDENTIALS_FULL_URI", uri.as_str())];
    let bucket = bucket("s3://tenants/prod", &format!("endpoint_url = '{}'", server.uri()), &vars);
    assert!(matches!(bucket.read(&key(), 100, None, 1).unwrap(), Reading::Found(..)));
    let error = bucket.read(&key(), 100, None, ATTEMPTS).unwrap_err().to_string();
    assert!(error.ends_with("S3 answered with 400, ExpiredToken"), "{error}");
    let keys: Vec<bool> =
        server.requests().iter().map(|request| request.contains("Credential=two/")).collect();
    assert_eq!((keys, role.requests().len()), (vec![false, true, true, true], 3));
    // Those of the environment do not change, so nothing is asked again.
    let server = TestServer::start(&[&[&expired, FOUND]]);
    assert!(at(&server).read(&key(), 100, None, ATTEMPTS).is_err());
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn an_object_that_is_too_large_is_not_read() {
    let error = read("HTTP/1.1 200 OK\r\ncontent-length: 101\r\n\r\n…").unwrap_err();
    assert!(
        error.is_of_content() && error.to_string().contains("has 101 bytes, and at most 100 are read"),
        "{error}"
    );
}

#[test]
fn a_state_without_an_etag_is_never_known() {
    let found = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
    let long =
        format!("HTTP/1.1 200 OK\r\netag: {}\r\ncontent-length: 2\r\n\r\nok", "e".repeat(MAX_ETAG + 1));
    let server = TestServer::start(&[&[found, &long, found]]);
    let bucket = at(&server);
    for _ in 0..2 {
        let Reading::Found(state, _) = bucket.read(&key(), 2, None, 1).unwrap() else {
            panic!("it is there")
        };
        assert_eq!(state, State::Object("".into()));
    }
    bucket.read(&key(), 2, Some(&State::Object("".into())), 1).unwrap();
    assert!(server.requests().iter().all(|request| !request.contains("if-none-match")));
}

#[test]
fn a_store_that_is_gone_is_an_error() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let gone = bucket("s3://tenants", &format!("endpoint_url = 'http://{address}'"), &ROLE);
    let error = gone.read(&key(), 9, None, 1).unwrap_err();
    assert!(error.to_string().contains(&format!("{address} cannot be connected to")), "{error}");
}

#[test]
fn a_name_that_was_found_is_escaped() {
    let server = TestServer::start(&[&["HTTP/1.1 204 No Content\r\n\r\n"]]);
    let odd = Key::found("tenants", "a b%2F?x#\r\n.json");
    at(&server).send(&Call { method: "DELETE", key: Some(&odd), ..Call::default() }).unwrap();
    let request = &server.requests()[0];
    let line = "DELETE /tenants/prod/tenants/a%20b%252F%3Fx%23%0D%0A.json HTTP/1.1\r\n";
    assert!(request.starts_with(line), "{request}");
}
