//! The bytes of one file of `/tmp`.
//!
//! They are stored in chunks, so that a growing file is never copied as a whole, and each chunk ends at its
//! last written byte: missing bytes read as zeros. So extending a file costs nothing, however far. The limit
//! is enforced in [`super::tree`]; here a file may have any size.

/// The size of a chunk, and the most that is read at once, as in Wasmtime's own files.
pub(super) const CHUNK: usize = 64 * 1024;

/// The content of a file.
#[derive(Debug, Default)]
pub(super) struct Content {
    len: usize,
    chunks: Vec<Vec<u8>>,
}

impl Content {
    /// Its size, including zeros that are not stored.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Reads up to `len` bytes from `offset` on, at most [`CHUNK`]. Empty at the end of the file.
    pub(super) fn read(&self, offset: u64, len: u64) -> Vec<u8> {
        let offset = usize::try_from(offset).unwrap_or(usize::MAX).min(self.len);
        let wanted = usize::try_from(len).unwrap_or(usize::MAX);
        let mut left = wanted.min(CHUNK).min(self.len - offset);
        let mut bytes = Vec::with_capacity(left);
        let (mut index, mut start) = (offset / CHUNK, offset % CHUNK);
        while left > 0 {
            let taken = left.min(CHUNK - start);
            let stored = self.chunks.get(index).and_then(|chunk| chunk.get(start..)).unwrap_or_default();
            let stored = &stored[..stored.len().min(taken)];
            bytes.extend_from_slice(stored);
            bytes.resize(bytes.len() + taken - stored.len(), 0);
            left -= taken;
            (index, start) = (index + 1, 0);
        }
        bytes
    }

    /// Writes at `offset`. Bytes between the end of the file and `offset` become zeros. The caller has
    /// checked the new size.
    pub(super) fn write(&mut self, offset: usize, bytes: &[u8]) {
        let mut rest = bytes;
        let (mut index, mut start) = (offset / CHUNK, offset % CHUNK);
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(rest.len().min(CHUNK - start));
            self.write_chunk(index, start, piece);
            rest = after;
            (index, start) = (index + 1, 0);
        }
        if !bytes.is_empty() {
            self.len = self.len.max(offset + bytes.len());
        }
    }

    /// Truncates the file, or extends it with zeros.
    pub(super) fn resize(&mut self, len: usize) {
        if len < self.len {
            self.chunks.truncate(len.div_ceil(CHUNK));
            if let Some(last) = self.chunks.get_mut(len / CHUNK) {
                last.truncate(len % CHUNK);
                last.shrink_to_fit();
            }
            self.chunks.shrink_to_fit();
        }
        self.len = len;
    }

    fn write_chunk(&mut self, index: usize, start: usize, bytes: &[u8]) {
        if self.chunks.len() <= index {
            self.chunks.resize_with(index + 1, Vec::new);
        }
        let Some(chunk) = self.chunks.get_mut(index) else { return };
        if chunk.len() < start {
            chunk.resize(start, 0);
        }
        let (over, added) = bytes.split_at(bytes.len().min(chunk.len() - start));
        chunk[start..start + over.len()].copy_from_slice(over);
        chunk.extend_from_slice(added);
    }

    #[cfg(test)]
    fn allocated(&self) -> usize {
        self.chunks.capacity() * size_of::<Vec<u8>>() + self.chunks.iter().map(Vec::capacity).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(content: &Content) -> Vec<u8> {
        let mut bytes = Vec::new();
        loop {
            let more = content.read(u64::try_from(bytes.len()).unwrap(), u64::MAX);
            if more.is_empty() {
                return bytes;
            }
            assert!(more.len() <= CHUNK);
            bytes.extend(more);
        }
    }

    #[test]
    fn pieces_are_what_one_vector_would_be() {
        let mut content = Content::default();
        let mut model = Vec::<u8>::new();
        let places = [(0, 10), (CHUNK - 3, 7), (5, 1), (3 * CHUNK, 2 * CHUNK + 1), (CHUNK, CHUNK), (7, 0)];
        for (value, (offset, len)) in (1..).zip(places) {
            let bytes = vec![value; len];
            content.write(offset, &bytes);
            model.resize(model.len().max(offset + len), 0);
            model[offset..offset + len].copy_from_slice(&bytes);
            assert!(all(&content) == model, "after {len} bytes at {offset}");
        }
        for len in [4 * CHUNK + 5, 2 * CHUNK, CHUNK + 1, 3 * CHUNK, 4, 0, 9] {
            content.resize(len);
            model.resize(len, 0);
            assert!(all(&content) == model, "after a resize to {len}");
        }
    }

    #[test]
    fn nothing_is_written_past_the_end_by_writing_nothing() {
        let mut content = Content::default();
        content.write(usize::MAX, &[]);
        assert_eq!((content.len(), content.allocated()), (0, 0));
    }

    #[test]
    fn a_read_is_bounded_whatever_is_asked_for() {
        let mut content = Content::default();
        content.write(0, &[1; 3]);
        assert_eq!(content.read(1, u64::MAX), [1, 1]);
        assert!(content.read(u64::MAX, u64::MAX).is_empty());
        content.resize(usize::MAX);
        assert_eq!(content.read(u64::MAX / 2, u64::MAX).len(), CHUNK);
    }

    #[test]
    fn length_without_bytes_takes_no_memory() {
        let mut content = Content::default();
        content.resize(1 << 40);
        assert_eq!(content.allocated(), 0);
    }

    #[test]
    fn memory_is_at_most_twice_the_length_and_is_given_back() {
        let mut content = Content::default();
        for offset in 0..2 * CHUNK + 17 {
            content.write(offset, &[7]);
            assert!(content.allocated() <= 2 * content.len() + 128, "{offset}: {}", content.allocated());
        }
        content.resize(1);
        assert!(content.allocated() <= 64, "{}", content.allocated());
        assert_eq!(all(&content), [7]);
    }
}
