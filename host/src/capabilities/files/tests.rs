//! Calls as a guest makes them, on a sandbox that has `/assets` and `/tmp`.

mod comparison;
mod read_only;
mod streams;

use std::collections::BTreeSet;

use preopens::Host as _;
use types::{
    DescriptorFlags, ErrorCode, HostDescriptor as _, HostDirectoryEntryStream as _, OpenFlags, PathFlags,
};
use wasmtime::component::ResourceTable;
use wasmtime_wasi::WasiCtx;
use wasmtime_wasi::p2::FsResult;

use super::*;

const READ: DescriptorFlags = DescriptorFlags::READ;
const WRITE: DescriptorFlags = DescriptorFlags::WRITE;
const FOLLOW: PathFlags = PathFlags::SYMLINK_FOLLOW;

type Fd = Resource<types::Descriptor>;

struct Sandbox {
    wasi: WasiCtx,
    table: ResourceTable,
    files: Files,
    task_root: tempfile::TempDir,
}

impl Sandbox {
    /// With `assets/a.txt`, `assets/sub/b.txt`, and the links `assets/in` and `assets/out`.
    fn new(tmp: usize) -> Self {
        let task_root = tempfile::tempdir().unwrap();
        let assets = task_root.path().join("assets");
        std::fs::create_dir_all(assets.join("sub")).unwrap();
        std::fs::write(assets.join("a.txt"), "hello").unwrap();
        std::fs::write(assets.join("sub/b.txt"), "b").unwrap();
        std::fs::write(task_root.path().join("secret"), "s").unwrap();
        std::os::unix::fs::symlink("a.txt", assets.join("in")).unwrap();
        std::os::unix::fs::symlink("../secret", assets.join("out")).unwrap();
        let directories = Directories::open(task_root.path(), &BTreeSet::from(["assets".into()])).unwrap();
        let mut wasi = WasiCtx::builder().build();
        directories.grant(&mut wasi);
        Self { wasi, table: ResourceTable::new(), files: Files::new(tmp), task_root }
    }

    fn view(&mut self) -> FilesView<'_> {
        let host = WasiFilesystemCtxView { ctx: self.wasi.filesystem(), table: &mut self.table };
        FilesView { host, files: &mut self.files }
    }

    /// The descriptors of its two directories.
    fn directories(&mut self) -> (Fd, Fd) {
        let found = self.view().get_directories().unwrap();
        let [(first, _), (second, name)] = <[_; 2]>::try_from(found).unwrap();
        assert_eq!(name, "/tmp");
        (first, second)
    }
}

/// How to open what is there already.
fn existing() -> OpenFlags {
    OpenFlags::empty()
}

/// Another name for a descriptor, as each call takes one.
fn same(fd: &Fd) -> Fd {
    Resource::new_borrow(fd.rep())
}

fn code<T>(result: FsResult<T>) -> Result<T, ErrorCode> {
    result.map_err(|error| error.downcast().unwrap())
}

#[test]
fn there_is_what_is_granted() {
    let names = |sandbox: &mut Sandbox| {
        let found = sandbox.view().get_directories().unwrap();
        found.into_iter().map(|(_, name)| name).collect::<Vec<_>>()
    };
    let mut sandbox = Sandbox::new(1000);
    assert_eq!(names(&mut sandbox), ["/assets", "/tmp"]);
    sandbox.files = Files::new(0);
    assert_eq!(names(&mut sandbox), ["/assets"]);
    assert!(sandbox.files.tmp().is_none());
    Directories::default().grant(&mut sandbox.wasi);
    assert_eq!(names(&mut sandbox), Vec::<String>::new());
}

#[test]
fn it_links() {
    let mut linker = Linker::<Sandbox>::new(&wasmtime::Engine::default());
    add_to_linker(&mut linker, Sandbox::view).unwrap();
    assert!(add_to_linker(&mut linker, Sandbox::view).is_err());
}

#[tokio::test]
async fn a_file_of_tmp_can_be_used_by_its_descriptor() {
    let mut sandbox = Sandbox::new(10_000);
    let (_, tmp) = sandbox.directories();
    let mut view = sandbox.view();
    let file = view.open_at(same(&tmp), FOLLOW, "f".into(), OpenFlags::CREATE, READ | WRITE).await.unwrap();
    assert_eq!(view.write(same(&file), b"hello".into(), 2).await.unwrap(), 5);
    assert_eq!(view.read(same(&file), u64::MAX, 1).await.unwrap(), (b"\0hello".to_vec(), false));
    assert_eq!(view.read(same(&file), 1, 7).await.unwrap(), (vec![], true));
    assert_eq!(view.stat(same(&file)).await.unwrap().size, 7);
    assert_eq!(view.get_flags(same(&file)).await.unwrap(), READ | WRITE);
    let again = view.open_at(same(&tmp), FOLLOW, "./f".into(), existing(), READ).await.unwrap();
    assert!(view.is_same_object(same(&file), same(&again)).await.unwrap());
    let hash = view.metadata_hash_at(same(&tmp), FOLLOW, "f".into()).await.unwrap();
    assert_eq!(view.metadata_hash(same(&again)).await.unwrap().lower, hash.lower);
    assert_eq!(code(view.write(same(&again), b"x".into(), 0).await), Err(ErrorCode::BadDescriptor));
    assert_eq!(code(view.set_size(same(&again), 0).await), Err(ErrorCode::Invalid));
    view.set_size(same(&file), 3).await.unwrap();
    view.unlink_file_at(same(&tmp), "f".into()).await.unwrap();
    assert_eq!(view.read(same(&again), 9, 2).await.unwrap().0, b"h");
    let used = view.files.tmp().unwrap().used();
    assert!(used > 3, "{used}");
    types::HostDescriptor::drop(&mut view, file).unwrap();
    types::HostDescriptor::drop(&mut view, again).unwrap();
    assert_eq!(view.files.tmp().unwrap().used(), 0);
}

#[tokio::test]
async fn the_two_file_systems_do_not_mix() {
    let mut sandbox = Sandbox::new(10_000);
    let (assets, tmp) = sandbox.directories();
    let mut view = sandbox.view();
    view.open_at(same(&tmp), FOLLOW, "f".into(), OpenFlags::CREATE, WRITE).await.unwrap();
    for (old, new) in [(&tmp, &assets), (&assets, &tmp)] {
        let moved = view.rename_at(same(old), "a.txt".into(), same(new), "x".into()).await;
        assert_eq!(code(moved), Err(ErrorCode::CrossDevice));
        let linked = view.link_at(same(old), FOLLOW, "a.txt".into(), same(new), "x".into()).await;
        assert_eq!(code(linked), Err(ErrorCode::CrossDevice));
        assert!(!view.is_same_object(same(old), same(new)).await.unwrap());
    }
    let linked = view.link_at(same(&tmp), FOLLOW, "f".into(), same(&tmp), "x".into()).await;
    assert_eq!(code(linked), Err(ErrorCode::NotPermitted));
    assert_eq!(code(view.symlink_at(same(&tmp), "f".into(), "x".into()).await), Err(ErrorCode::NotPermitted));
    assert_eq!(code(view.readlink_at(same(&tmp), "f".into()).await), Err(ErrorCode::Invalid));
    assert_eq!(code(view.readlink_at(same(&tmp), "x".into()).await), Err(ErrorCode::NoEntry));
}

#[tokio::test]
async fn a_listing_gives_what_is_there_as_it_goes() {
    let mut sandbox = Sandbox::new(10_000);
    let (assets, tmp) = sandbox.directories();
    let mut view = sandbox.view();
    for name in ["c", "a", "b"] {
        view.create_directory_at(same(&tmp), name.into()).await.unwrap();
    }
    let stream = view.read_directory(same(&tmp)).await.unwrap();
    let mut names = Vec::new();
    while let Some(entry) = view.read_directory_entry(Resource::new_borrow(stream.rep())).await.unwrap() {
        view.remove_directory_at(same(&tmp), entry.name.clone()).await.unwrap();
        names.push(entry.name);
    }
    assert_eq!(names, ["a", "b", "c"]);
    types::HostDirectoryEntryStream::drop(&mut view, stream).unwrap();
    let stream = view.read_directory(same(&assets)).await.unwrap();
    assert!(view.read_directory_entry(Resource::new_borrow(stream.rep())).await.unwrap().is_some());
    types::HostDirectoryEntryStream::drop(&mut view, stream).unwrap();
    let file = view.open_at(same(&tmp), FOLLOW, "f".into(), OpenFlags::CREATE, READ).await.unwrap();
    assert!(matches!(code(view.read_directory(file).await), Err(ErrorCode::NotDirectory)));
}

/// The names of a listing, in order, with what each is.
async fn list(view: &mut FilesView<'_>, directory: &Fd) -> Vec<(String, types::DescriptorType)> {
    let stream = view.read_directory(same(directory)).await.unwrap();
    let mut entries = Vec::new();
    while let Some(entry) = view.read_directory_entry(Resource::new_borrow(stream.rep())).await.unwrap() {
        entries.push((entry.name, entry.type_));
    }
    types::HostDirectoryEntryStream::drop(view, stream).unwrap();
    entries.sort_by(|one, other| one.0.cmp(&other.0));
    entries
}

#[tokio::test]
async fn a_listing_of_the_task_root_gives_every_entry_with_its_type() {
    use types::DescriptorType::{Directory, RegularFile, SymbolicLink};
    let mut sandbox = Sandbox::new(1000);
    let (assets, _) = sandbox.directories();
    let expected = [("a.txt", RegularFile), ("in", SymbolicLink), ("out", SymbolicLink), ("sub", Directory)];
    let expected = expected.map(|(name, type_)| (name.to_owned(), type_));
    assert_eq!(list(&mut sandbox.view(), &assets).await, expected);
    // Each listing begins at the beginning.
    assert_eq!(list(&mut sandbox.view(), &assets).await, expected);
    let mut view = sandbox.view();
    let file = view.open_at(same(&assets), FOLLOW, "a.txt".into(), existing(), READ).await.unwrap();
    assert!(matches!(code(view.read_directory(file).await), Err(ErrorCode::NotDirectory)));
    std::fs::create_dir(sandbox.task_root.path().join("assets/empty")).unwrap();
    let mut view = sandbox.view();
    let empty = view.open_at(same(&assets), FOLLOW, "empty".into(), existing(), READ).await.unwrap();
    assert_eq!(list(&mut view, &empty).await, []);
}

#[tokio::test]
async fn a_listing_of_many_files_is_read_piece_by_piece() {
    let mut sandbox = Sandbox::new(1000);
    let many = sandbox.task_root.path().join("assets/many");
    std::fs::create_dir(&many).unwrap();
    let mut names: Vec<String> = (0..3000).map(|number| format!("{number:0>250}")).collect();
    names.iter().for_each(|name| std::fs::write(many.join(name), "").unwrap());
    let (assets, _) = sandbox.directories();
    let mut view = sandbox.view();
    let many = view.open_at(same(&assets), FOLLOW, "many".into(), existing(), READ).await.unwrap();
    let found = list(&mut view, &many).await;
    names.sort();
    assert_eq!(found.into_iter().map(|(name, _)| name).collect::<Vec<_>>(), names);
    // What is made or removed after a listing was opened may be seen or not, and is no error.
    let stream = view.read_directory(same(&many)).await.unwrap();
    let mut seen = 0;
    while view.read_directory_entry(Resource::new_borrow(stream.rep())).await.unwrap().is_some() {
        seen += 1;
        let directory = view.host.table.get(&many).unwrap();
        let wasmtime_wasi::filesystem::Descriptor::Dir(directory) = directory else { panic!("no directory") };
        let _ = rustix::fs::unlinkat(&*directory.dir, &names[seen - 1], rustix::fs::AtFlags::empty());
    }
    assert!(seen > 0 && seen <= 3000, "{seen}");
}

#[tokio::test]
async fn a_name_that_is_no_text_is_an_error_and_not_the_end() {
    use std::os::unix::ffi::OsStrExt;
    let mut sandbox = Sandbox::new(1000);
    let odd = std::ffi::OsStr::from_bytes(b"\xff");
    std::fs::write(sandbox.task_root.path().join("assets").join(odd), "").unwrap();
    let (assets, _) = sandbox.directories();
    let mut view = sandbox.view();
    let stream = view.read_directory(assets).await.unwrap();
    let mut found = Vec::new();
    loop {
        match code(view.read_directory_entry(Resource::new_borrow(stream.rep())).await) {
            Ok(None) => break,
            Ok(Some(_)) => found.push(None),
            Err(code) => found.push(Some(code)),
        }
    }
    assert_eq!(found.len(), 5);
    assert_eq!(found.into_iter().flatten().collect::<Vec<_>>(), [ErrorCode::IllegalByteSequence]);
}
