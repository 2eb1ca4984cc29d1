//! The reader understands what `toml` understands, or nothing.

use std::fmt::Write as _;

use proptest::prelude::{ProptestConfig, prop_assert_eq, proptest};
use toml::de::DeTable;

use super::super::Manifest;
use super::super::tree::Node;
use super::*;

/// All nodes with their lines, each after the one that it is in.
fn shown(tree: &Tree<'_>) -> String {
    fn show(tree: &Tree<'_>, id: Id, depth: usize, text: &mut String) {
        for id in &tree.node(id).within {
            let Node { key, line, value, .. } = tree.node(*id);
            writeln!(text, "{:depth$}{key:?} {line} {value:?}", "").unwrap();
            show(tree, *id, depth + 1, text);
        }
    }
    let mut text = String::new();
    show(tree, ROOT, 0, &mut text);
    text
}

/// What `toml` understands, if it is right.
fn by_toml(text: &str) -> Option<String> {
    let (root, errors) = DeTable::parse_recoverable(text);
    let line = |at| text[..at].matches('\n').count() + 1;
    errors.is_empty().then(|| shown(&Tree::of(root.get_ref(), &line)))
}

fn by_reader(text: &str) -> Option<String> {
    read(text).map(|tree| shown(&tree))
}

#[test]
fn what_files_contain_is_understood_with_its_lines() {
    for text in [
        "",
        "\u{feff}# A comment.\r\n[limits] # another\r\nlogs = 0x10 # a third\r\n",
        "[routing]\ntenant = { pointer = \"/detail/tenant\" }\n[limits]\nmemory = \"1.5 GB\"\nlogs = 1_024\n",
        "[handlers.a.grants]\nfiles = [\n  \"x\", # one\n  'y',\n]\ntmp = 1.5\n[handlers]\n[handlers.a]\nsource = \"\"\n",
        "handlers.a.source = \"a\\u0062.wasm\"\nhandlers.a.limits = {}\n\"handlers\".b = { max.limits.logs = 1, max.grants = {} }\n",
        "[tenants.\"a.b\"]\nlimits.logs = 1\n[tenants . 'c d']\nconfig.text = \"\"\"\n[tenants.x]\n\"\"\"\nhandler = true\n[tenants.e]",
        "a = 99999999999999999999999999999999999999999999\nb = [{ c = [[], {}] }, -1]\nd = inf",
    ] {
        assert_eq!(by_reader(text), Some(by_toml(text).expect(text)), "{text}");
    }
    let shown = by_reader("[b]\n\n[a]\nx = [1,\n'y']").unwrap();
    assert_eq!(
        shown,
        "\"a\" 3 Table\n \"x\" 4 Array\n  \"\" 4 Integer(1)\n  \"\" 5 String(\"y\")\n\"b\" 1 Table\n"
    );
}

#[test]
fn what_is_wrong_or_unusual_is_left_to_toml() {
    let deep = format!("a = {}{}", "[".repeat(40), "]".repeat(40));
    let long = format!("a{} = 1", ".a".repeat(40));
    let right = ["a = 1979-05-27", "[[a]]\nb = 1", "a.b = 1\n[a.c]", &deep, &long];
    let wrong = [
        "a = 1\na = 2",
        "a = {}\n[a]",
        "a = {}\na.b = 1",
        "[a]\nb.c = 1\n[a.b]",
        "[a]\n[a]",
        "[a.b]\n[a]\nb.c = 1",
        "a = { b = 1, b.c = 2 }",
        "[a.b]\n[a]\nb = 1",
        "a = [",
        "a = {",
        "a = \"",
        "a = b",
        "a = ",
        "a",
        "= 1",
        "[a",
        "a]",
        "[]",
        "a = 1 b = 2",
        "a = [1 2]",
        "a = \"\\q\"",
        "a = 1__0",
        "a!b = 1",
        "# \u{1}",
        "a = 1\r",
        "a.\"\"\"b\"\"\" = 1",
    ];
    for text in right {
        assert!(by_reader(text).is_none() && by_toml(text).is_some(), "{text}");
    }
    for text in wrong {
        assert!(by_reader(text).is_none() && by_toml(text).is_none(), "{text}");
    }
}

/// So many tenants that they are read in pieces, and this after them.
fn tenants(after: &str) -> String {
    let mut text = String::from("[handlers.h]\n");
    for tenant in 0..1000 {
        writeln!(text, "[tenants.t{tenant}]\nhandler = \"h\" # {tenant}\nlimits = {{\n  logs = 1,\n}}")
            .unwrap();
    }
    text + after
}

#[test]
fn many_tenants_are_read_in_pieces() {
    let text = tenants("[limits]\nlogs = 2\n");
    assert_eq!(by_reader(&text), Some(by_toml(&text).unwrap()));
    assert_eq!(Manifest::parse(&text).unwrap().tenants.len(), 1000);
    let text = tenants("[limits]\nlog = 2\n");
    assert_eq!(Manifest::parse(&text).unwrap_err()[0].line, 5003);
}

#[test]
fn what_is_there_twice_among_many_is_found() {
    let again = tenants("[tenants.t7.grants]\ntmp = 0\n");
    assert!(by_reader(&again).is_none() && by_toml(&again).is_some(), "it is right, but unusual");
    assert!(Manifest::parse(&again).is_ok());
    let twice = tenants("[tenants.t7]\nhandler = \"h\"\n");
    let wrong = Manifest::parse(&twice).unwrap_err();
    assert!(wrong[0].text.contains("this key has a value already"), "{wrong:?}");
    assert_eq!(wrong[0].line, 5002);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]
    #[test]
    fn nothing_is_understood_that_toml_does_not_understand_in_the_same_way(
        lines in proptest::collection::vec(proptest::sample::select(&[
            "[a]", "[b]", "[a.b]", "[a.c]", "[a.b.c]", "['a'.\"b\".d]", "[[a]]", "[[a.b]]", "a = 1", "b = 'x'", "c = \"\\n\"",
            "a.b = true", "a.c = []", "b.c.d = 2", "c.a = {}", "d = { a = 1, b.c = [1, 'x', { d = 2 }], b.d = 3 }", "e = [", "1,",
            "{ a = 2 },", "]", "f = \"\"\"", "'''", "# a", "g = 1.5", "h = 1979-05-27", "x = ", "{", "}", "a", "\r",
        ][..]), 0..10),
    ) {
        let text = lines.join("\n");
        if let Some(tree) = by_reader(&text) {
            prop_assert_eq!(Some(tree), by_toml(&text), "{}", text);
        }
    }
}
