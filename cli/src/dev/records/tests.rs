//! Tests which changes are reported, and what is kept.

use super::*;

fn receive(records: &Records, request_id: &str) {
    let received = Received {
        request_id,
        function: "hello",
        way: Way::RequestResponse,
        tenant_id: None,
        event: &Bytes::from_static(b"{}"),
    };
    records.receive(&received);
}

fn numbers(rows: &[Row]) -> Vec<u64> {
    rows.iter().map(|row| row.number).collect()
}

#[test]
fn a_row_is_told_once_however_often_it_changed() {
    let records = Records::new();
    (1..=3).for_each(|number| receive(&records, &format!("r-{number}")));
    let (all, rows) = records.changes(0, 10);
    assert_eq!(numbers(&rows), [1, 2, 3]);
    for _ in 0..5 {
        records.deliver("r-2", EnvironmentId(1));
        records.print(EnvironmentId(1), "a line");
    }
    records.answer("r-1", None, b"", 0);
    let (then, rows) = records.changes(all, 10);
    assert_eq!(numbers(&rows), [2, 1]);
    assert_eq!(records.changes(then, 10), (then, Vec::new()));
    assert_eq!(*records.revisions().borrow(), then);
}

#[test]
fn what_does_not_fit_is_told_next() {
    let records = Records::new();
    (1..=5).for_each(|number| receive(&records, &format!("r-{number}")));
    let (reached, rows) = records.changes(0, 2);
    assert_eq!(numbers(&rows), [1, 2]);
    assert_eq!(numbers(&records.changes(reached, 10).1), [3, 4, 5]);
}

#[test]
fn what_is_forgotten_is_not_told_and_leaves_nothing() {
    let records = Records::new();
    (1..=MOST + 7).for_each(|number| receive(&records, &format!("r-{number}")));
    let (_, rows) = records.changes(0, usize::MAX);
    assert_eq!((rows.len(), rows[0].number), (MOST, 8));
    let state = records.state();
    assert_eq!((state.changed.len(), state.numbers.len(), state.with_bytes.len()), (MOST, MOST, MOST));
    assert_eq!(state.bytes, 2 * MOST);
}

#[test]
fn the_same_denial_counts_once_for_each_event() {
    let records = Records::new();
    for request_id in ["r-1", "r-2"] {
        receive(&records, request_id);
        records.deliver(request_id, EnvironmentId(1));
        for _ in 0..3 {
            let line = format!(
                "t\t{request_id}\tWARN\toutbound request to http://a:80 was denied; to allow it, add \"http://a\" to \
                 allowed_outbound_hosts in [handlers.hello.grants] of bulkhead.toml"
            );
            records.print(EnvironmentId(1), &line);
        }
    }
    let denials = records.denials();
    let seen: Vec<_> = denials.values().map(|seen| (seen.events, seen.last.as_str())).collect();
    assert_eq!(seen, [(2, "r-2")]);
    assert_eq!(records.find("r-1").unwrap().log.len(), 3, "the log has all of them");
}

#[tokio::test]
async fn an_event_is_complete_once_its_environment_goes_on() {
    let records = Records::new();
    receive(&records, "r-1");
    records.deliver("r-1", EnvironmentId(1));
    records.answer("r-1", None, b"{}", 2);
    records.settle(EnvironmentId(1), |_| true);
    assert!(!records.find("r-1").unwrap().is_complete);
    let (told, _) = records.changes(0, 10);
    records.settle(EnvironmentId(1), |_| false);
    assert!(records.complete("r-1").await.unwrap().is_complete);
    assert_eq!(records.changes(told, 10).1.len(), 1);
}

#[test]
fn of_what_is_forgotten_nothing_is_left_whichever_try_it_was() {
    let records = Records::new();
    receive(&records, "again");
    receive(&records, "again");
    for number in 0..MOST {
        receive(&records, &format!("r-{number}"));
    }
    assert!(records.find("again").is_none());
    let state = records.state();
    assert_eq!((state.records.len(), state.numbers.len(), state.changed.len()), (MOST, MOST, MOST));
}

/// The bytes of all records, counted anew.
fn kept(state: &State) -> usize {
    let of = |record: &Record| {
        let lines: usize = record.log.iter().map(|line| line.len() + EACH_LINE).sum();
        let denials: usize = record.denials.iter().map(Denial::bytes).sum();
        let response = record.response.as_ref().map_or(0, Bytes::len);
        record.event.as_ref().map_or(0, Bytes::len) + response + lines + denials
    };
    state.records.values().map(of).sum()
}

#[test]
fn all_of_them_keep_no_more_than_a_budget_and_the_oldest_give_theirs_up() {
    let records = Records::new();
    let event = Bytes::from(vec![b'x'; LARGEST_EVENT]);
    let line = "y".repeat(100_000);
    let response = vec![b'z'; LARGEST_RESPONSE];
    for number in 0..400 {
        let request_id = format!("r-{number}");
        let received = Received {
            request_id: &request_id,
            function: "hello",
            way: Way::FunctionUrl,
            tenant_id: Some("z".repeat(100_000)),
            event: &event,
        };
        records.receive(&received);
        records.deliver(&request_id, EnvironmentId(1));
        records.print(EnvironmentId(1), &line);
        records.print(
            EnvironmentId(1),
            &format!("t\t{request_id}\tWARN\toutbound request to http://a; no grant allows it"),
        );
        records.answer(&request_id, Some(&"Error".repeat(100_000)), &response, response.len());
        records.settle(EnvironmentId(1), |_| false);
        let state = records.state();
        assert!(state.bytes <= MOST_BYTES && state.bytes == kept(&state), "{number}: {}", state.bytes);
    }
    let state = records.state();
    assert!(state.bytes > MOST_BYTES - LARGEST_EVENT - LARGEST_LOG, "{}", state.bytes);
    let oldest = &state.records[&1];
    assert_eq!((oldest.event.as_ref(), oldest.response.as_ref()), (None, None));
    assert_eq!((oldest.log.len(), oldest.denials.len()), (0, 0));
    assert!(oldest.is_complete && oldest.is_given_up && oldest.outcome.is_some(), "what became of it stays");
    assert_eq!(
        (oldest.tenant_id.as_ref().map(String::len), oldest.outcome.as_ref().map(String::len)),
        (Some(1024), Some(1024))
    );
    let newest = &state.records[&400];
    assert_eq!((newest.event.as_ref().map(Bytes::len), newest.log.len()), (Some(LARGEST_EVENT), 2));
}

#[test]
fn what_is_printed_after_an_event_gave_up_its_own_is_kept_and_counted() {
    let records = Records::new();
    receive(&records, "old");
    records.deliver("old", EnvironmentId(1));
    let event = Bytes::from(vec![b'x'; LARGEST_EVENT]);
    for number in 0..MOST_BYTES / LARGEST_EVENT + 1 {
        let request_id = format!("r-{number}");
        let received = Received {
            request_id: &request_id,
            function: "hello",
            way: Way::Event,
            tenant_id: None,
            event: &event,
        };
        records.receive(&received);
    }
    assert_eq!(records.find("old").unwrap().event, None);
    let (told, _) = records.changes(0, usize::MAX);
    records.print(EnvironmentId(1), "late");
    assert_eq!(records.find("old").unwrap().log, ["late"]);
    assert_eq!(records.changes(told, usize::MAX).1.len(), 2, "the oldest of the others has made room for it");
    assert!(records.find("r-1").unwrap().is_given_up && !records.find("r-2").unwrap().is_given_up);
    let state = records.state();
    assert_eq!((state.bytes, state.with_bytes.contains(&1)), (kept(&state), true));
}

#[test]
fn a_response_is_kept_if_it_is_not_too_large() {
    let records = Records::new();
    for (request_id, length) in [("small", LARGEST_RESPONSE), ("large", LARGEST_RESPONSE + 1)] {
        receive(&records, request_id);
        records.answer(request_id, None, &vec![b'x'; LARGEST_RESPONSE], length);
        assert_eq!(records.find(request_id).unwrap().bytes_out, length);
    }
    assert_eq!(records.find("small").unwrap().response.map(|kept| kept.len()), Some(LARGEST_RESPONSE));
    assert_eq!(records.find("large").unwrap().response, None, "half a response would look like a whole one");
}

/// A receipt of a part of a batch, as the bootstrap prints it.
fn part(tenant_id: &str, outcome: &str, wall_ms: u32) -> String {
    serde_json::json!({
        "type": KIND, "timestamp": "2026-11-30T00:00:00.000Z", "requestId": "r-1", "tenantId": tenant_id,
        "handler": "orders", "component": null, "outcome": outcome, "limit": null, "records": 2,
        "wallMs": wall_ms, "cpuMs": 1.0, "queueMs": wall_ms, "setupMs": 0.5, "peakMemoryBytes": wall_ms,
        "bytesIn": 1, "bytesOut": 2, "logBytes": 0, "outboundRequests": 1, "outboundBytesOut": 0,
        "outboundBytesIn": 0, "outboundMs": 0.25,
    })
    .to_string()
}

#[test]
fn a_split_batch_has_a_part_for_each_tenant_and_the_sum_of_all() {
    let records = Records::new();
    receive(&records, "r-1");
    records.deliver("r-1", EnvironmentId(1));
    let denied =
        "t\tr-1\tWARN\ttenantId=beta\toutbound request to http://m was denied because 1; no grant allows it";
    records.print(EnvironmentId(1), denied);
    records.print(EnvironmentId(1), &part("acme", "Replied", 3));
    records.print(EnvironmentId(1), &part("beta", "Function.Panic", 4));
    let (_, rows) = records.changes(0, 10);
    let row = serde_json::to_value(&rows[0]).unwrap();
    let told = |part: usize, key: &str| row["parts"][part][key].clone();
    assert_eq!(
        (told(0, "tenantId"), told(0, "outcome"), told(0, "denials")),
        ("acme".into(), "Replied".into(), 0.into())
    );
    assert_eq!(
        (told(1, "tenantId"), told(1, "outcome"), told(1, "denials")),
        ("beta".into(), "Function.Panic".into(), 1.into())
    );
    assert_eq!(
        (&row["tenantId"], &row["denials"]),
        (&serde_json::Value::Null, &1.into()),
        "it has no tenant of its own"
    );
    let usage = &row["usage"];
    assert_eq!(
        (&usage["wallMs"], &usage["cpuMs"], &usage["outboundRequests"]),
        (&7.0.into(), &2.0.into(), &2.into())
    );
    assert_eq!(
        (&usage["queueMs"], &usage["peakMemoryBytes"]),
        (&3.0.into(), &4.into()),
        "the first wait, the highest peak"
    );
    for _ in 0..MOST_PARTS {
        records.print(EnvironmentId(1), &part("acme", "Replied", 1));
    }
    let record = records.find("r-1").unwrap();
    assert_eq!((record.parts.len(), record.more_parts), (MOST_PARTS, 2));
}
