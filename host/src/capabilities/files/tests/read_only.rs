//! The directories of the task root: what can be read, and that nothing can be changed.

use types::NewTimestamp;

use super::*;

async fn open(view: &mut FilesView<'_>, assets: &Fd, path: &str) -> Result<Fd, ErrorCode> {
    code(view.open_at(same(assets), FOLLOW, path.into(), existing(), READ).await)
}

#[tokio::test]
async fn they_can_be_read() {
    let mut sandbox = Sandbox::new(0x1000);
    let (assets, _) = sandbox.directories();
    let mut view = sandbox.view();
    for path in ["a.txt", "in", "sub/../a.txt"] {
        let file = open(&mut view, &assets, path).await.unwrap();
        assert_eq!(view.read(file, 100, 1).await.unwrap().0, b"ello", "{path}");
    }
    assert_eq!(view.stat_at(assets, FOLLOW, "a.txt".into()).await.unwrap().size, 5);
}

#[tokio::test]
async fn no_path_leads_out_of_them() {
    let mut sandbox = Sandbox::new(0x1000);
    let absolute = sandbox.task_root.path().join("secret").to_str().unwrap().to_owned();
    let (assets, _) = sandbox.directories();
    let mut view = sandbox.view();
    for path in ["out", "out/", "../secret", "sub/../../secret", "..", "/", "/etc/passwd", &absolute] {
        let refused = open(&mut view, &assets, path).await.map(drop);
        assert!(refused.is_err(), "{path}");
        assert!(view.stat_at(same(&assets), FOLLOW, path.into()).await.is_err(), "{path}");
    }
    let sub = open(&mut view, &assets, "sub").await.unwrap();
    assert_eq!(open(&mut view, &sub, "../a.txt").await.map(drop), Err(ErrorCode::NotPermitted));
}

#[tokio::test]
async fn nothing_is_opened_to_be_changed() {
    let mut sandbox = Sandbox::new(0x1000);
    let (assets, _) = sandbox.directories();
    let mut view = sandbox.view();
    let sub = open(&mut view, &assets, "sub").await.unwrap();
    let flags = [
        (OpenFlags::CREATE, READ),
        (OpenFlags::CREATE | OpenFlags::EXCLUSIVE, READ),
        (OpenFlags::TRUNCATE, READ),
        (OpenFlags::TRUNCATE, DescriptorFlags::empty()),
        (existing(), WRITE),
        (existing(), READ | WRITE),
        (OpenFlags::CREATE | OpenFlags::TRUNCATE, WRITE),
    ];
    for (how, flags) in flags {
        for (fd, path) in
            [(&assets, "a.txt"), (&assets, "a.txt/"), (&assets, "in"), (&assets, "new"), (&sub, "b.txt")]
        {
            let opened = view.open_at(same(fd), FOLLOW, path.into(), how, flags).await.map(drop);
            assert_eq!(code(opened), Err(ErrorCode::NotPermitted), "{path} {how:?} {flags:?}");
        }
    }
    // To ask for the right to change a directory is not refused, but of no use.
    let mutable = READ | DescriptorFlags::MUTATE_DIRECTORY;
    let sub = view.open_at(same(&assets), FOLLOW, "sub".into(), existing(), mutable).await.unwrap();
    assert!(!view.get_flags(same(&sub)).await.unwrap().contains(DescriptorFlags::MUTATE_DIRECTORY));
    assert_eq!(code(view.unlink_file_at(sub, "b.txt".into()).await), Err(ErrorCode::NotPermitted));
    unchanged(&sandbox);
}

#[tokio::test]
async fn nothing_is_changed_by_path() {
    let mut sandbox = Sandbox::new(0x1000);
    let (assets, _) = sandbox.directories();
    let mut view = sandbox.view();
    for path in ["a.txt", "a.txt/", "sub", "sub/", "new", "new/", "in", "out", "sub/b.txt", "../secret"] {
        let (fd, path) = (|| same(&assets), || path.to_owned());
        let results = [
            view.create_directory_at(fd(), path()).await,
            view.unlink_file_at(fd(), path()).await,
            view.remove_directory_at(fd(), path()).await,
            view.rename_at(fd(), path(), fd(), "renamed".into()).await,
            view.rename_at(fd(), "a.txt".into(), fd(), path()).await,
            view.symlink_at(fd(), "a.txt".into(), path()).await,
            view.link_at(fd(), PathFlags::empty(), path(), fd(), "linked".into()).await,
            view.link_at(fd(), PathFlags::empty(), "a.txt".into(), fd(), path()).await,
            view.set_times_at(fd(), FOLLOW, path(), NewTimestamp::Now, NewTimestamp::Now).await,
            view.set_times_at(fd(), PathFlags::empty(), path(), NewTimestamp::Now, NewTimestamp::Now).await,
        ];
        for (number, result) in results.into_iter().enumerate() {
            assert_eq!(code(result), Err(ErrorCode::NotPermitted), "call {number} of {}", path());
        }
    }
    unchanged(&sandbox);
}

#[tokio::test]
async fn nothing_is_changed_by_descriptor() {
    let mut sandbox = Sandbox::new(0x1000);
    let (assets, _) = sandbox.directories();
    let mut view = sandbox.view();
    let file = open(&mut view, &assets, "a.txt").await.unwrap();
    let refused = Err(ErrorCode::NotPermitted);
    assert_eq!(code(view.set_size(same(&file), 0).await), refused);
    assert_eq!(code(view.write(same(&file), b"x".into(), 0).await.map(drop)), refused);
    assert_eq!(code(view.write_via_stream(same(&file), 0).map(drop)), refused);
    assert_eq!(code(view.append_via_stream(same(&file)).map(drop)), refused);
    for fd in [&file, &assets] {
        let set = view.set_times(same(fd), NewTimestamp::Now, NewTimestamp::Now).await;
        assert_eq!(code(set), refused);
    }
    unchanged(&sandbox);
}

fn unchanged(sandbox: &Sandbox) {
    let assets = sandbox.task_root.path().join("assets");
    let mut names =
        std::fs::read_dir(&assets).unwrap().map(|entry| entry.unwrap().file_name()).collect::<Vec<_>>();
    names.sort();
    assert_eq!(names, ["a.txt", "in", "out", "sub"]);
    assert_eq!(std::fs::read(assets.join("a.txt")).unwrap(), b"hello");
    assert_eq!(std::fs::read(assets.join("sub/b.txt")).unwrap(), b"b");
}

#[tokio::test]
async fn a_guest_holds_a_bounded_number_of_them_open() {
    let mut sandbox = Sandbox::new(0x1000);
    let (assets, tmp) = sandbox.directories();
    let mut view = sandbox.view();
    let (mut files, mut streams, mut listings) = (Vec::new(), Vec::new(), Vec::new());
    let refused = Err(ErrorCode::Quota);
    for _ in 0..(MAX_OPEN - 1) / 3 {
        let file = open(&mut view, &assets, "a.txt").await.unwrap();
        streams.push(view.read_via_stream(same(&file), 0).unwrap());
        files.push(file);
        listings.push(view.read_directory(same(&assets)).await.unwrap());
    }
    assert_eq!(open(&mut view, &assets, "a.txt").await.map(drop), refused);
    assert_eq!(code(view.read_via_stream(same(&files[0]), 0)).map(drop), refused);
    assert_eq!(code(view.read_directory(same(&assets)).await).map(drop), refused);
    // Neither a failed call nor closing what was never counted makes room.
    assert!(open(&mut view, &assets, "none").await.is_err());
    for (directory, _) in view.get_directories().unwrap() {
        types::HostDescriptor::drop(&mut view, directory).unwrap();
    }
    assert_eq!(open(&mut view, &assets, "a.txt").await.map(drop), refused);
    // Each of the three makes room for one.
    types::HostDescriptor::drop(&mut view, files.pop().unwrap()).unwrap();
    assert!(open(&mut view, &assets, "a.txt").await.is_ok());
    assert_eq!(open(&mut view, &assets, "a.txt").await.map(drop), refused);
    view.host.table.delete(streams.pop().unwrap()).unwrap();
    assert!(view.read_via_stream(same(&files[0]), 0).is_ok());
    types::HostDirectoryEntryStream::drop(&mut view, listings.pop().unwrap()).unwrap();
    assert!(open(&mut view, &assets, "a.txt").await.is_ok());
    assert_eq!(open(&mut view, &assets, "a.txt").await.map(drop), refused);
    // /tmp is no part of it.
    assert!(view.open_at(tmp, FOLLOW, "f".into(), OpenFlags::CREATE, WRITE).await.is_ok());
}
