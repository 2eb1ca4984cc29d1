//! Writes so many bytes in one call, without asking how many it may, to the stream that its event names.
#![expect(clippy::expect_used, reason = "it has what it needs, or the test is wrong")]

use wasip2::cli::{stderr::get_stderr, stdout::get_stdout};
use wasip2::filesystem::preopens::get_directories;
use wasip2::filesystem::types::{DescriptorFlags, OpenFlags, PathFlags};
use wasip2::io::streams::OutputStream;

#[bulkhead::handler]
fn overwrite((stream, bytes): (String, usize)) -> bool {
    let stream = match stream.as_str() {
        "stdout" => get_stdout(),
        "stderr" => get_stderr(),
        _ => file(),
    };
    stream.write(&vec![b'x'; bytes]).is_ok()
}

fn file() -> OutputStream {
    let (tmp, _) = get_directories().pop().expect("a directory");
    let how = (PathFlags::empty(), OpenFlags::CREATE, DescriptorFlags::WRITE);
    let file = tmp.open_at(how.0, "file", how.1, how.2).expect("a file");
    file.write_via_stream(0).expect("a stream")
}

fn main() {}
