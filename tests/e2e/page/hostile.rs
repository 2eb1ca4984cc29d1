//! Text that would do something, if anything but text were made of it.

use crate::page::{page, row};

const MARKUP: &str = r#"<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>"#;

#[test]
fn hostile_text_is_shown_and_does_nothing() {
    let Some((dev, _root, browser)) = page("hostile") else { return };
    let tenant = "<img src=x onerror=window.hacked=1>";
    let event =
        serde_json::json!({ "a": MARKUP, "turned": "a\u{202e}b\u{1b}[31m", "long": "x".repeat(200_000) });
    // What the handler answers is what it got, and the other one prints it.
    for (function, tenant) in [("echo", tenant), ("echo", "a\u{202e}b"), ("print", "loud")] {
        let answer = dev.invoke(function, event.to_string(), &[("x-amz-tenant-id", tenant)]);
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    browser.wait(&row(&["echo", tenant]));
    let turned = browser.wait(&row(&["echo", r"a\u{202e}b"]));
    let open = |id: &serde_json::Value| browser.click(&format!("#{}", id.as_str().expect("an id")));
    open(&turned);
    browser.wait("document.querySelector('#details pre')?.innerText.includes('window.hacked')");
    let details = browser.text("#details");
    assert!(
        details.contains(r"a\u{202e}b") && details.contains(MARKUP.split('"').next().expect("a part")),
        "{details}"
    );
    assert!(details.len() < 30_000, "the rest of 200 kB is shown when it is asked for: {}", details.len());
    browser.keep("details");
    let printed = browser.wait(&row(&["print", "loud"]));
    open(&printed);
    browser.wait("document.querySelector('#details h3 + pre[aria-label=Log]')");
    let show = "[...document.querySelectorAll('#details pre[aria-label=Log] button')][0]";
    browser.read(&format!("{show}.click()"));
    browser.wait("document.querySelector('#details pre[aria-label=Log]').innerText.length > 150000");
    browser.keep("log");

    dev.invoke("echo", b"\"\xff\xfe\"", &[]);
    let bytes = browser.wait(&row(&["echo", "–"]));
    open(&bytes);
    browser.wait("document.querySelector('#details')?.innerText.includes('4 bytes that are not text')");
    assert!(browser.text("#details").contains("22 ff fe 22"));
    browser.click("#tab-tenants");
    browser.wait("document.querySelectorAll('.tenants tbody tr').length === 4");
    browser.keep("tenants");
    assert!(browser.read("window.hacked === undefined").as_bool().expect("a bool"));
    assert_eq!(
        browser.read("document.querySelectorAll('img, iframe, script').length"),
        2,
        "the icon and the one script"
    );
    browser.finish();
}
