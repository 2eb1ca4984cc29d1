//! The same events for every contestant, one at a time.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use bulkhead_bench::figures::{count, median, milliseconds};
use bulkhead_bench::markdown;
use bulkhead_bench::process::processor_time;
use bulkhead_tests::{Bootstrap, Event, Kind, Running, RuntimeApi, TaskRoot};
use serde_json::{Value, json};

use crate::scenario::{self, Scenario};

pub(crate) const SCRIPT: &str = "script";
pub(crate) const STARLINGMONKEY: &str = "StarlingMonkey";
pub(crate) const NODE: &str = "Node.js";

/// Events that warm up, which are not measured.
const WARM_UP: usize = 30;

/// A way to run JavaScript.
#[derive(Debug)]
pub(crate) struct Contestant {
    name: &'static str,
    runs: Runs,
}

#[derive(Debug)]
enum Runs {
    /// A bootstrap, the `bulkhead` command that builds the function, and the folder with the engine.
    Script { lean: PathBuf, command: PathBuf, engines: PathBuf },
    /// A bootstrap, with the native code of one handler.
    Component { lean: PathBuf, handler: Vec<u8> },
    /// The official client for Node.js.
    Node { client: PathBuf },
}

/// What was measured of a contestant and a scenario.
#[derive(Debug)]
pub(crate) struct Figures {
    pub(crate) contestant: &'static str,
    pub(crate) scenario: &'static str,
    /// The processor time of the process for each event, in ms.
    pub(crate) processor: f64,
    /// The time of an event, in ms.
    pub(crate) latency: f64,
    /// The time of the first event of a process, in ms.
    pub(crate) first: f64,
    /// The memory of a sandbox, in MB; `NaN` where there is none.
    pub(crate) sandbox: f64,
}

impl Contestant {
    pub(crate) fn scripts(lean: &Path, command: &Path, engines: &Path) -> Result<Self> {
        let [command, engines] = [command, engines]
            .map(|path| path.canonicalize().with_context(|| format!("looking for {}", path.display())));
        Ok(Self {
            name: SCRIPT,
            runs: Runs::Script { lean: lean.to_owned(), command: command?, engines: engines? },
        })
    }

    pub(crate) fn starlingmonkey(lean: &Path, handler: &Path) -> Result<Self> {
        let handler = fs::read(handler).context("reading the handler")?;
        Ok(Self { name: STARLINGMONKEY, runs: Runs::Component { lean: lean.to_owned(), handler } })
    }

    pub(crate) fn node(folder: &Path) -> Result<Self> {
        let client = folder.join("node_modules/aws-lambda-ric/bin/index.mjs");
        let client = client.canonicalize().with_context(|| format!("looking for {}", client.display()))?;
        Ok(Self { name: NODE, runs: Runs::Node { client } })
    }

    /// Starts it, or returns `None` if it cannot run this script.
    fn start(&self, scenario: &Scenario, api: &RuntimeApi) -> Result<Option<(TaskRoot, Running)>> {
        let root = TaskRoot::new();
        Ok(Some(match &self.runs {
            Runs::Script { lean, command, engines } => {
                let root = root
                    .manifest("[handlers.h]\nsource = \"h.js\"\n")
                    .file("h.js", scenario.script.as_bytes());
                let mut build = Command::new(command);
                build.arg("build").current_dir(root.path()).env("BULKHEAD_ENGINES", engines);
                let build = build.output().context("starting `bulkhead build`")?;
                ensure!(build.status.success(), "{}", String::from_utf8_lossy(&build.stderr));
                let built = root.path().join("target/bulkhead");
                let running = Bootstrap::at(lean).task_root(built).handler("h").api(api).spawn();
                (root, running)
            }
            Runs::Component { lean, handler } => {
                // Its only script is in the component.
                if scenario.name != scenario::HELLO {
                    return Ok(None);
                }
                let root = root.manifest("[handlers.h]\n").file("h.cwasm", handler);
                let running = Bootstrap::at(lean).task_root(&root).handler("h").api(api).spawn();
                (root, running)
            }
            Runs::Node { client } => {
                let root = root.file("h.mjs", scenario.script.as_bytes());
                let mut node = Command::new("node");
                node.arg(client).arg("h.handler").current_dir(root.path());
                for (name, value) in [
                    ("AWS_LAMBDA_FUNCTION_NAME", "h"),
                    ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
                    ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512"),
                    ("_HANDLER", "h.handler"),
                ] {
                    node.env(name, value);
                }
                node.env("AWS_LAMBDA_RUNTIME_API", api.address()).env("LAMBDA_TASK_ROOT", root.path());
                (root, Running::start(node))
            }
        }))
    }
}

/// Measures all contestants in turns.
pub(crate) fn measure(contestants: &[Contestant], rounds: usize, events: usize) -> Result<Vec<Figures>> {
    let mut rows = Vec::new();
    for scenario in scenario::all() {
        println!("measuring: {}", scenario.name);
        let mut all: Vec<Vec<Figures>> = contestants.iter().map(|_| Vec::new()).collect();
        for _ in 0..rounds {
            for (contestant, figures) in contestants.iter().zip(&mut all) {
                figures.extend(round(contestant, &scenario, events)?);
            }
        }
        rows.extend(all.iter().filter_map(|rounds| middle(rounds)));
    }
    Ok(rows)
}

/// One start of a contestant, and its events.
fn round(contestant: &Contestant, scenario: &Scenario, events: usize) -> Result<Option<Figures>> {
    let api = RuntimeApi::start();
    let Some((_root, running)) = contestant.start(scenario, &api)? else { return Ok(None) };
    let failed = || format!("{} failed; its log:\n{}", contestant.name, running.logs());
    let first = event(&api, scenario).with_context(failed)?;
    for _ in 0..WARM_UP {
        event(&api, scenario).with_context(failed)?;
    }
    let before = spent(&api, &running)?;
    let latencies: Result<Vec<f64>> = (0..events).map(|_| event(&api, scenario)).collect();
    let latency = median(&latencies.with_context(failed)?);
    let processor = milliseconds(spent(&api, &running)?.saturating_sub(before)) / count(events);
    let sandboxes: Vec<f64> =
        running.receipts().iter().filter_map(|receipt| receipt["peakMemoryBytes"].as_f64()).collect();
    let sandbox = median(&sandboxes) / 1e6;
    let (contestant, scenario) = (contestant.name, scenario.name);
    Ok(Some(Figures { contestant, scenario, processor, latency, first, sandbox }))
}

/// The processor time so far, when nothing is left to do.
fn spent(api: &RuntimeApi, running: &Running) -> Result<Duration> {
    api.wait_idle();
    sleep(Duration::from_millis(20));
    processor_time(running.pid())
}

/// Sends one event, and returns its time in ms.
fn event(api: &RuntimeApi, scenario: &Scenario) -> Result<f64> {
    api.wait_idle();
    // The client for Node.js 20 does not know this header.
    let answer = api.send(Event::json(&scenario.event).without("Lambda-Runtime-Invocation-Id"));
    ensure!(answer.kind == Kind::Response && answer.text().contains(scenario.answer), "{}", answer.text());
    Ok(milliseconds(answer.answered - answer.delivered))
}

/// The median of each figure.
fn middle(rounds: &[Figures]) -> Option<Figures> {
    let of = |figure: fn(&Figures) -> f64| median(&rounds.iter().map(figure).collect::<Vec<_>>());
    let Figures { contestant, scenario, .. } = *rounds.first()?;
    Some(Figures {
        contestant,
        scenario,
        processor: of(|round| round.processor),
        latency: of(|round| round.latency),
        first: of(|round| round.first),
        sandbox: of(|round| round.sandbox),
    })
}

pub(crate) fn table(rows: &[Figures]) -> String {
    let head = [
        "script",
        "runs on",
        "processor time, ms",
        "event, ms",
        "first event, ms",
        "memory of a sandbox, MB",
    ];
    let mut lines = vec![markdown::row(head)];
    let shown = |figure: f64, digits: usize| {
        if figure.is_nan() { String::new() } else { format!("{figure:.digits$}") }
    };
    lines.extend(rows.iter().map(|row| {
        vec![
            row.scenario.to_owned(),
            row.contestant.to_owned(),
            shown(row.processor, 3),
            shown(row.latency, 3),
            shown(row.first, 1),
            shown(row.sandbox, 2),
        ]
    }));
    markdown::table(&lines)
}

pub(crate) fn as_json(rows: &[Figures]) -> Value {
    let of = |row: &Figures| {
        json!({
            "script": row.scenario, "runs_on": row.contestant, "processor_ms": row.processor,
            "event_ms": row.latency, "first_ms": row.first, "sandbox_mb": row.sandbox,
        })
    };
    rows.iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(processor: f64, sandbox: f64) -> Figures {
        Figures {
            contestant: SCRIPT,
            scenario: scenario::HELLO,
            processor,
            latency: 0.25,
            first: 3.0,
            sandbox,
        }
    }

    #[test]
    fn a_row_is_the_median_of_its_rounds() {
        let middle = middle(&[1.0, 9.0, 2.0].map(|processor| figures(processor, 0.8))).unwrap();
        assert_eq!((middle.processor, middle.latency), (2.0, 0.25));
        assert!(super::middle(&[]).is_none(), "a contestant that cannot run the script has no row");
    }

    #[test]
    fn a_process_without_sandboxes_has_an_empty_cell() {
        let table = table(&[figures(0.0625, 0.79), figures(0.1, f64::NAN)]);
        let cells = |line: &str| line.split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
        let lines: Vec<_> = table.lines().map(cells).collect();
        assert_eq!(lines[2][3..7], ["0.062", "0.250", "3.0", "0.79"]);
        assert_eq!(lines[3][6], "");
    }
}
