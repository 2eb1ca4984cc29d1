//! Tests the files for GitHub: workflows call only steps that exist, each step belongs to a job, each action is
//! pinned to a commit, and no job has more permissions than it needs.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Parser as _;
use yaml_rust2::{Yaml, YamlLoader};

use crate::check::{STEPS, STEPS_OF_RELEASE};
use crate::steps::{self, Step};
use crate::{Arguments, Command};

/// The jobs that may write something: the workflow, the job, and what it may write.
const WRITES: [(&str, &str, &str); 6] = [
    ("release.yml", "attest", "attestations"),
    ("release.yml", "attest", "id-token"),
    ("release.yml", "draft", "contents"),
    ("release.yml", "crates", "id-token"),
    ("release.yml", "pypi", "id-token"),
    ("release.yml", "npm", "id-token"),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The files in a directory with this extension, each with its text.
fn files(directory: &str, ending: &str) -> Vec<(String, String)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(root().join(directory)).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|found| found == ending) {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            files.push((name, fs::read_to_string(&path).unwrap()));
        }
    }
    assert!(!files.is_empty(), "{directory} contains no .{ending} file");
    files
}

fn read(name: &str, text: &str) -> Yaml {
    let documents = YamlLoader::load_from_str(text).unwrap_or_else(|error| panic!("{name}: {error}"));
    documents.into_iter().next().unwrap()
}

fn workflows() -> Vec<(String, Yaml)> {
    let files = files(".github/workflows", "yml").into_iter();
    files.map(|(name, text)| (name.clone(), read(&name, &text))).collect()
}

fn jobs(workflow: &Yaml) -> impl Iterator<Item = (&str, &Yaml)> {
    let jobs = workflow["jobs"].as_hash().unwrap();
    jobs.iter().map(|(name, job)| (name.as_str().unwrap(), job))
}

/// The arguments of a job's calls of `.ci/run` or of `cargo xtask test`, for each entry of its matrix.
fn calls(job: &Yaml) -> Vec<String> {
    let mut calls = Vec::new();
    for step in job["steps"].as_vec().unwrap() {
        let run = step["run"].as_str().unwrap_or_default();
        let called = [".ci/run", "cargo xtask test"].into_iter().find_map(|call| run.strip_prefix(call));
        let Some(arguments) = called else { continue };
        if arguments.contains("matrix.arguments") {
            let entries = job["strategy"]["matrix"]["include"].as_vec().unwrap();
            calls.extend(entries.iter().map(|entry| entry["arguments"].as_str().unwrap().to_owned()));
        } else {
            calls.push(arguments.to_owned());
        }
    }
    calls
}

/// The steps that a call of `cargo xtask test` with these arguments runs, and whether they are steps of a release.
fn steps_of(call: &str) -> (bool, Vec<Step>) {
    let words = ["xtask", "test"].into_iter().chain(call.split_whitespace());
    let arguments = Arguments::try_parse_from(words).unwrap_or_else(|error| panic!("{call}: {error}"));
    let Command::Test(options) = arguments.command else {
        panic!("{call}: this is not a call of `cargo xtask test`")
    };
    let all: &[Step] = if options.release { &STEPS_OF_RELEASE } else { &STEPS };
    let chosen = match options.only.is_empty() {
        true => all.to_vec(),
        false => steps::only(all, &options.only).unwrap_or_else(|error| panic!("{call}: {error}")),
    };
    (options.release, chosen)
}

#[test]
fn every_step_is_in_a_job_and_every_job_calls_steps_that_exist() {
    let mut called = BTreeSet::new();
    for (_, workflow) in workflows() {
        for call in jobs(&workflow).flat_map(|(_, job)| calls(job)) {
            let (of_release, steps) = steps_of(&call);
            called.extend(steps.iter().map(|step| (of_release, step.name)));
        }
    }
    let every_day = STEPS.iter().map(|step| (false, step.name));
    let missing: Vec<_> = every_day
        .chain(STEPS_OF_RELEASE.iter().map(|step| (true, step.name)))
        .filter(|step| !called.contains(step))
        .collect();
    assert!(missing.is_empty(), "no workflow calls these steps (true: of a release): {missing:?}");
}

#[test]
fn every_action_is_pinned_to_a_commit_and_says_which_version_that_is() {
    let mut count = 0;
    for (name, text) in files(".github/workflows", "yml") {
        for (line, used) in text.lines().filter_map(|line| Some((line, line.split_once("uses: ")?.1))) {
            let pinned = used.split_once('@').and_then(|(_, commit)| commit.split_once(" # v"));
            let is_commit =
                |commit: &str| commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
            assert!(pinned.is_some_and(|(commit, _)| is_commit(commit)), "{name}: {line}");
            count += 1;
        }
    }
    assert!(count > 0);
}

#[test]
fn no_job_may_do_more_than_it_has_to_and_each_has_an_end() {
    for (file, workflow) in workflows() {
        let of_all = workflow["permissions"].as_hash().unwrap_or_else(|| panic!("{file}: no permissions"));
        assert!(
            of_all.values().all(|may| may.as_str() == Some("read")),
            "{file}: jobs inherit more than read permissions"
        );
        for (name, job) in jobs(&workflow) {
            assert!(
                job["timeout-minutes"].as_i64().is_some() || !job["timeout-minutes"].is_badvalue(),
                "{file}: {name}"
            );
            for (what, may) in job["permissions"].as_hash().into_iter().flatten() {
                let what = what.as_str().unwrap();
                let is_known = may.as_str() == Some("read") || WRITES.contains(&(&file, name, what));
                assert!(is_known, "{file}: {name} may write {what}");
            }
            for step in job["steps"].as_vec().unwrap() {
                let is_checkout =
                    step["uses"].as_str().is_some_and(|used| used.starts_with("actions/checkout@"));
                let keeps = step["with"]["persist-credentials"].as_bool();
                assert!(
                    !is_checkout || keeps == Some(false),
                    "{file}: {name} keeps the token in the checkout"
                );
                // Otherwise text that others choose, such as the name of a branch, would become part of the script.
                let run = step["run"].as_str().unwrap_or_default();
                assert!(!run.replace("${{ matrix.", "").contains("${{"), "{file}: {name}: pass it by `env`");
            }
        }
        let text = format!("{workflow:?}");
        assert!(
            !text.contains("pull_request_target"),
            "{file}: pull_request_target runs code of other people with the permissions of this repository"
        );
    }
}

#[test]
fn every_publishing_job_waits_for_somebody() {
    let release = workflows().into_iter().find(|(name, _)| name == "release.yml").unwrap().1;
    let environments: Vec<_> =
        jobs(&release).filter_map(|(name, job)| Some((name, job["environment"].as_str()?))).collect();
    assert_eq!(environments, [("crates", "crates-io"), ("pypi", "pypi"), ("npm", "npm")]);
    let told = fs::read_to_string(root().join("RELEASING.md")).unwrap();
    for (_, environment) in environments {
        assert!(
            told.contains(&format!("`{environment}`")),
            "RELEASING.md does not say who approves {environment}"
        );
    }
}

#[test]
fn what_else_is_written_for_github_can_be_read() {
    for (name, text) in files(".github", "yml").into_iter().chain(files(".github/ISSUE_TEMPLATE", "yml")) {
        assert!(read(&name, &text).as_hash().is_some(), "{name}");
    }
    let (_, dependabot) =
        files(".github", "yml").into_iter().find(|(name, _)| name == "dependabot.yml").unwrap();
    for update in read("dependabot.yml", &dependabot)["updates"].as_vec().unwrap() {
        let one = update["directory"].as_str().into_iter();
        for directory in
            one.chain(update["directories"].as_vec().into_iter().flatten().filter_map(Yaml::as_str))
        {
            assert!(
                root().join(directory.trim_start_matches('/')).is_dir(),
                "the directory {directory} does not exist"
            );
        }
    }
}

#[test]
fn every_package_of_the_distribution_has_a_check_and_a_lane() {
    let packages = fs::read_to_string(root().join(".ci/packages")).unwrap();
    for line in packages.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let fields: Vec<&str> = line.split('|').map(str::trim).collect();
        let [packages, check, lane] = fields[..] else { panic!("not three fields: {line}") };
        let lane = lane.split('#').next().unwrap().trim();
        assert!(!packages.is_empty() && !check.is_empty() && ["all", "release"].contains(&lane), "{line}");
    }
    for reader in [".ci/run", ".devcontainer/Dockerfile"] {
        assert!(fs::read_to_string(root().join(reader)).unwrap().contains("ci/install"), "{reader}");
    }
}
