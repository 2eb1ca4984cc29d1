//! Secrets and sessions that stop being valid while several events use them: no event fails.

use bulkhead_tests::origin::Origin;
use bulkhead_tests::{Answer, Aws, Bootstrap, Event, Kind, QueuedEvent, Refusal, RuntimeApi, TaskRoot};
use serde_json::{Value, json};

use crate::stage::Stage;

const EVENTS: usize = 48;

/// A function that handles eight events at a time.
fn stage(root: TaskRoot, change: impl FnOnce(Bootstrap) -> Bootstrap) -> Stage {
    Stage::on(RuntimeApi::concurrent(8), root, |bootstrap| {
        change(
            bootstrap
                .env("AWS_LAMBDA_MAX_CONCURRENCY", "8")
                .env("AWS_LAMBDA_INITIALIZATION_TYPE", "lambda-managed-instances"),
        )
    })
}

/// Sends events, changes what is valid while some of them are under way, and returns all answers.
fn answers(stage: &Stage, event: &str, change: impl FnOnce()) -> Vec<Value> {
    let queue = || stage.api.queue(Event::json(event).tenant("acme"));
    // What is valid now is known from here on.
    let mut answers = vec![stage.api.answer(queue())];
    let mut queued: Vec<QueuedEvent> = (0..8).map(|_| queue()).collect();
    change();
    queued.extend((9..EVENTS).map(|_| queue()));
    answers.extend(queued.into_iter().map(|queued| stage.api.answer(queued)));
    let json = |answer: Answer| {
        assert_eq!(answer.kind, Kind::Response, "{}\n{}", answer.text(), stage.running.logs());
        answer.json()
    };
    answers.into_iter().map(json).collect()
}

/// The requests of all events, by their receipts.
fn requests(stage: &Stage) -> u64 {
    stage.running.wait_receipts(EVENTS);
    stage.receipts().iter().filter_map(|receipt| receipt["outboundRequests"].as_u64()).sum()
}

#[test]
fn a_secret_is_rotated_under_load_and_no_event_fails() {
    let origin = Origin::tls();
    let url = format!("https://localhost:{}", origin.port());
    let manifest = format!(
        "[secrets.stripe]\nfrom = 'file:key'\n[credentials.cred]\nhosts = ['{url}']\n\
         headers = {{ authorization = 'Bearer {{stripe}}' }}\n[handlers.http.limits]\nconcurrency = 8\n\
         [handlers.http.grants]\ncredentials = ['cred']\nallowed_private_networks = ['127.0.0.0/8']\n[tenants.acme]\n\
         [outbound]\nextra_ca_certificates = ['ca.pem']\n"
    );
    let authority = origin.authority.clone().expect("an authority");
    let root = TaskRoot::new().manifest(&manifest).with("http").file("ca.pem", authority.as_bytes());
    let root = root.file("key", b"sk_live_old");
    let (key, next) = (root.path().join("key"), root.path().join("next"));
    origin.require("Bearer sk_live_old");
    let stage = stage(root, |bootstrap| bootstrap);
    let event = json!({ "url": url }).to_string();
    let answers = answers(&stage, &event, || {
        std::fs::write(&next, "sk_live_new").expect("write the new key");
        std::fs::rename(&next, &key).expect("put it in the place of the old one");
        origin.require("Bearer sk_live_new");
    });
    assert!(answers.iter().all(|answer| answer["status"] == 200), "{answers:?}");
    let heads: Vec<String> = origin.requests().into_iter().map(|request| request.head).collect();
    let with = |key: &str| heads.iter().filter(|head| head.contains(key)).count();
    let refused = heads.len() - EVENTS;
    assert!((1..EVENTS).contains(&refused), "those that were under way: {refused}");
    assert_eq!(with("sk_live_old") + with("sk_live_new"), heads.len());
    assert!(with("sk_live_new") > 8);
    assert_eq!(requests(&stage), heads.len() as u64, "every request is on a receipt");
    assert!(!stage.running.logs().contains("sk_live"), "{}", stage.running.logs());
}

#[test]
fn a_session_expires_or_is_revoked_under_load_and_no_event_fails() {
    for refusal in [Refusal::Expired, Refusal::Revoked] {
        let aws = Aws::start();
        let manifest = format!(
            "[credentials.cred]\nhosts = ['{}']\nsign = 'aws'\nservice = 'dynamodb'\nregion = 'eu-central-1'\n\
             role = 'arn:aws:iam::123456789012:role/tenant'\nsession_tags = {{ tenant = '{{tenant}}' }}\n\
             [handlers.call.limits]\nconcurrency = 8\n[handlers.call.grants]\ncredentials = ['cred']\n\
             allowed_private_networks = ['127.0.0.0/8']\n[tenants.acme]\n",
            aws.url()
        );
        let root = TaskRoot::new().manifest(&manifest).with("call");
        let stage = stage(root, |bootstrap| {
            bootstrap.env("AWS_REGION", "eu-central-1").env("AWS_ENDPOINT_URL", aws.url())
        });
        let event = json!({ "method": "POST", "url": aws.url(), "headers": {}, "body": "{}" }).to_string();
        let answers = answers(&stage, &event, || aws.refuse_sessions(refusal));
        assert!(answers.iter().all(|answer| answer["status"] == 200), "{refusal:?}: {answers:?}");
        assert_eq!(aws.sessions(), 2, "{refusal:?}: one more for all events");
        let sent = aws.heads().len();
        assert!((EVENTS + 1..2 * EVENTS).contains(&sent), "{refusal:?}: {sent}");
        assert_eq!(requests(&stage), sent as u64);
    }
}
