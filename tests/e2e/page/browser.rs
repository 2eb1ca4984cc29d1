//! A real browser that looks at a page: headless Chromium, by WebDriver. What it saw is kept below the target directory.

use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use bulkhead_tests::{Chromedriver, Dev, artifacts};
use fantoccini::actions::{InputSource, KeyAction, KeyActions};
use fantoccini::wd::{Capabilities, TimeoutConfiguration, WebDriverCompatibleCommand};
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// A test may wait so long for something to be seen.
const WAIT_LIMIT: Duration = Duration::from_secs(60);

const ARGUMENTS: [&str; 10] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1280,800",
];

/// What is wider than its place: the page itself, or a part of it that would have to be scrolled sideways. Text as it came is
/// wrapped, and only tables of figures may be scrolled.
const TOO_WIDE: &str = "[document.documentElement, ...document.querySelectorAll('body *')]
    .filter((part) => part.clientWidth > 0 && part.scrollWidth > part.clientWidth + 1)
    .filter((part) => part === document.documentElement || getComputedStyle(part).overflowX === 'auto')
    .filter((part) => !part.matches('.scroll'))
    .map((part) => `${part.tagName} ${part.id} ${part.className}: ${part.scrollWidth} > ${part.clientWidth}`)";

/// A command of Chromium's driver that the standard does not have.
#[derive(Debug)]
struct Post(&'static str, Value);

impl WebDriverCompatibleCommand for Post {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.0))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(self.1.to_string()))
    }
}

/// A browser with the page of a `bulkhead dev` open. It is closed when it is dropped.
pub(crate) struct Browser {
    runtime: Runtime,
    client: Client,
    origin: String,
    kept: PathBuf,
    /// What the browser may complain of, because the test asks for it.
    expected: Vec<&'static str>,
    // Those that the browser needs go last.
    _profile: TempDir,
    _driver: Chromedriver,
}

impl Browser {
    /// Opens the page, and waits until it is connected. `test` names what is kept.
    pub(crate) fn open(dev: &Dev, test: &str) -> Option<Self> {
        let driver = Chromedriver::start(test)?;
        let profile = tempfile::tempdir().expect("a profile");
        let mut arguments = ARGUMENTS.map(str::to_owned).to_vec();
        arguments.push(format!("--user-data-dir={}", profile.path().display()));
        let capabilities = json!({
            "goog:chromeOptions": { "binary": driver.chromium, "args": arguments },
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let client = runtime.block_on(async {
            let capabilities: Capabilities = serde_json::from_value(capabilities).expect("capabilities");
            let mut builder = ClientBuilder::new(HttpConnector::new());
            let client = builder.capabilities(capabilities).connect(&driver.url()).await;
            let client = client.expect("start Chromium");
            let timeouts = TimeoutConfiguration::new(Some(WAIT_LIMIT), Some(WAIT_LIMIT), None);
            client.update_timeouts(timeouts).await.expect("set time limits");
            client
        });
        let kept = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("page").join(test);
        std::fs::create_dir_all(&kept).expect("a folder for what was seen");
        let origin = format!("http://{}", dev.address());
        let browser =
            Self { runtime, client, origin, kept, expected: Vec::new(), _profile: profile, _driver: driver };
        browser.goto("/");
        browser.wait(r##"document.querySelector("#connection").dataset.state === "live""##);
        Some(browser)
    }

    /// Opens a path of the same server.
    pub(crate) fn goto(&self, path: &str) {
        self.visit(&format!("{}{path}", self.origin));
    }

    /// Opens what is anywhere.
    pub(crate) fn visit(&self, url: &str) {
        self.runtime.block_on(self.client.goto(url)).expect("open a page");
    }

    /// What an expression is in the page.
    pub(crate) fn read(&self, expression: &str) -> Value {
        let told = self.runtime.block_on(self.client.execute(&format!("return ({expression});"), Vec::new()));
        told.unwrap_or_else(|error| panic!("{expression}: {error}"))
    }

    /// What the body of an asynchronous function gives.
    pub(crate) fn run(&self, body: &str) -> Value {
        let script = format!(
            "const done = arguments[arguments.length - 1];
             (async () => {{ {body} }})().then(done, (error) => done(String(error)));"
        );
        let told = self.runtime.block_on(self.client.execute_async(&script, Vec::new()));
        told.unwrap_or_else(|error| panic!("{body}: {error}"))
    }

    /// The same as text.
    pub(crate) fn text(&self, selector: &str) -> String {
        let read = self.read(&format!("document.querySelector({selector:?})?.innerText"));
        read.as_str().unwrap_or_else(|| panic!("there is no {selector}")).to_owned()
    }

    /// Waits until an expression is true, looking with each frame; gives what it is.
    pub(crate) fn wait(&self, expression: &str) -> Value {
        let script = format!(
            "const done = arguments[arguments.length - 1];
             const look = () => {{ const told = ({expression}); told ? done(told) : requestAnimationFrame(look); }};
             look();"
        );
        let told = self.runtime.block_on(self.client.execute_async(&script, Vec::new()));
        told.unwrap_or_else(|error| {
            self.keep("failed");
            panic!("never seen: {expression}\n{error}\n{}", self.text("body"));
        })
    }

    pub(crate) fn click(&self, selector: &str) {
        let click = async || self.client.find(Locator::Css(selector)).await?.click().await;
        let clicked = self.runtime.block_on(async {
            match click().await {
                // It was drawn anew meanwhile.
                Err(error) if error.is_stale_element_reference() => click().await,
                clicked => clicked,
            }
        });
        clicked.unwrap_or_else(|error| panic!("click {selector}: {error}"));
    }

    /// Sets what a field holds, and tells the page so.
    pub(crate) fn fill(&self, selector: &str, text: &str) {
        let script = "const field = document.querySelector(arguments[0]); field.value = arguments[1];
            for (const kind of ['input', 'change']) field.dispatchEvent(new Event(kind, { bubbles: true }));";
        let done = self.runtime.block_on(self.client.execute(script, vec![json!(selector), json!(text)]));
        done.unwrap_or_else(|error| panic!("fill {selector}: {error}"));
    }

    /// Presses and releases keys, one after the other.
    pub(crate) fn press(&self, keys: &[char]) {
        let actions = keys.iter().fold(KeyActions::new("keys".to_owned()), |actions, key| {
            actions.then(KeyAction::Down { value: *key }).then(KeyAction::Up { value: *key })
        });
        self.runtime.block_on(self.client.perform_actions(actions)).expect("press keys");
    }

    /// With the light or the dark colours, and a window as wide as that.
    pub(crate) fn look(&self, scheme: &str, width: u32) {
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.command(Post(
            "goog/cdp/execute",
            json!({ "cmd": "Emulation.setEmulatedMedia", "params": media }),
        ));
        let metrics = json!({ "width": width, "height": 800, "deviceScaleFactor": 1, "mobile": false });
        self.command(Post(
            "goog/cdp/execute",
            json!({ "cmd": "Emulation.setDeviceMetricsOverride", "params": metrics }),
        ));
        // Two frames later it is drawn.
        self.runtime
            .block_on(self.client.execute_async(
                "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => done(true)));",
                Vec::new(),
            ))
            .expect("draw");
    }

    /// Looks for what shuts people out: contrasts, names, roles, what keys cannot reach.
    pub(crate) fn audit(&self) {
        let Some(script) = artifacts::axe() else { return };
        if self.read("typeof axe") == "undefined" {
            let script = std::fs::read_to_string(script).expect("read axe-core");
            self.runtime.block_on(self.client.execute(&script, Vec::new())).expect("load axe-core");
        }
        let told = self.run(
            "const told = await axe.run(document, { resultTypes: ['violations'] });
             return { checked: told.passes.length, violations: told.violations.map(({ id, help, nodes }) =>
                 [id, help, ...nodes.map((node) => `${node.html} ${node.failureSummary}`)]) };",
        );
        assert!(told["checked"].as_u64().is_some_and(|checked| checked > 10), "{told}");
        assert_eq!(told["violations"], json!([]), "{:#}", told["violations"]);
    }

    /// Looks at the page in both schemes and at both widths. Keeps what is seen, as `NAME-SCHEME-WIDTH.png`.
    pub(crate) fn survey(&self, name: &str) {
        for (scheme, width) in [("light", 1280), ("dark", 1280), ("light", 400), ("dark", 400)] {
            self.look(scheme, width);
            self.keep(&format!("{name}-{scheme}-{width}"));
            self.audit();
            let wide = self.read(TOO_WIDE);
            assert_eq!(wide, json!([]), "{name} at {width}: wider than its place");
        }
        self.look("light", 1280);
    }

    /// Keeps what is seen now.
    pub(crate) fn keep(&self, name: &str) {
        let image = self.runtime.block_on(self.client.screenshot()).expect("a screenshot");
        let path = self.kept.join(name).with_extension("png");
        std::fs::write(path, image).expect("keep a screenshot");
    }

    /// Keeps a text beside that, and says where.
    pub(crate) fn keep_text(&self, name: &str, text: &str) -> PathBuf {
        let path = self.kept.join(name);
        std::fs::write(&path, text).expect("keep what was seen");
        path
    }

    /// The browser will complain of this.
    pub(crate) fn expect(&mut self, complaint: &'static str) {
        self.expected.push(complaint);
    }

    /// Ends, and sees to it that nothing was asked of anyone else and nothing went wrong: no error, no exception, nothing
    /// that the page's own policy had to stop.
    pub(crate) fn finish(self) {
        self.keep("last");
        let console = self.log("browser");
        let lines: Vec<String> = console.iter().map(Value::to_string).collect();
        let kept = self.keep_text("console.log", &lines.join("\n"));
        let is_expected = |line: &String| self.expected.iter().any(|complaint| line.contains(complaint));
        let wrong: Vec<&String> =
            lines.iter().filter(|line| line.contains("SEVERE") && !is_expected(line)).collect();
        assert!(wrong.is_empty(), "{}: {wrong:#?}", kept.display());
        let asked = self.requests();
        assert!(asked.iter().any(|url| url.ends_with("/.bulkhead/page/page.js")), "{asked:?}");
        let foreign: Vec<&String> =
            asked.iter().filter(|url| !url.starts_with(&format!("{}/", self.origin))).collect();
        assert!(foreign.is_empty(), "asked of others: {foreign:?}");
        say(&format!("what the browser saw is in {}", self.kept.display()));
    }

    /// The URL of every request that the page has sent.
    fn requests(&self) -> Vec<String> {
        let messages = self.log("performance").into_iter().filter_map(|entry| {
            let told: Value = serde_json::from_str(entry["message"].as_str()?).ok()?;
            let message = &told["message"];
            let is_request = message["method"] == "Network.requestWillBeSent";
            is_request.then(|| message["params"]["request"]["url"].as_str().map(str::to_owned))?
        });
        // The browser's own first tab is made of parts of the browser and of what is in itself.
        messages.filter(|url| !url.starts_with("chrome:") && !url.starts_with("data:")).collect()
    }

    fn log(&self, kind: &str) -> Vec<Value> {
        let log = self.command(Post("se/log", json!({ "type": kind })));
        log.as_array().cloned().unwrap_or_default()
    }

    fn command(&self, command: Post) -> Value {
        let told = self.runtime.block_on(self.client.issue_cmd(command));
        told.unwrap_or_else(|error| panic!("a command of Chromium's own: {error}"))
    }
}

/// Says something that is worth reading although nothing failed. Not `println!`, which is shown for tests that fail only.
pub(crate) fn say(text: &str) {
    drop(writeln!(std::io::stderr(), "{text}"));
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Where it cannot be closed it goes with its driver.
        let _ = self.runtime.block_on(self.client.clone().close());
    }
}
