//! The granted directories of all policies, and those of them that are open.
//!
//! A process in Lambda has 1024 file descriptors, and a function may have thousands of tenants with directories of their
//! own. So only some stay open: those that were used last.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use wasmtime_wasi::WasiCtx;

use super::{Directories, FilesError, GrantError, Located};
use crate::policy::manifest::{MOST_DIRECTORIES, place_of};
use crate::policy::{Grants, Policy};

/// The directories that stay open without a sandbox that uses them.
const KEPT_OPEN: usize = 256;

const _: () = assert!(MOST_DIRECTORIES <= KEPT_OPEN, "those of one policy stay open together");

/// The directories of all policies. Policies that grant the same directories share them.
#[derive(Debug, Default)]
pub struct Granted {
    sets: HashMap<BTreeSet<PathBuf>, Set>,
    open: Mutex<Open>,
}

/// The directories of one policy, and their number among those that are open.
#[derive(Debug)]
struct Set {
    index: usize,
    directories: Vec<Located>,
}

/// The sets of directories that are open.
#[derive(Debug, Default)]
struct Open {
    sets: HashMap<usize, Kept>,
    /// The directories in them.
    count: usize,
    /// Counts uses.
    uses: u64,
}

#[derive(Debug)]
struct Kept {
    directories: Directories,
    count: usize,
    used: u64,
}

impl Granted {
    /// Finds the directories that these policies grant, and opens them, up to a number.
    ///
    /// # Errors
    /// When a directory cannot be granted.
    pub fn open<'a>(
        task_root: &Path,
        policies: impl Iterator<Item = &'a Policy>,
    ) -> Result<Self, GrantError> {
        let mut granted = Self::default();
        for Policy { table, grants, .. } in policies {
            if !grants.files.is_empty() && !granted.sets.contains_key(&grants.files) {
                granted
                    .add(task_root, &grants.files)
                    .map_err(|error| GrantError { place: place_of(task_root, table, "files"), error })?;
            }
        }
        Ok(granted)
    }

    fn add(&mut self, task_root: &Path, paths: &BTreeSet<PathBuf>) -> Result<(), FilesError> {
        let directories: Result<Vec<_>, _> =
            paths.iter().map(|path| Located::find(task_root, path)).collect();
        let set = Set { index: self.sets.len(), directories: directories? };
        let open = self.open.get_mut().unwrap_or_else(PoisonError::into_inner);
        if open.count + set.directories.len() <= KEPT_OPEN {
            open.keep(&set, Directories::reopen(&set.directories)?);
        }
        self.sets.insert(paths.clone(), set);
        Ok(())
    }

    /// Gives a sandbox the directories of its policy.
    ///
    /// # Errors
    /// When they cannot be opened again.
    pub fn grant(&self, grants: &Grants, wasi: &mut WasiCtx) -> Result<(), FilesError> {
        let Some(set) = self.sets.get(&grants.files) else { return Ok(()) };
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(directories) = open.get(set) {
            directories.grant(wasi);
            return Ok(());
        }
        // Before that, so that there are never more.
        open.make_room(set.directories.len());
        let directories = Directories::reopen(&set.directories)?;
        directories.grant(wasi);
        open.keep(set, directories);
        Ok(())
    }
}

impl Open {
    fn get(&mut self, set: &Set) -> Option<&Directories> {
        self.uses += 1;
        let kept = self.sets.get_mut(&set.index)?;
        kept.used = self.uses;
        Some(&kept.directories)
    }

    fn keep(&mut self, set: &Set, directories: Directories) {
        let count = set.directories.len();
        self.count += count;
        self.sets.insert(set.index, Kept { directories, count, used: self.uses });
    }

    /// Closes those that were not used for the longest time. What a sandbox uses stays open as long as the sandbox.
    fn make_room(&mut self, more: usize) {
        while self.count + more > KEPT_OPEN {
            let oldest = self.sets.iter().min_by_key(|(_, kept)| kept.used).map(|(index, _)| *index);
            let Some(kept) = oldest.and_then(|index| self.sets.remove(&index)) else { return };
            self.count -= kept.count;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    struct Stage {
        root: tempfile::TempDir,
        policies: Vec<Policy>,
    }

    impl Stage {
        /// So many policies with a directory each.
        fn of(count: usize) -> Self {
            let root = tempfile::tempdir().unwrap();
            let policy = |number: usize| {
                let path = PathBuf::from(format!("data/{number}"));
                fs::create_dir_all(root.path().join(&path)).unwrap();
                let mut policy = Policy::default_for("hello");
                policy.grants.files.insert(path);
                policy
            };
            let policies = (0..count).map(policy).collect();
            Self { root, policies }
        }

        fn open(&self) -> Granted {
            Granted::open(self.root.path(), self.policies.iter()).unwrap()
        }

        fn grant(&self, granted: &Granted, number: usize) -> Result<(), FilesError> {
            granted.grant(&self.policies[number].grants, &mut WasiCtx::builder().build())
        }

        fn replace(&self, number: usize) {
            let path = self.root.path().join(format!("data/{number}"));
            // The number of the old directory stays in use.
            fs::rename(&path, self.root.path().join(format!("data/{number}.old"))).unwrap();
            fs::create_dir(&path).unwrap();
        }
    }

    fn kept(granted: &Granted) -> usize {
        let open = granted.open.lock().unwrap();
        assert_eq!(open.count, open.sets.values().map(|kept| kept.count).sum::<usize>());
        open.count
    }

    #[test]
    fn more_directories_than_can_stay_open_are_granted_all_the_same() {
        let stage = Stage::of(KEPT_OPEN + 100);
        let granted = stage.open();
        for number in (0..KEPT_OPEN + 100).chain(0..10) {
            stage.grant(&granted, number).unwrap();
            assert_eq!(kept(&granted), KEPT_OPEN);
        }
        assert!(granted.open.lock().unwrap().sets.contains_key(&9), "it was used last");
    }

    #[test]
    fn there_is_room_before_a_directory_is_opened_again() {
        let stage = Stage::of(KEPT_OPEN + 1);
        let granted = stage.open();
        fs::remove_dir(stage.root.path().join(format!("data/{KEPT_OPEN}"))).unwrap();
        assert!(matches!(stage.grant(&granted, KEPT_OPEN), Err(FilesError::Open { .. })));
        assert_eq!(kept(&granted), KEPT_OPEN - 1, "one was closed before the other could not be opened");
        stage.grant(&granted, 1).unwrap();
    }

    #[test]
    fn a_directory_that_is_replaced_is_not_followed() {
        let stage = Stage::of(KEPT_OPEN + 2);
        let granted = stage.open();
        // One that is open stays what it was; another one is refused.
        stage.replace(0);
        stage.grant(&granted, 0).unwrap();
        let last = KEPT_OPEN + 1;
        stage.replace(last);
        let error = stage.grant(&granted, last).unwrap_err();
        assert!(matches!(error, FilesError::Replaced { .. }), "{error}");
        let gone = KEPT_OPEN;
        let path = stage.root.path().join(format!("data/{gone}"));
        fs::remove_dir(&path).unwrap();
        std::os::unix::fs::symlink("/etc", &path).unwrap();
        let error = stage.grant(&granted, gone).unwrap_err();
        assert!(matches!(error, FilesError::Open { .. }), "{error}");
    }

    #[test]
    fn policies_that_grant_the_same_directories_share_them() {
        let mut stage = Stage::of(1);
        stage.policies =
            vec![stage.policies[0].clone(), stage.policies[0].clone(), Policy::default_for("none")];
        let granted = stage.open();
        assert_eq!((granted.sets.len(), kept(&granted)), (1, 1));
        stage.grant(&granted, 2).unwrap();
    }
}
