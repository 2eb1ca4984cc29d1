//! A file is replaced and removed only if it is the one that is known, and links are not followed.

use std::os::unix::fs::{MetadataExt as _, symlink};
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use bulkhead_host::store::Digest;

use super::*;

fn folder() -> (tempfile::TempDir, Folder) {
    let directory = tempfile::tempdir().unwrap();
    let folder = Folder::new(directory.path().to_owned());
    (directory, folder)
}

#[test]
fn a_file_is_replaced_only_if_it_is_the_one_that_is_known() {
    let (_directory, folder) = folder();
    let key = Key::record("acme");
    assert!(!folder.replace(&key, b"1", Some(b"0")).unwrap(), "there is none yet");
    assert!(folder.replace(&key, b"1", None).unwrap());
    assert!(!folder.replace(&key, b"2", None).unwrap(), "there is one");
    assert!(!folder.replace(&key, b"2", Some(b"0")).unwrap());
    assert!(!folder.replace(&key, b"2", Some(b"")).unwrap());
    assert_eq!(folder.read(&key, 9).unwrap().as_deref(), Some(&b"1"[..]));
    assert!(folder.replace(&key, b"2", Some(b"1")).unwrap());
    assert_eq!(folder.read(&key, 9).unwrap().as_deref(), Some(&b"2"[..]));
    assert!(!folder.create(&key, b"3").unwrap());
    assert!(folder.create(&Key::earlier("acme", 1), b"3").unwrap());
    // Nothing is left of those that were not written.
    assert_eq!(folder.list("tenants").unwrap().len(), 1);
    assert_eq!(folder.list("history").unwrap().len(), 1);
}

#[test]
fn of_many_writers_at_once_one_replaces_a_file() {
    let (_directory, folder) = folder();
    let key = Key::record("acme");
    let barrier = Barrier::new(8);
    let replaced = thread::scope(|scope| {
        let writers: Vec<_> = (0..8_u8)
            .map(|number| {
                let (folder, key, barrier) = (&folder, &key, &barrier);
                scope.spawn(move || {
                    barrier.wait();
                    folder.replace(key, &[number], None).unwrap()
                })
            })
            .collect();
        writers.into_iter().map(|writer| writer.join().unwrap()).filter(|is| *is).count()
    });
    assert_eq!(replaced, 1);
}

#[test]
fn what_is_not_whole_is_replaced_and_a_link_is_not_followed() {
    let (directory, folder) = folder();
    let key = Key::component(&Digest::of(b"content"));
    folder.write(&key, b"content").unwrap();
    let path = directory.path().join(key.as_str());
    let inode = path.metadata().unwrap().ino();
    folder.write(&key, b"content").unwrap();
    assert_eq!(path.metadata().unwrap().ino(), inode, "it is there");
    fs::write(&path, b"cont").unwrap();
    folder.write(&key, b"content").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"content");
    let elsewhere = directory.path().join("elsewhere");
    fs::write(&elsewhere, b"mine").unwrap();
    fs::remove_file(&path).unwrap();
    symlink(&elsewhere, &path).unwrap();
    folder.write(&key, b"content").unwrap();
    assert!(!path.is_symlink() && fs::read(&elsewhere).unwrap() == b"mine");
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o644);
}

#[test]
fn a_folder_that_is_a_link_is_neither_listed_nor_written_nor_emptied() {
    let (directory, folder) = folder();
    let elsewhere = tempfile::tempdir().unwrap();
    let key = Key::component(&Digest::of(b"content"));
    let (parts, name) = key.parts();
    let mine = elsewhere.path().join(name);
    fs::write(&mine, b"mine").unwrap();
    symlink(elsewhere.path(), directory.path().join(parts[0])).unwrap();
    let told = [
        folder.list(parts[0]).map(drop),
        folder.write(&key, b"content"),
        folder.create(&key, b"content").map(drop),
        folder.replace(&key, b"content", None).map(drop),
        folder.remove_unchanged(&key, b"mine").map(drop),
        folder.remove_older(&key, SystemTime::now()).map(drop),
    ];
    for result in told {
        let told = format!("{:#}", result.unwrap_err());
        assert!(told.contains("is a link") || told.contains("symbolic link"), "{told}");
    }
    assert_eq!(fs::read(&mine).unwrap(), b"mine");
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 1);
}

/// Makes a file older than it is.
fn age(path: &Path, by: Duration) {
    let file = File::open(path).unwrap();
    file.set_modified(SystemTime::now() - by).unwrap();
}

#[test]
fn a_file_that_is_used_again_is_as_new_as_one_that_was_written() {
    let (directory, folder) = folder();
    let key = Key::component(&Digest::of(b"content"));
    folder.write(&key, b"content").unwrap();
    let hour = Duration::from_secs(3600);
    age(&directory.path().join(key.as_str()), 2 * hour);
    let hour_ago = SystemTime::now() - hour;
    let [found] = &folder.list("components").unwrap()[..] else { panic!("one file") };
    assert!(found.written < hour_ago && found.bytes == 7);
    folder.write(&key, b"content").unwrap();
    assert!(!folder.remove_older(&key, hour_ago).unwrap(), "it was written since");
    age(&directory.path().join(key.as_str()), 2 * hour);
    assert!(folder.remove_older(&key, hour_ago).unwrap());
    assert!(!folder.remove_older(&key, hour_ago).unwrap(), "it is gone");
}

#[test]
fn a_file_is_removed_only_if_it_is_the_one_that_is_known() {
    let (directory, folder) = folder();
    let [one, two] = [1, 2].map(|version| Key::earlier("acme", version));
    folder.create(&one, b"1").unwrap();
    folder.create(&two, b"2").unwrap();
    assert_eq!(folder.list("history").unwrap().len(), 2, "files of folders are listed");
    assert!(!folder.remove_unchanged(&one, b"0").unwrap() && !folder.remove_unchanged(&one, b"").unwrap());
    assert!(folder.remove_unchanged(&one, b"1").unwrap() && !folder.remove_unchanged(&one, b"1").unwrap());
    let history = directory.path().join("history");
    assert_eq!(fs::read_dir(&history).unwrap().count(), 1);
    assert!(folder.remove_unchanged(&two, b"2").unwrap());
    assert_eq!(fs::read_dir(&history).unwrap().count(), 0, "an empty folder goes with its last file");
    assert!(folder.create(&two, b"2").unwrap());
}
