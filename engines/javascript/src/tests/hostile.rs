//! Scripts that attack the engine. What they can reach is their own event only; here nothing may crash, and errors stay readable.

use bulkhead::client::Client;
use bulkhead::client::http::{Request, Response};

use super::{printed, run};
use crate::platform;

#[test]
fn recursion_is_a_range_error() {
    let error = run("export default function f() { return f() + 1 }", "1");
    assert!(error.starts_with("RangeError: Maximum call stack size exceeded"), "{error}");
    assert_eq!(
        run(
            "const f = () => f(); export default () => { try { f() } catch (e) { return e instanceof RangeError } }",
            "1"
        ),
        "true"
    );
    for code in [
        "JSON.parse('['.repeat(1e5))",
        "JSON.stringify(Array.from({ length: 1e5 }).reduce((a) => [a], []))",
        "eval('('.repeat(1e5))",
        "new RegExp('('.repeat(1e5))",
        "/(a*)*b/.test('a'.repeat(10)) || [].flat.call(Array.from({ length: 1e5 }).reduce((a) => [a], []), Infinity)",
        "structuredClone(Array.from({ length: 1e5 }).reduce((a) => [a], []))",
        "Array.from({ length: 1e4 }).reduce((a) => new Proxy(a, {}), {}).x",
        "Array.from({ length: 1e4 }).reduce((a) => a.bind(), () => 1)()",
        "(() => { const a = []; a[0] = a; return String(a) })()",
    ] {
        let answer = run(
            &format!(
                "export default () => {{ try {{ {code}; return 'fine' }} catch (e) {{ return e.name }} }}"
            ),
            "1",
        );
        assert!(
            ["\"RangeError\"", "\"SyntaxError\"", "\"fine\"", "\"DataCloneError\"", "\"InternalError\""]
                .contains(&&*answer),
            "{code}: {answer}"
        );
    }
}

/// Replaces what scripts can reach of the language and of the Web by getters that throw, and the globals by nothing. What a test
/// needs is kept before.
pub(super) const POLLUTED: &str = "
    const { apply, ownKeys } = Reflect, { defineProperty, getPrototypeOf, getOwnPropertyDescriptor } = Object;
    const { Headers, URL, Request, Response, ReadableStream, TextEncoder, TextDecoder, Blob, AbortController, EventTarget, Error,
        Array, fetch, console, crypto, setTimeout } = globalThis;
    const { get } = Headers.prototype, { blob, text } = Response.prototype, { digest } = crypto.subtle;
    const { encodeInto } = TextEncoder.prototype, { decode } = TextDecoder.prototype, { text: textOfBlob } = Blob.prototype;
    const { abort } = AbortController.prototype, { addEventListener } = EventTarget.prototype;
    const [href, host, signal] = [[URL, 'href'], [URL, 'host'], [AbortController, 'signal']].map(([one, name]) =>
        getOwnPropertyDescriptor(one.prototype, name));
    const list = [], bytes = new Uint8Array(8), date = new Date(0), set = new Set(['a']);
    const prototypes = [Object, Array, String, Number, Boolean, Symbol, Promise, Function, Map, Set, Date, RegExp, ArrayBuffer, DataView,
        URL, URLSearchParams, Headers, Request, Response, Blob, AbortController, AbortSignal, Event, EventTarget, TextEncoder, TextDecoder].map((one) => one.prototype);
    prototypes.push(getPrototypeOf(Uint8Array.prototype), getPrototypeOf(Response.prototype), getPrototypeOf([].values()),
        getPrototypeOf('a'[Symbol.iterator]()));
    for (const prototype of prototypes)
        for (const key of ownKeys(prototype)) if (key !== 'constructor') list.push([prototype, key]);
    const globals = ownKeys(globalThis);
    for (let i = 0; i < list.length; i++) {
        const prototype = list[i][0], key = list[i][1];
        try { defineProperty(prototype, key, { __proto__: null, get() { throw new Error('polluted') } }) } catch (e) {}
    }
    for (let i = 0; i < 4; i++) defineProperty(Array.prototype, i, { __proto__: null, set() { throw new Error('polluted') } });
    for (let i = 0; i < globals.length; i++) try { globalThis[globals[i]] = undefined } catch (e) {}";

/// Answers a redirect, and then with the request.
fn server(request: &Request<Vec<u8>>) -> Response<Vec<u8>> {
    let response = Response::builder().header("x-a", "b");
    match request.uri().path() {
        "/first" => response.status(302).header("location", "/second").body(Vec::new()),
        path => response.body([path.as_bytes(), request.body()].concat()),
    }
    .unwrap()
}

#[test]
fn pollution_does_not_reach_the_prelude() {
    for (handler, answer) in [
        (
            "(event, context, callback) => { setTimeout(() => callback(null, event.a), context.getRemainingTimeInMillis() / 1000) }",
            r#"[{"b":1}]"#,
        ),
        (
            "async () => { const from = new ReadableStream({ start(c) { c.enqueue('a'); c.enqueue('b'); c.close() } }); \
             let all = ''; for await (const one of from.tee()[1]) all += one; return all }",
            r#""ab""#,
        ),
        ("() => apply(get, new Headers({ a: 'b' }), ['A'])", r#""b""#),
        (
            "async () => await apply(text, await fetch('https://a.b/first', { method: 'PUT', body: 'c' }), [])",
            r#""/secondc""#,
        ),
        ("async () => await apply(text, new Response('a', { headers: { b: 'c' } }), [])", r#""a""#),
        (
            "async () => await apply(textOfBlob, await apply(blob, new Response(bytes), []), [])",
            r#""\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000""#,
        ),
        (
            "() => { const url = new URL('/a?b#c', 'https://u:p@d.e:81'); apply(host.set, url, ['f:82']); return apply(href.get, url, []) }",
            r#""https://u:p@f:82/a?b#c""#,
        ),
        (
            "() => [crypto.randomUUID(), crypto.getRandomValues(bytes)[1]]",
            r#"["00010203-0405-4607-8809-0a0b0c0d0e0f",1]"#,
        ),
        ("async () => { await apply(digest, null, ['sha-1', bytes]); return 1 }", "1"),
        (
            "() => { apply(encodeInto, new TextEncoder(), ['aé', bytes]); return apply(decode, new TextDecoder(), [bytes])[1] }",
            r#""é""#,
        ),
        (
            "() => { const c = new AbortController(); let n = 0; const s = apply(signal.get, c, []); \
             apply(addEventListener, s, ['abort', () => n++]); apply(abort, c, []); return n }",
            "1",
        ),
        (
            "() => { console.log(/a/g, bytes, date, set, { a: 1 }); console.count(); console.timeEnd(); console.assert(false, 'x') }",
            "null",
        ),
    ] {
        platform::with(|host| host.client = Client::answering(|request| server(&request)));
        let source = format!("{POLLUTED} exports.handler = {handler}");
        assert_eq!(run(&source, r#"{"a":[{"b":1}]}"#), answer, "{handler}");
    }
    let lines = printed();
    assert!(
        lines[0].contains(
            "/a/g Uint8Array(8) [ 0, 0, 0, 0, 0, 0, 0, 0 ] 1970-01-01T00:00:00.000Z Set(1) { 'a' }"
        ),
        "{lines:?}"
    );
    assert_eq!(lines.len(), 4);
}

#[test]
fn names_that_objects_inherit_are_not_options() {
    let names = "for (const name of ['get', 'set', 'value', 'signal', 'method', 'headers', 'status', 'statusText', 'body', 'redirect',
        'fatal', 'type', 'once', 'capture', 'isGone', 'url', 'bytes']) Object.prototype[name] = function (key) { return this[key] };";
    for (handler, answer) in [
        ("async () => (await fetch('https://a.b/c')).text()", r#""/c""#),
        ("async () => (await Response.json(1)).clone().json()", "1"),
        ("() => Response.redirect('https://a.b').headers.get('location')", r#""https://a.b/""#),
        (
            "() => [new Request('https://a.b').method, new TextDecoder().fatal, new Blob(['a']).type]",
            r#"["GET",false,""]"#,
        ),
        ("() => [typeof process.env, new Event('a').isTrusted]", r#"["object",false]"#),
        (
            "() => { const t = new EventTarget(); let n = 0; t.ona = () => n++; t.dispatchEvent(new Event('a')); return n }",
            "1",
        ),
    ] {
        platform::with(|host| host.client = Client::answering(|request| server(&request)));
        assert_eq!(run(&format!("{names} exports.handler = {handler}"), "1"), answer, "{handler}");
    }
}

#[test]
fn forged_errors_are_only_what_they_say() {
    for (thrown, answer) in [
        ("Object.defineProperty(new Error('x'), 'stack', { value: { toString() { throw 1 } } })", "Error: x"),
        (
            "Object.assign(new Error('x'), { stack: 'at a (index.js:1:1)\\nat forged\\nnothing' })",
            "Error: x | at a (index.js:1:1) | at forged",
        ),
        (
            "{ get message() { throw 1 }, get name() { throw 1 }, get stack() { throw 1 }, toJSON() { throw 1 } }",
            "Error: ",
        ),
        ("{ name: 'A', message: 'B', stack: 1 }", "A: B"),
        ("new Proxy({}, { get() { throw 1 } })", "Error: "),
        ("null", "null: null"),
        ("undefined", "undefined: undefined"),
        ("Symbol('a')", "symbol: "),
        ("() => 1", "function: () => 1"),
        (
            "{ name: 'InternalError', message: 'out of memory' }",
            "Function.OutOfMemory: the script needed more memory than the limit `memory` allows",
        ),
    ] {
        let source = format!("export default () => {{ const e = {thrown}; throw e }}");
        assert_eq!(run(&source, "1"), answer, "{thrown}");
    }
    let many = run(
        "export default () => { const e = new Error('x'); e.stack = 'at a\\n'.repeat(1e5); throw e }",
        "1",
    );
    assert_eq!(many.matches(" | ").count(), 64);
}

#[test]
fn functions_can_be_made_from_text() {
    assert_eq!(run("export default (n) => new Function('a', 'return a + 1')(n) + eval('1')", "1"), "3");
}
