//! A response that is sent while it is made: lines of a report, of any length, in little memory.

use std::io::{BufWriter, Write};

use bulkhead::{Error, ResponseStream};

#[bulkhead::streaming_handler]
fn handle(lines: u32, mut response: ResponseStream) -> Result<(), Error> {
    response.content_type("text/csv")?;
    let mut report = BufWriter::new(response);
    writeln!(report, "number,square")?;
    for number in 1..=lines {
        writeln!(report, "{number},{}", u64::from(number).pow(2))?;
    }
    Ok(report.flush()?)
}

#[test]
fn every_line_is_written() -> Result<(), Error> {
    let (response, written) = ResponseStream::in_memory();
    handle(2, response)?;
    assert_eq!(written.body(), b"number,square\n1,1\n2,4\n");
    assert_eq!(written.content_type().as_deref(), Some("text/csv"));
    Ok(())
}
