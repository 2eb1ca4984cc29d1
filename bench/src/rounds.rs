//! The rounds of a run, in each of which everything is measured once.
#![expect(clippy::print_stdout, reason = "a command line program talks to its terminal")]

use anyhow::Result;

use crate::contestant::Contestant;
use crate::lineup::LineUp;
use crate::plan::{Part, Plan, Round};
use crate::results::Results;
use crate::scenario::{self, Scenario};
use crate::{fairness, faults, load, rate, rest, starts, turns, warm};

/// The state of the run.
pub(crate) struct Rounds<'a> {
    plan: &'a Plan,
    lineup: &'a LineUp,
    hello: Scenario,
    scenarios: Vec<Scenario>,
    tables: Vec<Results>,
}

impl<'a> Rounds<'a> {
    /// Before the first round.
    pub(crate) fn new(plan: &'a Plan, lineup: &'a LineUp) -> Result<Self> {
        lineup.check(plan)?;
        let mut scenarios = Vec::new();
        if plan.has(Part::Hello) {
            scenarios.push(scenario::greeting()?);
        }
        if plan.has(Part::Echo) {
            scenarios.extend(scenario::echoes());
        }
        if plan.has(Part::Orders) {
            scenarios.extend(scenario::orders()?);
        }
        Ok(Self { plan, lineup, hello: scenario::greeting()?, scenarios, tables: Vec::new() })
    }

    /// Runs all rounds, and returns the tables.
    pub(crate) fn run(mut self) -> Result<Vec<Results>> {
        for number in 0..self.plan.rounds {
            let round = Round { plan: self.plan, number, contestants: &self.lineup.contestants };
            self.one_at_a_time(&round)?;
            self.several_at_once(&round)?;
            self.in_time(&round)?;
            self.special_cases(&round)?;
        }
        Ok(self.tables)
    }

    fn one_at_a_time(&mut self, round: &Round<'_>) -> Result<()> {
        let all = round.contestants;
        if round.plan.has(Part::Start) {
            progress(round, "starts");
            prepare(all, &self.hello)?;
            starts::round(round, &self.hello, table(&mut self.tables, "start", "start", all))?;
        }
        for scenario in &self.scenarios {
            progress(round, &scenario.title);
            prepare(all, scenario)?;
            let table = table(&mut self.tables, &scenario.id, &scenario.title, all);
            turns::round(round, scenario, table)?;
        }
        Ok(())
    }

    fn several_at_once(&mut self, round: &Round<'_>) -> Result<()> {
        for at_once in load::LEVELS.into_iter().filter(|_| round.plan.has(Part::Concurrency)) {
            let title = format!("hello, {at_once} at once");
            progress(round, &title);
            prepare(round.contestants, &self.hello)?;
            let id = format!("at-once-{at_once}");
            let table = table(&mut self.tables, &id, &title, round.contestants);
            load::round(round, &self.hello, at_once, table)?;
        }
        Ok(())
    }

    /// Events at fixed times, and after a rest.
    fn in_time(&mut self, round: &Round<'_>) -> Result<()> {
        if round.plan.has(Part::Rate) {
            let title = rate::title(round.plan);
            progress(round, &title);
            prepare(round.contestants, &self.hello)?;
            let table = table(&mut self.tables, "rate", &title, round.contestants);
            rate::round(round, &self.hello, table)?;
        }
        if round.plan.has(Part::Rest) {
            let title = rest::title(round.plan);
            progress(round, &title);
            prepare(round.contestants, &self.hello)?;
            let table = table(&mut self.tables, "rest", &title, round.contestants);
            rest::round(round, &self.hello, table)?;
        }
        Ok(())
    }

    fn special_cases(&mut self, round: &Round<'_>) -> Result<()> {
        let Round { plan, number, .. } = *round;
        for (kind, title) in faults::FAULTS.into_iter().filter(|_| plan.has(Part::Faults)) {
            progress(round, title);
            let with_handlers = &round.contestants[..self.lineup.with_handlers];
            with_handlers.iter().try_for_each(|contestant| contestant.prepare(faults::HANDLER, b""))?;
            let table = table(&mut self.tables, &format!("fault-{kind}"), title, with_handlers);
            faults::round(&Round { contestants: with_handlers, ..*round }, kind, table)?;
        }
        if plan.has(Part::Warm) {
            let scenario = warm::scenario();
            progress(round, &scenario.title);
            let ways = warm::contestants(self.lineup.ours())?;
            prepare(&ways, &scenario)?;
            let table = table(&mut self.tables, &scenario.id, &scenario.title, &ways);
            turns::round(&Round { contestants: &ways, ..*round }, &scenario, table)?;
        }
        if plan.has(Part::Fairness) {
            progress(round, fairness::TITLE);
            let names = fairness::NEIGHBOURS.map(|(name, _)| name);
            let table = table_of(&mut self.tables, "fairness", fairness::TITLE, names.into_iter());
            fairness::round(plan, number, self.lineup.ours(), table)?;
        }
        Ok(())
    }
}

fn progress(round: &Round<'_>, what: &str) {
    println!("round {}/{}: {what}", round.number + 1, round.plan.rounds);
}

fn prepare(contestants: &[Contestant], scenario: &Scenario) -> Result<()> {
    let answer = scenario.event.answer.as_deref().unwrap_or_default();
    contestants.iter().try_for_each(|contestant| contestant.prepare(scenario.handler, answer))
}

/// The table with this id, which is created in the first round.
fn table<'a>(
    tables: &'a mut Vec<Results>,
    id: &str,
    title: &str,
    contestants: &[Contestant],
) -> &'a mut Results {
    table_of(tables, id, title, contestants.iter().map(|contestant| contestant.name))
}

/// The table with other columns.
fn table_of<'a>(
    tables: &'a mut Vec<Results>,
    id: &str,
    title: &str,
    columns: impl Iterator<Item = &'static str>,
) -> &'a mut Results {
    let place = tables.iter().position(|table| table.id == id).unwrap_or_else(|| {
        tables.push(Results::of(id, title, columns));
        tables.len() - 1
    });
    &mut tables[place]
}
