//! Outbound HTTP: what is granted gets through, on connections that outlive sandboxes and belong to one tenant; the
//! rest is refused, and the log says which line would allow it.

use bulkhead_tests::origin::Origin;
use bulkhead_tests::{Event, TaskRoot};
use serde_json::{Value, json};

use crate::stage::Stage;

/// Two tenants whose handler may reach this server, and nothing else.
fn granted(origin: &Origin) -> String {
    format!(
        r#"
        [handlers.http]
        [handlers.http.grants]
        allowed_outbound_hosts = ["http://127.0.0.1:{port}", "https://localhost:{port}"]
        allowed_private_networks = ["127.0.0.0/8"]
        [tenants.acme]
        [tenants.beta]
        "#,
        port = origin.port()
    )
}

fn get(stage: &Stage, tenant: &str, url: &str) -> Value {
    stage.api.send(Event::json(json!({ "url": url }).to_string()).tenant(tenant)).json()
}

fn url(origin: &Origin, path: &str) -> String {
    format!("http://127.0.0.1:{}{path}", origin.port())
}

#[test]
fn a_granted_host_answers_and_is_on_the_receipt() {
    let origin = Origin::start();
    let stage = Stage::of_manifest(&granted(&origin), &["http"]);
    assert_eq!(get(&stage, "acme", &url(&origin, "/one")), json!({ "status": 200, "body": "/one" }));
    let receipt = &stage.receipts()[0];
    let head = &origin.requests()[0].head;
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n/one";
    assert_eq!(
        (&receipt["outboundRequests"], &receipt["outboundBytesIn"], &receipt["outboundBytesOut"]),
        (&json!(1), &json!(answer.len()), &json!(head.len()))
    );
    let ms = |key: &str| receipt[key].as_f64().expect("a time");
    assert!(ms("outboundMs") > 0.0 && ms("outboundMs") <= ms("wallMs"), "{receipt}");
    assert!(head.starts_with("GET /one HTTP/1.1\r\n"), "{head}");
    assert!(head.to_lowercase().contains(&format!("host: 127.0.0.1:{}\r\n", origin.port())), "{head}");
}

#[test]
fn connections_outlive_sandboxes_and_are_never_shared_between_tenants() {
    let origin = Origin::start();
    let stage = Stage::of_manifest(&granted(&origin), &["http"]);
    for tenant in ["acme", "beta", "acme", "beta", "acme"] {
        get(&stage, tenant, &url(&origin, &format!("/{tenant}")));
    }
    let asked: Vec<(usize, bool)> =
        origin.requests().iter().map(|asked| (asked.connection, asked.head.contains("/acme"))).collect();
    assert_eq!(asked, [(0, true), (1, false), (0, true), (1, false), (0, true)]);
}

#[test]
fn redirects_are_the_handler_s_business() {
    let origin = Origin::start();
    let stage = Stage::of_manifest(&granted(&origin), &["http"]);
    assert_eq!(get(&stage, "acme", &url(&origin, "/moved"))["status"], 302);
    assert_eq!(origin.requests().len(), 1);
}

#[test]
fn what_is_not_granted_is_denied_with_the_line_that_would_grant_it() {
    let origin = Origin::start();
    let stage = Stage::of_manifest(&granted(&origin), &["http"]);
    for (url, entry) in [
        ("https://api.example.com/x".to_owned(), "https://api.example.com"),
        ("http://127.0.0.1:1/".to_owned(), "http://127.0.0.1:1"),
        (url(&origin, "/").replace("http:", "https:"), "https://127.0.0.1:"),
    ] {
        let told = get(&stage, "acme", &url);
        assert!(told["error"].to_string().contains("HttpRequestDenied"), "{url}: {told}");
        let log = stage.running.stdout();
        let line = format!("to allow it, add \"{entry}");
        let line =
            log.lines().find(|record| record.contains(&line)).unwrap_or_else(|| panic!("{line}:\n{log}"));
        assert!(line.contains("tenantId=acme") && line.contains("in [handlers.http.grants]"), "{line}");
    }
    assert_eq!(origin.requests().len(), 0);
}

#[test]
fn private_addresses_are_refused_even_where_every_host_is_allowed() {
    let origin = Origin::start();
    let toml =
        "[handlers.http]\n[handlers.http.grants]\nallowed_outbound_hosts = ['*://*:*']\n[tenants.acme]\n";
    let stage = Stage::of_manifest(toml, &["http"]);
    for host in
        ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]", "10.0.0.1", "[fd00::1]"]
    {
        let told = get(&stage, "acme", &format!("http://{host}:{}/", origin.port()));
        assert!(told["error"].to_string().contains("DestinationIpProhibited"), "{host}: {told}");
    }
    let told = get(&stage, "acme", "http://169.254.169.254/latest/meta-data/");
    assert!(told["error"].to_string().contains("DestinationIpProhibited"), "{told}");
    let log = stage.running.stdout();
    assert!(log.contains("add \"127.0.0.0/8\" or a part of it to allowed_private_networks"), "{log}");
    assert!(log.contains("no grant allows it"), "{log}");
    assert_eq!(origin.requests().len(), 0);
}

#[test]
fn without_a_grant_nothing_is_sent() {
    let origin = Origin::start();
    let stage = Stage::of("http");
    let told = get(&stage, "", &url(&origin, "/"));
    assert!(told["error"].to_string().contains("HttpRequestDenied"), "{told}");
    assert_eq!(origin.requests().len(), 0);
}

#[test]
fn tls_trusts_who_the_manifest_adds_and_nobody_by_chance() {
    let origin = Origin::tls();
    let authority = origin.authority.clone().expect("an authority");
    let url = format!("https://localhost:{}/secret", origin.port());
    let trusting = format!("{}\n[outbound]\nextra_ca_certificates = ['certs/ca.pem']", granted(&origin));
    let root = TaskRoot::new().manifest(&trusting).with("http").file("certs/ca.pem", authority.as_bytes());
    let stage = Stage::at(root, |bootstrap| bootstrap);
    assert_eq!(get(&stage, "acme", &url), json!({ "status": 200, "body": "/secret" }));
    let stage = Stage::of_manifest(&granted(&origin), &["http"]);
    let told = get(&stage, "acme", &url);
    assert!(told["error"].to_string().contains("Tls"), "{told}");
    assert_eq!(origin.requests().len(), 1);
}

#[test]
fn a_connection_that_died_in_a_freeze_is_replaced_and_nothing_sent_twice() {
    let origin = Origin::start();
    let stage = Stage::of_manifest(&granted(&origin), &["http"]);
    get(&stage, "acme", &url(&origin, "/before"));
    stage.api.wait_idle();
    stage.running.freeze();
    origin.hang_up();
    let event = Event::json(json!({ "url": url(&origin, "/after") }).to_string()).tenant("acme");
    let queued = stage.api.queue(event);
    stage.running.thaw();
    assert_eq!(stage.api.answer(queued).json()["body"], "/after");
    let asked = origin.requests();
    assert_eq!(asked.len(), 2, "{asked:?}");
    assert_ne!(asked[0].connection, asked[1].connection);
}

#[test]
fn requests_have_a_limit_and_so_have_the_lines_about_them() {
    let toml = "[handlers.http_many]\n[handlers.http_many.limits]\noutbound_requests = 5\n";
    let stage = Stage::of_manifest(toml, &["http_many"]);
    stage.send(r#"{"url":"http://example.com","count":50}"#);
    let receipt = stage.receipts().pop().expect("a receipt");
    assert_eq!((&receipt["outboundRequests"], &receipt["limit"]), (&json!(5), &json!("outbound_requests")));
    let log = stage.running.stdout();
    assert!(log.lines().count() <= 7, "{log}");
}
