//! The tenants of a store on the page, while they are put and removed.

use bulkhead_tests::TaskRoot;

use crate::page::page_of;
use crate::store::Store;

#[test]
fn tenants_of_the_store_are_listed_while_they_come_and_go() {
    let store = Store::new("");
    store.put("acme", "echo", &[]);
    let more = "[handlers.context]\n[tenants.static]\nhandler = 'context'\n";
    let root = TaskRoot::new().with("context").manifest(&store.manifest(more));
    let Some((_dev, _root, browser)) = page_of(root, "stored") else { return };
    browser.click("#tab-tenants");
    let line = |tenant: &str| {
        format!(
            "[...document.querySelectorAll('.known tbody tr')].find((row) => row.cells[0].innerText === '{tenant}')?.innerText"
        )
    };
    let of_manifest = browser.wait(&line("static")).to_string();
    assert!(of_manifest.contains(r"static\tbulkhead.toml\t\tcontext\t"), "{of_manifest}");
    let of_store = browser.wait(&line("acme")).to_string();
    assert!(of_store.contains(r"acme\tstore\t1\thandler\tsha256:"), "{of_store}");
    assert!(of_store.contains(r"\tvalid\t2"), "until when: {of_store}");
    browser.survey("stored");
    store.put("globex", "context", &[]);
    browser.wait(&line("globex"));
    store.put("acme", "context", &[]);
    browser.wait(&format!("{}.includes('\\t2\\t')", line("acme")));
    store.change(&["rm", "globex"]);
    browser.wait(&format!("!{}", line("globex")));
    std::fs::write(store.record("acme"), "{}").expect("write");
    browser.wait("document.querySelector('.known tr.failed')?.innerText.includes('invalid: its file is not a signed envelope')");
    browser.finish();
}
