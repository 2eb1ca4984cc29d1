//! Fills so many MiB of memory as the event says.

#[bulkhead::handler]
fn memory(mebibytes: usize) -> usize {
    let blocks: Vec<Vec<u8>> = (0..mebibytes).map(|_| vec![1; 1024 * 1024]).collect();
    blocks.iter().map(Vec::len).sum()
}

fn main() {}
