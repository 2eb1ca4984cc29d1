//! The output of a child process, passed on line by line.

use std::os::fd::AsFd;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

/// Where a line was printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Line {
    /// Stdout: the log, with the receipts.
    Stdout,
    /// Stderr: anything that a bootstrap prints there is a fault.
    Stderr,
}

/// A longer line is passed on in pieces: a program may print a line without end.
const LONGEST: usize = 8 * 1024 * 1024;

/// Receives each line, without its end.
pub(crate) type Sink = Arc<dyn Fn(Line, &str) + Send + Sync>;

/// A pipe, read by a task of its own.
#[derive(Debug)]
pub(super) struct Pipe {
    read: JoinHandle<()>,
    asked: mpsc::Sender<oneshot::Sender<()>>,
}

/// Waits until everything that the child has printed so far has reached the sink.
#[derive(Debug, Clone)]
pub(crate) struct Drain(Vec<mpsc::Sender<oneshot::Sender<()>>>);

impl Drain {
    pub(super) fn of(pipes: &[Pipe]) -> Self {
        Self(pipes.iter().map(|pipe| pipe.asked.clone()).collect())
    }

    pub(crate) async fn drain(&self) {
        for asked in &self.0 {
            let (done, drained) = oneshot::channel();
            // The pipe is closed, so everything has been read.
            if asked.send(done).await.is_ok() {
                let _ = drained.await;
            }
        }
    }
}

impl Pipe {
    pub(super) fn read(
        pipe: impl AsyncRead + AsFd + Unpin + Send + 'static,
        line: Line,
        sink: &Sink,
    ) -> Self {
        let (asked, asking) = mpsc::channel(1);
        let lines = Lines { line, sink: Arc::clone(sink), rest: Vec::new() };
        Self { read: tokio::spawn(read(pipe, lines, asking)), asked }
    }

    /// Waits for its end.
    pub(super) async fn end(self) {
        let _ = self.read.await;
    }
}

async fn read(
    mut pipe: impl AsyncRead + AsFd + Unpin,
    mut lines: Lines,
    mut asking: mpsc::Receiver<oneshot::Sender<()>>,
) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        tokio::select! {
            biased;
            // Data that was read before an error is worth showing.
            read = pipe.read(&mut buffer) => match read {
                Ok(count @ 1..) => lines.add(buffer.get(..count).unwrap_or_default()),
                Ok(0) | Err(_) => break,
            },
            Some(done) = asking.recv() => {
                while let Ok(1..) = rustix::io::ioctl_fionread(&pipe) {
                    let Ok(count @ 1..) = pipe.read(&mut buffer).await else { break };
                    lines.add(buffer.get(..count).unwrap_or_default());
                }
                let _ = done.send(());
            }
        }
    }
    lines.end();
}

/// Cuts a stream of bytes into lines.
struct Lines {
    line: Line,
    sink: Sink,
    rest: Vec<u8>,
}

impl Lines {
    fn add(&mut self, bytes: &[u8]) {
        let mut pieces = bytes.split(|byte| *byte == b'\n');
        // The bytes after the last line end are not a line yet.
        let last = pieces.next_back().unwrap_or_default();
        for piece in pieces {
            self.rest.extend_from_slice(piece);
            let line = std::mem::take(&mut self.rest);
            self.tell(&line);
        }
        self.rest.extend_from_slice(last);
        if self.rest.len() > LONGEST {
            self.end();
        }
    }

    fn end(&mut self) {
        let rest = std::mem::take(&mut self.rest);
        if !rest.is_empty() {
            self.tell(&rest);
        }
    }

    fn tell(&self, line: &[u8]) {
        (self.sink)(self.line, &String::from_utf8_lossy(line));
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Mutex;

    use super::*;

    /// A sink, and the lines that it received.
    pub(in super::super) fn told() -> (Arc<Mutex<Vec<String>>>, Sink) {
        let told = Arc::new(Mutex::new(Vec::new()));
        let telling = Arc::clone(&told);
        (told, Arc::new(move |_, line: &str| telling.lock().unwrap().push(line.to_owned())))
    }

    #[test]
    fn a_line_comes_in_any_pieces_and_one_without_an_end_is_not_kept_for_ever() {
        let (told, sink) = told();
        let mut lines = Lines { line: Line::Stdout, sink, rest: Vec::new() };
        for piece in ["one\n\ntw", "o\nthr", "", "ee"] {
            lines.add(piece.as_bytes());
        }
        lines.end();
        assert_eq!(*told.lock().unwrap(), ["one", "", "two", "three"]);
        lines.add(&vec![b'x'; LONGEST + 1]);
        assert_eq!((told.lock().unwrap().last().unwrap().len(), lines.rest.len()), (LONGEST + 1, 0));
    }

    #[tokio::test]
    async fn lines_are_told_as_they_come_and_whole() {
        let (told, sink) = told();
        let mut child = tokio::process::Command::new("/bin/sh")
            .args(["-c", "printf 'one\\ntw'; read line; printf 'o\\nthree'"])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let pipe = Pipe::read(child.stdout.take().unwrap(), Line::Stdout, &sink);
        while told.lock().unwrap().is_empty() {
            Drain::of(std::slice::from_ref(&pipe)).drain().await;
        }
        assert_eq!(*told.lock().unwrap(), ["one"]);
        drop(child.stdin.take());
        pipe.end().await;
        assert_eq!(*told.lock().unwrap(), ["one", "two", "three"]);
    }
}
