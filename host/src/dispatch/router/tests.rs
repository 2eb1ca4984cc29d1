//! Events, and whose they are.

use std::time::SystemTime;

use bytes::Bytes;

use super::*;
use crate::dispatch::stored::StoredTenant;
use crate::policy::manifest::{Credentials, InvalidHandler, Receipts};
use crate::policy::{Owner, RecordInUse};
use crate::runtime_api::NextEvent;

/// Two handlers, `first` and `second`; acme has the first, and beta the second under a policy of its own.
fn manifest(tenant: TenantSource) -> Manifest {
    let first = Arc::new(Policy::default_for("first"));
    let own = Arc::new(Policy { handler: "second".into(), ..Policy::default_for("own") });
    let tenants = [("acme", 0, first, None), ("beta", 1, own, Some(Path::new("beta/index.js").into()))]
        .map(|(id, handler, policy, script)| (id, Tenant { handler, policy, script }));
    Manifest {
        routing: Routing {
            tenant,
            unknown_tenant: UnknownTenant::Reject,
            mixed_batches: MixedBatches::Split,
            invalid_handler: InvalidHandler::FailInit,
        },
        handlers: Vec::new(),
        tenants: Arc::new(tenants.into_iter().map(|(id, tenant)| (id.into(), tenant)).collect()),
        stores: Vec::new(),
        store: None,
        credentials: Credentials::default(),
        default: Arc::new(Policy::default_for("default")),
        receipts: Receipts::Json,
        extra_ca_certificates: Vec::new(),
        build: None,
    }
}

fn router(manifest: &Manifest) -> Router {
    let policies = ["first", "second"].map(|name| Arc::new(Policy::default_for(name)));
    Router::new(manifest, policies.into(), Some(0))
}

fn by_pointer(pointer: &str) -> Router {
    router(&manifest(TenantSource::Pointer(pointer.parse().unwrap())))
}

fn invocation(event: impl AsRef<[u8]>, tenant_id: Option<&str>) -> Invocation {
    let mut headers = vec![("lambda-runtime-aws-request-id", b"r-1".to_vec())];
    headers.extend(tenant_id.map(|id| ("lambda-runtime-aws-tenant-id", id.as_bytes().to_vec())));
    let headers = headers.into_iter().collect();
    let next = NextEvent { headers, body: Bytes::copy_from_slice(event.as_ref()) };
    Invocation::parse(next, SystemTime::UNIX_EPOCH).unwrap().0
}

/// The tenant and the handler that an event with this text gets.
fn tenant(router: &Router, event: &str) -> Result<(Option<String>, usize), RouteError> {
    match router.route(&invocation(event, None))? {
        Routed::Whole(route) => Ok((route.tenant_id.map(|id| id.to_string()), route.handler)),
        Routed::Split(parts) => panic!("{parts:?}"),
    }
}

fn acme() -> (Option<String>, usize) {
    (Some("acme".to_owned()), 0)
}

#[test]
fn lambda_s_tenant_id_chooses_handler_and_policy() {
    let router = router(&manifest(TenantSource::Lambda));
    let Routed::Whole(route) = router.route(&invocation("1", Some("beta"))).unwrap() else { panic!() };
    assert_eq!((route.tenant_id.as_deref(), route.handler), (Some("beta"), 1));
    assert_eq!(route.policy.table, "handlers.own.grants");
}

#[test]
fn who_is_unknown_is_told_so() {
    let router = router(&manifest(TenantSource::Lambda));
    let error = |id| router.route(&invocation("1", id)).unwrap_err();
    assert_eq!(error(Some("acm")), RouteError::Unknown { tenant: "acm".into() });
    assert!(matches!(error(None), RouteError::NoTenant { .. }));
    // As close as a path or another case may come, it is another name.
    for id in ["ACME", "acme/", "./acme", " acme", "acme\u{200b}"] {
        assert!(matches!(error(Some(id)), RouteError::Unknown { .. }), "{id:?}");
    }
}

#[test]
fn the_unknown_may_have_a_handler() {
    let mut manifest = manifest(TenantSource::Lambda);
    manifest.routing.unknown_tenant = UnknownTenant::Handler(1);
    let router = router(&manifest);
    for id in [None, Some("stranger")] {
        let Routed::Whole(route) = router.route(&invocation("1", id)).unwrap() else { panic!() };
        assert_eq!((route.tenant_id.as_deref(), route.handler), (id, 1));
        assert_eq!(route.owner(), Owner::Handler(1), "a new id is no new share of anything");
    }
    let Routed::Whole(route) = router.route(&invocation("1", Some("beta"))).unwrap() else { panic!() };
    assert_eq!(route.owner(), Owner::Tenant("beta".into()));
}

#[test]
fn without_tenants_all_is_for_the_function_s_own_handler() {
    let mut manifest = manifest(TenantSource::Lambda);
    manifest.tenants = Arc::default();
    let router = router(&manifest);
    let Routed::Whole(route) = router.route(&invocation("1", Some("label"))).unwrap() else { panic!() };
    assert_eq!((route.tenant_id.as_deref(), route.handler), (Some("label"), 0));
    assert_eq!(router.likely().unwrap().handler, 0);
}

#[test]
fn a_pointer_finds_the_tenant_in_the_event() {
    let router = by_pointer("/detail/tenant");
    assert_eq!(tenant(&router, r#"{"detail": {"tenant": "acme"}}"#), Ok(acme()));
    for event in [r#"{"detail": {"tenant": ""}}"#, "{}", "", "no JSON"] {
        assert!(matches!(tenant(&router, event), Err(RouteError::NoTenant { .. })), "{event}");
    }
    let error = tenant(&router, r#"{"detail": {"tenant": 7}}"#).unwrap_err().to_string();
    assert_eq!(error, "the tenant of the event is not clear (at /detail/tenant): it is not a string");
}

#[test]
fn an_id_longer_than_any_is_refused() {
    let router = by_pointer("/t");
    let event = format!(r#"{{"t": "{}"}}"#, "a".repeat(MAX_TENANT_ID + 1));
    assert!(matches!(tenant(&router, &event), Err(RouteError::Unclear { .. })));
}

#[test]
fn a_header_finds_the_tenant_of_an_http_event() {
    let router = router(&manifest(TenantSource::Header("x-tenant".to_owned())));
    assert_eq!(tenant(&router, r#"{"headers": {"X-Tenant": "acme"}}"#), Ok(acme()));
    let error = tenant(&router, r#"{"headers": {"x-tenant": "acme", "X-Tenant": "beta"}}"#);
    assert!(matches!(error, Err(RouteError::Unclear { .. })));
}

fn sqs(tenants: &[&str]) -> String {
    let records = tenants.iter().enumerate().map(|(index, tenant)| {
        format!(r#"{{"messageId":"{index}","eventSource":"aws:sqs","body":"{{\"tenant\":\"{tenant}\"}}"}}"#)
    });
    format!(r#"{{"Records":[{}]}}"#, records.collect::<Vec<_>>().join(","))
}

#[test]
fn a_batch_of_one_tenant_goes_there_as_it_is() {
    for pointer in ["/Records/*/body/tenant", "/Records/0/body/tenant"] {
        assert_eq!(tenant(&by_pointer(pointer), &sqs(&["acme", "acme"])), Ok(acme()));
    }
}

#[test]
fn a_batch_of_several_tenants_is_split_in_the_order_of_their_first_records() {
    let router = by_pointer("/Records/*/body/tenant");
    let event = sqs(&["beta", "acme", "stranger", "beta"]);
    let Routed::Split(parts) = router.route(&invocation(&event, None)).unwrap() else { panic!() };
    let parts: Vec<_> = parts
        .into_iter()
        .map(|(route, part)| (route.ok().and_then(|route| route.tenant_id), part.ids.join(",")))
        .collect();
    assert_eq!(
        parts,
        [
            (Some("beta".into()), "0,3".to_owned()),
            (Some("acme".into()), "1".to_owned()),
            (None, "2".to_owned())
        ]
    );
}

#[test]
fn an_index_in_the_pointer_lets_no_other_record_through() {
    let router = by_pointer("/Records/0/body/tenant");
    let routed = router.route(&invocation(sqs(&["acme", "beta"]), None)).unwrap();
    assert!(matches!(routed, Routed::Split(parts) if parts.len() == 2));
}

/// A batch from SQS with one record of each of these tenants.
fn batch_of(tenants: impl Iterator<Item = String>) -> String {
    let record = |(number, tenant)| {
        format!(r#"{{"messageId": "{number}", "eventSource": "aws:sqs", "tenant": "{tenant}"}}"#)
    };
    let records: Vec<_> = tenants.enumerate().map(record).collect();
    format!(r#"{{"Records": [{}]}}"#, records.join(","))
}

#[test]
fn records_of_any_number_of_unknown_tenants_go_nowhere_as_one_part() {
    let router = by_pointer("/Records/*/tenant");
    let strangers = (0..20_000).map(|number| format!("stranger-{number}"));
    let event = batch_of(["a".repeat(2000), "acme".to_owned()].into_iter().chain(strangers));
    let Routed::Split(parts) = router.route(&invocation(&event, None)).unwrap() else { panic!() };
    let told: Vec<_> = parts
        .iter()
        .map(|(route, part)| (route.as_ref().map_err(ToString::to_string).err(), part.ids.len()))
        .collect();
    let [(Some(unclear), 1), (None, 1), (Some(unknown), 20_000)] = told.as_slice() else {
        panic!("{told:.500?}")
    };
    assert!(unclear.contains("2000 bytes") && !unclear.contains("more with whom"), "{unclear}");
    assert!(unknown.starts_with("the tenant \"stranger-0\" is unknown"), "{unknown}");
    assert!(unknown.ends_with("records of 19999 more with whom it is the same"), "{unknown}");
}

#[test]
fn a_batch_has_no_more_parts_than_sqs_sends_records() {
    let mut manifest = manifest(TenantSource::Pointer("/Records/*/tenant".parse().unwrap()));
    manifest.routing.unknown_tenant = UnknownTenant::Handler(0);
    let router = router(&manifest);
    let routed = |count: usize| {
        router.route(&invocation(batch_of((0..count).map(|number| format!("t{number}"))), None))
    };
    assert!(matches!(routed(10_000), Ok(Routed::Split(parts)) if parts.len() == 10_000));
    assert!(routed(10_001).unwrap_err().to_string().contains("more than 10,000 records"));
}

#[test]
fn mixed_batches_are_rejected_unless_they_may_be_split() {
    let mut manifest = manifest(TenantSource::Pointer("/Records/*/body/tenant".parse().unwrap()));
    manifest.routing.mixed_batches = MixedBatches::Reject;
    let error = tenant(&router(&manifest), &sqs(&["acme", "beta"])).unwrap_err().to_string();
    assert!(error.contains("aws:sqs has records of 2 tenants: set `mixed_batches = \"split\"`"), "{error}");
}

#[test]
fn batches_of_other_sources_are_never_split() {
    let event = sqs(&["acme", "beta"]).replace("aws:sqs", "aws:kinesis");
    let error = tenant(&by_pointer("/Records/*/body/tenant"), &event).unwrap_err().to_string();
    assert!(error.contains("aws:kinesis has records of 2 tenants: only batches from SQS"), "{error}");
}

#[test]
fn records_that_are_there_twice_are_nobody_s() {
    let event = format!("{},\"Records\":[]}}", sqs(&["acme"]).trim_end_matches('}'));
    let error = tenant(&by_pointer("/Records/*/body/tenant"), &event);
    assert!(matches!(error, Err(RouteError::Unclear { .. })), "{event}");
}

#[test]
fn an_empty_batch_names_no_tenant() {
    for event in [r#"{"Records": []}"#, r#"{"Records": 7}"#, "{}"] {
        let error = tenant(&by_pointer("/Records/*/body/tenant"), event);
        assert!(matches!(error, Err(RouteError::NoTenant { .. })), "{event}");
    }
}

/// A manifest with a store.
fn with_store(manifest: Manifest) -> Manifest {
    let toml = "[store]\nname = 'a'\nurl = 'file:///a'\n\
                public_keys = ['ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=']";
    Manifest { store: Manifest::parse(toml).unwrap().store, ..manifest }
}

#[test]
fn tenants_of_a_store_come_after_those_of_the_manifest() {
    let manifest = with_store(manifest(TenantSource::Lambda));
    let router = router(&manifest);
    let policy = Arc::new(Policy::default_for("stored"));
    let stored = |handler| {
        let record = RecordInUse { generation: 1, is_stale: false };
        let script = (handler == 8).then(|| Path::new("sha256:0").into());
        Ok(StoredTenant { handler, script, policy: Arc::clone(&policy), record })
    };
    let absent = |absence: fn(Arc<str>) -> Absence| Err(absence("why".into()));
    let answers: Answers = [
        ("acme", stored(7)),
        ("globex", stored(8)),
        ("bad", absent(Absence::Invalid)),
        ("away", absent(Absence::Unavailable)),
        ("nobody", Err(Absence::Unknown)),
    ]
    .map(|(id, found)| (Arc::from(id), found))
    .into();
    let event = |id| invocation("1", Some(id));
    let route = |id| match router.resolve(router.named(&event(id)), Some(&answers)) {
        Ok(Routed::Whole(route)) => {
            assert_eq!(route.script.is_some(), route.handler == 8);
            Ok((route.handler, route.owner()))
        }
        Ok(Routed::Split(parts)) => panic!("{parts:?}"),
        Err(error) => Err(error),
    };
    assert_eq!(route("acme"), Ok((0, Owner::Tenant("acme".into()))), "that of the manifest");
    assert_eq!(route("globex"), Ok((8, Owner::Tenant("globex".into()))));
    let (tenant, reason) = (|id: &str| Arc::from(id), Arc::from("why"));
    assert_eq!(
        route("bad"),
        Err(RouteError::InvalidRecord { tenant: tenant("bad"), reason: Arc::clone(&reason) })
    );
    assert_eq!(route("away"), Err(RouteError::Unavailable { tenant: tenant("away"), reason }));
    assert_eq!(route("nobody"), Err(RouteError::NotStored { tenant: tenant("nobody") }));
    // Only those that the manifest does not have are looked up, and only those that can be ids.
    let strangers = |id: Option<&str>| router.strangers(&router.named(&invocation("1", id)));
    assert_eq!(strangers(Some("globex")), [Arc::from("globex")]);
    for id in [Some("acme"), Some(""), None] {
        assert!(strangers(id).is_empty(), "{id:?}");
    }
}

#[test]
fn without_a_tenant_no_handler_gets_an_event_of_a_function_with_a_store() {
    let mut manifest = with_store(manifest(TenantSource::Lambda));
    manifest.tenants = Arc::default();
    let router = router(&manifest);
    assert_eq!(router.likely(), None);
    assert!(matches!(router.route(&invocation("1", None)), Err(RouteError::NoTenant { .. })));
}

#[test]
fn each_tenant_of_a_batch_is_looked_up_once() {
    let router = by_pointer("/Records/*/body/tenant");
    let batch = invocation(sqs(&["globex", "acme", "initech", "globex", ""]), None);
    let named = router.named(&batch);
    assert_eq!(router.strangers(&named), [Arc::from("globex"), Arc::from("initech")]);
}
