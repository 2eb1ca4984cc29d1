//! Sessions of roles: whose they are, and what becomes of requests without one.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::SystemTime;

use aws_credential_types::Credentials as Keys;

use super::aws::{assert_signed, ok};
use super::*;
use crate::aws::date;
use crate::credentials::tests::{is_signed_at, session, tagged};
use crate::http1::test_server::certificate_for;

/// What STS and a service on one server answer: a session that has the name of the tenant in its key.
fn sts_and_service(request: &Recorded) -> String {
    match request.text().split_once("Tags.member.1.Value=") {
        Some((_, tenant)) => {
            session(&format!("KEY-{}", tenant.split('&').next().unwrap()), Duration::from_secs(3600))
        }
        // An answer with the whole token would be cut off.
        None => {
            let token = request.header("x-amz-security-token").unwrap_or_default();
            response(200, "", token.trim_start_matches("token-of-"))
        }
    }
}

fn with_session() -> Authentication {
    let Authentication::Aws(AwsSigning { role, .. }) = tagged().authentication.clone() else { panic!() };
    Authentication::Aws(AwsSigning {
        region: Some("eu-west-1".into()),
        service: Some("dynamodb".into()),
        role,
        ..AwsSigning::default()
    })
}

#[tokio::test]
async fn p10_4_each_tenant_has_the_session_and_the_connections_of_its_own() {
    let server = Recorder::start(sts_and_service);
    let handler = handler(&server.url(), with_session(), role(&[("AWS_ENDPOINT_URL", &server.url())]));
    for tenant in ["a", "b", "a", "b"] {
        let answer = handler.outbound(tenant).ask(with("POST", &server.url(), &[], "{}")).await.unwrap();
        assert_eq!(answer.1, format!("KEY-{tenant}"));
    }
    let (sts, signed): (Vec<_>, Vec<_>) =
        server.requests().into_iter().partition(|request| request.text().starts_with("Action="));
    assert_eq!((sts.len(), signed.len()), (2, 4));
    for (at, tenant) in ["a", "b"].iter().enumerate() {
        let key = format!("KEY-{tenant}");
        let keys = Keys::from_keys(&key, format!("secret-of-{key}"), Some(format!("token-of-{key}")));
        assert_signed(&signed[at], "dynamodb", &keys);
    }
    assert_eq!(signed[0].connection, signed[2].connection);
    assert_ne!(signed[0].connection, signed[1].connection);
    assert!(!read(handler.log).contains("KEY"), "nothing of a session is in the log");
}

#[tokio::test]
async fn a_session_is_opened_while_the_guest_starts() {
    let server = Recorder::start(sts_and_service);
    let handler = handler(&server.url(), with_session(), role(&[("AWS_ENDPOINT_URL", &server.url())]));
    for owner in [Owner::Handler(0), Owner::Tenant("a".into()), Owner::Tenant("a".into())] {
        let outbound = handler.outbound_of(owner, "a");
        // The sandbox of the first tenant ends without a request.
        drop(outbound);
    }
    let answer = handler.outbound("a").ask(with("POST", &server.url(), &[], "{}")).await.unwrap();
    assert_eq!(answer.1, "KEY-a");
    let sts = server.requests().iter().filter(|request| request.text().starts_with("Action=")).count();
    assert_eq!((sts, server.requests().len()), (1, 2), "tenants that are not known have none ahead");
}

#[tokio::test]
async fn p10_4_eight_requests_at_once_of_two_tenants_never_mix() {
    let server = Recorder::start(sts_and_service);
    let handler =
        Arc::new(handler(&server.url(), with_session(), role(&[("AWS_ENDPOINT_URL", &server.url())])));
    let asking = (0..64).map(|number| {
        let (handler, uri) = (Arc::clone(&handler), server.url());
        tokio::spawn(async move {
            let tenant = ["a", "b"][number % 2];
            let answer = handler.outbound(tenant).ask(with("POST", &uri, &[], "{}")).await.unwrap();
            assert_eq!(answer.1, format!("KEY-{tenant}"));
        })
    });
    for asked in asking.collect::<Vec<_>>() {
        asked.await.unwrap();
    }
    let sts = server.requests().iter().filter(|request| request.text().starts_with("Action=")).count();
    assert_eq!(sts, 2);
}

#[tokio::test]
async fn a_service_that_shows_what_was_signed_does_not_show_the_token() {
    let server = Recorder::start(|request| match request.text().starts_with("Action=") {
        true => session("KEY", Duration::from_secs(3600)),
        false => response(403, "", &format!("The Canonical String should have been {}", request.head)),
    });
    for authentication in [with_session(), signing("dynamodb")] {
        let handler = handler(&server.url(), authentication, role(&[("AWS_ENDPOINT_URL", &server.url())]));
        assert!(handler.outbound("a").ask(with("POST", &server.url(), &[], "{}")).await.is_err());
        let log = read(handler.log);
        assert!(log.contains("contains the secret session token of the credential cred"), "{log}");
        assert!(!log.contains("role token") && !log.contains("token-of-"), "{log}");
    }
}

#[tokio::test]
async fn without_sts_a_request_fails_and_the_event_knows_why() {
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let server = Recorder::start(ok);
    let vars = role(&[("AWS_ENDPOINT_URL_STS", &format!("http://{gone}"))]);
    let handler = handler(&server.url(), with_session(), vars);
    let mut outbound = handler.outbound("a");
    let options =
        RequestOptions { connect_timeout: Some(Duration::from_secs(10)), ..RequestOptions::default() };
    let request = with("POST", &server.url(), &[], "{}");
    let sending = outbound.send_request(request, Some(options), Box::new(async { Ok(()) }));
    let error = Box::into_pin(sending).await.map(drop).unwrap_err();
    let Error::InternalError(Some(text)) = error else { panic!("{error:?}") };
    assert_eq!(text, "the credential cred cannot be had; the log says why");
    assert_eq!(&*outbound.missing_credential().unwrap().credential.name, "cred");
    assert_eq!(server.requests().len(), 0);
    let log = read(handler.log);
    assert!(log.contains("because the credential cred cannot be had: a session of arn:aws:iam::"), "{log}");
}

/// A service that refuses a request unless it is signed at this time.
fn in_time(there: SystemTime) -> impl Fn(&Recorded) -> String + Send + Sync + 'static {
    move |request| match is_signed_at(request, there) {
        true => response(200, "", ""),
        false => response(403, &format!("date: {}\r\n", date(there)), ""),
    }
}

#[tokio::test]
async fn p1_16_only_aws_can_say_that_the_clock_is_wrong() {
    let there = SystemTime::now() + Duration::from_secs(20 * 3600);
    let server = Recorder::start(in_time(there));
    let handler = handler(&server.url(), signing("dynamodb"), role(&[]));
    for _ in 0..2 {
        let answer = handler.outbound("a").ask(with("POST", &server.url(), &[], "{}")).await;
        assert_eq!(answer.unwrap().0, 403, "this server is one that is signed for, and nothing more");
    }
    let name = "dynamodb.eu-west-1.amazonaws.com";
    let (roots, tls) = certificate_for(name);
    let server = Recorder::with(Some(tls), in_time(there));
    let url = format!("https://{name}:{}", server.address.port());
    let answers = Answers::of(name, &[&["127.0.0.1"] as &[&str]; 4]);
    let handler = handler_at(&url, signing("dynamodb"), role(&[]), answers, &roots);
    for tenant in ["a", "b"] {
        let answer = handler.outbound(tenant).ask(with("POST", &url, &[], "{}")).await;
        assert_eq!(answer.unwrap().0, 200, "there is one time for all");
    }
    assert_eq!(server.requests().len(), 3, "one request is sent again");
}

/// STS gives sessions one after the other, and the service takes only the newest one.
fn only_the_newest(refusal: fn() -> String) -> impl Fn(&Recorded) -> String + Send + Sync + 'static {
    let (sessions, answered) = (AtomicU32::new(0), AtomicU32::new(0));
    move |request| {
        if request.text().starts_with("Action=") {
            let number = sessions.fetch_add(1, Ordering::Relaxed);
            return session(&format!("KEY{number}"), Duration::from_secs(3600));
        }
        // The first one is not taken any more after its first request.
        let is_old = request.header("authorization").unwrap().contains("Credential=KEY0/");
        if is_old && answered.fetch_add(1, Ordering::Relaxed) > 0 {
            refusal()
        } else {
            response(200, "", "ok")
        }
    }
}

#[tokio::test]
async fn p1_17_a_request_whose_session_was_revoked_or_has_expired_is_sent_once_more() {
    let revoked: fn() -> String = || response(403, "", "<Error><Code>AccessDenied</Code></Error>");
    let expired: fn() -> String =
        || response(400, "", r#"{"__type":"a#ExpiredTokenException","message":"x"}"#);
    for refusal in [revoked, expired] {
        let server = Recorder::start(only_the_newest(refusal));
        let handler = handler(&server.url(), with_session(), role(&[("AWS_ENDPOINT_URL", &server.url())]));
        for _ in 0..3 {
            let answer = handler.outbound("a").ask(with("POST", &server.url(), &[], "{}")).await.unwrap();
            assert_eq!(answer, (200, "ok".to_owned()));
        }
        let requests = server.requests();
        let keys: Vec<_> = requests
            .iter()
            .filter(|request| request.text() == "{}")
            .map(|request| request.header("authorization").unwrap()[..33].to_owned())
            .collect();
        assert!(keys[1].contains("KEY0/") && keys[2].contains("KEY1/"), "{keys:?}");
        assert_eq!((keys.len(), requests.len()), (4, 6));
    }
}

#[tokio::test]
async fn an_error_that_is_not_about_the_session_comes_as_it_is() {
    let long = format!("{{\"__type\":\"ValidationException\",\"message\":\"{}\"}}", "x".repeat(10_000));
    let (expected, answer) = (long.clone(), long);
    let server = Recorder::start(move |request| match request.text().starts_with("Action=") {
        true => session("KEY", Duration::from_secs(3600)),
        false => response(400, "", &answer),
    });
    let handler = handler(&server.url(), with_session(), role(&[("AWS_ENDPOINT_URL", &server.url())]));
    let answer = handler.outbound("a").ask(with("POST", &server.url(), &[], "{}")).await.unwrap();
    assert_eq!(answer, (400, expected));
    assert_eq!(server.requests().len(), 2);
}
