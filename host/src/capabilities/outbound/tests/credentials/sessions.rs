//! Sessions of roles: whose they are, and what becomes of requests without one.

use aws_credential_types::Credentials as Keys;

use super::aws::{assert_signed, ok};
use super::*;
use crate::credentials::tests::{session, tagged};

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

#[tokio::test]
async fn p1_16_a_clock_that_is_wrong_is_corrected_for_the_next_request() {
    let server = Recorder::start(|request| {
        let is_right = request.header("x-amz-date").unwrap().starts_with("20310106T12");
        if is_right {
            response(200, "", "")
        } else {
            response(403, "date: Mon, 06 Jan 2031 12:00:00 GMT\r\n", "")
        }
    });
    let handler = handler(&server.url(), signing("dynamodb"), role(&[]));
    let mut statuses = Vec::new();
    for tenant in ["a", "a", "b"] {
        let answer = handler.outbound(tenant).ask(with("POST", &server.url(), &[], "{}")).await;
        statuses.push(answer.unwrap().0);
    }
    assert_eq!(statuses, [403, 200, 403], "what a server says to one tenant is nothing to another");
}
