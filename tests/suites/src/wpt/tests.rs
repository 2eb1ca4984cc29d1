//! Scripts of files of tests, and what their answers mean.

use super::*;
use crate::summary::Case as _;

fn case(source: &str) -> (tempfile::TempDir, Case) {
    let folder = tempfile::tempdir().unwrap();
    for (file, text) in [
        (HARNESS, "// harness"),
        ("common/x.js", "// common"),
        ("url/a.any.js", source),
        ("url/resources/data.json", "[1]"),
        ("url/b.any.js", ""),
        ("url/c.html", ""),
        ("storage/d.any.js", ""),
    ] {
        let path = folder.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let case = cases(folder.path(), "url/a").unwrap().remove(0);
    (folder, case)
}

#[test]
fn a_file_runs_after_the_harness_and_its_scripts_and_has_its_data() {
    let (folder, case) =
        case("// META: script=/common/x.js\nfetch('resources/data.json'); fetch('gone.json');");
    assert_eq!(cases(folder.path(), "").unwrap().len(), 2);
    let job = case.jobs().unwrap().remove(0);
    let text = |path: &str| {
        let file = job.files.iter().find(|(place, _)| place == path).map(|(_, content)| content);
        file.map(|content| String::from_utf8_lossy(content).into_owned()).unwrap_or_default()
    };
    assert_eq!(text("common/x.js.cjs"), "});// common\n;(function () {");
    assert_eq!(text("data/0.cjs"), "module.exports = \"[1]\";");
    let entry = text(ENTRY);
    let places = ["testharness.js", "begin();", "x.js", "a.any.js"].map(|part| entry.rfind(part).unwrap());
    assert!(places.is_sorted(), "{entry}");
}

#[test]
fn each_test_has_a_verdict_and_a_name_of_its_own() {
    let (_folder, case) = case("");
    let answer = r#"[["a\n", 0, null], ["b", 1, "no"], ["b", 2, null]]"#.to_owned();
    let verdicts = case.verdicts(&[Ok(answer)]);
    let failed = |what: &str| Some(what.to_owned());
    assert_eq!(
        verdicts,
        [
            ("url/a.any.js: a\\n".to_owned(), None),
            ("url/a.any.js: b".to_owned(), failed("failed: no")),
            ("url/a.any.js: b (2)".to_owned(), failed("timed out: ")),
        ]
    );
    let ended = case.verdicts(&[Err("Function.Timeout: late".to_owned())]);
    assert_eq!(ended, [("url/a.any.js".to_owned(), failed("Function.Timeout: late"))]);
}
