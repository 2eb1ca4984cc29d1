//! The page of `bulkhead dev`, in a real browser, with the real bootstrap behind it. The tests are in `page/`.
//!
//! May use: store.

mod browser;
mod grants;
mod hostile;
mod look;
mod many;
mod send;
mod sites;
mod states;
mod stored;
mod stream;

use bulkhead_tests::{Dev, TaskRoot};

use self::browser::Browser;

/// Handlers of several kinds, and tenants.
const MANIFEST: &str = r#"
[routing]
unknown_tenant = "echo"
[handlers.echo]
[handlers.http]
[handlers.http.grants]
allowed_outbound_hosts = ["https://api.example.com"]
[handlers.ways]
limits = { wall_time = "300ms" }
[handlers.print]
limits = { logs = "1MiB" }
[tenants.acme]
handler = "http"
[tenants.slow]
handler = "ways"
[tenants.loud]
handler = "print"
"#;

const KEYS: [(&str, char); 6] = [
    ("down", '\u{e015}'),
    ("up", '\u{e013}'),
    ("end", '\u{e010}'),
    ("home", '\u{e011}'),
    ("enter", '\u{e007}'),
    ("escape", '\u{e00c}'),
];

pub(crate) fn key(name: &str) -> char {
    KEYS.iter().find(|(known, _)| *known == name).map(|(_, key)| *key).expect("a key")
}

/// A local Lambda with these handlers, and its page.
pub(crate) fn page(test: &str) -> Option<(Dev, TaskRoot, Browser)> {
    let guests = ["echo", "http", "ways", "print"];
    page_of(guests.iter().fold(TaskRoot::new().manifest(MANIFEST), |root, guest| root.with(guest)), test)
}

/// A local Lambda with the handlers of a task root, and its page.
pub(crate) fn page_of(root: TaskRoot, test: &str) -> Option<(Dev, TaskRoot, Browser)> {
    let dev = Dev::start(&root, &["--timeout", "10s"]);
    dev.running.wait_log("ready:");
    let browser = Browser::open(&dev, test)?;
    Some((dev, root, browser))
}

/// Opens the event in whose row all of these words are.
pub(crate) fn open(browser: &Browser, words: &[&str]) {
    let id = browser.wait(&row(words));
    browser.click(&format!("#{}", id.as_str().expect("an id")));
    let title = "document.querySelector('#details:not([hidden]) .id')";
    let request =
        format!("{title} && document.querySelector('#details').dataset.number === {id}.replace('row-', '')");
    browser.wait(&request);
}

/// The first row in which all of these words are.
pub(crate) fn row(words: &[&str]) -> String {
    let words = serde_json::json!(words);
    format!(
        "[...document.querySelectorAll('#rows .row')].find((row) => {words}.every((word) => row.textContent.includes(word)))?.id"
    )
}
