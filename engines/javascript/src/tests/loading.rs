//! Files that cannot be loaded, and what is left of those that were.

use super::{context, run_files, script};
use crate::engine::Engine;
use crate::platform;

const IMPORT: &str = "const from = async (path) => { try { return (await import(path)).default } catch (e) { return e.message } };";

/// Answers with what comes of imports, one after the other.
fn imports(paths: &[&str], files: &[(&str, &str)]) -> String {
    let index = format!(
        "{IMPORT} export default async () => {{ const all = []; for (const path of {paths:?}) all.push(await from(path)); return all }}"
    );
    let mut all = vec![("index.mjs", &*index)];
    all.extend_from_slice(files);
    let from_source = run_files(&all, "1");
    assert_eq!(from_source, with_bytecode(&all), "with bytecode");
    from_source
}

/// The answer of a script all of whose files have bytecode, if they can have some.
pub(super) fn with_bytecode(files: &[(&str, &str)]) -> String {
    script(files);
    for (path, content) in files {
        let compiled = Engine::new().unwrap().compile(path, content.as_bytes());
        let bytecode = compiled.ok().filter(|bytecode| !bytecode.is_empty());
        platform::with(|host| {
            let file = host.files.get_mut(*path).unwrap();
            if bytecode.is_some() {
                file.content = b"not looked at (".to_vec();
            }
            file.bytecode = bytecode;
        });
    }
    let engine = Engine::new().unwrap();
    match engine.handle(b"1", context()) {
        Ok(answer) => String::from_utf8(answer).unwrap(),
        Err(failure) => {
            let frames = failure.stack_trace.iter().map(|frame| format!(" | {frame}"));
            format!("{}: {}{}", failure.error_type, failure.error_message, frames.collect::<String>())
        }
    }
}

#[test]
fn a_cycle_whose_other_import_fails_is_never_used() {
    let files = [
        ("a.mjs", "import './b.mjs'; import './gone.mjs'; export default 'a'"),
        ("b.mjs", "import a from './a.mjs'; import './c.mjs'; export default 'b' + a"),
        ("c.mjs", "export default 'c'"),
        ("d.mjs", "import a from './b.mjs'; export default a"),
    ];
    let gone = "cannot find the file 'gone.mjs', imported from a.mjs";
    assert_eq!(
        imports(&["./a.mjs", "./b.mjs", "./c.mjs", "./d.mjs", "./a.mjs"], &files),
        format!(r#"["{gone}","{gone}","c","{gone}","{gone}"]"#)
    );
}

#[test]
fn the_first_error_of_all_imports_is_reported() {
    for (broken, message) in [
        ("export default {", "invalid property name"),
        (
            "import './a.mjs' with { type: 'text' }",
            "'a.mjs' is imported with the type 'text', and there is only 'json'",
        ),
        (
            "import 'lodash'",
            "the package 'lodash', imported from x.mjs, is not there: a script imports files of its own folder",
        ),
    ] {
        let files = [
            ("a.mjs", "import './b.mjs'; export default globalThis.ran"),
            (
                "b.mjs",
                "globalThis.ran = true; import './x.mjs'; import './gone.mjs'; import a from './a.mjs'",
            ),
            ("x.mjs", broken),
            ("y.mjs", "export default globalThis.ran ?? 'nothing ran'"),
        ];
        let answer = imports(&["./a.mjs", "./b.mjs", "./y.mjs"], &files);
        assert!(
            answer.starts_with(&format!("[\"{message}")) && answer.ends_with(",\"nothing ran\"]"),
            "{answer}"
        );
    }
}

#[test]
fn an_entry_whose_import_fails_fails_each_event_alike() {
    let files = [
        ("index.mjs", "import './b.mjs'; import './gone.mjs'; export default () => 1"),
        ("b.mjs", "import './index.mjs'"),
    ];
    script(&files);
    let engine = Engine::new().unwrap();
    for _ in 0..3 {
        let failure = engine.handle(b"1", context()).unwrap_err();
        assert_eq!(failure.error_message, "cannot find the file 'gone.mjs', imported from index.mjs");
    }
}

#[test]
fn an_optional_import_that_fails_harms_no_other() {
    let files = [("gone.js", "require('./no.js')"), ("here.mjs", "export default import.meta.url")];
    assert_eq!(
        imports(&["./no.mjs", "./here.mjs", "./gone.js", "./here.mjs"], &files),
        r#"["cannot find the file 'no.mjs', imported from index.mjs","file:///here.mjs","cannot find the file 'no.js', imported from gone.js","file:///here.mjs"]"#
    );
}

#[test]
fn what_require_refuses_can_be_imported() {
    let index = "const told = (path) => { try { return require(path) } catch (e) { return e.message.slice(0, 32) } };
        exports.handler = async () => [told('./m.mjs'), told('./m.js'), (await import('./m.mjs')).default, (await import('./m.js')).default]";
    let files = [
        ("index.cjs", index),
        ("m.mjs", "import n from './n.js'; export default import.meta.url + n"),
        ("m.js", "import n from './n.js'; export default import.meta.filename + n"),
        ("n.js", "export default import.meta.url.length"),
    ];
    let expected = r#"["'m.mjs', required from index.cjs","'m.js', required from index.cjs,","file:///m.mjs12","/m.js12"]"#;
    assert_eq!(run_files(&files, "1"), expected);
    assert_eq!(with_bytecode(&files), expected);
}

#[test]
fn a_file_is_read_once() {
    let files = [
        (
            "index.mjs",
            "import './a.mjs'; import './b.mjs'; import('./a.mjs'); export default async () => (await import('./b.mjs')).default",
        ),
        ("a.mjs", "import './b.mjs'; import './index.mjs'"),
        ("b.mjs", "import './a.mjs'; export default 'b'"),
    ];
    assert_eq!(run_files(&files, "1"), r#""b""#);
    platform::with(|host| {
        for (path, _) in files {
            assert_eq!(host.read.iter().filter(|read| *read == path).count(), 1, "{path}: {:?}", host.read);
        }
    });
}

#[test]
fn the_type_of_a_package_decides_what_a_file_is() {
    let answer = |package: &str, text: &str| {
        let files = [
            ("index.mjs", "export default async () => String((await import('./lib/deep/x.js')).default)"),
            ("lib/deep/x.js", text),
            ("lib/package.json", package),
            ("package.json", "{}"),
        ];
        let from_source = run_files(&files, "1");
        assert_eq!(from_source, with_bytecode(&files), "with bytecode");
        from_source
    };
    let (module, common) = (r#"{"type":"module"}"#, r#"{"type":"commonjs"}"#);
    assert_eq!(
        answer(
            module,
            "globalThis.x = typeof this + typeof module; export { x as default }; var x = globalThis.x"
        ),
        r#""undefinedundefined""#
    );
    assert!(answer(module, "module.exports = 1").starts_with("ReferenceError: module is not defined"));
    assert_eq!(answer(common, "exports.default = 1; module.exports = typeof this"), r#""object""#);
    assert!(answer(common, "export default 1").starts_with("SyntaxError: "));
    assert_eq!(answer("{}", "export default 1"), r#""1""#);
    assert_eq!(answer(r#"{"type":3}"#, "module.exports = 1"), r#""1""#);
    assert!(answer("{", "export default 1").starts_with("SyntaxError: lib/package.json is not valid JSON"));
}

#[test]
fn bytecode_has_the_places_and_the_texts_of_its_source() {
    let class = "class A { #x = 1; static #n = 2n ** 70n; get x() { return this.#x } static n() { return `${A.#n}` } }";
    let files = [
        ("index.mjs", &*format!("import {{ f }} from './f.cjs';\n{class}\nconst tag = (parts) => parts.raw[0];
            export default async () => [new A().x, A.n(), `${{A}}`, f(), `${{f}}`, new Error('x').stack, tag`\\u`, /(?<y>\\d+)/v.exec('a12').groups.y,
                eval('1 + 1'), [...(function* () {{ yield* [1, 2] }})()], import.meta.url, typeof require]")),
        ("f.cjs", "'use strict';\nexports.f = function named() { return [this === undefined, arguments.length, new Error('y').stack, __dirname] }"),
    ];
    let answer = run_files(&files, "1");
    assert!(
        answer.starts_with("[1,\"1180591620717411303424\",\"class A { #x = 1;")
            && answer.contains("(f.cjs:2:"),
        "{answer}"
    );
    assert_eq!(with_bytecode(&files), answer);
}
