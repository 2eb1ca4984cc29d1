//! `/tmp` beside a directory of the host that Wasmtime serves: what one answers, the other does.

use wasmtime_wasi::FsPerms;

use super::*;

/// One call, by path.
#[derive(Debug, Clone, Copy)]
enum Call {
    Open(OpenFlags, DescriptorFlags),
    Stat,
    CreateDirectory,
    Unlink,
    RemoveDirectory,
    RenameTo(&'static str),
    RenameFrom(&'static str),
}

impl Call {
    fn all() -> Vec<Self> {
        let mut calls = vec![Self::Stat, Self::CreateDirectory, Self::Unlink, Self::RemoveDirectory];
        let opens = [
            (existing(), READ),
            (existing(), WRITE),
            (OpenFlags::DIRECTORY, READ),
            (OpenFlags::CREATE, WRITE),
            (OpenFlags::CREATE | OpenFlags::EXCLUSIVE, WRITE),
            (OpenFlags::TRUNCATE, READ),
            (OpenFlags::CREATE | OpenFlags::DIRECTORY, READ),
        ];
        calls.extend(opens.map(|(how, flags)| Self::Open(how, flags)));
        calls.extend(["other", "dir/sub/new", "empty", "file"].map(Self::RenameTo));
        calls.extend(["file", "dir", "empty"].map(Self::RenameFrom));
        calls
    }

    async fn make(self, view: &mut FilesView<'_>, fd: &Fd, path: &str) -> Result<(), ErrorCode> {
        let path = path.to_owned();
        code(match self {
            Self::Open(how, flags) => view.open_at(same(fd), FOLLOW, path, how, flags).await.map(drop),
            Self::Stat => view.stat_at(same(fd), FOLLOW, path).await.map(drop),
            Self::CreateDirectory => view.create_directory_at(same(fd), path).await,
            Self::Unlink => view.unlink_file_at(same(fd), path).await,
            Self::RemoveDirectory => view.remove_directory_at(same(fd), path).await,
            Self::RenameTo(other) => view.rename_at(same(fd), path, same(fd), other.into()).await,
            Self::RenameFrom(other) => view.rename_at(same(fd), other.into(), same(fd), path).await,
        })
    }
}

/// What both answer: the host first.
async fn answers(call: Call, path: &str) -> [Result<(), ErrorCode>; 2] {
    let directory = tempfile::tempdir().unwrap();
    let mut builder = WasiCtx::builder();
    builder.allow_blocking_current_thread(true);
    builder.preopened_dir(directory.path(), "/host", FsPerms::ReadWrite).unwrap();
    let mut sandbox = Sandbox::new(1 << 20);
    sandbox.wasi = builder.build();
    let (host, tmp) = sandbox.directories();
    let mut view = sandbox.view();
    for fd in [&host, &tmp] {
        for path in ["dir", "dir/sub", "empty"] {
            Call::CreateDirectory.make(&mut view, fd, path).await.unwrap();
        }
        for path in ["file", "dir/file"] {
            Call::Open(OpenFlags::CREATE, WRITE).make(&mut view, fd, path).await.unwrap();
        }
    }
    [call.make(&mut view, &host, path).await, call.make(&mut view, &tmp, path).await]
}

#[tokio::test]
async fn tmp_answers_as_a_directory_of_the_host_does() {
    let (long_name, long_path) = ("n".repeat(256), "dir/../".repeat(600));
    let paths = "file file/ file/. file/x dir dir/ dir/. dir/.. dir/sub dir/file dir/../file empty empty/ none none/ \
                 none/x none/../file . ./ ./file .. ../x dir/../.. / /file //";
    let mut differences = Vec::new();
    for path in paths.split_whitespace().chain(["", "a\0b", &long_name, &long_path]) {
        for call in Call::all() {
            // Wasmtime hands such a slash on to where it is invalid. On Linux it is not.
            if matches!((call, path), (Call::RemoveDirectory, "dir/" | "empty/")) {
                continue;
            }
            let [host, tmp] = answers(call, path).await;
            if host != tmp {
                differences.push(format!("{call:?} {path:.20}: {host:?} {tmp:?}"));
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
