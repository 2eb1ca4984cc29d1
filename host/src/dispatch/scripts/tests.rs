//! Events that need scripts.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::*;
use crate::runtime_api::shutdown::Stop;

const ENGINE: &str = "sha256:11";

struct Stage {
    root: tempfile::TempDir,
    log: Arc<Log>,
    scripts: Arc<Scripts>,
    meter: Meter,
}

impl Stage {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let log = Arc::new(Log::kept());
        let scripts = Scripts::new(root.path().to_owned(), None, Arc::clone(&log));
        Self { root, log, scripts, meter: Meter::new(Duration::MAX) }
    }

    fn write(&self, place: &str, content: &str) {
        let path = self.root.path().join(place);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    async fn get_within(&self, place: &str, time: Duration) -> Read {
        let mut stop = Stop::default();
        let waiting = Waiting::new(Instant::now() + time, &self.meter, &mut stop);
        self.scripts.get(&Path::new(place).into(), &ENGINE.into(), waiting).await
    }

    async fn get(&self, place: &str) -> Read {
        self.get_within(place, Duration::from_secs(30)).await
    }

    /// Occupies all threads until the sender is dropped.
    fn occupy(&self) -> mpsc::Sender<()> {
        let (sender, receiver) = mpsc::channel::<()>();
        let receiver = Arc::new(Mutex::new(receiver));
        for _ in 0..8 {
            let receiver = Arc::clone(&receiver);
            let job: Job = Box::new(move || {
                // It ends when the sender is dropped.
                let _ = receiver.lock().unwrap_or_else(PoisonError::into_inner).recv();
            });
            self.scripts.add(&mut self.scripts.lock(), job).unwrap();
        }
        sender
    }
}

/// Writes a large script and the bytecode of it that a package has, changed by this.
fn write_packaged(stage: &Stage, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
    let place = format!("{name}/index.js");
    stage.write(&place, &name.repeat(SMALLEST));
    let script = script::read(stage.root.path(), &Path::new(&place).into()).unwrap();
    let bytecode = Bytecode { engine: ENGINE.into(), files: vec![Some(vec![7; 10].into())] };
    let mut file = packaged::write(&script, &bytecode);
    change(&mut file);
    let place = stage.root.path().join(packaged::place(ENGINE, &script.digest));
    std::fs::create_dir_all(place.parent().unwrap()).unwrap();
    std::fs::write(place, file).unwrap();
}

impl Stage {
    /// The bytecode of a script after it was read, and whether an event is to compile it.
    async fn bytecode(&self, name: &str) -> (Option<Vec<u8>>, bool) {
        let script = self.get(&format!("{name}/index.js")).await.unwrap();
        let ends = Instant::now() + Duration::from_secs(60);
        let attempt = self.scripts.attempt(&script, &Limits::default(), ends);
        (script.bytecode("index.js").map(|bytes| bytes.to_vec()), attempt.is_some())
    }
}

#[tokio::test]
async fn bytecode_of_the_package_is_used_and_nothing_is_compiled() {
    let stage = Stage::new();
    write_packaged(&stage, "acme", |_| ());
    assert_eq!(stage.bytecode("acme").await, (Some(vec![7; 10]), false));
    stage.write("globex/index.js", &"globex".repeat(SMALLEST));
    assert_eq!(stage.bytecode("globex").await, (None, true), "it has none");
    assert_eq!(stage.log.take(), [""; 0]);
}

#[tokio::test]
async fn bytecode_that_does_not_fit_is_ignored_with_one_record() {
    let stage = Stage::new();
    write_packaged(&stage, "acme", |file| file.truncate(100));
    write_packaged(&stage, "globex", |file| file[60] ^= 1);
    for name in ["acme", "globex"] {
        assert_eq!(stage.bytecode(name).await, (None, true), "{name}");
    }
    let records = stage.log.take();
    assert!(
        records.len() == 1 && records[0].contains("BytecodeIgnored: engines/bytecode/11/"),
        "{records:?}"
    );
    assert!(records[0].contains("it is damaged"), "{records:?}");
}

fn content(script: &Script) -> &[u8] {
    &script.file(&script.entry).unwrap().content
}

#[tokio::test]
async fn a_script_is_read_once_and_a_change_does_not_reach_it() {
    let stage = Stage::new();
    stage.write("acme/index.js", "1");
    assert!(stage.scripts.kept(Path::new("acme/index.js")).is_none());
    let script = stage.get("acme/index.js").await.unwrap();
    stage.write("acme/index.js", "2");
    stage.write("acme/more.js", "");
    let again = stage.get("acme/index.js").await.unwrap();
    assert!(Arc::ptr_eq(&script, &again) && content(&again) == b"1" && again.files().len() == 1);
    assert!(stage.scripts.kept(Path::new("acme/index.js")).is_some());
    assert!(stage.meter.spent() > Duration::ZERO, "the event that needs it is charged for it");
    assert!(stage.scripts.lock().reads.is_empty());
}

#[tokio::test]
async fn events_that_wait_for_one_script_get_the_same_copy() {
    let stage = Stage::new();
    stage.write("acme/index.js", "1");
    stage.write("globex/index.js", "2");
    let occupied = stage.occupy();
    let (one, other, globex, ()) = tokio::join!(
        stage.get("acme/index.js"),
        stage.get("acme/index.js"),
        stage.get("globex/index.js"),
        async {
            assert_eq!(stage.scripts.lock().reads.len(), 2);
            drop(occupied);
        }
    );
    assert!(Arc::ptr_eq(&one.unwrap(), &other.unwrap()));
    assert_eq!(content(&globex.unwrap()), b"2");
}

#[tokio::test]
async fn a_script_that_is_not_there_is_looked_for_again() {
    let stage = Stage::new();
    let error = stage.get("acme/index.js").await.unwrap_err().to_string();
    assert!(error.starts_with("`acme` cannot be read: No such file"), "{error}");
    stage.write("acme/index.js", "1");
    assert!(stage.get("acme/index.js").await.is_ok());
}

#[tokio::test]
async fn an_event_waits_no_longer_than_its_time_and_then_nothing_is_read() {
    let stage = Stage::new();
    stage.write("acme/index.js", "1");
    let occupied = stage.occupy();
    let late = stage.get_within("acme/index.js", Duration::from_millis(5)).await;
    assert!(matches!(late, Err(ScriptError::Late)), "{late:?}");
    drop(occupied);
    let until = Instant::now() + Duration::from_secs(30);
    while !stage.scripts.lock().reads.is_empty() {
        assert!(Instant::now() < until, "it still waits");
        thread::yield_now();
    }
    assert!(stage.scripts.kept(Path::new("acme/index.js")).is_none());
    assert!(stage.get("acme/index.js").await.is_ok());
}
