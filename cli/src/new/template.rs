//! The templates for projects: the files in `cli/templates`, with the name and the SDK filled in.

use std::path::Path;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use super::name::Name;

/// A template.
#[derive(Debug)]
pub(super) struct Template {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    /// The command that runs its test, if it has one.
    pub(super) test: Option<&'static str>,
    /// The tool that its build installs if this machine lacks it.
    pub(super) installs: Option<Installed>,
    /// Arguments of `bulkhead invoke`, beside the event.
    pub(super) invoke: &'static str,
    /// Its files: path and content.
    pub(super) files: &'static [(&'static str, &'static str)],
}

/// A tool that a build installs.
#[derive(Debug)]
pub(super) struct Installed {
    pub(super) program: &'static str,
    /// The command that runs the test with it, after the build.
    pub(super) test: &'static str,
}

/// A file of a template. A file that a template shares with an example is a symbolic link, which becomes a
/// file when cargo packages this command.
macro_rules! file {
    ($template:literal, $name:literal) => {
        ($name, include_str!(concat!("../../templates/", $template, "/", $name)))
    };
}

/// A template in Rust. All of them have the same files. The manifest is called `Cargo.toml.in`: when cargo
/// packages this command, it omits a folder that contains a `Cargo.toml`.
macro_rules! rust {
    ($name:literal, $about:literal, invoke: $invoke:literal) => {
        &Template {
            name: $name,
            about: $about,
            test: Some(RUST),
            installs: None,
            invoke: $invoke,
            files: &[
                // A file of that name would apply to the folder `templates` itself.
                (".gitignore", include_str!("../../templates/gitignore")),
                ("Cargo.toml", include_str!(concat!("../../templates/", $name, "/Cargo.toml.in"))),
                file!($name, "README.md"),
                file!($name, "bulkhead.toml"),
                file!($name, "event.json"),
                file!($name, "src/lib.rs"),
            ],
        }
    };
}

/// The command that tests a Rust template.
const RUST: &str = "cargo test";

/// The WIT contract, from which the tools of other languages work.
const WIT: (&str, &str) = ("wit/lambda.wit", include_str!("../../sdk/wit/lambda.wit"));
const WIT_IO: (&str, &str) = ("wit/deps/io.wit", include_str!("../../sdk/wit/deps/io.wit"));

const PYTHON: Template = Template {
    name: "python",
    about: "a handler in Python, written as for Lambda's Python runtime",
    test: Some("python3 -m unittest"),
    installs: None,
    invoke: "",
    files: &[
        (".gitignore", include_str!("../../templates/python/gitignore")),
        file!("python", "README.md"),
        file!("python", "build.sh"),
        file!("python", "bulkhead.toml"),
        file!("python", "event.json"),
        file!("python", "lambda_function.py"),
        file!("python", "test_lambda_function.py"),
        file!("python", "bulkhead_lambda.py"),
        file!("python", "bulkhead_http.py"),
        file!("python", "component.py"),
        file!("python", "requirements.txt"),
        file!("python", "wit/client.wit"),
        file!("python", "wit/deps/clocks.wit"),
        file!("python", "wit/deps/http.wit"),
        WIT,
        WIT_IO,
    ],
};

const GO: Template = Template {
    name: "go",
    about: "a typed event in, a typed answer out, in Go",
    test: Some("go test"),
    installs: Some(Installed { program: "go", test: ".venv/bin/go test" }),
    invoke: "",
    files: &[
        (".gitignore", include_str!("../../templates/go/gitignore")),
        file!("go", "README.md"),
        file!("go", "build.sh"),
        file!("go", "bulkhead.toml"),
        file!("go", "event.json"),
        file!("go", "go.mod"),
        file!("go", "main.go"),
        file!("go", "main_test.go"),
        file!("go", "lambda.go"),
        file!("go", "requirements.txt"),
    ],
};

/// By source: it has no build, and its engine comes with this command.
const JAVASCRIPT: Template = Template {
    name: "javascript",
    about: "a handler in JavaScript, by source: nothing has to be installed",
    test: Some("bulkhead test"),
    installs: None,
    invoke: "",
    files: &[
        (".gitignore", include_str!("../../templates/gitignore")),
        file!("javascript", "README.md"),
        file!("javascript", "bulkhead.toml"),
        file!("javascript", "event.json"),
        file!("javascript", "index.js"),
        file!("javascript", "index.test.js"),
    ],
};

/// By source, too. The types are taken off by a build, and checked by an editor.
const TYPESCRIPT: Template = Template {
    name: "typescript",
    about: "a handler in TypeScript, by source: nothing has to be installed",
    test: None,
    installs: None,
    invoke: "",
    files: &[
        (".gitignore", include_str!("../../templates/gitignore")),
        file!("typescript", "README.md"),
        file!("typescript", "bulkhead.d.ts"),
        file!("typescript", "bulkhead.toml"),
        file!("typescript", "event.json"),
        file!("typescript", "index.ts"),
        file!("typescript", "tsconfig.json"),
    ],
};

const STARLINGMONKEY: Template = Template {
    name: "starlingmonkey",
    about: "JavaScript compiled into a component, with Firefox's engine and tools from npm",
    test: Some("node --test"),
    installs: None,
    invoke: "",
    files: &[
        (".gitignore", include_str!("../../templates/starlingmonkey/gitignore")),
        file!("starlingmonkey", "README.md"),
        file!("starlingmonkey", "build.sh"),
        file!("starlingmonkey", "bulkhead.toml"),
        file!("starlingmonkey", "event.json"),
        file!("starlingmonkey", "index.js"),
        file!("starlingmonkey", "index.test.js"),
        file!("starlingmonkey", "package.json"),
        file!("starlingmonkey", "component.js"),
        file!("starlingmonkey", "lambda.js"),
        file!("starlingmonkey", "package-lock.json"),
        file!("starlingmonkey", "wit/environment.wit"),
        file!("starlingmonkey", "wit/deps/cli.wit"),
        WIT,
        WIT_IO,
    ],
};

/// The first one is the default.
pub(super) static TEMPLATES: [&Template; 12] = [
    rust!("hello", "a typed event in, a typed response out", invoke: ""),
    rust!("http", "an HTTP service: routes, JSON, status codes", invoke: ""),
    rust!("streaming", "a streamed response", invoke: ""),
    rust!("client", "asks an API, and answers with what it says", invoke: ""),
    rust!("api-gateway", "API Gateway's own event and response", invoke: ""),
    rust!("sqs", "a batch from a queue, with partial failures", invoke: ""),
    rust!("tenants", "one handler, several tenants with their own limits", invoke: " --tenant acme"),
    &PYTHON,
    &JAVASCRIPT,
    &TYPESCRIPT,
    &GO,
    &STARLINGMONKEY,
];

impl Template {
    /// Whether the project is a cargo package that uses the SDK.
    pub(super) fn is_rust(&self) -> bool {
        self.test == Some(RUST)
    }
}

/// Parses the name of a template.
pub(super) fn parser() -> impl TypedValueParser<Value = &'static Template> {
    let names = TEMPLATES.map(|template| PossibleValue::new(template.name).help(template.about));
    PossibleValuesParser::new(names).try_map(|name| {
        let found = TEMPLATES.iter().find(|template| template.name == name);
        found.copied().ok_or_else(|| format!("there is no template {name}"))
    })
}

/// The text of a file, with the name and the path of the SDK filled in.
pub(super) fn filled(text: &str, name: &Name, sdk: &Path) -> String {
    let path = format!("path = {:?}", sdk.display().to_string());
    text.replace("{{name}}", &name.to_string()).replace(SDK, &path)
}

/// The SDK's line in a template's manifest.
const SDK: &str = "path = \"bulkhead-sdk\"";

#[cfg(test)]
mod tests {
    use bulkhead_host::policy::manifest::Manifest;

    use super::*;
    use crate::typescript;

    fn file(template: &Template, wanted: &str) -> String {
        let (_, text) = template.files.iter().find(|(file, _)| *file == wanted).unwrap();
        filled(text, &"my-handler".parse().unwrap(), Path::new("/src/guest-sdk"))
    }

    #[test]
    fn every_template_has_a_manifest_without_mistakes() {
        for template in TEMPLATES {
            let manifest = Manifest::parse(&file(template, "bulkhead.toml")).unwrap();
            assert_eq!(manifest.handlers.len(), 1, "{}", template.name);
            assert_eq!(manifest.handlers[0].name, "my-handler");
        }
    }

    #[test]
    fn every_event_is_json_and_nothing_is_left_to_fill_in() {
        for template in TEMPLATES {
            assert!(serde_json::from_str::<serde_json::Value>(&file(template, "event.json")).is_ok());
            for (name, text) in template.files {
                assert!(
                    !filled(text, &"x".parse().unwrap(), Path::new("x")).contains("{{"),
                    "{}/{name}",
                    template.name
                );
            }
        }
    }

    #[test]
    fn every_template_depends_on_a_folder_and_on_nobody_s_crate() {
        for template in TEMPLATES.into_iter().filter(|template| template.is_rust()) {
            let manifest = file(template, "Cargo.toml");
            assert!(manifest.contains("\nbulkhead-sdk = { path = \"/src/guest-sdk\""), "{manifest}");
            assert!(!manifest.contains("\nbulkhead = ") && !manifest.contains(SDK), "{manifest}");
        }
    }

    #[test]
    fn the_handler_in_typescript_is_that_in_javascript_with_types() {
        let stripped =
            typescript::strip(Path::new("index.ts"), file(&TYPESCRIPT, "index.ts").as_bytes()).unwrap();
        let words = |text: &str| text.replace(';', " ").split_whitespace().collect::<String>();
        assert_eq!(words(&String::from_utf8(stripped).unwrap()), words(&file(&JAVASCRIPT, "index.js")));
    }

    #[test]
    fn the_tools_of_starlingmonkey_are_those_that_the_lock_names() {
        let read = |wanted: &str| -> serde_json::Value {
            serde_json::from_str(&file(&STARLINGMONKEY, wanted)).unwrap()
        };
        let tools = read("package.json")["devDependencies"].clone();
        assert!(tools.as_object().is_some_and(|tools| !tools.is_empty()), "{tools}");
        assert_eq!(read("package-lock.json")["packages"][""]["devDependencies"], tools);
    }
}
