//! From nothing to a zip: `new`, `dev` with an edit on the way, `build`, `package`, and Lambda's emulator as the judge.

use std::time::Duration;

use bulkhead_tests::{Dev, Rie, artifacts};
use serde_json::json;

use crate::project::{Folder, TARGET, sdk};
use crate::sbom::Sbom;
use crate::unzip::unzip;

const EVENT: &str = r#"{"name":"world"}"#;

/// The SDK is compiled on the way.
const WAIT_LIMIT: Duration = Duration::from_secs(300);

#[test]
fn a_new_project_becomes_a_zip_that_answers_under_the_emulator() {
    let folder = Folder::new();
    folder.bulkhead(&["new", "journey", "--template", "hello", "--sdk-path", &sdk()]).succeeded();
    let project = folder.inner("journey");

    let mut dev = Dev::start_in(project.path(), TARGET.as_ref(), &["--timeout", "30s"]);
    dev.running.wait_log_within("ready: journey", WAIT_LIMIT);
    assert_eq!(dev.invoke("journey", EVENT, &[]).json(), json!({ "message": "Hello world!" }));
    let source = project.read("src/lib.rs");
    project.write("src/lib.rs", &source.replace("Hello", "Goodbye"));
    dev.running.wait_log_within("journey: the new version has taken over", WAIT_LIMIT);
    let goodbye = json!({ "message": "Goodbye world!" });
    assert_eq!(dev.invoke("journey", EVENT, &[]).json(), goodbye);
    assert!(dev.running.is_alive(), "it was started again");
    drop(dev);

    project.bulkhead(&["build"]).succeeded();
    let bootstrap = artifacts::lean_bootstrap();
    let bootstrap = bootstrap.to_str().expect("a path that is text");
    project.bulkhead(&["package", "--bootstrap", bootstrap, "-o", "journey.zip"]).succeeded();
    let sbom = Sbom::read(&project.path().join("journey.cdx.json"));
    sbom.check();
    let crates = sbom.crates("journey.cwasm");
    assert!(
        crates.contains(&"pkg:cargo/journey@0.1.0") && crates.contains(&"pkg:cargo/bulkhead-sdk@0.1.0"),
        "{crates:?}"
    );
    assert_eq!(sbom.knows("file:journey.cwasm"), "incomplete");
    let root = unzip(&project.path().join("journey.zip"));
    let Some(rie) = Rie::at(&root.path().join("bootstrap"), root.path(), "journey", &[]) else { return };
    assert_eq!(rie.invoke(EVENT, &[]).json(), goodbye);
}
