//! Runs a test program, shows its output, and lists the slowest tests at the end.
//!
//! The harness reports times only if unstable options are allowed. Setting `RUSTC_BOOTSTRAP` to a value that
//! makes every compiler behave as a stable one allows this, and changes nothing else, neither here nor in
//! what the tests build.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use crate::table::Table;
use crate::workspace::shown;

/// The number of tests in the list.
const LISTED: usize = 20;

/// Runs the program, and fails if it fails.
pub(crate) fn run(tests: &mut Command) -> Result<()> {
    tests.args(["-Z", "unstable-options", "--report-time"]).env("RUSTC_BOOTSTRAP", "-1");
    println!("      $ {}", shown(tests));
    let mut child = tests
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("starting `{}`", shown(tests)))?;
    let printed = child.stdout.take().context("the stdout of the tests is missing")?;
    let mut times = Vec::new();
    for line in BufReader::new(printed).split(b'\n') {
        let line = line?;
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        std::io::stdout().flush().ok();
        times.extend(time(&line));
    }
    let status = child.wait()?;
    print(times);
    ensure!(status.success(), "`{}` ended with {status}", shown(tests));
    Ok(())
}

/// The name and the seconds in a line such as `test logs::a_line ... ok <1.234s>`.
fn time(line: &str) -> Option<(String, f64)> {
    let (name, rest) = line.strip_prefix("test ")?.split_once(" ... ")?;
    let (_, time) = rest.rsplit_once('<')?;
    Some((name.to_owned(), time.strip_suffix("s>")?.parse().ok()?))
}

fn print(mut times: Vec<(String, f64)>) {
    times.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    let all: f64 = times.iter().map(|(_, seconds)| seconds).sum();
    let mut table = Table::new(["the slowest tests", "s"]);
    for (name, seconds) in times.iter().take(LISTED) {
        table.row([name, &format!("{seconds:.1}")]);
    }
    table.row([&format!("all {}, one after the other", times.len()), &format!("{all:.1}")]);
    println!("\n{table}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_off_the_line_of_its_test() {
        assert_eq!(time("test logs::a_line ... ok <1.234s>"), Some(("logs::a_line".into(), 1.234)));
        assert_eq!(time("test logs::a_line ... FAILED <0.500s>"), Some(("logs::a_line".into(), 0.5)));
        for other in ["test logs::a_line ... ok", "running 3 tests", "test result: ok. 3 passed; <x>", ""] {
            assert_eq!(time(other), None, "{other}");
        }
    }

    #[test]
    fn a_program_that_fails_is_an_error_that_names_it() {
        let error = run(&mut Command::new("false")).unwrap_err();
        assert!(
            error.to_string().starts_with("`false -Z unstable-options --report-time` ended with"),
            "{error}"
        );
    }
}
