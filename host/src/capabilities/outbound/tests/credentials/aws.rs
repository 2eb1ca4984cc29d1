//! Signed requests. `aws-sigv4` makes the same signature of what arrives.

use std::time::SystemTime;

use aws_credential_types::Credentials as Keys;
use aws_sigv4::http_request::{
    PercentEncodingMode, SignableBody, SignableRequest, SigningSettings, UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;

use super::*;
use crate::aws::sigv4::{Signing, digest_of};
use crate::capabilities::outbound::account::tests::account;
use crate::capabilities::outbound::body::Sent;
use crate::capabilities::outbound::signed;

pub(super) fn ok(_: &Recorded) -> String {
    response(200, "", "ok")
}

/// Whether the request that arrived has the signature that `aws-sigv4` makes of it with these keys.
pub(super) fn assert_signed(request: &Recorded, service: &str, keys: &Keys) {
    let authorization = request.header("authorization").expect("one authorization");
    let part = |name: &str| authorization.split_once(name).unwrap().1.split(',').next().unwrap();
    let date = request.header("x-amz-date").expect("one date");
    let text = format!(
        "{}-{}-{}T{}:{}:{}Z",
        &date[..4],
        &date[4..6],
        &date[6..8],
        &date[9..11],
        &date[11..13],
        &date[13..15]
    );
    let time = humantime::parse_rfc3339(&text).unwrap();
    let [method, path, query] = request.line();
    let added = ["x-amz-date", "x-amz-security-token"];
    let names = part("SignedHeaders=").split(';').filter(|name| !added.contains(name));
    let headers = names.flat_map(|name| request.all(name).into_iter().map(move |value| (name, value)));
    let mut settings = SigningSettings::default();
    if service == "s3" {
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    }
    let identity = keys.clone().into();
    let params = v4::SigningParams::builder().identity(&identity).region("eu-west-1").name(service);
    let params = params.time(time).settings(settings).build().unwrap().into();
    let body = match request.header("x-amz-content-sha256") {
        Some(digest) => SignableBody::Precomputed(digest.to_owned()),
        None => SignableBody::Bytes(&request.body),
    };
    let uri = format!("https://example.com{path}?{query}");
    let signable = SignableRequest::new(method, uri, headers, body).unwrap();
    let (_, signature) = sign(signable, &params).unwrap().into_parts();
    assert_eq!(part("Signature="), signature, "{}", request.head);
}

fn role_keys() -> Keys {
    Keys::from_keys("ROLE", "key of the role", Some("role token".to_owned()))
}

/// Service, method, path, headers and body.
type Sample =
    (&'static str, &'static str, &'static str, &'static [(&'static str, &'static str)], &'static str);

const SAMPLES: [Sample; 14] = [
    (
        "dynamodb",
        "POST",
        "/",
        &[("content-type", "application/x-amz-json-1.0"), ("x-amz-target", "DynamoDB_20120810.GetItem")],
        "{}",
    ),
    ("dynamodb", "POST", "/", &[], ""),
    ("dynamodb", "GET", "/", &[], ""),
    (
        "sqs",
        "POST",
        "/123456789012/queue",
        &[("content-type", "application/x-amz-json-1.0")],
        "{\"a\":\"\u{1f6a2}\"}",
    ),
    (
        "sns",
        "POST",
        "/",
        &[("content-type", "application/x-www-form-urlencoded")],
        "Action=Publish&TopicArn=a",
    ),
    ("lambda", "POST", "/2015-03-31/functions/arn%3Aaws%3Alambda/invocations?Qualifier=$LATEST", &[], "{}"),
    ("execute-api", "GET", "/stage//a/./b/../c%20d?b=2&a=1&a=0&flag", &[("x-amz-meta", "two   spaces")], ""),
    (
        "s3",
        "GET",
        "/bucket/a//b/../c%20d~%C3%A4?list-type=2&prefix=a%2Fb&delimiter=/",
        &[("range", "bytes=0-9")],
        "",
    ),
    (
        "s3",
        "PUT",
        "/bucket/key",
        &[("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg=="), ("x-amz-meta-a", "1"), ("x-amz-meta-a", "2")],
        "body",
    ),
    ("s3", "PUT", "/bucket/key", &[("x-amz-acl", "private"), ("x-amz-copy-source", "/other/key")], ""),
    ("s3", "DELETE", "/bucket/key?versionId=a%2Bb+c", &[], ""),
    (
        "s3",
        "GET",
        "/bucket?lifecycle",
        &[("accept-encoding", "gzip"), ("user-agent", "sdk"), ("x-amzn-trace-id", "Root=1")],
        "",
    ),
    ("s3", "GET", "/bucket/\u{7e}%7E%7e", &[], ""),
    ("s3", "HEAD", "/bucket/key", &[], ""),
];

#[tokio::test]
async fn the_same_signature_as_an_sdk_s_for_requests_as_guests_make_them() {
    for (service, method, path, headers, body) in SAMPLES {
        let server = Recorder::start(|request| {
            if request.head.starts_with("HEAD") { response(200, "", "") } else { response(200, "", "ok") }
        });
        let handler = handler(&server.url(), signing(service), role(&[]));
        let mut outbound = handler.outbound("a");
        let uri = format!("{}{path}", server.url());
        let answer = outbound.ask(with(method, &uri, headers, body)).await;
        assert_eq!(answer.unwrap().0, 200, "{path}");
        let arrived = server.requests().pop().unwrap();
        assert_eq!(arrived.text(), body);
        let [_, sent_path, sent_query] = arrived.line();
        let sent =
            if sent_query.is_empty() { sent_path.to_owned() } else { format!("{sent_path}?{sent_query}") };
        assert_eq!(sent, path, "the path that is sent is the path that is signed");
        assert_signed(&arrived, service, &role_keys());
        assert_eq!(arrived.header("x-amz-security-token"), Some("role token"));
    }
}

#[tokio::test]
async fn p10_2_what_a_guest_has_signed_is_taken_off() {
    let server = Recorder::start(ok);
    let handler = handler(&server.url(), signing("dynamodb"), role(&[]));
    let own = [
        (
            "Authorization",
            "AWS4-HMAC-SHA256 Credential=GUEST/20260101/us-east-1/s3/aws4_request, Signature=00",
        ),
        ("authorization", "Bearer x"),
        ("X-Amz-Security-Token", "of the guest"),
        ("X-Amz-Date", "20991231T000000Z"),
        ("Date", "Thu, 31 Dec 2099 00:00:00 GMT"),
        ("X-Amz-S3session-Token", "of the guest"),
        ("X-Amz-Region-Set", "*"),
        ("X-Amz-Content-Sha256", "nonsense"),
        ("X-Amz-Target", "DynamoDB_20120810.GetItem"),
    ];
    handler.outbound("a").ask(with("POST", &server.url(), &own, "{}")).await.unwrap();
    let arrived = server.requests().pop().unwrap();
    assert_signed(&arrived, "dynamodb", &role_keys());
    for odd in ["GUEST", "of the guest", "2099", "Bearer", "nonsense", "region-set", "s3session"] {
        assert!(!arrived.head.contains(odd), "{odd}: {}", arrived.head);
    }
    assert_eq!(arrived.header("x-amz-target"), Some("DynamoDB_20120810.GetItem"));
    let date = arrived.header("x-amz-date").unwrap();
    assert!(humantime::format_rfc3339_seconds(SystemTime::now()).to_string().starts_with(&date[..4]));
}

/// The error and the log of a request that must not arrive.
async fn refused(authentication: Authentication, request: Request<WasiBody>) -> (Error, String) {
    let server = Recorder::start(ok);
    let handler = handler(&server.url(), authentication, role(&[]));
    let (mut parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().unwrap().to_string();
    parts.uri = format!("{}{path}", server.url()).parse().unwrap();
    let mut outbound = handler.outbound("a");
    let error = outbound.ask(Request::from_parts(parts, body)).await.unwrap_err();
    assert_eq!(server.requests().len(), 0, "{path}");
    assert_eq!(outbound.usage().credentials, []);
    (error, read(handler.log))
}

#[tokio::test]
async fn p10_2_what_cannot_be_signed_is_refused_with_its_reason() {
    let chunks = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER";
    let target = "DynamoDB_20120810.GetItem";
    let large: &'static str = Box::leak("x".repeat(1024 * 1024 + 1).into_boxed_str());
    for (service, request, reason) in [
        (
            "s3",
            with("GET", "/a?X-Amz-Signature=00", &[], ""),
            "signed in its query already (a presigned URL)",
        ),
        ("s3", with("GET", "/a?a=b&x-amz-%43redential=A", &[], ""), "signed in its query already"),
        ("s3", with("GET", "/a?X-Amz-Expires=604800", &[], ""), "signed in its query already"),
        ("s3", with("GET", "/a?AWSAccessKeyId=A", &[], ""), "signed in its query already"),
        (
            "dynamodb",
            with("POST", "/", &[("x-amz-target", target), ("X-Amz-Target", target)], "{}"),
            "it has the header x-amz-target twice",
        ),
        ("s3", with("PUT", "/a", &[("x-amz-meta-a", "\u{e4}")], ""), "header x-amz-meta-a is not ASCII"),
        (
            "s3",
            with("PUT", "/a", &[("x-amz-content-sha256", chunks)], ""),
            "(STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER)",
        ),
        (
            "s3",
            with("PUT", "/a", &[("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER")], ""),
            "which needs TLS",
        ),
        ("dynamodb", with("POST", "/", &[], large), "its body has more than 1048576 bytes"),
        ("dynamodb", with("TRACE", "/", &[], ""), "its method is TRACE"),
        ("dynamodb", with("trace", "/", &[], ""), "its method is trace"),
    ] {
        let (error, log) = refused(signing(service), request).await;
        let line = "outbound request to http://127.0.0.1:";
        assert!(log.contains(line) && log.contains(reason), "{reason}: {error:?}: {log}");
        assert!(log.contains("the credential cred is not used for it, because"), "{log}");
    }
    for service in ["sts", "ssm", "secretsmanager"] {
        let (error, log) = refused(signing(service), with("POST", "/", &[], "")).await;
        assert!(matches!(error, Error::HttpRequestDenied), "{error:?}");
        assert!(log.contains(&format!("it asks {service} as the role of the function")), "{log}");
    }
    let nowhere = Authentication::Aws(AwsSigning::default());
    let (error, log) = refused(nowhere, with("GET", "/", &[], "")).await;
    assert!(log.contains("add `service` to [credentials.cred] of bulkhead.toml"), "{log}");
    assert!(matches!(error, Error::HttpRequestDenied), "{error:?}");
}

#[tokio::test]
async fn p1_22_only_operations_that_are_named_are_signed() {
    let allowing = |operation: &str| {
        Authentication::Aws(AwsSigning {
            region: Some("eu-west-1".into()),
            service: Some("sns".into()),
            operations: vec![operation.into()],
            ..AwsSigning::default()
        })
    };
    let (error, log) = refused(allowing("sns:Publish"), with("POST", "/", &[], "Action=Subscribe")).await;
    assert!(matches!(error, Error::HttpRequestDenied), "{error:?}");
    assert!(log.contains("its operation is sns:Subscribe; to allow it, add \"sns:Subscribe\" to operations in [credentials.cred]"), "{log}");
    let twice = with("POST", "/?Action=Publish", &[], "Action=Subscribe");
    assert!(refused(allowing("sns:Publish"), twice).await.1.contains("it names more than one operation"));
    // A digest that is not that of the body does not hide what the body says.
    let digest = "0".repeat(64);
    let hidden = with("POST", "/", &[("x-amz-content-sha256", &digest)], "Action=Subscribe");
    assert!(refused(allowing("sns:Publish"), hidden).await.1.contains("its operation is sns:Subscribe"));
    let server = Recorder::start(ok);
    let handler = handler(&server.url(), allowing("sns:Publish"), role(&[]));
    let request = with("POST", &server.url(), &[], "Action=Publish");
    handler.outbound("a").ask(request).await.unwrap();
    assert_signed(&server.requests()[0], "sns", &role_keys());
}

#[tokio::test]
async fn p10_3_bodies_up_to_the_limit_and_digests_of_the_guest() {
    let server = Recorder::start(ok);
    let handler = handler(&server.url(), signing("dynamodb"), role(&[]));
    let largest: &'static str = Box::leak("x".repeat(1024 * 1024).into_boxed_str());
    let mut outbound = handler.outbound("a");
    outbound.ask(with("POST", &server.url(), &[], largest)).await.unwrap();
    let larger: &'static str = Box::leak("x".repeat(1024 * 1024 + 1).into_boxed_str());
    let digest = digest_of(larger.as_bytes());
    let stated = [("x-amz-content-sha256", digest.as_str())];
    outbound.ask(with("POST", &server.url(), &stated, larger)).await.unwrap();
    let arrived = server.requests();
    assert_eq!(
        arrived.iter().map(|request| request.body.len()).collect::<Vec<_>>(),
        [1 << 20, (1 << 20) + 1]
    );
    arrived.iter().for_each(|request| assert_signed(request, "dynamodb", &role_keys()));
    assert_eq!(arrived[1].header("x-amz-content-sha256"), Some(digest.as_str()));
    let used = outbound.usage().credentials;
    assert_eq!(used.iter().map(|(used, count)| (&*used.name, *count)).collect::<Vec<_>>(), [("cred", 2)]);
}

#[tokio::test]
async fn p10_3_unsigned_bodies_go_to_s3_over_tls_byte_for_byte() {
    let (roots, tls) = certificate();
    let server = Recorder::with(Some(tls), ok);
    let host = format!("https://localhost:{}", server.address.port());
    let answers = Answers::of("localhost", &[&["127.0.0.1"] as &[&str]; 4]);
    let handler = handler_at(&host, signing("s3"), role(&[]), answers, &roots);
    let chunks = "5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n";
    let mut outbound = handler.outbound("a");
    for digest in ["UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"] {
        let headers = [
            ("x-amz-content-sha256", digest),
            ("content-encoding", "aws-chunked"),
            ("x-amz-decoded-content-length", "5"),
            ("x-amz-trailer", "x-amz-checksum-crc32"),
        ];
        outbound.ask(with("PUT", &format!("{host}/bucket/key"), &headers, chunks)).await.unwrap();
        let arrived = server.requests().pop().unwrap();
        assert_eq!((arrived.text().as_str(), arrived.header("x-amz-content-sha256")), (chunks, Some(digest)));
        assert_signed(&arrived, "s3", &role_keys());
    }
    // Elsewhere, and without TLS, the host computes the digest.
    let plain = Recorder::start(ok);
    let headers = [("x-amz-content-sha256", "UNSIGNED-PAYLOAD")];
    for service in ["s3", "dynamodb"] {
        let handler = super::handler(&plain.url(), signing(service), role(&[]));
        handler.outbound("a").ask(with("PUT", &plain.url(), &headers, "body")).await.unwrap();
        let arrived = plain.requests().pop().unwrap();
        assert!(!arrived.head.contains("UNSIGNED"), "{}", arrived.head);
        assert_signed(&arrived, service, &role_keys());
    }
}

#[tokio::test]
async fn no_request_to_the_bucket_of_the_store_is_signed() {
    let server = Recorder::start(ok);
    let handler = handler(&server.url(), signing("s3"), role(&[]));
    let mut outbound = handler.outbound("a");
    for (path, headers) in
        [("/tenants/prod/acme", &[][..]), ("/documents/x", &[("x-amz-copy-source", "tenants/prod/acme")])]
    {
        let error =
            outbound.ask(with("PUT", &format!("{}{path}", server.url()), headers, "")).await.unwrap_err();
        assert!(matches!(error, Error::HttpRequestDenied), "{path}: {error:?}");
    }
    outbound.ask(with("PUT", &format!("{}/documents/tenants", server.url()), &[], "")).await.unwrap();
    assert_eq!(server.requests().len(), 1);
    let log = read(handler.log);
    let line =
        "the credential cred is not used for it, because it is for s3://tenants, the bucket of the store";
    assert_eq!(log.matches(line).count(), 2, "{log}");
}

/// Measured on two processors: 26 µs, with the reading of the clock.
#[tokio::test]
async fn the_signing_of_a_request_takes_little_processor_time() {
    let keys = crate::aws::Credentials {
        access_key: "ASIAIOSFODNN7EXAMPLE".to_owned(),
        secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned(),
        token: Some("t".repeat(1000)),
        expires: None,
    };
    let (account, _file) = account(|_| {});
    let headers = [
        ("host", "dynamodb.eu-central-1.amazonaws.com"),
        ("content-type", "application/x-amz-json-1.0"),
        ("x-amz-target", "DynamoDB_20120810.GetItem"),
        ("x-amz-user-agent", "aws-sdk-rust/1.3 ua/2.1 api/dynamodb/1.90 os/linux lang/rust/1.95"),
    ];
    let request = with("POST", "/", &headers, "").map(|body| Sent::new(body, Arc::new(account)));
    let (mut request, meter) = (request, Meter::new(Duration::MAX));
    let item = vec![b'x'; 500];
    let count = 1000;
    for _ in 0..count {
        meter.charge(|| {
            let digest = digest_of(&item);
            signed::strip(request.headers_mut());
            let now = SystemTime::now();
            let signing = Signing { credentials: &keys, region: "eu-central-1", service: "dynamodb", now };
            signed::sign(&mut request, &signing, &digest).unwrap();
        });
    }
    let each = meter.spent() / count;
    assert!(each < Duration::from_millis(1), "{each:?}");
}

#[tokio::test]
async fn p10_2_no_other_target_has_the_credential() {
    let (server, other) = (Recorder::start(ok), Recorder::start(ok));
    let mut handler = handler(&server.url(), signing("dynamodb"), role(&[]));
    handler.policy.grants.allowed_outbound_hosts = vec![other.url().parse().unwrap()];
    let mut outbound = handler.outbound("a");
    outbound.ask(with("POST", &other.url(), &[("authorization", "own")], "{}")).await.unwrap();
    let arrived = other.requests().pop().unwrap();
    assert_eq!(arrived.header("authorization"), Some("own"));
    assert!(!arrived.head.contains("amz"), "{}", arrived.head);
    let port = server.address.port();
    for uri in [
        format!("https://127.0.0.1:{port}/"),
        format!("http://localhost:{port}/"),
        format!("http://127.0.0.2:{port}/"),
        format!("http://[::ffff:127.0.0.2]:{port}/"),
        "http://127.0.0.1:8443/".to_owned(),
        "http://127.0.0.1/".to_owned(),
    ] {
        let error = outbound.ask(with("GET", &uri, &[], "")).await.unwrap_err();
        assert!(matches!(error, Error::HttpRequestDenied), "{uri}: {error:?}");
    }
    assert_eq!(server.requests().len(), 0);
}
