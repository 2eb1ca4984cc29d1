//! Files that load other files.

use super::{run_files, script};
use crate::engine::Engine;
use crate::platform;

#[test]
fn modules_import_files_of_the_folder() {
    let files = [
        ("index.js", "import twice, { one } from './lib/twice.js'; import data from './data.json' with { type: 'json' };
            export default async (event) => [twice(event), one, data.a, (await import('./lib/late.mjs')).late, import.meta.url]"),
        ("lib/twice.js", "import { one } from './one.js'; export { one }; export default (n) => 2 * n"),
        ("lib/one.js", "export const one = 1"),
        ("lib/late.mjs", "export const late = 'late'"),
        ("data.json", r#"{"a":"b"}"#),
    ];
    assert_eq!(run_files(&files, "3"), r#"[6,1,"b","late","file:///index.js"]"#);
}

#[test]
fn common_js_requires_files_of_the_folder() {
    let files = [
        ("index.js", "const { twice } = require('./lib'); const data = require('./data'); const again = require('./lib/index.js');
            exports.handler = async (event) => [twice(event), data.a, again.twice === twice, __filename, __dirname]"),
        ("lib/index.js", "exports.twice = (n) => 2 * n; exports.name = module.id; exports.circle = require('../circle.cjs').a"),
        ("circle.cjs", "exports.a = 1; exports.seen = Object.keys(require('./lib'))"),
        ("data.json", r#"{"a":"b"}"#),
    ];
    assert_eq!(run_files(&files, "3"), r#"[6,"b",true,"/index.js","/"]"#);
}

#[test]
fn modules_import_common_js() {
    let files = [
        (
            "index.mjs",
            "import all, { twice } from './twice.cjs'; export default (n) => [twice(n), all.twice === twice]",
        ),
        ("twice.cjs", "module.exports = { twice: (n) => 2 * n, default: 7 }"),
    ];
    assert_eq!(run_files(&files, "3"), "[6,true]");
}

#[test]
fn names_of_common_js_are_those_of_its_exports() {
    let files = [
        (
            "index.mjs",
            "import all, * as names from './names.cjs'; import { ü } from './umlaut.cjs';
             export default () => [all['é'], names['Ã©'], names['a\\u0000'] ?? null, ü]",
        ),
        ("names.cjs", "exports['Ã©'] = 1; exports['é'] = 2; exports['a\\u0000'] = 3; exports['\\ud800'] = 4"),
        ("umlaut.cjs", "exports.ü = 5"),
    ];
    assert_eq!(run_files(&files, "1"), "[2,1,null,5]");
}

#[test]
fn no_setter_of_a_script_sees_what_the_engine_makes() {
    let setters = "for (const name of ['exports', 'id', 'filename', 'require', 'tenantId', 'succeed', 'fail', 'done'])
        Object.defineProperty(Object.prototype, name, { set() { throw new Error(name) }, configurable: true });
        for (const name of [0, 1, 2, 3]) Object.defineProperty(Array.prototype, name, { set() { throw new Error(name) } });";
    let handler = "exports.handler = (event, context, callback) => callback(null, [
        require('./one.js'), context.tenantId, new URL('https://a.b/c').pathname, new TextDecoder().decode(new Uint8Array([65]))])";
    let files = [("index.js", &*format!("{setters} {handler}")), ("one.js", "module.exports = 1")];
    assert_eq!(run_files(&files, "1"), r#"[1,"acme","/c","A"]"#);
}

#[test]
fn what_cannot_be_loaded_is_named() {
    for (source, message) in [
        (
            "import a from './no.js'; export default () => a",
            "Error: cannot find the file 'no.js', imported from index.js",
        ),
        (
            "import '../../etc/passwd'; export default () => 1",
            "Error: '../../etc/passwd', imported from index.js, is outside",
        ),
        (
            "import './m.mjs\\0x'; export default () => 1",
            "Error: './m.mjs\0x', imported from index.js, has a zero in it, as no path has",
        ),
        (
            "export default () => import('./m.mjs\\0')",
            "Error: './m.mjs\0', imported from index.js, has a zero in it",
        ),
        (
            "export default () => import(`./ä\\0€`)",
            "Error: './ä\0€', imported from index.js, has a zero in it",
        ),
        ("require('./m.cjs\\0')", "Error: './m.cjs\0', imported from index.js, has a zero in it"),
        ("const a = require('lodash')", "Error: the package 'lodash', imported from index.js, is not there"),
        (
            "export default () => import('node:fs')",
            "Error: the package 'node:fs', imported from index.js, is not there",
        ),
        (
            "const a = require('./m.mjs')",
            "Error: 'm.mjs', required from index.js, is an ES module: use import()",
        ),
        (
            "import a from './bad.json' with { type: 'json' }; export default 1",
            "SyntaxError: bad.json is not valid JSON: a value is",
        ),
        ("import a from './m.mjs' with { type: 'json' }; export default 1", "TypeError: 'm.mjs' is not JSON"),
        ("import { b } from './m.mjs'; export default b", "SyntaxError: "),
        ("import './throws.js'; export default 1", "Error: at load | at <anonymous> (throws.js:2:11)"),
    ] {
        let files = [
            ("index.js", source),
            ("m.mjs", "export const a = 1"),
            ("bad.json", "{\"a\":}"),
            ("throws.js", "\nthrow new Error('at load')"),
        ];
        let answer = run_files(&files, "1");
        assert!(answer.starts_with(message), "{source}: {answer}");
    }
}

#[test]
fn a_guess_that_was_wrong_is_corrected() {
    assert_eq!(
        run_files(
            &[(
                "index.js",
                "const text = `\nexport default 1\n`; with ({ a: 1 }) { exports.handler = () => a }"
            )],
            "1"
        ),
        "1"
    );
    assert_eq!(
        run_files(&[("index.js", "const x = await 1; /a/; var a = 1\nexport default () => x")], "1"),
        "1"
    );
    assert_eq!(run_files(&[("index.js", "#!/usr/bin/env node\nexports.handler = () => 1")], "1"), "1");
    let answer = run_files(&[("index.cjs", "}); (function () {")], "1");
    assert!(answer.starts_with("Function.NoHandler"), "{answer}");
}

#[test]
fn bytecode_is_as_its_source() {
    for source in [
        "import { one } from './one.js';\nexport default (n) => { if (n > 1) throw new Error('x'); return n + one }",
        "const { one } = require('./one.cjs');\nexports.handler = (n) => { if (n > 1) throw new Error('x'); return n + one }",
    ] {
        script(&[("index.js", source), ("one.js", "export const one = 1"), ("one.cjs", "exports.one = 1")]);
        let compiled = Engine::new().unwrap().compile("index.js", source.as_bytes()).unwrap();
        platform::with(|host| {
            let file = host.files.get_mut("index.js").unwrap();
            file.bytecode = Some(compiled);
            file.content = b"not looked at (".to_vec();
        });
        let engine = Engine::new().unwrap();
        assert_eq!(engine.handle(b"1", super::context()).unwrap(), b"2");
        let failure = engine.handle(b"2", super::context()).unwrap_err();
        assert!(failure.stack_trace[0].contains("(index.js:2:"), "{failure:?}");
    }
}

#[test]
fn mistakes_have_their_place() {
    let engine = Engine::new().unwrap();
    for (path, source, place) in [
        ("a.mjs", "export default {\n  a: 1 b }", (2, 8)),
        ("a.js", "exports.a = (", (1, 14)),
        ("a.js", "import a from './nowhere.js';\nexport default a;", (0, 0)),
        ("a.json", "{\"a\":\n 1,}", (2, 4)),
    ] {
        let result = engine.compile(path, source.as_bytes());
        let found = result.as_ref().map_or_else(|mistake| (mistake.line, mistake.column), |_| (0, 0));
        assert_eq!(found, place, "{source}: {result:?}");
    }
}
