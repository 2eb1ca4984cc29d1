//! The real `bootstrap` as a child process, in an environment that holds what Lambda sets and nothing else.

mod pipe;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use pipe::Pipe;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, PidfdFlags, Signal, WaitIdOptions, kill_process, pidfd_open, waitid};

use crate::runtime_api::WAIT_LIMIT;
use crate::{RuntimeApi, artifacts};

/// What the line of a receipt begins with.
const RECEIPT: &str = r#"{"type":"bulkhead.receipt","#;

/// How a bootstrap is started.
#[derive(Debug, Clone)]
pub struct Bootstrap {
    program: PathBuf,
    /// What starts the program, with its arguments; empty where it starts by itself.
    runner: Vec<OsString>,
    environment: BTreeMap<OsString, OsString>,
    address_space: Option<u64>,
    descriptors: Option<u64>,
}

impl Default for Bootstrap {
    fn default() -> Self {
        Self::new()
    }
}

impl Bootstrap {
    /// The bootstrap under test.
    pub fn new() -> Self {
        Self::at(artifacts::bootstrap())
    }

    /// The one without a compiler.
    pub fn lean() -> Self {
        Self::at(artifacts::lean_bootstrap())
    }

    /// Any other program that speaks the Runtime API.
    pub fn at(program: impl Into<PathBuf>) -> Self {
        let plain = [
            ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
            ("AWS_DEFAULT_REGION", "eu-central-1"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512"),
            ("AWS_LAMBDA_FUNCTION_NAME", "tested"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
            ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/tested"),
            ("AWS_LAMBDA_LOG_STREAM_NAME", "2026/11/22/[$LATEST]0123456789abcdef"),
            ("AWS_REGION", "eu-central-1"),
            ("AWS_SECRET_ACCESS_KEY", "not-a-secret-key"),
            ("AWS_SESSION_TOKEN", "not-a-session-token"),
            ("LANG", "en_US.UTF-8"),
            ("LAMBDA_RUNTIME_DIR", "/var/runtime"),
            ("PATH", "/usr/local/bin:/usr/bin:/bin:/opt/bin"),
            ("TZ", ":UTC"),
            ("_HANDLER", "hello"),
        ];
        let environment = plain.map(|(name, value)| (name.into(), value.into()));
        Self {
            program: program.into(),
            runner: Vec::new(),
            environment: environment.into(),
            address_space: None,
            descriptors: None,
        }
    }

    /// Where the components lie.
    pub fn task_root(self, root: impl Into<PathBuf>) -> Self {
        self.env("LAMBDA_TASK_ROOT", root.into())
    }

    /// `_HANDLER`.
    pub fn handler(self, handler: &str) -> Self {
        self.env("_HANDLER", handler)
    }

    /// The server to ask for events.
    pub fn api(self, api: &RuntimeApi) -> Self {
        self.env("AWS_LAMBDA_RUNTIME_API", api.address())
    }

    /// One more variable, or another value for one.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.environment.insert(name.as_ref().into(), value.as_ref().into());
        self
    }

    /// Without this variable.
    pub fn env_remove(mut self, name: &str) -> Self {
        self.environment.remove(OsStr::new(name));
        self
    }

    /// Started by another program, for example one that reads the code of another processor.
    pub fn through(self, runner: &[&str]) -> Self {
        Self { runner: runner.iter().map(OsString::from).collect(), ..self }
    }

    /// With no more address space than this, in KiB.
    pub fn address_space(self, kib: u64) -> Self {
        Self { address_space: Some(kib), ..self }
    }

    /// With no more file descriptors than this.
    pub fn descriptors(self, most: u64) -> Self {
        Self { descriptors: Some(most), ..self }
    }

    /// Starts it.
    ///
    /// # Panics
    /// Where it cannot be started.
    pub fn spawn(&self) -> Running {
        let mut words = self.runner.iter().map(OsString::as_os_str).chain([self.program.as_os_str()]);
        let mut command = Command::new(words.next().expect("a program"));
        command.args(words);
        let address_space = self.address_space.map(|kib| format!("ulimit -v {kib} && "));
        let descriptors = self.descriptors.map(|most| format!("ulimit -n {most} && "));
        let limits: String = address_space.into_iter().chain(descriptors).collect();
        if !limits.is_empty() {
            // A limit has to be set before the program runs, which only a shell can do without unsafe code.
            command = Command::new("/bin/sh");
            command.arg("-c").arg(format!("{limits}exec \"$0\"")).arg(&self.program);
        }
        command.env_clear().envs(&self.environment);
        Running::start(command)
    }
}

/// A bootstrap, or another child, that runs. It is killed when it is dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    pidfd: OwnedFd,
    stdout: Arc<Pipe>,
    stderr: Arc<Pipe>,
    started: Instant,
}

impl Running {
    /// Starts any program with its output captured.
    ///
    /// # Panics
    /// Where it cannot be started.
    pub fn start(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let started = Instant::now();
        let mut child = command.spawn().unwrap_or_else(|error| panic!("start {command:?}: {error}"));
        let stdout = child.stdout.take().expect("stdout is a pipe").into();
        let stderr = child.stderr.take().expect("stderr is a pipe").into();
        Self::of(child, started, stdout, stderr)
    }

    /// A child that writes to the other ends of these.
    pub(crate) fn of(child: Child, started: Instant, stdout: OwnedFd, stderr: OwnedFd) -> Self {
        let pidfd =
            pidfd_open(Pid::from_child(&child), PidfdFlags::empty()).expect("a handle on the process");
        Self { child, pidfd, stdout: Pipe::read(stdout), stderr: Pipe::read(stderr), started }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// When it was started.
    pub fn started(&self) -> Instant {
        self.started
    }

    /// What it has printed so far, with everything that it had written before this call, but without the
    /// receipts.
    pub fn stdout(&self) -> String {
        self.stdout.text().split_inclusive('\n').filter(|line| !line.starts_with(RECEIPT)).collect()
    }

    /// The same with the receipts: the log as it is stored.
    pub fn raw_stdout(&self) -> String {
        self.stdout.text()
    }

    /// The receipts that it has printed so far, one for each sandbox that had an event.
    ///
    /// # Panics
    /// If one of them is not valid JSON.
    pub fn receipts(&self) -> Vec<serde_json::Value> {
        let text = self.stdout.text();
        let receipts = text.lines().filter(|line| line.starts_with(RECEIPT));
        receipts.map(|line| serde_json::from_str(line).expect("a receipt in JSON")).collect()
    }

    /// The same for stderr.
    pub fn stderr(&self) -> String {
        self.stderr.text()
    }

    /// Both, one after the other.
    pub fn logs(&self) -> String {
        format!("{}{}", self.stdout(), self.stderr())
    }

    /// Waits until it prints this on stdout or stderr.
    ///
    /// # Panics
    /// After 30 s, with what it has printed.
    pub fn wait_log(&self, text: &str) {
        self.wait_log_times(text, 1);
    }

    /// Waits until it has printed this so many times.
    ///
    /// # Panics
    /// After 30 s, with what it has printed.
    pub fn wait_log_times(&self, text: &str, times: usize) {
        self.wait(text, times, WAIT_LIMIT);
    }

    /// Waits until it has written so many receipts. If it handles several events at a time, it writes them after it has
    /// asked for the next event.
    ///
    /// # Panics
    /// After 30 s, with what it has printed.
    pub fn wait_receipts(&self, count: usize) {
        let until = Instant::now() + WAIT_LIMIT;
        while self.receipts().len() < count {
            assert!(Instant::now() < until, "waited for {count} receipts in:\n{}", self.stdout());
            self.wait_more();
        }
    }

    /// Waits until it prints this, for as long as is said.
    ///
    /// # Panics
    /// After that, with what it has printed.
    pub fn wait_log_within(&self, text: &str, limit: Duration) {
        self.wait(text, 1, limit);
    }

    fn wait(&self, text: &str, times: usize, limit: Duration) {
        let until = Instant::now() + limit;
        while self.logs().matches(text).count() < times {
            assert!(
                Instant::now() < until,
                "waited {limit:?} for {text:?}, {times}×, in the log:\n{}",
                self.logs()
            );
            self.wait_output(Duration::from_millis(50));
        }
    }

    /// Waits a moment for more output on stdout.
    pub fn wait_more(&self) {
        self.wait_output(Duration::from_millis(50));
    }

    /// Waits for more output on stdout, but no longer than this.
    pub(crate) fn wait_output(&self, timeout: Duration) {
        self.stdout.wait(timeout);
    }

    /// Whether it has not exited yet.
    ///
    /// # Panics
    /// Where the operating system does not say.
    pub fn is_alive(&mut self) -> bool {
        self.child.try_wait().expect("look at the process").is_none()
    }

    /// Waits for it to exit, with all of its output read.
    ///
    /// # Panics
    /// Where it has not exited in time.
    pub fn wait_exit(&mut self, timeout: Duration) -> ExitStatus {
        let timeout = rustix::event::Timespec::try_from(timeout).expect("a reasonable timeout");
        let ready =
            poll(&mut [PollFd::new(&self.pidfd, PollFlags::IN)], Some(&timeout)).expect("wait for the exit");
        assert!(ready > 0, "pid {} did not exit; its log:\n{}", self.pid(), self.logs());
        self.child.wait().expect("collect the exit status")
    }

    /// Waits for it to exit, and gives its code; signals count from 128 as in a shell.
    pub fn exit_code(&mut self) -> i32 {
        let status = self.wait_exit(WAIT_LIMIT);
        status.code().unwrap_or_else(|| 128 + status.signal().expect("a code or a signal"))
    }

    /// SIGTERM.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// SIGSTOP, as Lambda freezes an environment; returns once it has stopped.
    ///
    /// # Panics
    /// Where it cannot be stopped.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
        let id = rustix::process::WaitId::Pid(Pid::from_child(&self.child));
        waitid(id, WaitIdOptions::STOPPED).expect("wait for the process to stop");
    }

    /// SIGCONT.
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    /// Resident memory in bytes.
    ///
    /// # Panics
    /// Where the process has gone.
    pub fn rss(&self) -> u64 {
        self.status("VmRSS:")
    }

    /// The most resident memory that it ever had, in bytes.
    ///
    /// # Panics
    /// Where the process has gone.
    pub fn peak_rss(&self) -> u64 {
        self.status("VmHWM:")
    }

    /// The processor time that it has taken so far, with that of threads that have ended. It is exact to 20 ms.
    ///
    /// # Panics
    /// Where the process has gone.
    pub fn processor_time(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid())).expect("read /proc");
        // The second field is the name in brackets; user and system time are the 14th and 15th, in hundredths of a second.
        let (_, fields) = stat.rsplit_once(')').expect("a name in brackets");
        let ticks =
            fields.split_whitespace().skip(11).take(2).map(|field| field.parse::<u64>().expect("a number"));
        Duration::from_millis(10 * ticks.sum::<u64>())
    }

    /// The number of file descriptors that it has open.
    ///
    /// # Panics
    /// Where the process has gone.
    pub fn open_descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.pid())).expect("read /proc").count()
    }

    fn status(&self, key: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("read /proc");
        let line = status.lines().find_map(|line| line.strip_prefix(key)).expect("a line with that key");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number of kB") * 1024
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("send a signal");
    }
}

impl Drop for Running {
    #[expect(clippy::print_stderr, reason = "shown with the failure of the test")]
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
        if std::thread::panicking() {
            let logs: String = self.logs().chars().take(20_000).collect();
            eprintln!("log of pid {}:\n{logs}", self.pid());
        }
    }
}
