//! Functions with one tenant and with many, each of which has a script of its own.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use bulkhead_bench::figures::{count, median, milliseconds};
use bulkhead_bench::markdown;
use bulkhead_bench::process::resident_memory;
use bulkhead_tests::{Bootstrap, Event, Kind, Running, RuntimeApi, TaskRoot};
use serde_json::{Value, json};

/// What was measured of a function.
#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) tenants: usize,
    /// The bytes of one script.
    pub(crate) source: usize,
    /// From the start of the process to its first call for an event, in ms.
    pub(crate) start: f64,
    /// Resident memory before any event, in MB.
    pub(crate) idle: f64,
    /// Resident memory after every tenant was served, in MB.
    pub(crate) served: f64,
}

/// What many tenants cost beyond one.
#[derive(Debug)]
pub(crate) struct Difference {
    /// The memory of each further tenant beside its source, in KB.
    pub(crate) each: f64,
    /// The additional time of a start, in ms.
    pub(crate) start: f64,
    /// Memory when all were served, in MB.
    pub(crate) served: f64,
}

impl Difference {
    pub(crate) fn of(functions: &[Function]) -> Self {
        let (Some(one), Some(many)) = (functions.first(), functions.last()) else {
            return Self { each: f64::NAN, start: f64::NAN, served: f64::NAN };
        };
        let more = (many.served - one.served) * 1e3 / count(many.tenants - one.tenants);
        Self { each: more - count(many.source) / 1e3, start: many.start - one.start, served: many.served }
    }
}

/// Measures a function with one tenant, and one with as many as are asked for.
pub(crate) fn measure(lean: &Path, engine: &Path, tenants: usize, starts: usize) -> Result<Vec<Function>> {
    let engine = fs::read(engine).context("reading the engine")?;
    let roots = [1, tenants].map(|tenants| (tenants, root(&engine, tenants)));
    let mut times = [Vec::new(), Vec::new()];
    println!("measuring: {tenants} tenants");
    // In turns, so that other work on the machine affects both.
    for _ in 0..starts {
        for ((_, root), times) in roots.iter().zip(&mut times) {
            let (api, running) = start(lean, root);
            times.push(milliseconds(api.first().at - running.started()));
        }
    }
    let rows = roots.iter().zip(&times).map(|((tenants, root), times)| {
        let (api, running) = start(lean, root);
        let idle = memory(&running)?;
        for tenant in 0..*tenants {
            let answer = api.send(Event::json("{}").tenant(&format!("t{tenant}")));
            let is_own = answer.kind == Kind::Response && answer.text() == format!("{{\"tenant\":{tenant}}}");
            ensure!(is_own, "tenant {tenant}: {}", answer.text());
        }
        let served = memory(&running)?;
        Ok(Function { tenants: *tenants, source: script(0).len(), start: median(times), idle, served })
    });
    rows.collect()
}

fn root(engine: &[u8], tenants: usize) -> TaskRoot {
    let mut manifest = String::from("[handlers.h]\nsource = \"h/index.js\"\n");
    let mut root = TaskRoot::new()
        .file("engines/javascript.cwasm", engine)
        .file("h/index.js", b"export default () => null;\n");
    for tenant in 0..tenants {
        // Writing into a string does not fail.
        let _ = write!(manifest, "[tenants.t{tenant}]\nscript = \"t/{tenant}/index.js\"\n");
        root = root.file(&format!("t/{tenant}/index.js"), script(tenant).as_bytes());
    }
    root.manifest(&manifest)
}

fn script(tenant: usize) -> String {
    format!("export default async (event) => ({{ tenant: {tenant} }});\n")
}

fn start(lean: &Path, root: &TaskRoot) -> (RuntimeApi, Running) {
    let api = RuntimeApi::start();
    let running = Bootstrap::at(lean).task_root(root).handler("h").api(&api).spawn();
    api.wait_idle();
    (api, running)
}

/// Resident memory in MB, once the process is idle.
fn memory(running: &Running) -> Result<f64> {
    sleep(Duration::from_millis(50));
    resident_memory(running.pid())
}

pub(crate) fn table(functions: &[Function]) -> String {
    let mut lines =
        vec![markdown::row(["tenants", "start, ms", "memory at the start, MB", "when all were served, MB"])];
    lines.extend(functions.iter().map(|function| {
        vec![
            markdown::thousands(count(function.tenants)),
            format!("{:.1}", function.start),
            format!("{:.1}", function.idle),
            format!("{:.1}", function.served),
        ]
    }));
    markdown::table(&lines)
}

pub(crate) fn as_json(functions: &[Function]) -> Value {
    let of = |function: &Function| {
        json!({
            "tenants": function.tenants, "script_bytes": function.source, "start_ms": function.start,
            "idle_mb": function.idle, "served_mb": function.served,
        })
    };
    functions.iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_further_tenant_costs_the_difference_without_its_source() {
        let function = |tenants, start, served| Function { tenants, source: 1000, start, idle: 8.0, served };
        let Difference { each, start, served } =
            Difference::of(&[function(1, 5.0, 10.0), function(101, 7.0, 10.4)]);
        assert!((each - 3.0).abs() < 1e-9 && (start - 2.0).abs() < 1e-9 && (served - 10.4).abs() < 1e-9);
        assert!(Difference::of(&[]).each.is_nan());
    }

    #[test]
    fn each_function_is_a_row() {
        let one = Function { tenants: 10_000, source: 50, start: 9.96, idle: 8.0, served: 33.3 };
        let last = table(&[one]).lines().last().unwrap().replace(' ', "");
        assert_eq!(last, "|10,000|10.0|8.0|33.3|");
    }
}
