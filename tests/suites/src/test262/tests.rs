//! What answers mean.

use super::*;
use crate::summary::Case as _;

fn case(source: &str) -> Case {
    Case {
        path: "language/a/b.js".to_owned(),
        source: source.into(),
        matter: FrontMatter::parse(source).unwrap(),
        sources: Arc::new(Sources::new(Path::new("."))),
    }
}

fn with(matter: &str) -> Case {
    case(&format!("/*---\n{matter}\n---*/\n"))
}

#[test]
fn flags_say_in_which_modes_a_test_runs() {
    for (flags, modes) in [
        ("", &[Mode::Sloppy, Mode::Strict] as &[_]),
        ("flags: [onlyStrict]", &[Mode::Strict]),
        ("flags: [noStrict, async]", &[Mode::Sloppy]),
        ("flags: [raw]", &[Mode::Sloppy]),
        ("flags: [module]", &[Mode::Module]),
    ] {
        assert_eq!(with(flags).modes(), modes, "{flags}");
    }
}

#[test]
fn a_test_passes_if_it_throws_what_it_says_and_nothing_else() {
    let ok = |text: &str| Ok(text.to_owned());
    let fine = case("");
    assert_eq!(fine.wrong(&ok("")), None);
    assert_eq!(fine.wrong(&ok("TypeError: a")).as_deref(), Some("TypeError: a"));
    assert_eq!(fine.wrong(&Err("Function.Timeout: b".to_owned())).as_deref(), Some("Function.Timeout: b"));
    let negative = with("negative:\n  phase: runtime\n  type: TypeError");
    assert_eq!(negative.wrong(&ok("TypeError: a")), None);
    assert_eq!(negative.wrong(&ok("")).as_deref(), Some("no TypeError was thrown"));
    assert_eq!(negative.wrong(&ok("RangeError: a")).as_deref(), Some("RangeError: a, in place of TypeError"));
    assert!(negative.wrong(&Err("Function.Timeout: b".to_owned())).is_some());
}

#[test]
fn one_mode_that_fails_is_enough() {
    let case = case("");
    assert_eq!(case.row(), "language/a");
    let verdicts = case.verdicts(&[Ok(String::new()), Ok("Test262Error: no".to_owned())]);
    assert_eq!(verdicts, [("language/a/b.js".to_owned(), Some("Strict: Test262Error: no".to_owned()))]);
}

#[test]
fn a_test_is_global_code_and_brings_its_fixtures() {
    let folder = tempfile::tempdir().unwrap();
    let write = |file: &str, text: &str| {
        let path = folder.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    for name in ["assert.js", "sta.js", "extra.js"] {
        write(&format!("harness/{name}"), &format!("// {name}"));
    }
    write("test/language/a/x_FIXTURE.js", "import './y_FIXTURE.js';");
    write("test/language/a/y_FIXTURE.js", "");
    let mut case = case("/*---\nincludes: [extra.js]\n---*/\nimport('./x_FIXTURE.js');");
    case.sources = Arc::new(Sources::new(folder.path()));
    let jobs = case.jobs().unwrap();
    let text = |path: &str| {
        let file = jobs[0].files.iter().find(|(place, _)| place == path).map(|(_, content)| content);
        file.map(|content| String::from_utf8_lossy(content).into_owned()).unwrap_or_default()
    };
    assert!(
        text("language/a/b.js.cjs").starts_with("});/*---")
            && text("language/a/b.js.cjs").ends_with("(function () {")
    );
    assert_eq!(text("harness/extra.js.cjs"), "});// extra.js\n;(function () {");
    assert_eq!(text("language/a/x_FIXTURE.js"), "export {}; import './y_FIXTURE.js';");
    assert_eq!(text("language/a/y_FIXTURE.js"), "export {}; ");
    let strict = |jobs: &[Job], path: &str| {
        let file = jobs[1].files.iter().find(|(place, _)| place == path).unwrap();
        String::from_utf8_lossy(&file.1).into_owned()
    };
    assert!(strict(&jobs, "language/a/b.js.cjs").starts_with("\"use strict\";\n/*---"));
    // One that imports nothing.
    case.source = "x();".into();
    let entry = strict(&case.jobs().unwrap(), crate::pool::ENTRY);
    assert!(entry.contains(r#"indirectEval("\"use strict\";\nx();")"#), "{entry}");
}
