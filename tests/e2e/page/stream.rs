//! The stream of changes: lost and found again, and what it says of the sources.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use bulkhead_tests::{Dev, TaskRoot};
use serde_json::Value;

use crate::page::{page, row};

/// The requests that the list shows, each as often as it does.
const SHOWN: &str = "[...document.querySelectorAll('#rows .row')].map((row) => row.id).sort().join()";

#[test]
fn a_stream_that_is_opened_again_gives_all_that_is_kept_and_nothing_twice() {
    let Some((dev, root, mut browser)) = page("stream") else { return };
    dev.invoke("echo", "1", &[]);
    browser.wait(&row(&["Replied"]));
    browser.click("#pause");
    browser.wait("document.querySelector('#connection').innerText === 'paused'");
    dev.invoke("echo", "2", &[]);
    dev.invoke("ways", r#""panic""#, &[]);
    browser.click("#pause");
    browser.wait(&format!("{SHOWN} === 'row-1,row-2,row-3'"));
    assert_eq!(browser.text("#shown"), "3 events");

    // Another process knows nothing of these, and does not know the page.
    browser.expect("net::ERR_");
    browser.expect("403 (Forbidden)");
    let dev = dev.start_again(&root);
    browser.wait("document.querySelector('#connection').dataset.state === 'live' && document.querySelector('#shown').innerText === '0 events'");
    dev.running.wait_log("ready:");
    dev.invoke("echo", "4", &[]);
    browser.wait(&format!("{SHOWN} === 'row-1'"));
    browser.finish();
}

/// A reader of the stream that comes after what is named, if anything is.
fn reader(dev: &Dev, after: &str) -> BufReader<TcpStream> {
    let mut stream = TcpStream::connect(dev.address()).expect("connect");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("set a time limit");
    // Of the older version, so that the body is as it is.
    let head = format!("GET /.bulkhead/stream HTTP/1.0\r\nLast-Event-ID: {after}\r\n\r\n");
    stream.write_all(head.as_bytes()).expect("ask");
    BufReader::new(stream)
}

/// Reads until a row is complete, and gives the rows on the way there and the id of the last message.
fn rows(reader: BufReader<TcpStream>, last: usize) -> (Vec<Value>, String) {
    let (mut rows, mut id, mut event) = (Vec::new(), String::new(), String::new());
    for line in reader.lines() {
        let line = line.expect("a line");
        match line.split_once(": ") {
            Some(("id", told)) => told.clone_into(&mut id),
            Some(("event", told)) => told.clone_into(&mut event),
            Some(("data", told)) if event == "rows" => {
                let told: Vec<Value> = serde_json::from_str(told).expect("JSON");
                rows.extend(told);
            }
            _ => {}
        }
        if line.is_empty() && rows.iter().any(|row| row["number"] == last && row["isComplete"] == true) {
            break;
        }
    }
    (rows, id)
}

#[test]
fn a_slow_reader_gets_each_row_as_it_is_by_then() {
    let root = TaskRoot::new().with("echo");
    let dev = Dev::start(&root, &[]);
    dev.running.wait_log("ready:");
    // The socket takes little, and after that nothing is kept for it.
    let slow = reader(&dev, "");
    for number in 0..3000 {
        dev.invoke("echo", number.to_string(), &[]);
    }
    let (told, id) = rows(slow, 3000);
    let numbers: BTreeSet<u64> = told.iter().filter_map(|row| row["number"].as_u64()).collect();
    assert_eq!((numbers.len(), numbers.first(), numbers.last()), (3000, Some(&1), Some(&3000)));
    assert!(told.iter().all(|row| row["event"].is_null() && row["log"].is_null()), "rows are light");
    // Come back: what has changed since, and nothing else.
    dev.invoke("echo", "1", &[]);
    let (told, _) = rows(reader(&dev, &id), 3001);
    assert!(told.iter().all(|row| row["number"] == 3001), "{told:?}");
    // The id of another process is none: all of it.
    dev.invoke("echo", "1", &[]);
    let (told, _) = rows(reader(&dev, "0123456789abcdef-9"), 3002);
    // The last one may change once more: its receipt comes after its answer.
    let before = told.iter().filter(|row| row["number"].as_u64() < Some(3002)).count();
    assert_eq!((before, &told[0]["isComplete"]), (3001, &Value::Bool(true)), "each once");
}

#[test]
fn what_cannot_be_run_is_told_and_the_old_version_goes_on() {
    let Some((dev, root, browser)) = page("problem") else { return };
    let good = std::fs::read(root.path().join("bulkhead.toml")).expect("read");
    dev.invoke("echo", "1", &[]);
    std::fs::write(root.path().join("bulkhead.toml"), "[handler.'<img src=x onerror=alert(1)>']")
        .expect("break it");
    browser.wait("document.querySelector('#problem-text').innerText.includes('bulkhead.toml')");
    let told = browser.text("#problem");
    assert!(told.contains("The last good version handles the events"), "{told}");
    dev.invoke("echo", "2", &[]);
    browser.wait("document.querySelector('#row-2[data-state=ok]')");
    browser.keep("problem");
    browser.audit();
    std::fs::write(root.path().join("bulkhead.toml"), good).expect("mend it");
    browser.wait("document.querySelector('#problem').hidden");
    browser.finish();
}
