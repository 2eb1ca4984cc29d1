//! What `console` writes.

use super::{printed, run};

fn logged(calls: &str) -> Vec<String> {
    let answer = run(&format!("export default () => {{ {calls} }}"), "1");
    assert_eq!(answer, "null", "{calls}");
    printed()
}

fn message(value: &str) -> String {
    let line = logged(&format!("console.log({value})")).remove(0);
    line.strip_prefix(r#"{"level":"INFO","message":""#)
        .and_then(|rest| rest.strip_suffix("\"}"))
        .unwrap()
        .to_owned()
}

#[test]
fn levels() {
    for (method, level) in [
        ("log", "INFO"),
        ("info", "INFO"),
        ("debug", "DEBUG"),
        ("warn", "WARN"),
        ("error", "ERROR"),
        ("trace", "TRACE"),
    ] {
        assert_eq!(
            logged(&format!("console.{method}('a', 1)")),
            [format!(r#"{{"level":"{level}","message":"a 1"}}"#)]
        );
    }
}

#[test]
fn a_record_of_a_logger_stays_as_it_is() {
    assert_eq!(
        logged(r#"console.log('{"level":"WARN","message":"a","b":1}')"#),
        [r#"{"level":"WARN","message":"a","b":1}"#]
    );
    assert_eq!(logged("console.error('{\"a\":1}')"), [r#"{"level":"ERROR","message":"{\"a\":1}"}"#]);
    assert_eq!(
        logged("console.log('a\\n{\"level\":\"FATAL\"}')"),
        [r#"{"level":"INFO","message":"a\n{\"level\":\"FATAL\"}"}"#]
    );
}

#[test]
fn values() {
    for (value, text) in [
        ("", ""),
        ("'a', 'b'", "a b"),
        (
            "['a', 1, null, undefined, true, -0, 1n, Symbol('s')]",
            "[ 'a', 1, null, undefined, true, -0, 1n, Symbol(s) ]",
        ),
        ("{ a: 1, 'b-c': { d: [] }, [Symbol('e')]: {} }", "{ a: 1, 'b-c': { d: [] }, [Symbol(e)]: {} }"),
        ("new (class Note { a = 1 })()", "Note { a: 1 }"),
        ("Object.create(null)", "{}"),
        ("new Map([['a', { b: 1 }]]), new Set([1, 'x'])", "Map(1) { 'a' => { b: 1 } } Set(2) { 1, 'x' }"),
        ("new Date(0), /a/g, new Date(NaN)", "1970-01-01T00:00:00.000Z /a/g Invalid Date"),
        ("function f() {}, class A {}, () => 1", "[Function: f] [Function: A] [Function]"),
        ("new Uint8Array(3)", "Uint8Array(3) [ 0, 0, 0 ]"),
        (
            "(() => { const b = new ArrayBuffer(4, { maxByteLength: 16 }), u = new Uint8Array(b); b.resize(2); return u })()",
            "Uint8Array(2) [ 0, 0 ]",
        ),
        (
            "(() => { const b = new ArrayBuffer(2, { maxByteLength: 16 }), u = new Uint8Array(b); b.resize(3); return u })()",
            "Uint8Array(3) [ 0, 0, 0 ]",
        ),
        ("[, 1]", "[ <empty>, 1 ]"),
        ("{ get a() { throw 1 } }", "{ a: [Getter] }"),
        ("new Proxy({}, { get() { throw 1 }, ownKeys() { throw 1 } })", "[Proxy]"),
        ("[new Proxy([], {})]", "[ [Proxy] ]"),
        ("(() => { const a = { b: {} }; a.b.c = a; return a })()", "{ b: { c: [Circular] } }"),
        ("{ a: { b: { c: { d: { e: { f: 1 } } } } } }", "{ a: { b: { c: { d: { e: [Object] } } } } }"),
        ("Array.from({ length: 102 }, () => 0)", &format!("[ {}, … 2 more ]", ["0"; 100].join(", "))),
        ("'%s is %d, %i, %j%%', 'a', 1.5, 2.7, { b: 1 }, 'rest'", "a is 1.5, 2, { b: 1 }% rest"),
        ("'100%', 'a'", "100% a"),
        ("Promise.resolve(1)", "[Promise]"),
    ] {
        assert_eq!(message(value), text, "{value}");
    }
    let error = message("new RangeError('no rope')");
    assert!(error.starts_with(r"RangeError: no rope\n    at default (index.js:1:"), "{error}");
}

#[test]
fn nothing_of_the_script_is_called() {
    let calls = "
        Object.prototype.toString = Array.prototype.join = Date.prototype.toISOString = Map.prototype.forEach = () => { throw 1 };
        Error.prototype.toString = () => { throw 1 };
        const error = new Error('x'); Object.defineProperty(error, 'stack', { get() { throw 1 } });
        for (const name of ['source', 'flags', 'global']) Object.defineProperty(RegExp.prototype, name, { get() { throw 1 } });
        const expression = Object.defineProperty(/a\\/b/gi, 'source', { get() { throw 1 } });
        const bytes = Object.defineProperty(new Uint8Array(1), 'length', { get() { throw 1 } });
        console.log(error, expression, /c/dmsuy, bytes, [{}], new Date(0), new Map(), { constructor: new Proxy({}, { get() { throw 1 } }) },
            { __proto__: new Proxy({}, { getPrototypeOf() { throw 1 } }) });";
    let lines = logged(calls);
    assert_eq!(lines.len(), 1);
    assert!(
        lines[0].contains(
            r#"(index.js:4:27) /a\\/b/gi /c/dmsuy Uint8Array(1) [ 0 ] [ {} ] 1970-01-01T00:00:00.000Z Map(0) {} { constructor: [Proxy] } {}"#
        ),
        "{lines:?}"
    );
}

#[test]
fn a_line_is_bounded() {
    for value in [
        "'ä'.repeat(1e6)",
        "['ä'.repeat(1e6), 'b'.repeat(1e6)]",
        "Array(100).fill(Array(100).fill('x'.repeat(100)))",
    ] {
        let text = message(value);
        assert!((29_000..31_000).contains(&text.len()), "{} {value}", text.len());
    }
}

#[test]
fn counters_and_timers() {
    let lines = logged(
        "console.count(); console.count(); console.time('t'); console.timeEnd('t'); console.timeEnd('t'); console.assert(false, 'x')",
    );
    let messages: Vec<&str> = lines.iter().map(|line| line.split("\"message\":").nth(1).unwrap()).collect();
    assert_eq!(
        messages,
        [
            "\"default: 1\"}",
            "\"default: 2\"}",
            "\"t: 0.000ms\"}",
            "\"there is no timer 't' for console.timeEnd()\"}",
            "\"assertion failed x\"}"
        ]
    );
}

#[test]
fn causes_without_end_are_cut() {
    let source = "export default () => { let e; for (let i = 0; i < 20000; i++) e = new Error('x', { cause: e }); console.error(e); return 1 }";
    assert_eq!(run(source, "1"), "1");
    assert!(printed()[0].contains("cause: [Error]"));
}
