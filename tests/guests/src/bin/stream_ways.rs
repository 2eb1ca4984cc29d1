//! Streams its response in the way that its event says.
#![expect(clippy::panic, clippy::exit, clippy::disallowed_methods, reason = "they are its ways")]

use std::io::Write as _;

#[bulkhead::streaming_handler]
fn ways(way: String, mut response: bulkhead::ResponseStream) -> Result<(), bulkhead::Error> {
    match way.as_str() {
        "before" => return Err("before the first byte".into()),
        "nothing" => return Ok(()),
        "large" => return Ok((0..3200).try_for_each(|_| response.write_all(&[b'x'; 65_536]))?),
        "head" => response.header("x-a", "b\r\nc: d")?,
        _ => response.content_type("text/plain")?,
    }
    response.write_all(b"one")?;
    match way.as_str() {
        "fail" => return Err("in mid-stream".into()),
        "panic" => panic!("in mid-stream"),
        "exit" => std::process::exit(0),
        "loop" => while std::hint::black_box(true) {},
        "sleep" => std::thread::sleep(std::time::Duration::from_secs(60)),
        _ => {}
    }
    Ok(response.write_all(b"two")?)
}
fn main() {}
