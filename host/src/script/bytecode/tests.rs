use std::path::Path;

use super::*;

fn script(entry: &str, files: &[(&str, String)]) -> Script {
    let file = |(path, text): &(&str, String)| File { path: (*path).into(), content: text.as_bytes().into() };
    Script::new(Path::new("x").join(entry).into(), entry, files.iter().map(file).collect()).unwrap()
}

/// A file that imports others, and that is worth it.
fn large(imports: &str) -> String {
    format!("{imports}{}", " ".repeat(SMALLEST))
}

fn chosen(script: &Script) -> Vec<&str> {
    worth(script, SMALLEST)
}

fn worth(script: &Script, smallest: usize) -> Vec<&str> {
    script.worth_compiling(smallest).into_iter().map(|place| &*script.files()[place].path).collect()
}

#[test]
fn the_entry_and_what_it_names_are_compiled_and_nothing_else() {
    let script = script(
        "index.js",
        &[
            (
                "index.js",
                large(
                    "import a from './a.js'; import \"./lib/b\"; require(`./c`); import(`./${d}.js`); './data'",
                ),
            ),
            ("a.js", "export * from './lib/late'; // './gone.js', '../out.js', './index.js'".to_owned()),
            ("lib/b.mjs", large("'../d.cjs' './index'")),
            ("lib/index.js", large("")),
            ("lib/late.ts", large("import './old.js'")),
            ("lib/old.ts", large("")),
            ("c/index.js", large("")),
            ("d.cjs", large("")),
            ("data.json", large("")),
            ("unused.js", large("import './index.js'")),
        ],
    );
    assert_eq!(
        chosen(&script),
        ["index.js", "lib/b.mjs", "c/index.js", "lib/late.ts", "d.cjs", "lib/index.js", "lib/old.ts"]
    );
}

#[test]
fn a_small_script_is_compiled_in_a_package_only() {
    let small = script("index.js", &[("index.js", "1".repeat(SMALLEST - 1))]);
    assert_eq!((chosen(&small), worth(&small, SMALLEST_PACKAGED)), (vec![], vec!["index.js"]));
    assert_eq!(worth(&script("index.js", &[("index.js", String::new())]), SMALLEST_PACKAGED), [""; 0]);
    assert_eq!(chosen(&script("index.js", &[("index.js", "1".repeat(SMALLEST))])), ["index.js"]);
}

#[test]
fn no_more_bytes_are_compiled_than_a_first_event_can_bear() {
    let mut files = vec![("index.js", large("'./a.js' './b.js' './c.js'"))];
    files.extend(["a.js", "b.js", "c.js"].map(|path| (path, " ".repeat(MOST_COMPILED / 2))));
    assert_eq!(chosen(&script("index.js", &files)), ["index.js", "a.js"]);
    files[0].1 = large("'./a.js'").repeat(1000);
    assert_eq!(chosen(&script("index.js", &files)), ["index.js"], "every event needs it");
}

#[test]
fn a_file_that_names_files_without_end_is_looked_through_in_no_time() {
    let names: String = (0..200_000).map(|number| format!("'./{number}'\n")).collect();
    let open = "'.\u{60}.\".".repeat(100_000);
    for text in [names, open] {
        let begun = std::time::Instant::now();
        assert_eq!(chosen(&script("index.js", &[("index.js", text)])), ["index.js"]);
        assert!(begun.elapsed() < std::time::Duration::from_secs(2), "{:?}", begun.elapsed());
    }
}

#[test]
fn bytecode_is_for_the_engine_that_has_made_it_and_counts_in_the_size() {
    let bare = script("a.js", &[("a.js", "1".to_owned()), ("b.js", "2".to_owned())]);
    let bytecode = Bytecode { engine: "sha256:1".into(), files: vec![None, Some(vec![1; 1000].into())] };
    let script = Arc::new(bare.clone().with_bytecode(Some(bytecode)));
    assert!(script.size() >= bare.size() + 1000 && script.digest == bare.digest);
    let same = Arc::clone(&script).for_engine("sha256:1");
    assert!(
        Arc::ptr_eq(&same, &script) && same.bytecode("a.js").is_none() && same.bytecode("c.js").is_none()
    );
    assert_eq!(same.bytecode("b.js").map(|bytes| bytes.len()), Some(1000));
    assert_eq!(script.for_engine("sha256:2").bytecode("b.js"), None);
}
