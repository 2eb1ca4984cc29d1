//! What the figures were measured on.

use std::fs;
use std::thread;

use serde_json::{Value, json};

/// Processor, kernel, and how much else there was to do.
pub(crate) fn description() -> Value {
    json!({
        "processor": processor(),
        "processors": thread::available_parallelism().map_or(0, usize::from),
        "kernel": line("/proc/sys/kernel/osrelease"),
        "load_average": line("/proc/loadavg"),
    })
}

/// The same for people.
pub(crate) fn headline() -> String {
    let count = thread::available_parallelism().map_or(0, usize::from);
    let (kernel, load) = (line("/proc/sys/kernel/osrelease"), line("/proc/loadavg"));
    let load = load.split(' ').next().unwrap_or_default().to_owned();
    format!("{count} processors, {}; Linux {kernel}; load average before the run {load}", processor())
}

fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text.lines().find_map(|line| line.strip_prefix("model name"));
    model.map_or_else(|| "unknown".to_owned(), |model| model.trim_start_matches([' ', '\t', ':']).to_owned())
}

fn line(file: &str) -> String {
    fs::read_to_string(file).unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_machine_has_processors_and_a_kernel() {
        let description = super::description();
        assert!(description["processors"].as_u64().is_some_and(|count| count > 0));
        assert!(super::headline().contains(description["kernel"].as_str().unwrap()));
    }
}
