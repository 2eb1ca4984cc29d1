//! Counts what is read of a store in a directory, from what the kernel reports of its folders (inotify).
//!
//! A file that is opened and not read was only looked at: its record is the one that is known.

use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use rustix::fs::inotify::{CreateFlags, ReadFlags, Reader, WatchFlags, add_watch, init};
use rustix::io::Errno;

use super::Requests;

/// Watches a store.
#[derive(Debug)]
pub struct Opens {
    watch: OwnedFd,
    tenants: i32,
    native: i32,
    opened: Requests,
}

impl Opens {
    /// Watches the store in this directory.
    ///
    /// # Errors
    /// If the kernel does not report what is opened.
    pub fn of(root: &Path) -> Result<Self> {
        let watch = init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).context("starting inotify")?;
        // Without the ends, the kernel reports two openings in a row as one.
        let flags = WatchFlags::OPEN | WatchFlags::ACCESS | WatchFlags::CLOSE_NOWRITE;
        let folder = |name: &str| add_watch(&watch, root.join(name), flags).context("watching the store");
        let (tenants, native) = (folder("tenants")?, folder("native")?);
        Ok(Self { watch, tenants, native, opened: Requests::default() })
    }

    /// What was read so far. The kernel keeps some thousand reports, so this has to be asked often.
    ///
    /// # Errors
    /// If it was asked too rarely.
    pub fn requests(&mut self) -> Result<Requests> {
        let mut buffer = [MaybeUninit::uninit(); 64 * 1024];
        let mut reader = Reader::new(&self.watch, &mut buffer);
        loop {
            let (folder, flags, is_file) = match reader.next() {
                Ok(event) => (event.wd(), event.events(), event.file_name().is_some()),
                Err(Errno::AGAIN) => return Ok(self.opened),
                Err(error) => return Err(error).context("reading what inotify reports"),
            };
            ensure!(!flags.contains(ReadFlags::QUEUE_OVERFLOW), "the kernel has lost reports of the store");
            if !is_file {
                continue;
            }
            let (is_opened, is_read) = (flags.contains(ReadFlags::OPEN), flags.contains(ReadFlags::ACCESS));
            if folder == self.native {
                self.opened.codes += u64::from(is_opened);
            } else if folder == self.tenants && is_opened {
                self.opened.unchanged += 1;
            } else if folder == self.tenants && is_read {
                self.opened.records += 1;
                self.opened.unchanged = self.opened.unchanged.saturating_sub(1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};

    use super::*;

    #[test]
    fn what_is_read_looked_at_and_fetched_is_told_apart() {
        let root = tempfile::tempdir().unwrap();
        for name in ["tenants", "native"] {
            fs::create_dir(root.path().join(name)).unwrap();
        }
        let [record, code] = ["tenants/a.json", "native/b.cwasm"].map(|name| root.path().join(name));
        fs::write(&record, "record").unwrap();
        fs::write(&code, "code").unwrap();
        let mut opens = Opens::of(root.path()).unwrap();
        assert_eq!(opens.requests().unwrap(), Requests::default());
        fs::read(&record).unwrap();
        for _ in 0..3 {
            drop(File::open(&record).unwrap());
        }
        fs::read(&code).unwrap();
        // The folder itself is not a file of the store.
        fs::read_dir(root.path().join("tenants")).unwrap().for_each(drop);
        let expected = Requests { records: 1, unchanged: 3, codes: 1, others: 0 };
        assert_eq!(opens.requests().unwrap(), expected);
        fs::read(&record).unwrap();
        assert_eq!(opens.requests().unwrap(), Requests { records: 2, ..expected });
        assert!(Opens::of(Path::new("/nonexistent")).is_err());
    }
}
