use bulkhead_host::dispatch::receipt::{About, Receipt};
use bulkhead_host::policy::manifest::Receipts as Format;
use bulkhead_host::sandbox::Usage;
use serde_json::{Value, json};
use std::time::{Duration, SystemTime};

use super::*;

/// A receipt, as the host writes it.
fn line(tenant: Option<&str>, outcome: &str, wall: u64, format: &Format) -> String {
    let tenant = tenant.map(Into::into);
    let about = About {
        request_id: &"r-1".into(),
        tenant: tenant.as_ref().map(|id| (id, true)),
        handler: Some(&"hello".into()),
        component: Some(&"sha256:00".into()),
        script: None,
        outcome: outcome.to_owned().into(),
        records: None,
        is_stale: false,
        queue: Duration::ZERO,
        bytes: (100, 1024),
    };
    let usage = Usage {
        wall: Duration::from_micros(wall),
        peak_memory: 65_536 * usize::try_from(wall).unwrap(),
        ..Usage::default()
    };
    let now = SystemTime::UNIX_EPOCH;
    Receipt::new(about, &usage, now).with_cpu(Duration::from_micros(wall / 2)).line(format).unwrap()
}

fn json_line(tenant: Option<&str>, outcome: &str, wall: u64) -> String {
    line(tenant, outcome, wall, &Format::Json)
}

fn sum(by: By, sort: Sort, log: &[String]) -> (Value, String) {
    let mut tally = Tally::new(by);
    add(log.join("\n").as_bytes(), None, &mut tally).unwrap();
    let summary = tally.summary(sort, None);
    (serde_json::to_value(&summary).unwrap(), print::table(&summary).to_string())
}

#[test]
fn each_tenant_has_its_sums_and_all_have_a_total() {
    let emf = Format::Emf { namespace: "Tenants".to_owned() };
    let (value, text) = sum(
        By::Tenant,
        Sort::Events,
        &[
            "START RequestId: r-1".to_owned(),
            json_line(Some("beta"), "Function.Timeout", 100),
            json_line(Some("acme"), "Replied", 10),
            line(Some("acme"), "Replied", 30, &emf),
            "{\"type\":\"bulkhead.receipt\"}".to_owned(),
            json_line(None, "Runtime.UnknownTenant", 0),
        ],
    );
    let rows = value["rows"].as_array().unwrap();
    let names: Vec<&Value> = rows.iter().map(|row| &row["name"]).collect();
    assert_eq!(names, [&json!("acme"), &Value::Null, &json!("beta")]);
    let acme = json!({
        "name": "acme", "events": 2, "errors": 0, "errorRate": 0.0, "wallP50": 10, "wallP99": 30,
        "cpuTotal": 20, "cpuP99": 15, "peakMemory": 65_536 * 30, "bytesIn": 200, "bytesOut": 2048,
        "outboundRequests": 0, "outboundBytesOut": 0, "outboundBytesIn": 0,
    });
    assert_eq!(rows[0], acme);
    assert_eq!((&value["total"]["events"], &value["total"]["errorRate"]), (&json!(4), &json!(0.5)));
    assert_eq!(
        (&value["malformed"], &value["others"], &value["by"]),
        (&json!(1), &Value::Null, &json!("tenant"))
    );
    assert!(text.starts_with("tenant"), "{text}");
    assert!(text.contains("\n(no tenant)  "), "{text}");
    assert_eq!(text.lines().count(), 5, "{text}");
}

#[test]
fn rows_are_sorted_as_asked() {
    let log = [json_line(Some("a"), "Replied", 9), json_line(Some("b"), "Function.Panic", 5)];
    let first = |by, sort| sum(by, sort, &log).0["rows"][0]["name"].clone();
    assert_eq!(first(By::Tenant, Sort::Events), "a");
    assert_eq!(first(By::Tenant, Sort::Errors), "b");
    assert_eq!(first(By::Tenant, Sort::Wall), "a");
    assert_eq!(first(By::Outcome, Sort::Name), "Function.Panic");
    assert_eq!(first(By::Handler, Sort::Cpu), "hello");
}

#[test]
fn made_up_tenants_take_no_more_than_so_much_memory() {
    let log: Vec<String> = (0..10_010).map(|id| json_line(Some(&id.to_string()), "Replied", 1)).collect();
    let (value, text) = sum(By::Tenant, Sort::Events, &log);
    assert_eq!(value["rows"].as_array().unwrap().len(), 10_000);
    assert_eq!((&value["others"]["events"], &value["total"]["events"]), (&json!(10), &json!(10_010)));
    assert!(text.contains("(all others)"));
}

#[test]
fn hostile_numbers_and_names_are_only_odd() {
    let odd = json_line(Some("a"), "Replied", 1)
        .replace("\"wallMs\":0.001", "\"wallMs\":-1e308")
        .replace("\"cpuMs\":0.0", "\"cpuMs\":1e308")
        .replace("\"tenantId\":\"a\"", r#""tenantId":"\u001b[2J\n""#)
        .replace("\"outboundBytesIn\":0", "\"outboundBytesIn\":18446744073709551615");
    let (value, text) = sum(By::Tenant, Sort::Events, &[odd.clone(), odd]);
    assert_eq!(value["malformed"], 0);
    assert_eq!(value["total"]["outboundBytesIn"], u64::MAX);
    assert!(text.contains(r"\u{1b}[2J\n") && !text.contains('\u{1b}'), "{text}");
}

#[test]
fn a_log_without_receipts_is_an_empty_table() {
    let (value, text) = sum(By::Tenant, Sort::Events, &["nothing".to_owned()]);
    assert_eq!((value["rows"].as_array().unwrap().len(), &value["total"]["errorRate"]), (0, &json!(0.0)));
    assert!(text.lines().nth(1).unwrap().starts_with("total "), "{text}");
}

/// What `bulkhead receipts FILE` answers, for a file with this content.
fn refused(content: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("function.log");
    std::fs::write(&file, content).unwrap();
    let error = receipts(&file).run().unwrap_err();
    format!("{error:#}").replace(&*folder.path().to_string_lossy(), "FOLDER")
}

fn receipts(file: &Path) -> Receipts {
    Receipts {
        files: vec![file.to_owned()],
        by: By::Tenant,
        sort: Sort::Events,
        top: None,
        since: None,
        json: false,
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = format!("{:#}", receipts(Path::new("gone.log")).run().unwrap_err());
    assert!(error.starts_with("gone.log: "), "{error}");
}

#[test]
fn a_wrong_file_is_no_table_of_zeros() {
    let receipt = json_line(Some("acme"), "Replied", 1);
    for (content, expected) in [
        (
            &b"\x1f\x8b\x08"[..],
            "FOLDER/function.log: it is compressed; unpack it on the way: `gunzip -c FILE | bulkhead receipts`",
        ),
        (b"\0asm", "FOLDER/function.log: it is not a text file, so it is not a log"),
        (
            b"{}\n[]\n",
            "FOLDER/function.log: none of its lines is a receipt; a receipt is a line of the function's log that \
             begins with {\"type\":\"bulkhead.receipt\"",
        ),
    ] {
        assert_eq!(refused(content), expected);
    }
    let tailed = refused(format!("2026-11-22T00:00:00 2026/11/22/[$LATEST]0 {receipt}\n").as_bytes());
    assert!(
        tailed.contains("there is text before each receipt, as `aws logs tail` puts it there"),
        "{tailed}"
    );
}

#[test]
fn the_largest_rows_are_enough_and_the_others_are_one() {
    let log = [("a", 1), ("b", 2), ("c", 3)];
    let mut tally = Tally::new(By::Tenant);
    for (tenant, times) in log {
        for _ in 0..times {
            add(json_line(Some(tenant), "Replied", 4).as_bytes(), None, &mut tally).unwrap();
        }
    }
    let value = serde_json::to_value(tally.summary(Sort::Events, Some(1))).unwrap();
    assert_eq!((&value["rows"][0]["name"], value["rows"].as_array().unwrap().len()), (&json!("c"), 1));
    let others = &value["others"];
    assert_eq!(
        (&others["events"], &others["bytesIn"], &others["cpuTotal"]),
        (&json!(3), &json!(300), &json!(6))
    );
    assert_eq!((&others["wallP99"], &value["total"]["events"]), (&json!(4), &json!(6)));
}

#[test]
fn receipts_from_before_a_time_are_left_out() {
    let log = json_line(Some("a"), "Replied", 1);
    let mut tally = Tally::new(By::Tenant);
    let from = |text| add(log.as_bytes(), Some(since(text).unwrap()), &mut Tally::new(By::Tenant)).unwrap();
    assert_eq!(from("1970-01-01").receipts, 1);
    assert_eq!(from("1970-01-01T00:00:01Z"), Found { lines: 1, earlier: 1, ..Found::default() });
    assert_eq!(from("1h").earlier, 1);
    assert_eq!(add(log.as_bytes(), None, &mut tally).unwrap().receipts, 1);
    assert!(since("yesterday").unwrap_err().contains("such as 1h"));
}
