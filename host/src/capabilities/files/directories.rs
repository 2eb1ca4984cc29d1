//! The grant `files`: directories of the task root that a guest may read.
//!
//! They are checked once, at init, and [`opened`] keeps them open, so that an event costs no system call. If they are more
//! than can stay open, they are opened again for a sandbox, and only if each is the directory that it was at init. So a
//! directory that is replaced later is never followed. Wasmtime resolves a guest's paths beneath them, and rejects every
//! change.

mod opened;

use std::collections::BTreeSet;
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{Mode, OFlags, Stat, fstat};
use wasmtime_wasi::filesystem::WasiFilesystemCtx;
use wasmtime_wasi::{FsPerms, WasiCtx};

pub use opened::Granted;

use crate::text::printable::Shown as _;

/// Open directories that every sandbox of one policy may read.
#[derive(Clone, Default)]
pub struct Directories(WasiFilesystemCtx);

impl std::fmt::Debug for Directories {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Directories").finish_non_exhaustive()
    }
}

/// A directory of a grant cannot be granted.
#[derive(Debug, thiserror::Error)]
#[error("{place}: {error}")]
pub struct GrantError {
    /// The line and the key of the grant.
    place: String,
    error: FilesError,
}

/// A directory that cannot be granted.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// It cannot be opened.
    #[error("`{}` cannot be read: {error}; add it to the package, or remove it from the grant", path.shown())]
    Open {
        /// As written in the grant.
        path: PathBuf,
        /// The error of the operating system.
        error: io::Error,
    },
    /// It is another directory than at init.
    #[error("`{}` was replaced after the function had started; only what was there then is granted", path.shown())]
    Replaced {
        /// As written in the grant.
        path: PathBuf,
    },
    /// It is not a directory.
    #[error("`{}` is not a directory; grant the directory that contains it", path.shown())]
    NotADirectory {
        /// As written in the grant.
        path: PathBuf,
    },
    /// It lies outside of the task root, possibly by way of a link.
    #[error("`{}` is not inside the task root; only directories below it can be granted", path.shown())]
    Outside {
        /// As written in the grant.
        path: PathBuf,
    },
    /// It is the whole task root.
    #[error(
        "`{}` is the task root itself, which contains bulkhead.toml and every handler; grant a \
         directory below it",
        path.shown()
    )]
    TaskRoot {
        /// As written in the grant.
        path: PathBuf,
    },
    /// Its name cannot be given to a guest.
    #[error("`{}` has a name that is not UTF-8; rename it", path.shown())]
    Name {
        /// As written in the grant.
        path: PathBuf,
    },
    /// A guest would see it in place of its `/tmp`.
    #[error("`{}` would hide the handler's own /tmp; rename it", path.shown())]
    Tmp {
        /// As written in the grant.
        path: PathBuf,
    },
}

/// Checks whether a directory can be granted. `path` is relative to the task root.
///
/// # Errors
/// When it is not there, no directory, or not inside the task root.
pub fn check(task_root: &Path, path: &Path) -> Result<(), FilesError> {
    locate(task_root, path)?;
    guest_path(path).map(drop)
}

impl Directories {
    /// Opens the directories that a policy grants. `paths` are relative to the task root.
    ///
    /// # Errors
    /// If one cannot be granted according to [`check`], or cannot be opened.
    pub fn open(task_root: &Path, paths: &BTreeSet<PathBuf>) -> Result<Self, FilesError> {
        let located: Result<Vec<_>, _> = paths.iter().map(|path| Located::find(task_root, path)).collect();
        Self::reopen(&located?)
    }

    /// Opens directories that were found before.
    ///
    /// # Errors
    /// If one cannot be opened, or is another one now.
    fn reopen(all: &[Located]) -> Result<Self, FilesError> {
        let mut builder = WasiCtx::builder();
        // This is set before the directories, which copy the setting: files are read on the thread that runs
        // the guest.
        builder.allow_blocking_current_thread(true);
        for located in all {
            let Located { path, guest, .. } = located;
            let directory = located.open()?;
            // Wasmtime opens a directory by its path; this is the path of what was compared.
            let same = format!("/proc/self/fd/{}", directory.as_raw_fd());
            builder
                .preopened_dir(same, guest, FsPerms::ReadOnly)
                .map_err(|error| open_error(path, io::Error::other(error)))?;
        }
        Ok(Self(builder.build().filesystem().clone()))
    }

    /// Grants them to a sandbox, in place of earlier ones.
    pub fn grant(&self, wasi: &mut WasiCtx) {
        wasi.filesystem().clone_from(&self.0);
    }
}

/// A directory that can be granted, as it was at init.
#[derive(Debug)]
struct Located {
    /// As written in the grant.
    path: PathBuf,
    /// Its real path.
    host: PathBuf,
    /// Its path for the guest.
    guest: String,
    /// Which directory it is: its device and its number there.
    device: u64,
    number: u64,
}

impl Located {
    fn find(task_root: &Path, path: &Path) -> Result<Self, FilesError> {
        let host = locate(task_root, path)?;
        let guest = guest_path(path)?;
        let stat = rustix::fs::stat(&host).map_err(|error| open_error(path, error.into()))?;
        let Stat { st_dev, st_ino, .. } = stat;
        Ok(Self { path: path.to_owned(), host, guest, device: st_dev, number: st_ino })
    }

    /// Opens it, if it is still the same directory.
    fn open(&self) -> Result<OwnedFd, FilesError> {
        let Self { path, host, .. } = self;
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let error = |error: rustix::io::Errno| open_error(path, error.into());
        let directory = rustix::fs::open(host, flags, Mode::empty()).map_err(error)?;
        let stat = fstat(&directory).map_err(error)?;
        match (stat.st_dev, stat.st_ino) == (self.device, self.number) {
            true => Ok(directory),
            false => Err(FilesError::Replaced { path: path.clone() }),
        }
    }
}

/// The real path of a granted directory.
fn locate(task_root: &Path, path: &Path) -> Result<PathBuf, FilesError> {
    let outside = || FilesError::Outside { path: path.to_owned() };
    let names = |component| matches!(component, Component::Normal(_) | Component::CurDir);
    if !path.components().all(names) {
        return Err(outside());
    }
    let root = task_root.canonicalize().map_err(|error| open_error(path, error))?;
    let found = root.join(path).canonicalize().map_err(|error| open_error(path, error))?;
    if !found.starts_with(&root) {
        return Err(outside());
    }
    if found == root {
        return Err(FilesError::TaskRoot { path: path.to_owned() });
    }
    if !found.is_dir() {
        return Err(FilesError::NotADirectory { path: path.to_owned() });
    }
    Ok(found)
}

/// The path for the guest: the granted path, from `/` on.
fn guest_path(path: &Path) -> Result<String, FilesError> {
    let mut guest = String::new();
    for component in path.components().filter(|component| *component != Component::CurDir) {
        let name = component.as_os_str().to_str();
        let name = name.ok_or_else(|| FilesError::Name { path: path.to_owned() })?;
        guest.push('/');
        guest.push_str(name);
    }
    match guest.as_str() {
        "" => Err(FilesError::TaskRoot { path: path.to_owned() }),
        super::TMP => Err(FilesError::Tmp { path: path.to_owned() }),
        guest if guest.starts_with("/tmp/") => Err(FilesError::Tmp { path: path.to_owned() }),
        _ => Ok(guest),
    }
}

fn open_error(path: &Path, error: io::Error) -> FilesError {
    FilesError::Open { path: path.to_owned(), error }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("data/x")).unwrap();
        std::fs::write(root.path().join("file"), "").unwrap();
        root
    }

    fn open(root: &Path, path: &str) -> Result<Directories, FilesError> {
        Directories::open(root, &BTreeSet::from([path.into()]))
    }

    #[test]
    fn directories_of_the_task_root_can_be_granted() {
        let root = root();
        for path in ["data", "data/x", "./data/"] {
            assert!(open(root.path(), path).is_ok(), "{path}");
            assert!(check(root.path(), Path::new(path)).is_ok(), "{path}");
        }
        assert_eq!(guest_path(Path::new("./data//x/")).unwrap(), "/data/x");
    }

    #[test]
    fn what_is_no_directory_of_it_is_refused() {
        let root = root();
        let outside = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(outside.path(), root.path().join("out")).unwrap();
        std::os::unix::fs::symlink("data", root.path().join("in")).unwrap();
        assert!(open(root.path(), "in").is_ok());
        for path in ["out", "..", "data/..", "/", "/etc", "data/../../x"] {
            assert!(matches!(open(root.path(), path), Err(FilesError::Outside { .. })), "{path}");
        }
        std::os::unix::fs::symlink(".", root.path().join("self")).unwrap();
        for path in ["", ".", "self", "data/."] {
            let refused = matches!(check(root.path(), Path::new(path)), Err(FilesError::TaskRoot { .. }));
            assert_eq!(refused, path != "data/.", "{path}");
        }
        assert!(matches!(open(root.path(), "file"), Err(FilesError::NotADirectory { .. })));
        let error = open(root.path(), "none").unwrap_err().to_string();
        assert!(error.starts_with("`none` cannot be read: No such file"), "{error}");
    }

    #[test]
    fn nothing_is_granted_in_the_place_of_tmp() {
        let root = root();
        std::fs::create_dir_all(root.path().join("tmp/x")).unwrap();
        std::fs::create_dir(root.path().join("tmpl")).unwrap();
        assert!(matches!(open(root.path(), "tmp"), Err(FilesError::Tmp { .. })));
        assert!(matches!(open(root.path(), "./tmp/x"), Err(FilesError::Tmp { .. })));
        assert!(open(root.path(), "tmpl").is_ok());
    }
}
