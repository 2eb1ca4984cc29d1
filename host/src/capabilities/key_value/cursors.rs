//! The cursors of the id whose cursors are numbers. Everywhere else a cursor is the last key before the next ones, which stays
//! valid whatever happens to the keys.

use std::collections::VecDeque;

/// The cursors of one sandbox that can be used. Older ones cannot.
const MAX_CURSORS: usize = 64;

/// The keys that the last cursors stand for.
#[derive(Debug, Default)]
pub(super) struct Cursors {
    /// The number of cursors that were forgotten.
    forgotten: u64,
    keys: VecDeque<String>,
}

impl Cursors {
    /// A number for a key.
    pub(super) fn put(&mut self, key: String) -> u64 {
        if self.keys.len() >= MAX_CURSORS {
            self.keys.pop_front();
            self.forgotten += 1;
        }
        self.keys.push_back(key);
        self.forgotten + u64::try_from(self.keys.len()).unwrap_or(u64::MAX)
    }

    /// The key that a number stands for.
    pub(super) fn get(&self, cursor: u64) -> Option<&str> {
        let at = cursor.checked_sub(self.forgotten)?.checked_sub(1)?;
        self.keys.get(usize::try_from(at).ok()?).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_stands_for_its_key_until_there_are_too_many() {
        let mut cursors = Cursors::default();
        assert_eq!((cursors.get(0), cursors.get(1)), (None, None));
        let first = cursors.put("a".to_owned());
        assert_eq!(cursors.get(first), Some("a"));
        let last = (0..MAX_CURSORS).map(|n| cursors.put(n.to_string())).last().unwrap();
        assert_eq!(
            (cursors.get(first), cursors.get(first + 1), cursors.get(last)),
            (None, Some("0"), Some("63"))
        );
        assert_eq!((cursors.get(last + 1), cursors.get(u64::MAX)), (None, None));
    }
}
