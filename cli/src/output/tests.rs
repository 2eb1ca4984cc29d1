//! No way leads around [`super`] to a terminal: the sources of the command, the host and the bootstrap are looked through.

use std::path::{Path, PathBuf};

/// What writes, or lets a child write.
const WAYS: [&str; 12] = [
    "/dev/tty",
    "/proc/self/fd",
    "Command::new",
    "Stdio::inherit",
    "anstream::",
    "dbg!(",
    "dialoguer",
    "from_raw_fd",
    "io::stderr",
    "io::stdout",
    "print!(",
    "println!(",
];

/// Who may, and why nothing gets by the rule there.
const KNOWN: [(&str, &str, &str); 24] = [
    (
        "bootstrap/src/main.rs",
        "println!(",
        "one line for each error of the settings, escaped there: the log has none yet",
    ),
    ("cli/src/build.rs", "Command::new", "`build.command`, which may do what its user may"),
    ("cli/src/build.rs", "io::stderr", "what it prints is no result of ours"),
    (
        "cli/src/build/cargo.rs",
        "Command::new",
        "cargo has the terminal: who writes a build script may do what its user may",
    ),
    ("cli/src/build/cargo.rs", "Stdio::inherit", "the same"),
    ("cli/src/build/target.rs", "Command::new", "rustup says where it loads from"),
    ("cli/src/build/target.rs", "io::stderr", "what it prints is no result of ours"),
    ("cli/src/dev/project/build.rs", "Command::new", "its output is piped, and told by the console"),
    ("cli/src/doctor/checks.rs", "Command::new", "its output is read, and told by the report"),
    ("cli/src/doctor/languages.rs", "Command::new", "its output is thrown away"),
    ("cli/src/local/program.rs", "Command::new", "its output is piped, and told line by line"),
    ("cli/src/new.rs", "dialoguer", "asks in words of ours alone"),
    ("cli/src/new.rs", "io::stderr", "whether it is a terminal"),
    ("cli/src/output.rs", "anstream::", "here it is"),
    ("cli/src/output.rs", "io::stderr", "here it is"),
    ("cli/src/output.rs", "io::stdout", "here it is"),
    ("cli/src/output/coloured.rs", "anstream::", "takes colours out"),
    ("cli/src/output/progress.rs", "io::stderr", "whether it is a terminal"),
    ("cli/src/tenants/apart.rs", "Command::new", "this command, whose output is read"),
    ("cli/src/tenants/aws.rs", "Command::new", "the AWS CLI, whose output is read"),
    ("cli/src/worlds.rs", "Command::new", "its output is piped, and told as an error"),
    ("host/src/capabilities/files/directories.rs", "/proc/self/fd", "the name of a granted directory"),
    ("host/src/log.rs", "/proc/self/fd", "the telemetry sink: records, as on stdout"),
    ("host/src/log.rs", "io::stdout", "here it is"),
];

/// Where a path stays as it is, since it is data and not shown.
const PATHS: [(&str, &str); 5] = [
    ("cli/src/build.rs", "the name of a handler, to look for"),
    ("cli/src/check/components.rs", "the name of a handler, in the report"),
    ("cli/src/check/policies.rs", "a grant, in the report"),
    ("cli/src/new/template.rs", "in quotes, for a file of TOML"),
    ("cli/src/package/sbom.rs", "for a file of JSON"),
];

/// The sources of a package, without their tests.
fn sources(package: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut folders = vec![root.join(package).join("src")];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|kind| kind == "rs") && !path.ends_with("tests.rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned();
                let text = text.split("#[cfg(test)]\npub(").next().unwrap_or_default().to_owned();
                sources.push((path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned(), text));
            }
        }
    }
    sources
}

/// What is found in the sources, in order.
fn found(packages: &[&str], needles: &[&'static str]) -> Vec<(String, &'static str)> {
    let mut found = Vec::new();
    for (file, text) in packages.iter().flat_map(|package| sources(package)) {
        let is_code = |line: &&str| !line.trim_start().starts_with("//");
        let code = text.lines().filter(is_code).collect::<Vec<_>>().join("\n");
        found.extend(needles.iter().filter(|way| code.contains(**way)).map(|way| (file.clone(), *way)));
    }
    found.sort();
    found
}

#[test]
fn there_is_no_other_way_to_a_terminal() {
    let known: Vec<(String, &str)> = KNOWN.iter().map(|(file, way, _)| ((*file).to_owned(), *way)).collect();
    assert_eq!(
        found(&["bootstrap", "cli", "host"], &WAYS),
        known,
        "write through `output`, or say here why not"
    );
}

#[test]
fn no_path_is_shown_as_it_is() {
    let bare = |line: &&str| line.contains(".display()") && !line.contains(".display().iec()");
    let mut found = Vec::new();
    for (file, text) in ["bootstrap", "cli", "host"].iter().flat_map(|package| sources(package)) {
        found.extend(text.lines().any(|line| bare(&line)).then_some(file));
    }
    found.sort();
    let known: Vec<&str> = PATHS.iter().map(|(file, _)| *file).collect();
    assert_eq!(found, known, "show it by `Shown`, or say here why not");
}
