//! Requests with odd tenants, and answers that are not what they should be.

use super::*;
use crate::http1::Headers;

fn template(parts: &[Part]) -> Template {
    Template { parts: parts.to_vec() }
}

fn text(text: &str) -> Part {
    Part::Text(text.into())
}

fn role() -> Role {
    Role {
        arn: "arn:aws:iam::123456789012:role/tenant".into(),
        session_tags: [("tenant".into(), template(&[Part::Tenant]))].into(),
        session_policy: Some(template(&[text("{\"Resource\":\"a/"), Part::Tenant, text("/*\"}")])),
        external_id: Some(template(&[text("x-"), Part::Tenant])),
    }
}

#[test]
fn a_request_names_role_tags_policy_and_external_id() {
    let AssumeRole(form) = AssumeRole::new(&role(), "notes-1", Some("acme co")).unwrap();
    let expected = "Action=AssumeRole&Version=2011-06-15&DurationSeconds=3600\
        &RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Ftenant&RoleSessionName=notes-1\
        &Tags.member.1.Key=tenant&Tags.member.1.Value=acme%20co\
        &Policy=%7B%22Resource%22%3A%22a%2Facme%20co%2F%2A%22%7D&ExternalId=x-acme%20co";
    assert_eq!(form, expected);
}

#[test]
fn p10_4_a_tenant_is_part_of_a_session_whole_or_not_at_all() {
    for id in ["a b", "ä", "acme", "a.b=c+d-e@f_g", "..", &"x".repeat(256)] {
        assert!(AssumeRole::new(&role(), "notes", Some(id)).is_ok(), "{id}");
    }
    for id in [
        "💥",
        &"x".repeat(300),
        "../",
        "acme/x",
        "acme*",
        "acme?",
        "a\"b",
        "a\\b",
        "${aws:userid}",
        "a\nb",
        "a,b",
        "a:b",
        " a",
        "a ",
    ] {
        assert!(AssumeRole::new(&role(), "notes", Some(id)).is_err(), "{id}");
    }
    let error = AssumeRole::new(&role(), "notes", None).unwrap_err().to_string();
    assert!(error.contains("the event has no tenant"), "{error}");
    assert!(role().names_tenant());
    let plain = Role { session_tags: [].into(), session_policy: None, external_id: None, ..role() };
    assert!(!plain.names_tenant() && AssumeRole::new(&plain, "notes", None).is_ok());
}

const GOOD: &str = "<AssumeRoleResponse><AssumeRoleResult><Credentials>\
    <SessionToken>T/+=</SessionToken> <SecretAccessKey>S</SecretAccessKey>
    <Expiration>2026-01-01T13:00:00Z</Expiration><AccessKeyId>ASIA</AccessKeyId></Credentials>\
    <AssumedRoleUser><Arn>a</Arn></AssumedRoleUser></AssumeRoleResult></AssumeRoleResponse>";

#[test]
fn four_elements_of_an_answer_are_read() {
    let read = credentials(GOOD.as_bytes()).unwrap();
    let expires = humantime::parse_rfc3339("2026-01-01T13:00:00Z").unwrap();
    assert_eq!((read.access_key.as_str(), read.secret.as_str()), ("ASIA", "S"));
    assert_eq!((read.token.as_deref(), read.expires), (Some("T/+="), Some(expires)));
}

#[test]
fn an_answer_that_could_mean_something_else_is_not_read() {
    for (from, to) in [
        ("</Credentials>", ""),
        ("</AssumeRoleResponse>", "<Credentials></Credentials>"),
        ("<AccessKeyId>ASIA", "<AccessKeyId>"),
        ("ASIA", "AS&amp;IA"),
        ("ASIA", "<b>ASIA</b>"),
        ("ASIA", "AS\r\nIA"),
        ("<AccessKeyId>ASIA</AccessKeyId>", "<AccessKeyId>A</AccessKeyId><AccessKeyId>B</AccessKeyId>"),
        ("<SessionToken>T/+=</SessionToken>", ""),
        ("2026-01-01T13:00:00Z", "soon"),
    ] {
        assert!(credentials(GOOD.replace(from, to).as_bytes()).is_none(), "{to}");
    }
    assert!(credentials(b"\xff").is_none() && credentials(b"").is_none());
}

fn failed(status: u16, body: &str) -> (bool, String) {
    let reply = Reply { status, headers: Headers::default(), body: body.as_bytes().to_vec() };
    match failure(&reply) {
        Failed::Busy(error) => (true, error.to_string()),
        Failed::Refused(error) => (false, error.to_string()),
    }
}

#[test]
fn an_error_says_what_to_do_and_nothing_that_was_signed() {
    let error =
        |code: &str| format!("<Error><Code>{code}</Code><Message>x-amz-security-token:T</Message></Error>");
    for (status, code, is_busy, expected) in [
        (400, "Throttling", true, "STS answered 400 (Throttling)"),
        (503, "", true, "STS answered 503 (no code)"),
        (403, "AccessDenied", false, "sts:TagSession for this role"),
        (400, "PackedPolicyTooLarge", false, "make the session policy shorter"),
        (400, "ValidationError", false, "STS answered 400 (ValidationError)"),
        (400, "evil\n2026 ERROR", false, "STS answered 400 (evil"),
    ] {
        let body = if code.is_empty() { String::new() } else { error(code) };
        let (busy, text) = failed(status, &body);
        assert!(text.contains(expected) && busy == is_busy, "{text}");
        assert!(!text.contains("token:T") && !text.contains('\n'), "{text}");
    }
}
