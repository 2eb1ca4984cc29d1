//! Environments with credentials and without, and servers that have them.

use std::collections::HashMap;

use super::*;
use crate::http1::test_server::Server as TestServer;

fn time(text: &str) -> SystemTime {
    humantime::parse_rfc3339(text).unwrap()
}

const NOON: &str = "2026-01-01T12:00:00Z";

fn answer(key: &str, expires: &str) -> String {
    let body = format!(
        r#"{{"AccessKeyId":"{key}","SecretAccessKey":"S","Token":"T","Expiration":"{expires}","Other":1}}"#
    );
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

/// A provider whose server gives these answers, and the keys or errors of requests at these times.
fn asked(answers: &[&str], times: &[&str]) -> (Vec<String>, TestServer) {
    let connections: Vec<&[&str]> = answers.chunks(1).collect();
    let server = TestServer::start(&connections);
    let url = format!("{}2021-04-23/credentials", server.uri());
    let vars = HashMap::from([
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", url.as_str()),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "secret token"),
        ("AWS_ACCESS_KEY_ID", "another"),
        ("AWS_SECRET_ACCESS_KEY", "another"),
    ]);
    let (provider, client) = (Provider::of_function(&vars), Client::default());
    let found = times.iter().map(|at| match provider.get(&client, time(at)) {
        Ok(credentials) => credentials.access_key.clone(),
        Err(error) => error.to_string(),
    });
    (found.collect(), server)
}

#[test]
fn variables_have_credentials_that_do_not_change() {
    let vars = HashMap::from([
        ("AWS_ACCESS_KEY_ID", "A"),
        ("AWS_SECRET_ACCESS_KEY", "S"),
        ("AWS_SESSION_TOKEN", "T"),
    ]);
    let credentials = Provider::of_function(&vars).get(&Client::default(), time(NOON)).unwrap();
    assert_eq!((credentials.access_key.as_str(), credentials.secret.as_str()), ("A", "S"));
    assert_eq!((credentials.token.as_deref(), credentials.expires), (Some("T"), None));
    let shown = format!("{credentials:?} {:?}", Provider::fixed((*credentials).clone()));
    assert!(!shown.contains("\"S\"") && !shown.contains("\"T\""), "{shown}");
    let none = Provider::of_function(&HashMap::from([("AWS_ACCESS_KEY_ID", "A")]));
    let error = none.get(&Client::default(), time(NOON)).unwrap_err().to_string();
    assert!(error.starts_with("there are no AWS credentials: neither"), "{error}");
}

#[test]
fn a_server_is_asked_again_five_minutes_before_credentials_expire() {
    let (one, two) = (answer("one", "2026-01-01T13:00:00Z"), answer("two", "2026-01-01T14:00:00Z"));
    let times = [NOON, "2026-01-01T12:54:59Z", "2026-01-01T12:55:00Z", "2026-01-01T13:30:00Z"];
    let (found, server) = asked(&[&one, &two], &times);
    assert_eq!(found, ["one", "one", "two", "two"]);
    let requests = server.requests();
    assert_eq!(requests.len(), 2);
    assert!(requests[0].starts_with("GET /2021-04-23/credentials HTTP/1.1\r\n"), "{}", requests[0]);
    assert!(requests[0].contains("\r\nauthorization: secret token\r\n"), "{}", requests[0]);
}

#[test]
fn the_old_ones_are_used_until_they_expire_if_there_are_no_new_ones() {
    let one = answer("one", "2026-01-01T13:00:00Z");
    let fails = "HTTP/1.1 500 Oh\r\ncontent-length: 0\r\n\r\n";
    let two = answer("two", "2026-01-01T14:00:00Z");
    let times = [
        NOON,
        "2026-01-01T12:56:00Z",
        "2026-01-01T12:56:29Z",
        "2026-01-01T12:56:30Z",
        "2026-01-01T13:00:00Z",
    ];
    let (found, server) = asked(&[&one, fails, fails, &two], &times);
    assert_eq!(found, ["one", "one", "one", "one", "two"]);
    assert_eq!(server.requests().len(), 4, "for half a minute, the server is left alone");
    let (found, _) = asked(&[&one, fails], &[NOON, "2026-01-01T13:00:00Z"]);
    assert_eq!(found[1], "the role's credentials cannot be fetched: the answer has the status 500");
}

#[test]
fn answers_that_are_not_credentials_are_not_shown() {
    let secret = "HTTP/1.1 200 OK\r\ncontent-length: 24\r\n\r\n{\"SecretAccessKey\":\"KEY\"}";
    for odd in [secret, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n[]", &answer("one", "soon")] {
        let (found, _) = asked(&[odd], &[NOON]);
        assert_eq!(found, ["the role's credentials cannot be fetched: the answer is not valid"]);
    }
}

#[test]
fn a_token_is_sent_to_this_machine_only() {
    for (url, is_near) in [
        ("http://127.0.0.1:1/", true),
        ("http://localhost:1", true),
        ("http://[::1]:1/", true),
        ("http://169.254.170.2:1/", true),
        ("http://[fd00:ec2::23]:1/", true),
        ("http://169.254.169.254/", false),
        ("http://10.0.0.1/", false),
        ("http://a.example/", false),
        ("ftp://127.0.0.1/", false),
    ] {
        let is_ours = Server::of_url(url).is_ok_and(|(server, _)| super::is_near(&server));
        assert_eq!(is_ours, is_near, "{url}");
    }
    let vars = HashMap::from([("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://a.example/x")]);
    let error = Provider::of_function(&vars).get(&Client::default(), time(NOON)).unwrap_err();
    assert!(error.to_string().contains("is not the URL of a server on this machine"), "{error}");
}

#[test]
fn a_token_may_be_in_a_file_that_changes() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let (one, two) = (answer("one", NOON), answer("two", NOON));
    let server = TestServer::start(&[&[&one, &two]]);
    let url = server.uri();
    let vars = HashMap::from([
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", url.as_str()),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", file.to_str().unwrap()),
    ]);
    let (provider, client) = (Provider::of_function(&vars), Client::default());
    let error = provider.get(&client, time(NOON)).unwrap_err().to_string();
    assert!(error.starts_with("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: "), "{error}");
    for token in ["first", "second"] {
        std::fs::write(&file, format!("{token}\n")).unwrap();
        provider.get(&client, time("2026-01-01T12:01:00Z")).unwrap();
    }
    let tokens: Vec<bool> = ["first", "second"]
        .iter()
        .zip(server.requests())
        .map(|(token, request)| request.contains(&format!("\r\nauthorization: {token}\r\n")))
        .collect();
    assert_eq!(tokens, [true, true]);
}
