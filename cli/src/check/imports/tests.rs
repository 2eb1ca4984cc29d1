//! Looks at scripts of a few lines: what is reported, where, and what is not.

use std::sync::Arc;

use bulkhead_host::script::File;

use super::*;

/// What is found in a script whose entry is the first file.
fn found(folder: &str, files: &[(&str, &str)]) -> Found {
    let entry = files[0].0;
    let of = |(path, text): &(&str, &str)| File { path: (*path).into(), content: text.as_bytes().into() };
    let place: Arc<Path> = Path::new(folder).join(entry).into();
    look(Path::new(folder), &Script::new(place, entry, files.iter().map(of).collect()).unwrap())
}

/// The only mistake.
fn mistake(files: &[(&str, &str)]) -> String {
    let Found { mistakes, warnings } = found("src", files);
    assert!(mistakes.len() == 1 && warnings.is_empty(), "{files:?}: {mistakes:?} {warnings:?}");
    mistakes[0].clone()
}

fn is_fine(files: &[(&str, &str)]) {
    let Found { mistakes, warnings } = found("src", files);
    assert!(mistakes.is_empty() && warnings.is_empty(), "{files:?}: {mistakes:?} {warnings:?}");
}

#[test]
fn every_import_that_leads_nowhere_has_its_place_and_what_to_do() {
    for (line, column, parts) in [
        ("import a from './lib/b.js';", 15, ["`./lib/b.js` is not there", ""]),
        ("export * from '../x.js';", 15, ["lies outside of the script's folder, src", "npx esbuild"]),
        (
            "export { a } from 'lodash';",
            19,
            [
                "the package `lodash` is not part of the script",
                "npx esbuild src/index.js --bundle --format=esm --outfile=dist/index.js`",
            ],
        ),
        (
            "import '@aws-sdk/client-s3';",
            8,
            ["the package `@aws-sdk/client-s3`", "`source = \"dist/index.js\"`"],
        ),
        ("import fs from 'node:fs/promises';", 16, ["scripts have no modules of Node.js", "import data as"]),
        ("import { createHash } from 'crypto';", 28, ["this imports `crypto`", "crypto.subtle"]),
        ("import test from 'node:sqlite';", 18, ["this imports `node:sqlite`", "bundle a package"]),
        ("import 'https://example.com/a.js';", 8, ["cannot be imported", "begin with ./ or ../"]),
        (
            "import View from './View.tsx';",
            18,
            ["`./View.tsx` is not there; scripts have no JSX", "compile it"],
        ),
    ] {
        let found = mistake(&[("index.js", &format!("// first\n{line}\n"))]);
        assert!(found.starts_with(&format!("src/index.js:2:{column}: ")), "{found}");
        assert!(parts.iter().all(|part| found.contains(part)), "{found}");
    }
}

#[test]
fn files_are_followed_and_similar_ones_are_named() {
    let files =
        [("index.ts", "import './lib/a.js'"), ("lib/a.ts", "import '../lib/names.js'"), ("lib/name.ts", "")];
    assert_eq!(
        mistake(&files),
        "src/lib/a.ts:1:8: `../lib/names.js` is not there; did you mean src/lib/name.ts?"
    );
    is_fine(&[
        ("index.js", "import './a'"),
        ("a.js", ""),
        ("a.test.js", "import 'vitest'; import './gone.js'"),
    ]);
}

#[test]
fn a_specifier_names_what_it_names_for_the_engine() {
    let others = ["a.ts", "b.mts", "c.cts", "d.js", "lib/index.ts", "lib/e.json"];
    for specifier in
        ["./a.ts", "./a.js", "./a", "./b.mjs", "./c.cjs", "./d", "./lib", "./lib/", "./lib/e", "./lib/../a"]
    {
        let source = format!("import '{specifier}'");
        let mut files = vec![("index.ts", source.as_str())];
        files.extend(others.iter().map(|path| (*path, "")));
        is_fine(&files);
    }
}

#[test]
fn a_script_of_one_file_is_told_to_have_a_folder() {
    let Found { mistakes, .. } = found("", &[("index.ts", "import './lib.ts';\nimport '../x.js'")]);
    let begin = ["index.ts:1:8: `./lib.ts` is not part", "index.ts:2:8: `../x.js` is not part"];
    assert!(
        mistakes.len() == 2 && mistakes.iter().zip(begin).all(|(text, begin)| text.starts_with(begin)),
        "{mistakes:?}"
    );
    assert!(mistakes[0].ends_with("write `source = \"src/index.ts\"`"), "{mistakes:?}");
}

#[test]
fn what_may_never_run_is_a_warning() {
    let source = "if (a) await import('./b.js');\nexports.c = () => require('fs');\nimport(d); require(e); f.require('g')";
    let Found { mistakes, warnings } = found("src", &[("index.js", source)]);
    assert!(mistakes.is_empty(), "{mistakes:?}");
    let begin =
        ["src/index.js:1:21: `./b.js` is not there", "src/index.js:2:27: scripts have no modules of Node.js"];
    assert!(
        warnings.len() == 2 && warnings.iter().zip(begin).all(|(text, begin)| text.starts_with(begin)),
        "{warnings:?}"
    );
    // So is what is reached in no other way.
    let files =
        [("index.js", "import('./a.js'); import './b.js'"), ("a.js", "import 'c'"), ("b.js", "import 'd'")];
    let Found { mistakes, warnings } = found("src", &files);
    assert!(mistakes.len() == 1 && mistakes[0].contains("`d`"), "{mistakes:?}");
    assert!(warnings.len() == 1 && warnings[0].contains("`c`"), "{warnings:?}");
    // A function of the script's own is not that of CommonJS.
    is_fine(&[("index.js", "const require = (a) => a; require('b')")]);
}

#[test]
fn a_name_that_is_not_exported_is_found_where_that_is_known() {
    let types = [("index.ts", "import { A } from './a.ts';"), ("a.ts", ";                 \n")];
    assert_eq!(
        mistake(&types),
        "src/index.ts:1:10: src/a.ts does not export `A`; if it is a type, write `import type`"
    );
    let all = "export const a = 1, { b, c: [d], ...e } = f; export function g() {}\nexport class h {}\nexport { i as j, k };\
               export default 1; export * as l from './m.js'; let i, k; export { n as default2 } from './m.js'";
    let index =
        "import x, { a, b, d, e, g, h, j, k, l, default2 } from './a.js'; export { a as y } from './a.js'";
    is_fine(&[("index.js", index), ("a.js", all), ("m.js", "export let n")]);
    let wrong = [("index.js", "import x, { a, c as b } from './a.js';"), ("a.js", "export let a, b")];
    let Found { mistakes, .. } = found("src", &wrong);
    assert_eq!(
        mistakes,
        [
            "src/index.js:1:8: src/a.js does not export `default`",
            "src/index.js:1:16: src/a.js does not export `c`"
        ]
    );
    // Nobody knows what these export.
    for unknown in
        ["exports.a = 1", "export * from './c.js'", "const a = ", "module.exports = require('./c.js')"]
    {
        is_fine(&[("index.js", "import { a } from './b.js'"), ("b.js", unknown), ("c.js", "export let a")]);
    }
    is_fine(&[("index.js", "import a from './a.json' with { type: 'json' }"), ("a.json", "1")]);
}

#[test]
fn globals_that_scripts_do_not_have_are_warnings_unless_they_are_looked_for() {
    let source = "function f(Blob) { return new Blob([Buffer.from(a)]); }\nconst b = { Intl: 1 }.Intl; new Buffer(c);\nnew XMLHttpRequest()";
    let Found { mistakes, warnings } = found("src", &[("index.ts", source)]);
    assert!(mistakes.is_empty(), "{mistakes:?}");
    let begin = [
        "src/index.ts:1:37: scripts have no Buffer: ",
        "src/index.ts:3:5: scripts have no XMLHttpRequest: use fetch",
    ];
    assert!(
        warnings.len() == 2 && warnings.iter().zip(begin).all(|(text, begin)| text.starts_with(begin)),
        "{warnings:?}"
    );
    for fine in [
        "const a = typeof Buffer === 'function' ? Buffer.from('b') : c",
        "globalThis.Buffer ??= class {}; new Buffer()",
        "import { Buffer } from './buffer.js'; Buffer.from('b')",
        "class Buffer {} new Buffer()",
        "fetch(process.env.URL), setTimeout(() => {}), somethingElse()",
    ] {
        is_fine(&[("index.js", fine), ("buffer.js", "export const Buffer = 1")]);
    }
    is_fine(&[("index.js", "import './shim.js'; new Buffer()"), ("shim.js", "globalThis.Buffer = class {}")]);
}

#[test]
fn what_cannot_be_parsed_is_left_to_the_engine() {
    let deep = "(".repeat(20_000);
    for odd in ["import { from 'a'", "let a: b; import 'c'", &deep, "import 'a'\u{0}"] {
        let Found { mistakes, warnings } = found("src", &[("index.js", odd)]);
        assert!(mistakes.is_empty() && warnings.is_empty(), "{mistakes:?} {warnings:?}");
    }
}
