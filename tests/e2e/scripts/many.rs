//! Ten thousand tenants with a script each, in one function: what they cost before they have an event, and after.

use std::fmt::Write as _;

use super::{entry, root};
use crate::stage::Stage;

#[test]
fn ten_thousand_tenants_with_scripts_hold_no_descriptor() {
    const TENANTS: usize = 10_000;
    let mut toml = "handlers.notes.source = 'notes.js'\n".to_owned();
    for number in 0..TENANTS {
        writeln!(toml, "tenants.t{number}.script = 't/{number}/index.js'").expect("a text");
    }
    let root = root(&toml).file("notes.js", b"of the handler");
    for number in 0..TENANTS {
        let folder = root.path().join(format!("t/{number}"));
        std::fs::create_dir_all(&folder).expect("make a folder");
        std::fs::write(folder.join("index.js"), format!("export default () => {number};"))
            .expect("write a script");
    }
    // As many descriptors as a process has in Lambda.
    let mut stage = Stage::at(root, |bootstrap| bootstrap.descriptors(1024));
    let before = stage.running.open_descriptors();
    for number in (0..TENANTS).step_by(TENANTS / 50).chain([TENANTS - 1]) {
        let expected = ("index.js".to_owned(), format!("export default () => {number};"));
        assert_eq!(entry(&stage, &format!("t{number}")), expected);
        assert_eq!(entry(&stage, &format!("t{number}")), expected);
    }
    stage.api.wait_idle();
    let after = stage.running.open_descriptors();
    assert!(after <= before + 2, "{before} descriptors before the events, and {after} after them");
    assert!(before < 32, "{before} descriptors");
    assert!(stage.running.is_alive());
    assert_eq!(stage.receipts().len(), 102);
}
