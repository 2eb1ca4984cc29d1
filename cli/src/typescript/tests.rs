//! Takes types off small sources, and looks at what is left and what is refused.

use super::*;

fn strip(source: &str) -> String {
    let stripped = super::strip(Path::new("a.ts"), source.as_bytes());
    String::from_utf8(stripped.unwrap_or_else(|error| panic!("{source}: {error}"))).unwrap()
}

fn refused(source: &str) -> String {
    super::strip(Path::new("src/a.ts"), source.as_bytes()).unwrap_err().to_string()
}

#[test]
fn types_become_white_space_and_everything_else_keeps_its_place() {
    for (source, left) in [
        ("let a: number = 1;", "let a         = 1;"),
        ("import type { A } from './a.ts';\nf(1 as A);", ";                               \nf(1     );"),
        ("import { type A, b } from './a.ts';", "import {         b } from './a.ts';"),
        ("export type { A };\nexport { b, type C };", ";                 \nexport { b,        };"),
        ("interface A {\n  b: string;\n}\nc();", ";            \n            \n \nc();"),
        ("const f = <T,>(a: T, b?: T): a is T => a!;", "const f =     (a   , b    )         => a ;"),
        (
            "class A<T> extends B<T> implements C { private a?: T; declare b: T; }",
            "class A    extends B                 {         a                    }",
        ),
        (
            "declare module 'x';\ndeclare const a: string;\nb();",
            ";                  \n                        \nb();",
        ),
        ("let a = b satisfies C;", "let a = b            ;"),
    ] {
        let stripped = strip(source);
        assert_eq!(stripped.replace(';', " "), left.replace(';', " "), "{source}");
        assert_eq!(stripped.len(), source.len());
    }
}

#[test]
fn every_column_of_what_is_left_is_that_of_the_source() {
    for source in
        ["\u{feff}let a: 'ä€' = 'ü'; b()", "let a: '😀'; b(); // é", "let a: {\r\n b: 1 }\r\nb()", "b()"]
    {
        let stripped = strip(source);
        assert_eq!(stripped.lines().count(), source.lines().count());
        let column = |text: &str| {
            let line = text.lines().find(|line| line.contains("b()")).unwrap();
            line.split("b()").next().unwrap().encode_utf16().count()
        };
        assert_eq!(column(&stripped), column(source), "{stripped:?}");
        assert_eq!(strip(&stripped), stripped, "there is nothing left to take off");
    }
}

#[test]
fn a_statement_does_not_run_on_where_a_type_was() {
    let stripped = strip("a\ntype T = 1\n(b)");
    assert_eq!(stripped.lines().nth(1).unwrap().trim(), ";", "{stripped}");
    let stripped = strip("const f = (a): {\n b: 1 } => a");
    assert!(
        !stripped.contains(")\n") && stripped.contains("=> a"),
        "an arrow stays on the line of its parameters: {stripped:?}"
    );
}

#[test]
fn what_is_not_only_a_type_is_refused_with_its_place_and_what_to_write() {
    for (source, place, parts) in [
        ("\n  enum A { B }", "2:3", ["an `enum` cannot be taken off", "as const"]),
        ("const enum A { B }", "1:1", ["an `enum`", "as const"]),
        ("namespace A { export const b = 1 }", "1:1", ["a `namespace`", "a file of their own"]),
        ("module A { export const b = 1 }", "1:1", ["with values in it", "a file of their own"]),
        (
            "class A { constructor(private b: string) {} }",
            "1:31",
            ["a parameter that is a property", "this.name = name"],
        ),
        ("@a\nclass B {}", "1:1", ["a decorator", "call the function yourself"]),
        ("class B { @a c() {} }", "1:11", ["a decorator", "call the function yourself"]),
        ("import a = require('./a.ts');", "1:1", ["`import … = require(…)`", "import name from"]),
        ("export = 1;", "1:1", ["`export = …`", "export default"]),
        ("let a = <string>b;", "1:9", ["`<T>value`", "value as T"]),
    ] {
        let refused = refused(source);
        assert!(refused.starts_with(&format!("src/a.ts:{place}: ")), "{source}: {refused}");
        assert!(parts.iter().all(|part| refused.contains(part)), "{source}: {refused}");
    }
}

#[test]
fn a_mistake_in_the_syntax_has_its_place() {
    assert!(
        refused("export const a: = 1;").starts_with("src/a.ts:1:17: "),
        "{}",
        refused("export const a: = 1;")
    );
    let all = refused(&"enum A {}\n".repeat(12));
    assert!(all.lines().count() == 11 && all.ends_with("src/a.ts: and 2 more"), "{all}");
    assert!(
        refused("const a = <b>1</b>;").starts_with("src/a.ts:1:"),
        "elements of JSX are not TypeScript's"
    );
}

#[test]
fn only_names_of_typescript_are_touched() {
    assert_eq!(super::strip(Path::new("a.js"), b"let a: b;").unwrap(), b"let a: b;");
    for name in ["a.ts", "x/a.mts", "a.cts", "a.d.ts"] {
        assert!(has_types(Path::new(name)), "{name}");
    }
    for name in ["a.tsx", "a.js", "ts", ".ts"] {
        assert!(!has_types(Path::new(name)), "{name}");
    }
    for (name, is) in
        [("a.d.ts", true), ("x/a.d.mts", true), ("a.ts", false), ("d.ts", false), ("a.d.js", false)]
    {
        assert_eq!(is_declaration(Path::new(name)), is, "{name}");
    }
}

#[test]
fn what_nobody_writes_ends_with_an_error() {
    assert!(super::strip(Path::new("a.ts"), b"let a\xff").unwrap_err().to_string().contains("not UTF-8"));
    assert!(refused(&"(".repeat(DEEPEST + 1)).contains("more than 1000 brackets"));
    for deep in ["(", "[", "class A { a = ", "!", "a?b:", "if(a)b;else ", "a=>"] {
        let source = deep.repeat(DEEPEST - 1);
        // Whether it is valid does not matter, but that it ends.
        let _ended = super::strip(Path::new("a.ts"), source.as_bytes());
    }
}
