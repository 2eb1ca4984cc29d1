//! Requests with secrets in them.

use std::sync::atomic::{AtomicU32, Ordering};

use super::*;
use crate::policy::{Basic, Part, Secret, SecretParts, SecretSource, Template};

const SECRET: &str = "sk_live_51Hunter2";

fn secret(name: &str) -> Part {
    Part::Secret(Arc::new(Secret { name: name.into(), from: SecretSource::Environment(name.into()) }))
}

fn template(parts: &[Part]) -> Template {
    Template { parts: parts.to_vec() }
}

fn text(text: &str) -> Part {
    Part::Text(text.into())
}

/// `authorization = "Bearer {stripe}"`
fn bearer() -> SecretParts {
    let headers = [("authorization".into(), template(&[text("Bearer "), secret("stripe")]))];
    SecretParts { headers: headers.into(), ..SecretParts::default() }
}

fn stage(parts: SecretParts, answer: fn(&Recorded) -> String) -> (Handler, Recorder) {
    let server = Recorder::start(answer);
    let vars = Variables::of(&[("stripe", SECRET), ("broken", "two\r\nlines: x"), ("short", "abc")]);
    (handler(&server.url(), Authentication::Secrets(parts), vars), server)
}

fn ok(_: &Recorded) -> String {
    response(200, "", "ok")
}

/// As httpbin does.
fn echo(request: &Recorded) -> String {
    response(200, "", &request.head)
}

#[tokio::test]
async fn p10_5_a_header_is_set_in_the_place_of_all_that_a_server_could_take_for_it() {
    let mut parts = bearer();
    parts.headers.insert("x-api-key".into(), template(&[Part::Tenant, text(":"), secret("stripe")]));
    let (handler, server) = stage(parts, ok);
    let own = [
        ("AUTHORIZATION", "Bearer guest"),
        ("authorization", "Basic guest"),
        ("x_api_key", "guest"),
        ("X-Api-Key", "guest"),
        ("x.api.key", "guest"),
        ("accept", "guest's"),
    ];
    handler.outbound("acme").ask(with("GET", &server.url(), &own, "")).await.unwrap();
    let arrived = server.requests().pop().unwrap();
    assert_eq!(arrived.header("authorization"), Some("Bearer sk_live_51Hunter2"));
    assert_eq!(arrived.header("x-api-key"), Some("acme:sk_live_51Hunter2"));
    assert_eq!(arrived.head.matches("guest").count(), 1, "{}", arrived.head);
}

#[tokio::test]
async fn a_query_and_a_user_with_a_password() {
    let parts = SecretParts {
        query: [("api key".into(), template(&[secret("stripe"), text("&=")]))].into(),
        basic: Some(Basic { user: template(&[text("user")]), password: template(&[secret("stripe")]) }),
        ..SecretParts::default()
    };
    let (handler, server) = stage(parts, ok);
    for query in ["", "?", "?a=1&API%20key=guest&b&api+key=guest"] {
        let uri = format!("{}/path{query}", server.url());
        handler.outbound("a").ask(with("GET", &uri, &[], "")).await.unwrap();
    }
    let arrived = server.requests();
    let added = "api%20key=sk_live_51Hunter2%26%3D";
    let targets: Vec<_> = arrived.iter().map(|request| request.line()[2].to_owned()).collect();
    assert_eq!(targets, [added.to_owned(), added.to_owned(), format!("a=1&b&{added}")]);
    assert_eq!(arrived[0].header("authorization"), Some("Basic dXNlcjpza19saXZlXzUxSHVudGVyMg=="));
}

#[tokio::test]
async fn p10_5_a_redirect_to_another_host_has_no_secret() {
    let (mut handler, server) = stage(bearer(), |_| response(302, "location: http://127.0.0.1:1/\r\n", ""));
    let other = Recorder::start(ok);
    handler.policy.grants.allowed_outbound_hosts = vec!["*://*:*".parse().unwrap()];
    let mut outbound = handler.outbound("a");
    assert_eq!(outbound.ask(with("GET", &server.url(), &[], "")).await.unwrap().0, 302);
    assert_eq!(server.requests().len(), 1);
    // The guest follows it by itself. A wildcard allows the host, and gives it nothing.
    outbound.ask(with("GET", &other.url(), &[("host-like", &server.url())], "")).await.unwrap();
    assert!(!other.requests()[0].head.contains("authorization"), "{}", other.requests()[0].head);
}

#[tokio::test]
async fn p10_5_a_method_that_is_answered_with_the_request_is_refused() {
    for method in ["TRACE", "TrAcE", "TRACK", "connect"] {
        let (handler, server) = stage(bearer(), echo);
        let error = handler.outbound("a").ask(with(method, &server.url(), &[], "")).await.unwrap_err();
        assert!(matches!(error, Error::HttpRequestMethodInvalid), "{method}: {error:?}");
        assert_eq!(server.requests().len(), 0);
        assert!(read(handler.log).contains("the credential cred is not used for it, because its method is"));
    }
}

#[tokio::test]
async fn p10_5_a_response_that_shows_the_secret_is_cut_off() {
    let answers: [fn(&Recorded) -> String; 5] = [
        echo,
        |request| response(200, &format!("x-echo: {}\r\n", request.header("authorization").unwrap()), ""),
        |_| response(401, "", &format!("the key {SECRET} is not valid")),
        |_| {
            let (one, two) = SECRET.split_at(7);
            let chunk = |text: &str| format!("{:x}\r\n{text}\r\n", text.len());
            let chunks = [one, two, ""].map(chunk).concat();
            format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{chunks}")
        },
        |_| {
            let trailers = format!("0\r\nx-echo: {SECRET}\r\n\r\n");
            format!(
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-echo\r\n\r\n2\r\nok\r\n{trailers}"
            )
        },
    ];
    for (at, answer) in answers.into_iter().enumerate() {
        let (handler, server) = stage(bearer(), answer);
        let asked =
            handler.outbound("a").ask(with("GET", &server.url(), &[("accept-encoding", "gzip")], "")).await;
        // Trailers that were not asked for are dropped.
        if let Ok((_, body)) = &asked {
            assert_eq!((at, body.as_str()), (4, "ok"));
            continue;
        }
        let error = asked.unwrap_err();
        assert!(!format!("{error:?}").contains(SECRET), "{error:?}");
        let log = read(handler.log);
        assert!(log.contains("contains the secret stripe of the credential cred"), "{at}: {log}");
        assert!(!log.contains(SECRET), "{log}");
        assert_eq!(server.requests()[0].header("accept-encoding"), Some("identity"));
    }
}

#[tokio::test]
async fn the_forms_of_a_secret_in_a_query_and_of_a_password_are_found_too() {
    let parts = SecretParts {
        query: [("key".into(), template(&[text("a&"), secret("stripe")]))].into(),
        basic: Some(Basic { user: template(&[text("user")]), password: template(&[secret("stripe")]) }),
        ..SecretParts::default()
    };
    let basic: fn(&Recorded) -> String =
        |request| response(200, "", request.header("authorization").unwrap_or_default());
    let query: fn(&Recorded) -> String = |request| response(200, "", request.line()[2]);
    for answer in [basic, query] {
        let (handler, server) = stage(parts.clone(), answer);
        assert!(handler.outbound("a").ask(with("GET", &server.url(), &[], "")).await.is_err());
    }
}

#[tokio::test]
async fn what_is_like_a_secret_and_what_is_short_comes_back() {
    let (handler, server) = stage(bearer(), |_| response(200, "", "sk_live_51Hunter sk_live_51Hunt"));
    let answer = handler.outbound("a").ask(with("GET", &server.url(), &[], "")).await.unwrap();
    assert_eq!(answer.1, "sk_live_51Hunter sk_live_51Hunt");
    let headers = [("x-key".into(), template(&[secret("short")]))];
    let (handler, server) = stage(SecretParts { headers: headers.into(), ..SecretParts::default() }, echo);
    assert!(
        handler
            .outbound("a")
            .ask(with("GET", &server.url(), &[], ""))
            .await
            .unwrap()
            .1
            .contains("x-key: abc")
    );
}

#[tokio::test]
async fn p10_5_a_secret_with_a_line_break_is_named_and_not_shown() {
    let headers = [("x-key".into(), template(&[secret("broken")]))];
    let (handler, server) = stage(SecretParts { headers: headers.into(), ..SecretParts::default() }, ok);
    let error = handler.outbound("a").ask(with("GET", &server.url(), &[], "")).await.unwrap_err();
    assert!(matches!(error, Error::InternalError(_)), "{error:?}");
    assert_eq!(server.requests().len(), 0);
    let log = read(handler.log);
    assert!(log.contains("the secret broken: its value contains a line break"), "{log}");
    assert!(!log.contains("two") && !log.contains("lines"), "{log}");
}

#[tokio::test]
async fn a_secret_that_is_not_there_is_named_and_so_is_a_tenant_that_is_not() {
    let headers = [("x-key".into(), template(&[secret("lost")]))];
    let (handler, server) = stage(SecretParts { headers: headers.into(), ..SecretParts::default() }, ok);
    let mut outbound = handler.outbound("a");
    let error = outbound.ask(with("GET", &server.url(), &[], "")).await.unwrap_err();
    assert!(matches!(error, Error::InternalError(Some(_))), "{error:?}");
    assert_eq!(&*outbound.missing_credential().unwrap().credential.name, "cred");
    assert!(read(handler.log).contains("the secret lost: the environment variable lost is not set"));
    let headers = [("x-key".into(), template(&[Part::Tenant]))];
    let (handler, server) = stage(SecretParts { headers: headers.into(), ..SecretParts::default() }, ok);
    let mut outbound = Outbound::new(Arc::clone(&handler.clients), Arc::new(handler.policy.clone()));
    let meter = Meter::new(Duration::MAX);
    outbound.begin(Sender { scope: Scope::default(), owner: Owner::Handler(0), meter });
    assert!(outbound.ask(with("GET", &server.url(), &[], "")).await.is_err());
    assert!(read(handler.log).contains("its credential has {tenant} in it, and the event has no tenant"));
}

#[tokio::test]
async fn a_secret_that_a_server_refuses_is_fetched_again_once_in_a_pause() {
    static FETCHES: AtomicU32 = AtomicU32::new(0);
    let server = Recorder::start(|request| {
        if request.header("x-amz-target").is_some() {
            let value = FETCHES.fetch_add(1, Ordering::Relaxed);
            return response(200, "", &format!("{{\"SecretString\":\"sk_live_{value}\"}}"));
        }
        response(401, "", "no")
    });
    let from = SecretSource::SecretsManager { id: "stripe".into(), key: None };
    let part = Part::Secret(Arc::new(Secret { name: "stripe".into(), from }));
    let headers = [("x-key".into(), template(&[part]))];
    let parts = SecretParts { headers: headers.into(), ..SecretParts::default() };
    let vars = role(&[("AWS_ENDPOINT_URL", &server.url())]);
    let handler = handler(&server.url(), Authentication::Secrets(parts), vars);
    for _ in 0..5 {
        assert_eq!(handler.outbound("a").ask(with("GET", &server.url(), &[], "")).await.unwrap().0, 401);
    }
    assert_eq!(FETCHES.load(Ordering::Relaxed), 2, "a guest cannot have it fetched for each of its requests");
    let of_guests = server.requests().iter().filter(|request| request.head.starts_with("GET")).count();
    assert_eq!(of_guests, 6, "one of them was sent once more");
}

#[tokio::test]
async fn without_a_credential_a_request_is_as_the_guest_made_it() {
    let server = Recorder::start(echo);
    let mut handler = Handler::new();
    handler.policy.grants.allowed_outbound_hosts = vec![server.url().parse().unwrap()];
    let own = [("authorization", "Bearer guest"), ("accept-encoding", "gzip")];
    let mut outbound = handler.outbound("a");
    outbound.ask(with("GET", &server.url(), &own, "")).await.unwrap();
    let arrived = server.requests().pop().unwrap();
    assert_eq!(arrived.header("authorization"), Some("Bearer guest"));
    assert_eq!(arrived.header("accept-encoding"), Some("gzip"));
    assert_eq!(outbound.usage().credentials, []);
}
