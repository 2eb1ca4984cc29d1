//! The vectors of AWS's own signers, and random requests that `aws-sigv4` signs as well.

use std::path::Path;

use aws_credential_types::Credentials as OtherCredentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use proptest::prelude::*;
use serde_json::Value;

use super::*;

/// A request of the suite.
#[derive(Debug)]
struct Parsed {
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl Parsed {
    fn read(text: &str) -> Self {
        let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
        let mut lines = head.lines();
        // A target may contain a space.
        let (method, rest) = lines.next().unwrap().split_once(' ').unwrap();
        let target = rest.strip_suffix(" HTTP/1.1").unwrap();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut headers: Vec<(String, String)> = Vec::new();
        for line in lines {
            match line.split_once(':').filter(|_| !line.starts_with(' ')) {
                Some((name, value)) => headers.push((name.to_owned(), value.to_owned())),
                // The value of the last one goes on.
                None => headers.last_mut().unwrap().1 += line,
            }
        }
        let [method, path, query, body] = [method, path, query, body].map(str::to_owned);
        Self { method, path, query, headers, body }
    }

    fn signed(&self, signing: Signing<'_>, rules: Rules) -> (Vec<(&'static str, String)>, String, String) {
        // The date of the time that it is signed at is added.
        let headers = self.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case(DATE));
        let headers: Vec<_> = headers.map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let body = digest_of(self.body.as_bytes());
        let Self { method, path, query, .. } = self;
        signing.signed(&Signable { method, path, query, headers: &headers, body: &body }, rules)
    }
}

fn read(case: &Path, file: &str) -> Option<String> {
    std::fs::read_to_string(case.join(file)).ok().map(|text| text.replace("\r\n", "\n"))
}

fn time(text: &str) -> SystemTime {
    humantime::parse_rfc3339(text).unwrap()
}

/// A case with a whole context.
fn check(case: &Path, context: &Value) {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let of = &context["credentials"];
    let credentials = Credentials {
        access_key: text(&of["access_key_id"]).unwrap(),
        secret: text(&of["secret_access_key"]).unwrap(),
        token: text(&of["token"]),
        expires: None,
    };
    let rules = Rules {
        escapes_twice: false,
        normalizes: context["normalize"] == true,
        sends_digest: context["sign_body"] == true,
        omits_token: context["omit_session_token"] == true,
    };
    let signing = Signing {
        credentials: &credentials,
        region: context["region"].as_str().unwrap(),
        service: context["service"].as_str().unwrap(),
        now: time(context["timestamp"].as_str().unwrap()),
    };
    let parsed = Parsed::read(&read(case, "request.txt").unwrap());
    let (added, canonical, to_sign) = parsed.signed(signing, rules);
    assert_eq!(canonical, read(case, "header-canonical-request.txt").unwrap(), "{}", case.display());
    assert_eq!(to_sign, read(case, "header-string-to-sign.txt").unwrap(), "{}", case.display());
    let value = |name: &str| added.iter().find(|(found, _)| *found == name).map(|(_, value)| value.as_str());
    let signature = read(case, "header-signature.txt").unwrap();
    assert!(
        value("authorization").unwrap().ends_with(&format!("Signature={signature}")),
        "{}",
        case.display()
    );
    let expected = Parsed::read(&read(case, "header-signed-request.txt").unwrap());
    for (name, wanted) in &expected.headers {
        let is_added = [DATE, CONTENT, TOKEN, "authorization"].contains(&name.to_lowercase().as_str());
        if is_added {
            assert_eq!(value(&name.to_lowercase()), Some(wanted.trim()), "{}: {name}", case.display());
        }
    }
}

#[test]
fn the_vectors_of_aws() {
    let suite = bulkhead_fixtures::sources("aws-sigv4").join("aws-signing-test-suite/v4");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(suite).unwrap() {
        let case = entry.unwrap().path();
        names.push(case.file_name().unwrap().to_string_lossy().into_owned());
        match read(&case, "context.json") {
            Some(context) => check(&case, &serde_json::from_str(&context).unwrap()),
            None => {
                // Two of an older form, in which paths are escaped twice.
                let credentials = anybody();
                let now = time("2021-05-11T15:40:45Z");
                let signing = Signing { credentials: &credentials, region: "a", service: "lambda", now };
                let parsed = Parsed::read(&read(&case, "request.txt").unwrap());
                let canonical = parsed.signed(signing, Rules::of("lambda")).1;
                assert_eq!(
                    canonical,
                    read(&case, "header-canonical-request.txt").unwrap(),
                    "{}",
                    case.display()
                );
            }
        }
    }
    assert_eq!(names.len(), 40, "{names:?}");
}

fn anybody() -> Credentials {
    Credentials { access_key: "A".to_owned(), secret: "S".to_owned(), token: None, expires: None }
}

/// The signature that `aws-sigv4` makes.
fn other(parsed: &Parsed, signing: &Signing<'_>) -> Vec<(String, String)> {
    let Credentials { access_key, secret, token, .. } = signing.credentials;
    let identity = OtherCredentials::from_keys(access_key, secret, token.clone()).into();
    let mut settings = SigningSettings::default();
    if signing.service == "s3" {
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    }
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(signing.region)
        .name(signing.service)
        .time(signing.now)
        .settings(settings);
    let uri = format!("https://example.amazonaws.com{}?{}", parsed.path, parsed.query);
    let headers = parsed.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let body = SignableBody::Bytes(parsed.body.as_bytes());
    let request = SignableRequest::new(&parsed.method, uri, headers, body).unwrap();
    let (instructions, _) = sign(request, &params.build().unwrap().into()).unwrap().into_parts();
    let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    instructions.headers().map(owned).collect()
}

proptest! {
    #[test]
    fn the_sdk_makes_the_same_signatures(
        service in "s3|dynamodb|sqs",
        path in "(/([a-zA-Z0-9._~-]|%[2-7][0-9A-F]){0,6}){1,5}",
        query in "(([a-z0-9_~-]|%[2-7][0-9A-F]|\\+){1,5}(=([A-Z0-9.]|%C3%A4){0,4})?&){0,3}a?",
        header in "[!-~]{1,5}( {0,3}[!-~]{1,5}){0,3}",
        body in ".{0,20}",
        token in proptest::option::of("[A-Za-z0-9/+=]{10,40}"),
        seconds in 0..4_000_000_000_u64,
    ) {
        let headers = vec![
            ("host".to_owned(), "example.amazonaws.com".to_owned()),
            ("x-amz-target".to_owned(), header),
            ("content-type".to_owned(), "text/plain".to_owned()),
        ];
        let parsed = Parsed { method: "PUT".to_owned(), path, query, headers, body };
        let credentials = Credentials { token, ..anybody() };
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let signing = Signing { credentials: &credentials, region: "eu-central-1", service: &service, now };
        let mut ours: Vec<_> = parsed.signed(signing, Rules::of(&service)).0;
        let mut others = other(&parsed, &signing);
        ours.sort();
        others.sort();
        let ours: Vec<_> = ours.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        prop_assert_eq!(ours, others);
    }
}

#[test]
fn the_key_of_another_day_region_service_or_secret_is_another() {
    let (one, two) = (anybody(), Credentials { secret: "T".to_owned(), ..anybody() });
    let signature = |credentials: &Credentials, region: &str, service: &str, seconds: u64| {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let headers = [("host", "a")];
        let request = Signable { method: "GET", path: "", query: "", headers: &headers, body: UNSIGNED };
        Signing { credentials, region, service, now }.headers(&request).pop().unwrap().1
    };
    let mut seen = std::collections::HashSet::new();
    for (credentials, region, service, seconds) in [
        (&one, "a", "b", 0),
        (&one, "a", "b", 1),
        (&one, "a", "b", 86_400),
        (&one, "b", "b", 0),
        (&one, "a", "c", 0),
        (&two, "a", "b", 0),
    ] {
        assert!(
            seen.insert(signature(credentials, region, service, seconds)),
            "{region} {service} {seconds}"
        );
    }
    // The key that was kept is the one that was wanted.
    assert!(seen.contains(&signature(&one, "a", "b", 0)));
}
