//! A broker, and servers that stand in for AWS.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use super::*;
use crate::aws::date;
use crate::http1::test_server::recorder::{Recorded, Recorder, response};
use crate::log::{Format, Level, LogSettings};
use crate::policy::manifest::Manifest;
use crate::policy::{Authentication, AwsSigning, Credential, Part, Role, Secret, SecretSource, Template};

/// An environment.
pub(crate) struct Variables(BTreeMap<String, String>);

impl Variables {
    pub(crate) fn of(all: &[(&str, &str)]) -> Self {
        Self(all.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }
}

impl Vars for Variables {
    fn get(&self, name: &str) -> Option<String> {
        self.0.get(name).cloned()
    }
}

/// The environment of a function, and more.
pub(crate) fn role(more: &[(&str, &str)]) -> Variables {
    let mut all = vec![
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ACCESS_KEY_ID", "ROLE"),
        ("AWS_SECRET_ACCESS_KEY", "key of the role"),
        ("AWS_SESSION_TOKEN", "role token"),
    ];
    all.extend(more);
    Variables::of(&all)
}

/// A broker with this environment.
pub(crate) fn broker(vars: Variables) -> Broker {
    let settings =
        LogSettings { format: Format::Text, level: Level::Fatal, telemetry_fd: None, batches: false };
    let process = Process {
        function: "notes".to_owned(),
        task_root: "/".into(),
        vars: Arc::new(vars),
        clock: Clock::default(),
        store_bucket: Some("tenants".to_owned()),
    };
    Broker::new(process, ExtraRoots::default(), &Arc::new(Log::new(&settings)))
}

/// An answer of STS: a session that is valid for so long.
pub(crate) fn session(key: &str, life: Duration) -> String {
    let expires = humantime::format_rfc3339_seconds(SystemTime::now() + life);
    let body = format!(
        "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>{key}</AccessKeyId>\
         <SecretAccessKey>secret-of-{key}</SecretAccessKey><SessionToken>token-of-{key}</SessionToken>\
         <Expiration>{expires}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"
    );
    response(200, "", &body)
}

/// Whether a request has a signature of about this time.
pub(crate) fn is_signed_at(request: &Recorded, time: SystemTime) -> bool {
    let date = request.header("x-amz-date").expect("one date");
    let (day, hour) = date.trim_end_matches('Z').split_once('T').unwrap();
    let text =
        format!("{}-{}-{}T{}:{}:{}Z", &day[..4], &day[4..6], &day[6..], &hour[..2], &hour[2..4], &hour[4..]);
    let signed = humantime::parse_rfc3339(&text).unwrap();
    let off = time.duration_since(signed).unwrap_or_else(|ahead| ahead.duration());
    off < Duration::from_secs(60)
}

/// A credential with a role whose sessions have the tenant in a tag.
pub(crate) fn tagged() -> Arc<Credential> {
    let tenant = Template { parts: vec![Part::Tenant] };
    credential(Role {
        arn: "arn:aws:iam::123456789012:role/tenant".into(),
        session_tags: [("tenant".into(), tenant)].into(),
        session_policy: None,
        external_id: None,
    })
}

fn credential(role: Role) -> Arc<Credential> {
    let signing = AwsSigning { role: Some(role), ..AwsSigning::default() };
    Arc::new(Credential { name: "notes".into(), hosts: vec![], authentication: Authentication::Aws(signing) })
}

/// A broker, and a server for all of its requests.
struct World {
    broker: Broker,
    server: Recorder,
    meter: Meter,
}

impl World {
    fn new(answer: impl Fn(&Recorded) -> String + Send + Sync + 'static) -> Self {
        let server = Recorder::start(answer);
        let broker = broker(role(&[("AWS_ENDPOINT_URL", &server.url())]));
        Self { broker, server, meter: Meter::new(Duration::MAX) }
    }

    async fn session(
        &self,
        credential: &Arc<Credential>,
        tenant: Option<&str>,
        is_known: bool,
    ) -> Result<Arc<Credentials>, String> {
        let Authentication::Aws(AwsSigning { role: Some(role), .. }) = &credential.authentication else {
            panic!("a role")
        };
        let tenant = tenant.map(Arc::from);
        let event = Event { tenant_id: tenant.as_ref(), is_known, meter: &self.meter };
        self.broker.sessions().get(credential, role, event).await.map_err(|error| error.to_string())
    }
}

/// Gives each session another key.
fn counting(life: Duration) -> impl Fn(&Recorded) -> String + Send + Sync + 'static {
    let count = AtomicU32::new(0);
    move |_| session(&format!("KEY{}", count.fetch_add(1, Ordering::Relaxed)), life)
}

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn a_session_belongs_to_one_tenant_and_one_credential() {
    let world = World::new(counting(HOUR));
    let (one, other) =
        (tagged(), credential(Role { external_id: Some(Template { parts: vec![] }), ..role_of(&tagged()) }));
    let mut keys = Vec::new();
    for (credential, tenant) in [(&one, "a"), (&one, "b"), (&one, "a"), (&other, "a"), (&one, "b")] {
        keys.push(world.session(credential, Some(tenant), true).await.unwrap().access_key.clone());
    }
    assert_eq!(keys, ["KEY0", "KEY1", "KEY0", "KEY2", "KEY1"]);
    let asked = world.server.requests();
    assert!(
        asked[0].text().contains("Tags.member.1.Key=tenant&Tags.member.1.Value=a"),
        "{}",
        asked[0].text()
    );
    assert!(asked[1].text().contains("Tags.member.1.Value=b"), "{}", asked[1].text());
    assert!(asked[0].text().contains("RoleSessionName=notes-"), "{}", asked[0].text());
    let authorization = asked[0].header("authorization").unwrap();
    assert!(
        authorization.contains("Credential=ROLE/") && authorization.contains("/eu-west-1/sts/aws4_request")
    );
    assert!(world.meter.spent() > Duration::ZERO, "the event is charged");
}

fn role_of(credential: &Credential) -> Role {
    match &credential.authentication {
        Authentication::Aws(AwsSigning { role: Some(role), .. }) => role.clone(),
        Authentication::Aws(_) | Authentication::Secrets(_) => panic!("a role"),
    }
}

#[tokio::test]
async fn many_requests_at_once_have_one_session_each_tenant() {
    let world = Arc::new(World::new(counting(HOUR)));
    let credential = tagged();
    let asking = (0..64).map(|number| {
        let (world, credential) = (Arc::clone(&world), Arc::clone(&credential));
        tokio::spawn(async move {
            let tenant = format!("tenant {}", number % 8);
            let session = world.session(&credential, Some(&tenant), true).await.unwrap();
            (tenant, session.access_key.clone())
        })
    });
    let mut seen = BTreeMap::new();
    for asked in asking.collect::<Vec<_>>() {
        let (tenant, key) = asked.await.unwrap();
        assert_eq!(seen.entry(tenant).or_insert_with(|| key.clone()), &key);
    }
    assert_eq!((seen.len(), world.server.requests().len()), (8, 8));
    let keys: std::collections::BTreeSet<_> = seen.values().collect();
    assert_eq!(keys.len(), 8, "no session has two tenants");
}

#[tokio::test]
async fn strangers_have_sessions_only_where_these_differ_and_take_none_from_others() {
    let world = World::new(counting(HOUR));
    let (tagged, plain) = (tagged(), credential(Role { session_tags: [].into(), ..role_of(&tagged()) }));
    world.session(&tagged, Some("known"), true).await.unwrap();
    for number in 0..70 {
        world.session(&tagged, Some(&format!("made up {number}")), false).await.unwrap();
        world.session(&plain, Some(&format!("made up {number}")), false).await.unwrap();
    }
    assert_eq!(world.server.requests().len(), 72, "one for all of those that do not differ");
    world.session(&tagged, Some("known"), true).await.unwrap();
    assert_eq!(world.server.requests().len(), 72, "the tenant that is known still has its own");
    world.session(&tagged, Some("made up 0"), false).await.unwrap();
    assert_eq!(world.server.requests().len(), 73);
    let error = world.session(&tagged, None, false).await.unwrap_err();
    assert!(error.contains("the event has no tenant"), "{error}");
}

#[tokio::test]
async fn a_session_is_replaced_before_it_expires_and_none_is_used_after_it() {
    let world = World::new(counting(Duration::from_secs(4 * 60)));
    let credential = tagged();
    let first = world.session(&credential, Some("a"), true).await.unwrap();
    assert_eq!(first.access_key, "KEY0");
    let behind = world.session(&credential, Some("a"), true).await.unwrap();
    assert_eq!(behind.access_key, "KEY0", "no request waits for the other one");
    while world.session(&credential, Some("a"), true).await.unwrap() == first {
        tokio::task::yield_now().await;
    }
    let world = World::new(counting(Duration::from_secs(5)));
    let error = world.session(&credential, Some("a"), true).await.unwrap_err();
    assert!(error.ends_with("STS gave a session that has expired"), "{error}");
}

#[tokio::test]
async fn sts_that_is_busy_is_asked_again_and_one_that_refuses_is_not() {
    let busy = "<Error><Code>Throttling</Code></Error>";
    let count = AtomicU32::new(0);
    let world = World::new(move |_| match count.fetch_add(1, Ordering::Relaxed) {
        0 | 1 => response(400, "", busy),
        _ => session("KEY", HOUR),
    });
    assert_eq!(world.session(&tagged(), Some("a"), true).await.unwrap().access_key, "KEY");
    let world = World::new(move |_| response(400, "", busy));
    let error = world.session(&tagged(), Some("a"), true).await.unwrap_err();
    assert_eq!(error, "a session of arn:aws:iam::123456789012:role/tenant: STS answered 400 (Throttling)");
    assert_eq!(world.server.requests().len(), 5);
    let world = World::new(move |_| response(403, "", "<Error><Code>AccessDenied</Code></Error>"));
    for _ in 0..3 {
        let error = world.session(&tagged(), Some("a"), true).await.unwrap_err();
        assert!(error.contains("needs sts:AssumeRole"), "{error}");
    }
    assert_eq!(world.server.requests().len(), 1, "for a second, all get the same error");
}

#[tokio::test]
async fn p1_16_a_clock_that_is_wrong_is_corrected_by_the_answer_of_sts() {
    let there = SystemTime::now() + 20 * HOUR;
    let world = World::new(move |request| match is_signed_at(request, there) {
        true => session("KEY", 24 * HOUR),
        false => response(403, &format!("date: {}\r\n", date(there)), ""),
    });
    assert_eq!(world.session(&tagged(), Some("a"), true).await.unwrap().access_key, "KEY");
    assert_eq!(world.server.requests().len(), 2, "it is asked once more");
}

#[tokio::test]
async fn a_session_that_is_refused_is_replaced_once_in_a_pause() {
    let world = World::new(counting(HOUR));
    let credential = tagged();
    let tenant: Arc<str> = "a".into();
    let event = Event { tenant_id: Some(&tenant), is_known: true, meter: &world.meter };
    for _ in 0..5 {
        let session = world.session(&credential, Some("a"), true).await.unwrap();
        let refused = Refused { session: &session, verdict: Verdict::Invalid };
        world.broker.sessions().refused(&credential, event, refused);
    }
    let last = world.session(&credential, Some("a"), true).await.unwrap();
    assert_eq!(last.access_key, "KEY1", "a guest cannot have the host ask for one after the other");
}

impl World {
    /// Sets the clock forward, as a freeze does.
    fn later(&self, time: Duration) {
        let now = SystemTime::now();
        assert!(self.broker.clock().notice(Some(&date(now + time)), now));
    }
}

#[tokio::test]
async fn after_a_freeze_a_session_that_has_expired_is_not_used() {
    let count = AtomicU32::new(0);
    let world = World::new(move |_| match count.fetch_add(1, Ordering::Relaxed) {
        0 => session("OLD", HOUR),
        1 => response(500, "", ""),
        _ => session("NEW", 10 * HOUR),
    });
    let credential = tagged();
    assert_eq!(world.session(&credential, Some("a"), true).await.unwrap().access_key, "OLD");
    world.later(2 * HOUR);
    // The first attempt fails, and the old one is not what is used in the meantime.
    assert_eq!(world.session(&credential, Some("a"), true).await.unwrap().access_key, "NEW");
}

#[tokio::test]
async fn a_session_that_was_revoked_is_replaced_for_the_next_request() {
    let world = World::new(counting(10 * HOUR));
    let credential = tagged();
    let tenant: Arc<str> = "a".into();
    let event = Event { tenant_id: Some(&tenant), is_known: true, meter: &world.meter };
    for (verdict, key) in [(Verdict::Invalid, "KEY1"), (Verdict::Denied, "KEY2")] {
        let session = world.session(&credential, Some("a"), true).await.unwrap();
        world.later(HOUR * if key == "KEY1" { 1 } else { 2 });
        world.broker.sessions().refused(&credential, event, Refused { session: &session, verdict });
        assert_eq!(world.session(&credential, Some("a"), true).await.unwrap().access_key, key);
        // Another request that was signed with the old one says so as well.
        world.broker.sessions().refused(&credential, event, Refused { session: &session, verdict });
        assert_eq!(world.session(&credential, Some("a"), true).await.unwrap().access_key, key);
    }
}

#[tokio::test]
async fn a_secret_is_fetched_once_and_again_after_a_while() {
    let count = AtomicU32::new(0);
    let world = World::new(move |_| {
        let value = count.fetch_add(1, Ordering::Relaxed);
        response(200, "", &format!("{{\"SecretString\":\"sk_{value}\"}}"))
    });
    let from = SecretSource::SecretsManager { id: "prod/stripe".into(), key: None };
    let secret = Arc::new(Secret { name: "stripe".into(), from });
    let now = SystemTime::now();
    let mut values = Vec::new();
    for minutes in [0, 1, 3, 6] {
        let now = now + Duration::from_secs(minutes * 60);
        let value = world.broker.secrets().at(&secret, &world.meter, now).await.unwrap();
        values.push(value.expose().to_owned());
    }
    assert_eq!(values, ["sk_0", "sk_0", "sk_0", "sk_1"]);
    let lost = Arc::new(Secret { name: "lost".into(), from: SecretSource::Environment("LOST".into()) });
    let error = world.broker.secrets().get(&lost, &world.meter).await.unwrap_err();
    assert_eq!(error.to_string(), "the secret lost: the environment variable LOST is not set, or is empty");
}

#[tokio::test]
async fn nothing_is_asked_before_it_is_needed_and_the_role_is_not_asked_for() {
    let world = World::new(|_| panic!("nothing is asked"));
    let event = Event { tenant_id: None, is_known: false, meter: &world.meter };
    assert_eq!(world.broker.role(event).await.unwrap().access_key, "ROLE");
    assert_eq!(world.meter.spent(), Duration::ZERO, "no thread was needed");
    let none = broker(Variables::of(&[]));
    let error = none.role(event).await.unwrap_err().to_string();
    assert!(error.starts_with("there are no AWS credentials"), "{error}");
}

#[test]
fn a_broker_prints_nothing_of_its_environment() {
    let printed = format!("{:?}", broker(role(&[])));
    assert!(!printed.contains("key of the role") && !printed.contains("token"), "{printed}");
}

#[test]
fn a_server_in_place_of_aws_s_is_encrypted_or_on_this_machine() {
    let role = "role = 'arn:aws:iam::123456789012:role/tenant'";
    let with_secret = |name: &str, from: &str| {
        format!(
            "[secrets.s]\nfrom = '{from}'\n[credentials.{name}]\nhosts = ['https://a.b']\nheaders = {{ a = '{{s}}' }}\n"
        )
    };
    let toml = |name: &str| match name {
        "session" => format!(
            "[credentials.session]\nhosts = ['https://sqs.eu-west-1.amazonaws.com']\nsign = 'aws'\n{role}\n"
        ),
        "ssm" => with_secret(name, "ssm:a"),
        "manager" => with_secret(name, "secretsmanager:b"),
        _ => with_secret(name, "env:C"),
    };
    let wrong = |credential: &str, name: &str, url: &str| {
        let manifest = Manifest::parse(&toml(credential)).unwrap();
        let checked = check_endpoints(&manifest, &Variables::of(&[(name, url)]));
        checked.err().map(|error| error.to_string()).unwrap_or_default()
    };
    let plain = "http://10.0.0.1:5000";
    for (credential, name) in [
        ("session", "AWS_ENDPOINT_URL_STS"),
        ("ssm", "AWS_ENDPOINT_URL_SSM"),
        ("manager", "AWS_ENDPOINT_URL_SECRETS_MANAGER"),
        ("manager", "AWS_ENDPOINT_URL"),
    ] {
        assert!(wrong(credential, name, plain).starts_with(&format!("{name}: {plain} is not encrypted")));
        for url in ["https://10.0.0.1", "http://127.0.0.1:5000", "http://localhost:5000", "http://[::1]:1"] {
            assert_eq!(wrong(credential, name, url), "", "{url}");
        }
    }
    assert_eq!(wrong("session", "AWS_ENDPOINT_URL_SSM", plain), "", "nothing is asked there");
    assert_eq!(wrong("env", "AWS_ENDPOINT_URL", plain), "");
    assert!(wrong("ssm", "AWS_ENDPOINT_URL", "moto").contains("AWS_ENDPOINT_URL: expected a URL"));
}

#[tokio::test]
async fn nothing_is_signed_for_a_server_that_is_not_encrypted() {
    let broker = broker(role(&[("AWS_ENDPOINT_URL", "http://10.0.0.1:1")]));
    let from = SecretSource::Parameter("a".into());
    let secret = Arc::new(Secret { name: "stripe".into(), from });
    let error = broker.secrets().get(&secret, &Meter::new(Duration::MAX)).await.unwrap_err().to_string();
    assert!(
        error.starts_with("the secret stripe: AWS_ENDPOINT_URL: http://10.0.0.1:1 is not encrypted"),
        "{error}"
    );
}
