//! How the page looks with no event, with one and with many, and with one that failed, one that was denied something, and one
//! that was split. Of each there are screenshots, in both schemes and at both widths, in `page/states` below the
//! directory for temporary files of the target directory.

use bulkhead_tests::{Dev, TaskRoot};
use serde_json::{Value, json};

use crate::page::browser::Browser;
use crate::page::{MANIFEST, open, page_of, row};

/// The names of the sections of an event, in their order.
const SECTIONS: &str =
    "[...document.querySelectorAll('#details h3')].map((title) => title.innerText.split(',')[0])";

/// Whether a cell is seen as a whole.
fn is_whole(cell: &str) -> String {
    format!(
        "((cell) => {{ const {{ left, right, width }} = cell.getBoundingClientRect();
           return width > 0 && left >= 0 && right <= innerWidth && cell.scrollWidth <= cell.clientWidth }})(document.querySelector({cell:?}))"
    )
}

#[test]
fn every_state_of_the_page_can_be_read_at_both_widths_and_in_both_schemes() {
    let root = TaskRoot::new().manifest(MANIFEST).file("event.json", br#"{"name":"the project's"}"#);
    let root = ["echo", "http", "ways", "print"].iter().fold(root, |root, guest| root.with(guest));
    let Some((dev, _root, browser)) = page_of(root, "states") else { return };
    nothing_yet(&browser);
    dev.invoke("echo", "[1]", &[("x-amz-tenant-id", "acme-and-a-long-name-of-a-tenant")]);
    browser.wait(&row(&["Replied"]));
    assert_eq!(browser.text("#shown"), "1 event");
    browser.survey("one-event");
    failed(&dev, &browser);
    denied(&dev, &browser);
    form(&browser);
    many(&dev, &browser);
    filtered(&browser);
    browser.finish();
}

fn nothing_yet(browser: &Browser) {
    browser.wait("!document.querySelector('#empty').hidden");
    let told = browser.text("#empty");
    assert!(told.starts_with("No events yet"), "{told}");
    assert!(told.contains("bulkhead invoke echo --dev=http://127.0.0.1:"), "{told}");
    assert_eq!(browser.text("#shown"), "0 events");
    browser.survey("no-events");
    browser.click("#tab-tenants");
    browser.wait("document.querySelector('#tenants').innerText.startsWith('No events yet')");
    browser.survey("no-events-tenants");
    browser.click("#tab-events");
}

/// The message comes first, then the log.
fn failed(dev: &Dev, browser: &Browser) {
    dev.invoke("ways", r#""panic""#, &[("x-amz-tenant-id", "slow")]);
    open(browser, &["Function.Panic", "slow"]);
    browser.survey("failed");
    let sections = browser.read(SECTIONS);
    assert_eq!(sections, json!(["Error", "Log", "Event", "Time", "Facts", "Receipt"]));
    let message = browser.text("#details .message");
    assert!(message.contains("as asked") && message.contains("ways.rs"), "{message}");
    let is_above = "document.querySelector('.message').getBoundingClientRect().bottom < innerHeight / 2";
    assert_eq!(browser.read(is_above), json!(true), "it is seen without a scroll");
    browser.click("[data-keep=close]");
    dev.invoke("ways", r#""sleep""#, &[("x-amz-tenant-id", "slow")]);
    browser.wait(&row(&["Function.Timeout"]));
    browser.look("light", 400);
    assert_eq!(browser.text("#row-2 .tenant"), "slow");
    assert_eq!(browser.read(&is_whole("#row-2 .tenant")), json!(true), "the tenant is seen at 400 pixels");
    assert_eq!(browser.read(&is_whole("#row-2 .outcome")), json!(true));
    browser.look("light", 1280);
    scale(browser);
}

/// The bars of an event are together as long as its duration, on a scale that is shown, on which short events are seen.
fn scale(browser: &Browser) {
    let told = browser.read(
        "({ marks: [...document.querySelectorAll('#scale span')].map((mark) => mark.textContent),
            rows: [...document.querySelectorAll('#rows .row')].map((row) => ({
              took: row.querySelector('.took').textContent,
              room: row.querySelector('.bars').clientWidth,
              length: [...row.querySelectorAll('.bars i')].reduce((sum, bar) => sum + bar.getBoundingClientRect().width, 0) })) })",
    );
    let parsed = |text: &str| {
        let (number, unit) = text.split_once(' ').expect("a unit");
        number.parse::<f64>().expect("a number") * if unit == "s" { 1000.0 } else { 1.0 }
    };
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let marks: Vec<f64> =
        told["marks"].as_array().expect("marks").iter().map(|mark| parsed(&text(mark))).collect();
    assert!(
        marks.len() > 2 && marks.windows(2).all(|pair| (pair[1] / pair[0] - 10.0).abs() < 1e-9),
        "{marks:?}"
    );
    let decades = (marks[marks.len() - 1] / marks[0]).log10();
    for row in told["rows"].as_array().expect("rows") {
        let number = |key: &str| row[key].as_f64().expect("a number");
        let expected = number("room") * (parsed(&text(&row["took"])) / marks[0]).log10() / decades;
        assert!((number("length") - expected).abs() < 2.5, "expected {expected}: {row}, {marks:?}");
        assert!(number("length") > 4.0, "it is seen: {row}");
    }
    assert!(
        browser.text("#keys").starts_with("Duration on a logarithmic scale"),
        "{}",
        browser.text("#keys")
    );
}

fn denied(dev: &Dev, browser: &Browser) {
    dev.invoke("http", r#"{"url":"https://other.example.com/x"}"#, &[("x-amz-tenant-id", "acme")]);
    open(browser, &["acme", "1 denied"]);
    browser.wait("document.querySelector('#details .grant')");
    browser.survey("denied");
    let sections = browser.read(SECTIONS);
    assert_eq!(sections, json!(["Denied", "Response", "Log", "Event", "Time", "Facts", "Receipt"]));
    browser.click("[data-keep=close]");
}

/// The form knows the project's event and its tenants.
fn form(browser: &Browser) {
    browser.click("#compose");
    browser.wait("document.querySelector('#send-event').value.includes(\"the project's\")");
    let options = |list: &str| {
        browser.read(&format!(
            "[...document.querySelector('{list}').children].map((one) => one.value || one.text)"
        ))
    };
    assert_eq!(
        browser.read("document.querySelector('#send-sample').selectedOptions[0].text"),
        json!("event.json")
    );
    assert_eq!(options("#send-tenants"), json!(["acme", "loud", "slow"]));
    browser.wait("document.querySelectorAll('#send-samples option').length > 150");
    browser.survey("form");
    // What somebody typed stays.
    browser.fill("#send-event", "[2]");
    browser.click("#send-close");
    browser.click("#compose");
    browser.wait("document.querySelector('#send').open");
    browser.fill("#send-function", "ways");
    assert_eq!(browser.read("document.querySelector('#send-event').value"), json!("[2]"));
    browser.click("#send-close");
}

fn many(dev: &Dev, browser: &Browser) {
    let there = 4;
    for number in there..200 {
        let tenant = ["acme", "slow", "loud", "somebody"][number % 4];
        dev.invoke("echo", number.to_string(), &[("x-amz-tenant-id", tenant)]);
    }
    browser.wait("document.querySelector('#shown').innerText === '200 events'");
    browser.wait("!document.querySelector('#rows [data-state=running]')");
    browser.survey("200-events");
    open(browser, &["somebody"]);
    browser.survey("200-events-one-open");
    browser.click("[data-keep=close]");
}

/// A filter that finds nothing says so, and how to see the events again.
fn filtered(browser: &Browser) {
    browser.fill("#filter", "no such tenant");
    browser.wait("!document.querySelector('#none').hidden");
    let told = browser.text("#none");
    assert!(
        told.contains("No event matches “no such tenant”") && told.contains("200 events are hidden"),
        "{told}"
    );
    browser.survey("filter-finds-nothing");
    browser.click("#clear");
    browser.wait("document.querySelector('#shown').innerText === '200 events'");
    assert_eq!(browser.read("document.querySelector('#filter').value"), json!(""));
}

/// Two tenants' messages, and one of a tenant that is unknown.
const SPLIT: &str = "[routing]\ntenant = { pointer = '/Records/*/body/tenant' }\nmixed_batches = 'split'\n\
                     [handlers.batch]\n[tenants.acme]\n[tenants.globex]\n";

#[test]
fn a_split_batch_has_a_row_for_each_part_with_its_tenant() {
    let root = TaskRoot::new().with("batch").manifest(SPLIT);
    let Some((dev, _root, browser)) = page_of(root, "split") else { return };
    let record = |(id, tenant, text): (&str, &str, &str)| {
        let body = json!({ "tenant": tenant, "text": text }).to_string();
        json!({ "messageId": id, "eventSource": "aws:sqs", "body": body })
    };
    let messages =
        [("m1", "acme", "ok"), ("m2", "globex", "panic"), ("m3", "nobody", "ok"), ("m4", "acme", "ok")];
    dev.invoke("batch", json!({ "Records": messages.map(record) }).to_string(), &[]);
    dev.invoke("batch", json!({ "Records": [record(messages[0])] }).to_string(), &[]);
    browser.wait(&row(&["2 of 3 parts failed", "3 tenants"]));
    browser.wait(&row(&["Replied", "batch", "acme", "invoke"]));
    browser.wait("document.querySelectorAll('#rows .row').length === 5");
    let part = |number: usize| {
        browser.text(&format!("#row-1-part-{number}")).split('\n').map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(part(1)[..4], ["part 1 of 3", "Replied", "batch", "acme"]);
    assert_eq!(part(2)[..4], ["part 2 of 3", "Function.Panic", "batch", "globex"]);
    assert_eq!(part(3)[..4], ["part 3 of 3", "Runtime.UnknownTenant", "–", "nobody"]);
    browser.survey("split-list");
    open(&browser, &["parts failed"]);
    let parts = browser.text("#details .parts tbody");
    let lines: Vec<&str> =
        parts.lines().filter_map(|line| line.rsplit_once('\t')).map(|(line, _)| line).collect();
    assert_eq!(lines, ["acme\tReplied\t2", "globex\tFunction.Panic\t1", "nobody\tRuntime.UnknownTenant\t1"]);
    browser.survey("split");
    browser.fill("#filter", "globex");
    browser.wait("document.querySelector('#shown').innerText === '1 of 2 events'");
    browser.click("#tab-tenants");
    let rows = "[...document.querySelectorAll('.tenants tbody tr')].map((row) => row.innerText.split('\\t').slice(0, 3).join(' ')).join()";
    browser.wait(&format!("{rows} === 'acme 2 0,globex 1 1,nobody 1 1'"));
    browser.click("#compose");
    browser.wait("document.querySelector('#send-tenant').disabled");
    assert_eq!(
        browser.read("document.querySelector('#send-tenant').placeholder"),
        json!("from the event: /Records/*/body/tenant")
    );
    browser.finish();
}
