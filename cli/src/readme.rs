//! The commands that the READMEs of the programs show are commands that there are.

use std::path::Path;

use clap::{CommandFactory as _, Parser as _};

use crate::Cli;

/// The READMEs of this package and of the bootstrap's. The other one is only in the repository.
fn readmes() -> Vec<String> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |file: &str| std::fs::read_to_string(here.join(file)).ok();
    let [this, bootstrap] = ["README.md", "../bootstrap/README.md"].map(read);
    vec![this.expect("a README"), bootstrap.unwrap_or_default()]
}

/// What a shell makes of a line: words, of which some are in single quotes.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut is_quoted = false;
    for char in line.chars() {
        match (char, words.last_mut()) {
            ('\'', _) => is_quoted = !is_quoted,
            (' ', _) if !is_quoted => words.push(String::new()),
            (other, Some(word)) => word.push(other),
            (_, None) => {}
        }
    }
    words
}

#[test]
fn every_command_line_of_a_readme_is_one_that_is_understood() {
    let readmes = readmes();
    let lines: Vec<&str> = readmes.iter().flat_map(|text| text.lines()).collect();
    let lines: Vec<&str> = lines.iter().filter_map(|line| line.strip_prefix("$ bulkhead ")).collect();
    assert!(lines.len() >= 5, "{lines:?}");
    for line in lines {
        let line = format!("bulkhead {line}");
        if let Err(error) = Cli::try_parse_from(words(&line)) {
            panic!("{line}: {error}");
        }
    }
}

#[test]
fn every_command_that_a_readme_names_is_there() {
    let cli = Cli::command();
    for readme in readmes() {
        for named in readme.split("`bulkhead ").skip(1) {
            let name = named.split(['`', ' ']).next().unwrap_or_default();
            assert!(name == "help" || cli.find_subcommand(name).is_some(), "there is no command {name}");
        }
    }
}
