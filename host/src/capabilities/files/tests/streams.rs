//! Streams of files, as a guest's standard library uses them.

use bytes::Bytes;
use types::Host as _;
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, StreamError};

use super::*;

async fn create(view: &mut FilesView<'_>, tmp: &Fd, path: &str) -> Fd {
    view.open_at(same(tmp), FOLLOW, path.into(), OpenFlags::CREATE, READ | WRITE).await.unwrap()
}

fn output<'a>(view: &'a mut FilesView<'_>, stream: &Resource<DynOutputStream>) -> &'a mut DynOutputStream {
    view.host.table.get_mut(stream).unwrap()
}

async fn read_all(view: &mut FilesView<'_>, stream: &Resource<DynInputStream>) -> Vec<u8> {
    let stream = view.host.table.get_mut(stream).unwrap();
    let mut bytes = Vec::new();
    loop {
        match stream.blocking_read(usize::MAX).await {
            Ok(more) => bytes.extend(more),
            Err(StreamError::Closed) => return bytes,
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test]
async fn what_is_written_is_read() {
    let mut sandbox = Sandbox::new(1 << 20);
    let (_, tmp) = sandbox.directories();
    let mut view = sandbox.view();
    let file = create(&mut view, &tmp, "f").await;
    let text = (0..200_000).map(|number: u32| number.to_le_bytes()[1]).collect::<Vec<_>>();
    let writer = view.write_via_stream(same(&file), 3).unwrap();
    output(&mut view, &writer).blocking_write_and_flush(Bytes::from(text.clone())).await.unwrap();
    let appender = view.append_via_stream(same(&file)).unwrap();
    output(&mut view, &appender).blocking_write_and_flush(Bytes::from_static(b"end")).await.unwrap();
    // A stream works on when the descriptor that it was made from is closed.
    let reader = view.read_via_stream(same(&file), 1).unwrap();
    types::HostDescriptor::drop(&mut view, file).unwrap();
    assert!(read_all(&mut view, &reader).await == [b"\0\0", text.as_slice(), b"end"].concat());
}

#[tokio::test]
async fn files_of_the_task_root_are_read() {
    let mut sandbox = Sandbox::new(0x1000);
    let (assets, _) = sandbox.directories();
    let big = vec![7; 150_000];
    std::fs::write(sandbox.task_root.path().join("assets/big"), &big).unwrap();
    let mut view = sandbox.view();
    let file = view.open_at(same(&assets), FOLLOW, "big".into(), existing(), READ).await.unwrap();
    let reader = view.read_via_stream(same(&file), 0).unwrap();
    assert!(read_all(&mut view, &reader).await == big);
    let reader = view.read_via_stream(file, 1 << 40).unwrap();
    assert!(read_all(&mut view, &reader).await.is_empty());
    assert!(matches!(code(view.read_via_stream(assets, 0)), Err(ErrorCode::IsDirectory)));
}

#[tokio::test]
async fn a_full_tmp_says_that_it_is_full() {
    let mut sandbox = Sandbox::new(100_000);
    let (_, tmp) = sandbox.directories();
    let mut view = sandbox.view();
    let file = create(&mut view, &tmp, "f").await;
    let writer = view.write_via_stream(same(&file), 0).unwrap();
    let piece = Bytes::from(vec![1; 60_000]);
    output(&mut view, &writer).blocking_write_and_flush(piece.clone()).await.unwrap();
    assert!(!view.files.tmp().unwrap().hit_limit());
    let failed = output(&mut view, &writer).blocking_write_and_flush(piece.clone()).await;
    let Err(StreamError::LastOperationFailed(error)) = failed else { panic!("{failed:?}") };
    let error = view.host.table.push(error).unwrap();
    assert_eq!(view.filesystem_error_code(error).unwrap(), Some(ErrorCode::InsufficientSpace));
    assert!(matches!(output(&mut view, &writer).check_write(), Err(StreamError::Closed)));
    assert!(view.files.tmp().unwrap().hit_limit());
    assert_eq!(code(view.write(same(&file), piece.into(), 1 << 50).await), Err(ErrorCode::InsufficientSpace));
    assert_eq!(view.stat(file).await.unwrap().size, 60_000);
}

#[tokio::test]
async fn a_stream_goes_only_where_its_descriptor_does() {
    let mut sandbox = Sandbox::new(0x1000);
    let (_, tmp) = sandbox.directories();
    let mut view = sandbox.view();
    create(&mut view, &tmp, "f").await;
    let reader = view.open_at(same(&tmp), FOLLOW, "f".into(), existing(), READ).await.unwrap();
    assert!(matches!(code(view.write_via_stream(same(&reader), 0)), Err(ErrorCode::BadDescriptor)));
    assert!(matches!(code(view.append_via_stream(reader)), Err(ErrorCode::BadDescriptor)));
    let writer = view.open_at(same(&tmp), FOLLOW, "f".into(), existing(), WRITE).await.unwrap();
    assert!(matches!(code(view.read_via_stream(writer, 0)), Err(ErrorCode::BadDescriptor)));
    assert!(matches!(code(view.read_via_stream(same(&tmp), 0)), Err(ErrorCode::IsDirectory)));
    assert!(matches!(code(view.write_via_stream(tmp, 0)), Err(ErrorCode::BadDescriptor)));
}

#[tokio::test]
async fn no_stream_takes_more_in_one_call_than_it_permits() {
    let mut sandbox = Sandbox::new(1 << 20);
    let (_, tmp) = sandbox.directories();
    let mut view = sandbox.view();
    let file = create(&mut view, &tmp, "f").await;
    for writer in [view.write_via_stream(same(&file), 0), view.append_via_stream(same(&file))] {
        let stream = output(&mut view, &writer.unwrap());
        let permit = stream.check_write().unwrap();
        assert!(matches!(stream.write(vec![1; permit + 1].into()), Err(StreamError::Trap(_))));
        stream.write(vec![1; permit].into()).unwrap();
    }
    assert_eq!(view.stat(file).await.unwrap().size, 2 * 64 * 1024);
}

#[tokio::test]
async fn what_is_not_allowed_is_noted_once() {
    let mut sandbox = Sandbox::new(1 << 20);
    let (assets, tmp) = sandbox.directories();
    let mut view = sandbox.view();
    assert_eq!(view.files.take_missed(), Missed::default(), "there are directories");
    for (directory, path) in [(&assets, "new"), (&assets, "../escape")] {
        let opened =
            view.open_at(same(directory), FOLLOW, path.into(), OpenFlags::CREATE, READ | WRITE).await;
        assert!(view.convert_error_code(opened.err().unwrap()).is_ok());
        assert_eq!(view.files.take_missed(), Missed { permission: true, directories: false }, "{path}");
    }
    let nothing = view.open_at(same(&tmp), FOLLOW, "none".into(), existing(), READ).await;
    assert_eq!(view.convert_error_code(nothing.err().unwrap()).unwrap(), ErrorCode::NoEntry);
    assert_eq!(view.files.take_missed(), Missed::default(), "it is only not there");
}
