//! Scripts that are large enough to be compiled where they are read: they do what they do from source.

use std::time::Instant;

use serde_json::json;

use super::language::function;
use crate::stage::assert_error;

/// So much that a file is compiled.
const LARGE: usize = 64;

const TOLD: &str = "function told(n) { return [n, new Error().stack.split('\\n')[0].trim()]; }";
const OLD: &str = "() => [require('./data.json').unit, __filename]";

/// Lines that make a file large, and that are code.
fn lines(count: usize) -> String {
    (0..count).map(|line| format!("const unused{line} = (a, b = {{}}) => a ?? b.c?.[{line}];\n")).collect()
}

#[test]
fn a_large_script_has_the_places_and_the_text_of_its_functions() {
    let index = format!(
        "import {{ told }} from './lib/told.js';\nimport data from './data.json' with {{ type: 'json' }};\n{}\
         export default async (event) => {{\n  if (event === 2) throw new RangeError('two');\n  \
         const old = (await import('./old.cjs')).default;\n  \
         return [told(event), data.unit, old(), import.meta.url, told.toString(), `${{old}}`];\n}};\n",
        lines(LARGE)
    );
    let told = format!("{}export {TOLD}\n", lines(LARGE));
    let old = format!("{}module.exports = {OLD};\n", lines(LARGE));
    let files = [
        ("notes/index.mjs", &*index),
        ("notes/lib/told.js", &told),
        ("notes/old.cjs", &old),
        ("notes/data.json", r#"{ "unit": "EUR" }"#),
    ];
    let Some(stage) = function("handlers.notes.source = \"notes/index.mjs\"", &files) else { return };
    for _ in 0..3 {
        let answer = stage.send("1").json();
        let place = answer[0][1].as_str().expect("a place");
        assert!(place.starts_with("at told (lib/told.js:65:"), "{place}");
        assert_eq!(answer[0][0], 1);
        assert_eq!(
            json!([answer[1], answer[2], answer[3], answer[4], answer[5]]),
            json!(["EUR", ["EUR", "/old.cjs"], "file:///index.mjs", TOLD, OLD])
        );
        let failed = stage.send("2");
        assert_error(&failed, "Function.RangeError");
        let frame = failed.json()["stackTrace"][0].to_string();
        assert!(frame.contains("(index.mjs:68:"), "{frame}");
    }
}

#[test]
fn a_script_that_cannot_be_compiled_fails_each_event_as_from_source() {
    let cases = [
        (format!("{}export default {{\n", lines(LARGE)), "SyntaxError"),
        (format!("export default {}", "[".repeat(200_000)), ""),
        (format!("export default {}1{}", "(".repeat(200_000), ")".repeat(200_000)), ""),
        (format!("export default /{}/", "(a*)*".repeat(20_000)), ""),
    ];
    for (text, error) in cases {
        let Some(stage) =
            function("handlers.notes.source = \"notes/index.js\"", &[("notes/index.js", &text)])
        else {
            return;
        };
        let answers: Vec<_> = (0..2).map(|_| stage.send("1").json()).collect();
        assert_eq!(answers[0], answers[1]);
        assert!(error.is_empty() || answers[0]["errorType"] == error, "{}", answers[0]);
        assert!(answers[0]["errorType"].is_string(), "{}", answers[0]);
    }
}

#[test]
fn a_folder_of_a_thousand_files_and_a_script_of_4_mib_answer() {
    let mut files = vec![("notes/index.js".to_owned(), format!("{}export default (n) => n;", lines(LARGE)))];
    files.extend((0..999).map(|file| (format!("notes/unused/{file}.js"), lines(LARGE))));
    let borrowed: Vec<_> = files.iter().map(|(path, text)| (&**path, &**text)).collect();
    let toml = "handlers.notes.source = \"notes/index.js\"";
    let Some(stage) = function(toml, &borrowed) else { return };
    assert_eq!(stage.send("1").json(), json!(1));
    let text = format!("const text = '{}';\nexport default (n) => text.length * n;", "x".repeat(4_000_000));
    assert!(text.len() < 4 * 1024 * 1024);
    let Some(stage) = function(toml, &[("notes/index.js", &text)]) else { return };
    let begun = Instant::now();
    assert_eq!(stage.send("1").json(), json!(4_000_000));
    assert_eq!(stage.send("2").json(), json!(8_000_000));
    assert!(begun.elapsed().as_secs() < 30, "{:?}", begun.elapsed());
}
