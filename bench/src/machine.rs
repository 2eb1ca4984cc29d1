//! The machine on which the figures were measured.

use std::fs;
use std::thread;

use serde_json::{Value, json};

/// The processor, the kernel, and the load of the machine.
pub fn description() -> Value {
    json!({
        "processor": processor(),
        "processors": thread::available_parallelism().map_or(0, usize::from),
        "kernel": line("/proc/sys/kernel/osrelease"),
        "load_average": line("/proc/loadavg"),
    })
}

/// The description for people.
pub fn headline() -> String {
    let count = thread::available_parallelism().map_or(0, usize::from);
    let (kernel, load) = (line("/proc/sys/kernel/osrelease"), line("/proc/loadavg"));
    let load = load.split(' ').next().unwrap_or_default();
    let verdict =
        if is_busy(load) { ": others work here as well, and the rounds will be far apart" } else { "" };
    format!(
        "{count} processors, {}; Linux {kernel}; load average before the run {load}{verdict}",
        processor()
    )
}

/// Whether a load average shows that other programs are running.
fn is_busy(load: &str) -> bool {
    load.parse().is_ok_and(|load: f64| load > 0.5)
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
    fn a_busy_machine_is_told() {
        assert!(super::is_busy("3.71"));
        assert!(!super::is_busy("0.12") && !super::is_busy(""));
    }

    #[test]
    fn the_machine_has_processors_and_a_kernel() {
        let description = super::description();
        assert!(description["processors"].as_u64().is_some_and(|count| count > 0));
        assert!(super::headline().contains(description["kernel"].as_str().unwrap()));
    }
}
