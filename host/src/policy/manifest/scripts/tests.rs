//! Entries and folders of scripts, right and wrong.

use proptest::strategy::Strategy as _;

use crate::policy::manifest::Manifest;

fn mistakes(text: &str) -> Vec<String> {
    Manifest::parse(text).expect_err(text).iter().map(ToString::to_string).collect()
}

const ENGINE: &str = "engines/javascript.wasm";

#[test]
fn a_handler_and_its_tenants_have_scripts_of_one_engine() {
    let manifest = Manifest::parse(
        r#"
        handlers.notes.source = "notes/index.js"
        handlers.other.source = "one.mts"
        handlers.plain.source = "plain.wasm"
        [tenants]
        acme = { handler = "notes", script = "./tenants/acme//index.js" }
        globex = { handler = "notes" }
        initech = { handler = "plain" }
        "#,
    )
    .unwrap();
    let sources: Vec<_> = manifest.handlers.iter().map(|handler| handler.source.to_str().unwrap()).collect();
    assert_eq!(sources, [ENGINE, ENGINE, "plain.wasm"]);
    assert_eq!(manifest.components(), 2);
    let of = |tenant: &str| manifest.tenants[tenant].script.as_ref().map(|script| script.to_str().unwrap());
    assert_eq!(of("acme"), Some("tenants/acme/index.js"));
    assert_eq!((of("globex"), of("initech")), (Some("notes/index.js"), None));
    assert_eq!(manifest.scripts().count(), 4);
}

#[test]
fn a_script_needs_a_handler_that_runs_one_and_no_digest() {
    let digest = "0".repeat(64);
    let text = format!(
        "handlers.a.source = \"a.wasm\"\nhandlers.b = {{ source = \"b.js\", digest = \"sha256:{digest}\" }}\n\
         tenants.acme = {{ handler = \"a\", script = \"acme/index.js\" }}\ntenants.b = {{ handler = \"b\", script = \"b.wasm\" }}\n"
    );
    let found = mistakes(&text);
    let begin = [
        "2: handlers.b.digest: a digest is that of a component, and the source is a script",
        "3: tenants.acme.script: handlers.a is a component, and runs no script",
        "4: tenants.b.script: \"b.wasm\" is not a script; the name of a script ends in .js",
    ];
    assert!(
        found.len() == 3 && found.iter().zip(begin).all(|(text, begin)| text.starts_with(begin)),
        "{found:#?}"
    );
}

#[test]
fn no_script_could_read_the_files_of_another() {
    let of = |one: &str, two: &str| {
        format!(
            "handlers.n.source = \"n.js\"\ntenants.one = {{ script = \"{one}\" }}\ntenants.two = {{ script = \"{two}\" }}\n"
        )
    };
    for (one, two) in [
        ("one.js", "two.js"),
        ("t/one/index.js", "t/two/index.js"),
        ("t/a.js", "t/a.js"),
        ("t/a.js", "t-b/a.js"),
    ] {
        assert!(Manifest::parse(&of(one, two)).is_ok(), "{one} {two}");
    }
    for (one, two, text) in [
        ("t/one.js", "t/two.js", "\"t\" is also the folder of tenants.one, so each"),
        ("t/one.js", "t/a/b/two.js", "\"t/a/b\" lies in the folder of tenants.one, which"),
        ("t/a/b/one.js", "t/two.js", "\"t\" contains the folder of tenants.one, so this"),
    ] {
        let found = mistakes(&of(one, two));
        assert!(
            found.len() == 1 && found[0].starts_with(&format!("3: tenants.two.script: {text}")),
            "{found:#?}"
        );
    }
    assert!(Manifest::parse("handlers.a.source = \"src/a.js\"\nhandlers.b.source = \"src/b.js\"\n").is_ok());
    let with_handler = "handlers.a.source = \"src/a.js\"\ntenants.b.script = \"src/b.js\"\n";
    assert!(mistakes(with_handler)[0].contains("is also the folder of handlers.a"));
}

#[test]
fn the_third_of_three_is_compared_with_both() {
    let lines = [
        "handlers.a.source = \"src/a.js\"",
        "handlers.b.source = \"src/b.js\"",
        "tenants.t = { handler = \"a\", script = \"src/a.js\" }",
    ];
    for order in [[0, 1, 2], [1, 0, 2], [0, 2, 1], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let text = order.map(|at| lines[at]).join("\n");
        let found = mistakes(&text);
        assert!(found.len() == 1 && found[0].contains("\"src\" is also the folder of "), "{found:#?}");
    }
}

/// A handler or a tenant, and the path of its script.
fn line(number: usize, is_tenant: bool, script: &str) -> String {
    match is_tenant {
        true => format!("tenants.t{number} = {{ handler = \"h\", script = \"{script}\" }}\n"),
        false => format!("handlers.h{number}.source = \"{script}\"\n"),
    }
}

/// The script of a handler or of a tenant.
#[derive(Debug, Clone)]
struct Sample {
    is_tenant: bool,
    script: &'static str,
}

/// Whether two scripts may be beside each other, as the documentation says it.
fn may_be_beside(one: &Sample, other: &Sample) -> bool {
    let folder = |script: &str| script.rsplit_once('/').map(|(folder, _)| format!("{folder}/"));
    let (Some(first), Some(second)) = (folder(one.script), folder(other.script)) else { return true };
    if first == second {
        return one.script == other.script || !(one.is_tenant || other.is_tenant);
    }
    !first.starts_with(&second) && !second.starts_with(&first)
}

proptest::proptest! {
    #[test]
    fn the_order_of_lines_does_not_matter(
        scripts in proptest::collection::vec(
            (proptest::bool::ANY, proptest::sample::select(&[
                "a.js", "s/a.js", "s/b.js", "s/t/a.js", "s/t/b.js", "s/t/u/a.js", "s-t/a.js", "t/a.js", "s/u/a.js",
            ][..])), 1..5),
        order in proptest::sample::subsequence(vec![0, 1, 2, 3], 4).prop_shuffle(),
    ) {
        let sample = |(is_tenant, script)| Sample { is_tenant, script };
        let scripts: Vec<Sample> = scripts.into_iter().map(sample).collect();
        let is_right = scripts.iter().enumerate().all(|(at, one)| {
            scripts[at + 1..].iter().all(|other| may_be_beside(one, other))
        });
        let order = order.into_iter().filter(|at| *at < scripts.len());
        let lines: String = order.map(|at| line(at, scripts[at].is_tenant, scripts[at].script)).collect();
        // A handler beside them, whose folder is nobody's.
        let text = format!("handlers.h.source = \"h.js\"\n{lines}");
        proptest::prop_assert_eq!(Manifest::parse(&text).is_ok(), is_right, "{}", text);
    }
}

#[test]
fn a_secret_is_not_where_a_script_reads_it() {
    let secret = |file: &str| {
        format!(
            "handlers.a.source = \"src/a.js\"\nhandlers.b.source = \"b.js\"\nsecrets.key.from = \"file:{file}\"\n"
        )
    };
    for file in ["src/key.json", "./src/deep/key.js", "/var/task/src/key.json", "src/a.js"] {
        let found = mistakes(&secret(file));
        assert!(
            found.len() == 1
                && found[0].contains("handlers.a.source: its folder contains the secret \"key\""),
            "{found:#?}"
        );
    }
    for file in ["src/key.txt", "key.json", "/etc/src/key.json"] {
        assert!(Manifest::parse(&secret(file)).is_ok(), "{file}");
    }
}
