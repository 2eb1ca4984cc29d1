//! The contestants of a run: Bulkhead beside `lambda_runtime`, or two builds of Bulkhead.

use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};

use crate::contestant::{CWASM, Contestant, ONE_THREAD_NAME};
use crate::plan::{Part, Plan};

/// The programs to compare.
#[derive(Debug, clap::Args)]
pub(crate) struct Programs {
    /// The handlers on `lambda_runtime`, with which the others are compared
    #[arg(long, required_unless_present = "before")]
    native: Option<PathBuf>,
    /// The handlers on `lambda_runtime` with one thread
    #[arg(long, required_unless_present = "before")]
    native_one_thread: Option<PathBuf>,
    /// A loop that answers without any work
    #[arg(long, required_unless_present = "before")]
    floor: Option<PathBuf>,
    /// The bootstrap without the compiler, which runs `.cwasm`
    #[arg(long)]
    lean: PathBuf,
    /// The bootstrap with the compiler, which runs `.wasm`
    #[arg(long, required_unless_present = "before")]
    full: Option<PathBuf>,
    /// The folder of the handlers, as `.wasm` and as `.cwasm`
    #[arg(long)]
    components: PathBuf,
    /// Another build of the bootstrap without the compiler: `--lean` is compared with it, and with nothing else
    #[arg(long, requires = "before_components", conflicts_with = "svg")]
    before: Option<PathBuf>,
    /// The folder of its handlers, as `.cwasm`
    #[arg(long, requires = "before")]
    before_components: Option<PathBuf>,
}

/// The contestants. All are compared with the first.
#[derive(Debug)]
pub(crate) struct LineUp {
    /// In the order of the columns.
    pub(crate) contestants: Vec<Contestant>,
    /// How many of them, from the first, run handlers that can fail.
    pub(crate) with_handlers: usize,
    /// The position of this build of Bulkhead, with `.cwasm`.
    ours: usize,
}

impl LineUp {
    /// The contestants that run these programs.
    pub(crate) fn of(programs: &Programs) -> Result<Self> {
        match (&programs.before, &programs.before_components) {
            (Some(before), Some(components)) => Ok(Self {
                contestants: vec![
                    Contestant::components("before", before, components, "cwasm")?,
                    Contestant::components("after", &programs.lean, &programs.components, "cwasm")?,
                ],
                with_handlers: 2,
                ours: 1,
            }),
            _ => programs.beside_lambda_runtime(),
        }
    }

    /// This build of Bulkhead, with `.cwasm`.
    pub(crate) fn ours(&self) -> &Contestant {
        &self.contestants[self.ours]
    }

    /// Whether they are two builds of Bulkhead.
    pub(crate) fn compares_builds(&self) -> bool {
        self.ours != CWASM
    }

    /// Fails for a part that compares settings of one build, if this run compares two.
    pub(crate) fn check(&self, plan: &Plan) -> Result<()> {
        let of_one_build = [Part::Warm, Part::Fairness].into_iter().any(|part| plan.has(part));
        ensure!(
            !(self.compares_builds() && of_one_build),
            "`warm` and `fairness` compare settings of one build; use --only to select other parts"
        );
        Ok(())
    }
}

impl Programs {
    fn beside_lambda_runtime(&self) -> Result<LineUp> {
        let given = |program: &Option<PathBuf>| program.clone().context("a program is missing");
        let contestants = vec![
            Contestant::native("lambda_runtime", &given(&self.native)?)?,
            Contestant::native(ONE_THREAD_NAME, &given(&self.native_one_thread)?)?,
            Contestant::components("bulkhead, .cwasm", &self.lean, &self.components, "cwasm")?,
            Contestant::components("bulkhead, .wasm", &given(&self.full)?, &self.components, "wasm")?,
            // It has no handlers.
            Contestant::native("floor", &given(&self.floor)?)?,
        ];
        Ok(LineUp { with_handlers: contestants.len() - 1, contestants, ours: CWASM })
    }
}
