//! `cargo xtask bench --fleet`: a simulation of a store with many tenants, which many environments read: what is asked
//! of the store, what it costs, when a change is everywhere, and what an upgrade of Bulkhead costs; beside Lambda's
//! tenant isolation mode.
//!
//! The defaults are figures that `cargo xtask bench --store` measured, AWS's documentation, or assumptions; each says
//! which. A run with the same arguments prints the same.
#![expect(clippy::print_stdout, reason = "a command line program talks to its terminal")]

use anyhow::{Result, ensure};
use bulkhead_bench::fleet::Fleet;
use bulkhead_bench::fleet::isolation::Assumptions;
use bulkhead_bench::fleet::report::{self, Inputs};
use clap::Parser;

/// Simulates a store of tenants, and many environments that read it
#[derive(Debug, Parser)]
struct Arguments {
    /// The number of tenants
    #[arg(long, default_value_t = 100_000)]
    tenants: usize,
    /// The number of environments
    #[arg(long, default_value_t = 1000)]
    environments: usize,
    /// Events a second of all tenants (an assumption: with events of 100 ms, 1,000 environments are always busy)
    #[arg(long, default_value_t = 10_000.0)]
    rate: f64,
    /// The exponents of Zipf's distribution; the first one is used where there is room for one only
    #[arg(long, value_delimiter = ',', default_values_t = [1.0, 0.8, 1.2])]
    exponents: Vec<f64>,
    /// The life of an environment, in hours (an assumption: AWS says "every few hours")
    #[arg(long, default_value_t = 4.0)]
    life: f64,
    /// `refresh` of `[store]`, in s (its default)
    #[arg(long, default_value_t = 5.0)]
    refresh: f64,
    /// `max_stale` of `[store]`, in s (its default)
    #[arg(long, default_value_t = 3600.0)]
    max_stale: f64,
    /// `cache` of `[store]`, in MiB (its default)
    #[arg(long, default_value_t = 256.0)]
    cache: f64,
    /// The native code of a component, in KB (a small handler in Rust)
    #[arg(long, default_value_t = 200.0)]
    code: f64,
    /// The components that a bootstrap keeps at most, however small (a constant of the bootstrap)
    #[arg(long, default_value_t = 256)]
    most_codes: usize,
    /// How often each tenant is changed, a day (an assumption)
    #[arg(long, default_value_t = 1.0)]
    changes: f64,
    /// How long a record takes from S3, in ms (`bench --store --moto`, with 15 ms for each request)
    #[arg(long, default_value_t = 16.0)]
    record_ms: f64,
    /// How long native code takes from S3, in ms (the same)
    #[arg(long, default_value_t = 16.0)]
    code_ms: f64,
    /// The processor time of the compilation of a component, in ms (`bulkhead compile` of `examples/hello`)
    #[arg(long, default_value_t = 180.0)]
    compile_ms: f64,
    /// The memory of the function, in GB
    #[arg(long, default_value_t = 1.0)]
    memory: f64,
    /// How long an event takes, in ms (an assumption)
    #[arg(long, default_value_t = 100.0)]
    event_ms: f64,
    /// How long Lambda keeps an environment without events, in minutes (an assumption: AWS names no time)
    #[arg(long, default_value_t = 10.0)]
    idle: f64,
    /// How many environments are simulated; the figures of all are theirs, multiplied
    #[arg(long, default_value_t = 10)]
    sample: usize,
    /// The seed of the random numbers
    #[arg(long, default_value_t = 17)]
    seed: u64,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let fleet = fleet(&arguments)?;
    let inputs = Inputs {
        record: arguments.record_ms,
        code: arguments.code_ms,
        compile: arguments.compile_ms / 1e3,
        memory: arguments.memory,
        isolation: Assumptions { idle: arguments.idle * 60.0, event: arguments.event_ms / 1e3 },
    };
    let own = Fleet { own: true, ..fleet };
    println!(
        "{} tenants, {} environments, {} events a second\n",
        fleet.tenants, fleet.environments, fleet.rate
    );
    println!("{}\n", report::traffic(&fleet, &arguments.exponents));
    println!("s = {}, own component:\n\n{}\n", own.exponent, report::settings(&own));
    println!("{}\n", report::updates(&fleet));
    println!("s = {}, own component:\n\n{}\n", own.exponent, report::upgrade(&own, &inputs));
    println!("{}", report::beside(&fleet, &inputs));
    Ok(())
}

fn fleet(arguments: &Arguments) -> Result<Fleet> {
    let positive = [arguments.rate, arguments.life, arguments.refresh, arguments.event_ms];
    ensure!(
        positive.iter().all(|number| *number > 0.0),
        "rate, life, refresh and event-ms have to be more than 0"
    );
    ensure!(
        arguments.tenants > 0 && arguments.environments > 0,
        "there has to be a tenant and an environment"
    );
    Ok(Fleet {
        tenants: arguments.tenants,
        environments: arguments.environments,
        rate: arguments.rate,
        exponent: arguments.exponents.first().copied().unwrap_or(1.0),
        life: arguments.life * 3600.0,
        refresh: arguments.refresh,
        max_stale: arguments.max_stale,
        cache: arguments.cache * 1024.0 * 1024.0,
        code: arguments.code * 1e3,
        most_codes: arguments.most_codes,
        changes: arguments.changes,
        own: false,
        sample: arguments.sample.clamp(1, arguments.environments),
        seed: arguments.seed,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_a_fleet() {
        let fleet = fleet(&Arguments::parse_from(["fleet"])).unwrap();
        assert_eq!((fleet.tenants, fleet.environments, fleet.sample), (100_000, 1000, 10));
        assert_eq!((fleet.life, fleet.rate_of_environment()), (14_400.0, 10.0));
    }

    #[test]
    fn nonsense_is_refused() {
        for wrong in [["--rate", "0"], ["--tenants", "0"], ["--life", "0"]] {
            assert!(fleet(&Arguments::parse_from(["fleet"].into_iter().chain(wrong))).is_err(), "{wrong:?}");
        }
    }
}
