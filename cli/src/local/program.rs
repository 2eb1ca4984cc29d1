//! The bootstrap as a child process: its path, its environment, and its output.

mod output;

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::bail;
use bulkhead_host::engine::Target;
use bulkhead_host::policy::script_file::ENGINES;
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};

use super::{Function, LocalError, secrets};
use crate::compile::lambda_name;
use crate::files;
use output::Pipe;
pub(crate) use output::{Drain, Line, Sink};

/// The variable with the path of the bootstrap, if no option names one.
const VARIABLE: &str = "BULKHEAD_BOOTSTRAP";

/// A running bootstrap. It is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Program {
    child: Child,
    pipes: Vec<Pipe>,
}

/// How long it may take to end after it was asked to.
const PATIENCE: Duration = Duration::from_secs(2);

/// The directory where package managers put bootstraps, below the prefix whose `bin` has this command.
const INSTALLED: &str = "libexec/bulkhead";

/// The variable with the folder of the engines of scripts, if they are not those that were installed with this command.
pub(crate) const ENGINES_VARIABLE: &str = "BULKHEAD_ENGINES";

/// The file of an engine of scripts that came with this command.
pub(crate) fn engine(file: &str) -> Option<PathBuf> {
    match std::env::var_os(ENGINES_VARIABLE).filter(|folder| !folder.is_empty()) {
        Some(folder) => Some(Path::new(&folder).join(file)).filter(|path| path.is_file()),
        None => shipped(&format!("{ENGINES}/{file}")),
    }
}

/// Finds the bootstrap to run: the one that was named, or else the one that was installed with this command.
pub(crate) fn bootstrap(named: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    match find(named, variable(), shipped("bootstrap"))? {
        Some(path) => Ok(path),
        None => {
            bail!(
                "there is no `bootstrap` beside this command; pass its path with --bootstrap, or in \
                   {VARIABLE}"
            )
        }
    }
}

/// Finds the bootstrap to package for a processor: the one that was named, or else the one that was installed
/// with this command.
pub(crate) fn bootstrap_for(target: Target, named: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    let name = format!("bootstrap-{}", lambda_name(target));
    // The bootstrap that runs handlers here comes second: it may contain the compiler, which a zip does not
    // need.
    let here = (Some(target) == Target::host()).then(|| shipped("bootstrap")).flatten();
    match find(named, variable(), shipped(&name).or(here))? {
        Some(path) => Ok(path),
        None => bail!(
            "there is no bootstrap for {}: pass its path with --bootstrap, or in {VARIABLE}; a release has \
             `{name}` beside this command, and in a checkout of Bulkhead `cargo xtask dist` builds it",
            lambda_name(target)
        ),
    }
}

fn variable() -> Option<PathBuf> {
    std::env::var_os(VARIABLE).map(PathBuf::from)
}

/// The one that came with this command.
fn shipped(name: &str) -> Option<PathBuf> {
    shipped_with(&std::env::current_exe().ok()?, name)
}

/// The folder of an installed command has other programs in it, one of which may be called `bootstrap`; so it comes second.
fn shipped_with(command: &Path, name: &str) -> Option<PathBuf> {
    let installed = command.parent()?.parent().map(|prefix| prefix.join(INSTALLED).join(name));
    let mut places = installed.into_iter().chain([command.with_file_name(name)]);
    places.find(|path| path.is_file())
}

fn find(
    named: Option<PathBuf>,
    variable: Option<PathBuf>,
    beside: Option<PathBuf>,
) -> anyhow::Result<Option<PathBuf>> {
    let by_option = named.map(|path| (path, "--bootstrap"));
    let by_variable = || Some((variable.filter(|path| !path.as_os_str().is_empty())?, VARIABLE));
    if let Some((path, by)) = by_option.or_else(by_variable) {
        return if path.is_file() { Ok(Some(path)) } else { Err(files::no_file(&path).context(by)) };
    }
    Ok(beside.filter(|path| path.is_file()))
}

impl Program {
    /// Starts the bootstrap. The Runtime API is `host:port`, followed by a path if needed. `sink` gets each
    /// line that it prints.
    pub(crate) fn start(function: &Function, runtime_api: &str, sink: &Sink) -> Result<Self, LocalError> {
        // A name without a folder would be looked for in the PATH.
        let bootstrap = std::path::absolute(&function.bootstrap);
        let mut command = Command::new(bootstrap.as_ref().unwrap_or(&function.bootstrap));
        command.env_clear().envs(variables(function));
        command.envs(secrets::variable(&function.task_root)).envs(function.environment.iter().cloned());
        command
            // These come last, so that no variable of the user can change them.
            .env("AWS_LAMBDA_RUNTIME_API", runtime_api)
            .env("LAMBDA_TASK_ROOT", &function.task_root)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Ctrl-C is for this command, which then stops the bootstrap itself.
            .process_group(0)
            .kill_on_drop(true);
        let failed = |error| LocalError::Start(function.bootstrap.clone(), error);
        let mut child = command.spawn().map_err(failed)?;
        let stdout = child.stdout.take().map(|pipe| Pipe::read(pipe, Line::Stdout, sink));
        let stderr = child.stderr.take().map(|pipe| Pipe::read(pipe, Line::Stderr, sink));
        Ok(Self { child, pipes: stdout.into_iter().chain(stderr).collect() })
    }

    /// Waits until the bootstrap has ended by itself.
    pub(crate) async fn ended(&mut self) -> std::io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// Stops the bootstrap, gracefully at first. All of its output has reached the sink when this returns.
    pub(crate) async fn end(mut self) {
        let pid = self.child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        // It may have ended already.
        pid.map(|pid| kill_process(pid, Signal::TERM));
        if tokio::time::timeout(PATIENCE, self.child.wait()).await.is_err() {
            drop(self.child.start_kill());
        }
        for pipe in self.pipes {
            pipe.end().await;
        }
    }

    /// Kills the bootstrap.
    pub(crate) async fn kill(mut self) {
        drop(self.child.start_kill());
        self.end().await;
    }

    /// For waiting until the output so far has reached the sink.
    pub(crate) fn drain(&self) -> Drain {
        Drain::of(&self.pipes)
    }
}

/// The variables that Lambda sets (section 9 of `docs/runtime-api.md`), and none of this machine's.
fn variables(function: &Function) -> [(&'static str, String); 10] {
    [
        ("_HANDLER", function.handler.clone()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", function.memory.to_string()),
        ("AWS_LAMBDA_FUNCTION_NAME", name(function)),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand".to_owned()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{}", name(function))),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "local".to_owned()),
        ("AWS_REGION", "us-east-1".to_owned()),
        ("PATH", "/usr/local/bin:/usr/bin:/bin:/opt/bin".to_owned()),
        ("TZ", ":UTC".to_owned()),
    ]
}

fn name(function: &Function) -> String {
    let name = Path::new(&function.handler).file_stem().unwrap_or_default().to_string_lossy();
    if name.is_empty() { "local".to_owned() } else { name.into_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bootstrap_that_was_named_is_taken_or_missed() {
        let folder = tempfile::tempdir().unwrap();
        let (here, gone) = (folder.path().join("bootstrap"), folder.path().join("gone"));
        std::fs::write(&here, "").unwrap();
        let is = |named: Option<&PathBuf>, variable: Option<&PathBuf>, beside: Option<&PathBuf>| {
            find(named.cloned(), variable.cloned(), beside.cloned()).map_err(|error| format!("{error:#}"))
        };
        assert_eq!(is(Some(&here), Some(&gone), None).unwrap().as_ref(), Some(&here));
        assert_eq!(is(None, Some(&here), Some(&gone)).unwrap().as_ref(), Some(&here));
        assert_eq!(is(None, Some(&PathBuf::new()), Some(&here)).unwrap().as_ref(), Some(&here));
        let told = is(None, Some(&gone), Some(&here)).unwrap_err();
        assert!(
            told.starts_with("BULKHEAD_BOOTSTRAP: ") && told.ends_with("gone: there is no such file"),
            "{told}"
        );
        assert_eq!(is(None, None, Some(&gone)).unwrap(), None);
    }

    #[test]
    fn a_bootstrap_that_was_installed_comes_before_one_that_lies_beside_the_command() {
        let prefix = tempfile::tempdir().unwrap();
        let (bin, libexec) = (prefix.path().join("bin"), prefix.path().join("libexec/bulkhead"));
        for folder in [&bin, &libexec] {
            std::fs::create_dir_all(folder).unwrap();
        }
        let found = || shipped_with(&bin.join("bulkhead"), "bootstrap");
        assert_eq!(found(), None);
        for folder in [&bin, &libexec] {
            let here = folder.join("bootstrap");
            std::fs::write(&here, "").unwrap();
            assert_eq!(found(), Some(here));
        }
    }

    fn function(bootstrap: &str) -> Function {
        Function {
            handler: "hello".to_owned(),
            task_root: ".".into(),
            bootstrap: bootstrap.into(),
            timeout: Duration::from_secs(1),
            memory: 128,
            environment: vec![
                ("STAGE".to_owned(), "test".to_owned()),
                ("AWS_LAMBDA_RUNTIME_API".to_owned(), "elsewhere".to_owned()),
            ],
        }
    }

    #[tokio::test]
    async fn the_environment_is_lambda_s_and_nobody_else_s() {
        let (told, sink) = output::tests::told();
        let mut program = Program::start(&function("/usr/bin/env"), "127.0.0.1:1", &sink).unwrap();
        assert!(program.ended().await.unwrap().success());
        program.end().await;
        let printed = told.lock().unwrap().join("\n");
        for line in
            ["AWS_LAMBDA_RUNTIME_API=127.0.0.1:1", "STAGE=test", "_HANDLER=hello", "LAMBDA_TASK_ROOT=."]
        {
            assert!(printed.lines().any(|printed| printed == line), "{line} in {printed}");
        }
        assert!(!printed.contains("HOME="), "{printed}");
    }

    #[tokio::test]
    async fn a_program_that_is_none_is_named() {
        let error = Program::start(&function("/no/such/bootstrap"), "127.0.0.1:1", &output::tests::told().1);
        assert!(error.unwrap_err().to_string().starts_with("/no/such/bootstrap cannot be started"));
    }
}
