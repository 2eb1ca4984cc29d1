//! Scripts that attack the engine. What they can reach is their own event only; here nothing may crash, and errors stay readable.

use super::run;

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

#[test]
fn pollution_does_not_reach_the_prelude() {
    let polluted = "
        const all = [];
        for (const one of [Object, Array, String, Promise, Function, Map, Set, RegExp, URL, Headers]) {
            for (const key of Reflect.ownKeys(one.prototype)) if (key !== 'constructor') all.push([one.prototype, key]);
        }
        const { defineProperty } = Object;
        for (let i = 0; i < all.length; i++) {
            const prototype = all[i][0], key = all[i][1];
            try { defineProperty(prototype, key, { get() { throw new Error('polluted') } }) } catch (e) {}
        }
        globalThis.Promise = globalThis.Object = globalThis.Reflect = globalThis.Array = undefined;";
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
    ] {
        assert_eq!(
            run(&format!("{polluted} exports.handler = {handler}"), r#"{"a":[{"b":1}]}"#),
            answer,
            "{handler}"
        );
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
