//! Events and answers as JSON, compared with the engine's own functions.

use super::run;

#[test]
fn what_is_read_is_what_json_parse_reads() {
    for event in [
        "null",
        "true",
        "[]",
        "{}",
        "-0",
        "0",
        "1.5e3",
        "\"\"",
        r#""\ud83d\ude00 \n \u00e4 ä""#,
        r#""\ud800""#,
        r#"{"a":[1,[2,{"b":null}],"c"],"d":{},"a":3}"#,
        r#"{"__proto__":{"x":1},"constructor":2,"0":"z","10":1,"2":0}"#,
        "[1.0,-1,123456789012345678,1e21,1e-7,5e-324]",
        "  [ 1 , 2 ]  ",
        r#"[{"k1":1,"k2":2},{"k1":3,"k2":4}]"#,
    ] {
        let source = "export default (event) => {
            const same = (a, b) => Object.is(a, b) || (typeof a === 'object' && a && b && Array.isArray(a) === Array.isArray(b)
                && Reflect.ownKeys(a).join() === Reflect.ownKeys(b).join() && Reflect.ownKeys(a).every((key) => same(a[key], b[key])));
            return [same(event, JSON.parse(TEXT)), ({}).x ?? null]
        }";
        let source = source.replace("TEXT", &format!("{event:?}").replace("\\u{", "\\u{"));
        assert_eq!(run(&source, event), "[true,null]", "{event}");
    }
    for event in [
        "[",
        "[1,]",
        "{\"a\"}",
        "{\"a\":1,}",
        "{a:1}",
        "01",
        "1 2",
        "\"\n\"",
        "nul",
        "[1}",
        "\u{feff}1",
        "'a'",
    ] {
        assert!(run("export default () => 1", event).starts_with("EventUnmarshalError"), "{event}");
    }
    let engine_says = run("export default () => 1", "[\"\\x\"]");
    assert!(engine_says.ends_with("a string is not valid at line 1 column 3"), "{engine_says}");
}

#[test]
fn what_is_written_is_what_json_stringify_writes() {
    for value in [
        "null",
        "undefined",
        "() => 1",
        "Symbol('a')",
        "1.5",
        "-0",
        "NaN",
        "Infinity",
        "1e21",
        "123456789012",
        "-17",
        "'a\"\\n\u{e4}'",
        "'\\ud800'",
        "'\\ud83d\\ude00'",
        "[undefined, () => 1, Symbol('a'), , 1]",
        "({ a: undefined, b: () => 1, [Symbol('c')]: 1, d: 1, 3: 1, 1: 2 })",
        "new Date(0)",
        "new Date(NaN)",
        "/a/",
        "new Map([[1, 2]])",
        "new Number(3)",
        "new String('s')",
        "new Boolean(false)",
        "({ toJSON() { return 7 } })",
        "({ a: { toJSON(key) { return key } } })",
        "[{ toJSON(key) { return key } }]",
        "new (class A { constructor() { this.a = 1 } get b() { return 2 } })()",
        "Object.create({ a: 1 }, { b: { value: 1 }, c: { value: 2, enumerable: true } })",
        "new Uint8Array([1, 2])",
        "new Proxy([1, [2]], {})",
        "new Proxy({ a: 1 }, { get: (target, key) => key })",
        "Object.assign([1], { a: 2 })",
        "(() => { const a = { b: 1 }; return [a, a] })()",
        "({ a: [], b: {}, c: [[]] })",
        "new Error('x')",
        "'a'.repeat(3) + 'b'",
        "JSON",
        "Object(Symbol())",
    ] {
        let source = format!(
            "export default () => {{ const make = () => ({value}); return [make(), JSON.stringify([make()])] }}"
        );
        let answer = run(&source, "1");
        let both: String = format!("[[{}],{}]", "X", "Y");
        // The answer is `[<ours>,"<theirs, as a string>"]`.
        let (ours, theirs) = answer[1..answer.len() - 1].split_at(answer.rfind("\"[").expect(&answer) - 2);
        let theirs = run(&format!("export default () => JSON.parse({})", &theirs[1..]), "1");
        assert_eq!(format!("[{ours}]"), theirs, "{value} {both}");
    }
}

#[test]
fn what_has_no_text_is_an_error() {
    for (value, error) in [
        ("1n", "TypeError: Do not know how to serialize a BigInt"),
        ("Object(1n)", "TypeError: Do not know how to serialize a BigInt"),
        ("(() => { const a = {}; a.a = a; return a })()", "TypeError: Converting circular structure to JSON"),
        (
            "(() => { let a = []; const b = a; for (let i = 0; i < 50; i++) a = [a]; b.push(a); return a })()",
            "TypeError: Converting circular structure to JSON",
        ),
        ("({ get a() { throw new RangeError('no') } })", "RangeError: no | at get a"),
        ("({ toJSON() { throw new RangeError('no') } })", "RangeError: no | at toJSON"),
        ("new Proxy({}, { ownKeys() { throw new RangeError('no') } })", "RangeError: no | at ownKeys"),
        (
            "(() => { const { proxy, revoke } = Proxy.revocable([], {}); revoke(); return proxy })()",
            "TypeError: ",
        ),
    ] {
        let answer = run(&format!("export default () => ({value})"), "1");
        assert!(answer.starts_with(error), "{value}: {answer}");
    }
    assert_eq!(
        run("BigInt.prototype.toJSON = function () { return `${this}` }; export default () => 1n", "1"),
        "\"1\""
    );
}

#[test]
fn a_name_is_not_taken_for_one_that_its_bytes_would_be() {
    for event in [r#"{"Ã©":1,"é":2}"#, r#"{"é":1,"Ã©":2,"é2":3}"#, r#"[{"ÃŸ":1},{"ß":2}]"#] {
        assert_eq!(run("export default (event) => event", event), event);
    }
}

#[test]
fn raw_json_is_written_as_it_is() {
    for text in ["12345678901234567890", "1.0e2", "true", r#""a\u00e9é""#, "null"] {
        let source = format!(
            "export default () => {{ const raw = JSON.rawJSON({text:?}); return {{ a: [raw], b: raw }} }}"
        );
        assert_eq!(run(&source, "1"), format!(r#"{{"a":[{text}],"b":{text}}}"#));
    }
    let half = "export default () => JSON.rawJSON('\"\\ud83d\"')";
    assert_eq!(run(half, "1"), "\"\u{fffd}\"");
}

#[test]
fn a_wrapper_is_asked_once_what_it_is() {
    let once = "let n = 0; const once = { toJSON() { return n++ ? undefined : this } }; export default () =>";
    for (value, answer) in [
        ("Object.assign(new Boolean(true), once)", "true"),
        ("[Object.assign(new Boolean(false), once)]", "[false]"),
        ("Object.assign(new Number(1.5), once)", "1.5"),
        ("Object.assign(new String('s'), once)", "\"s\""),
        ("Object.assign(new Boolean(true), { valueOf() { return false } })", "true"),
        ("Object.assign(Object(1n), once)", "TypeError: Do not know how to serialize a BigInt"),
    ] {
        assert_eq!(run(&format!("{once} {value}"), "1"), answer, "{value}");
    }
}

#[test]
fn depth_has_no_limit() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(run("export default (event) => event", &deep), deep);
    let deep = format!("{}1{}", "{\"a\":".repeat(50_000), "}".repeat(50_000));
    assert_eq!(run("export default (event) => event", &deep), deep);
    assert!(run("export default (event) => event", &"[".repeat(100_000)).starts_with("EventUnmarshalError"));
}
