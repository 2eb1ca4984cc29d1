//! Searches responses for the secrets that were put into their requests.
//!
//! A server that shows what it was sent shows the secret. A response with a secret in a header, in its body or in a trailer
//! is cut off before it. This is a tripwire and not a wall: it finds the secret as it was sent, and not a form of
//! it that a server has compressed, escaped or taken apart.
//!
//! No part of a secret reaches the guest, because the last bytes of what has come are held back until more comes, or the end.
//! Their number does not depend on what they are: a guest that has a server send guesses could otherwise see from the pieces
//! how far a guess is right.

use bytes::Bytes;
use hyper::header::HeaderMap;

/// A shorter secret is not searched for: it would be found where it is not.
const SHORTEST: usize = 8;

/// The secrets that are searched for.
pub(super) struct Search {
    secrets: Vec<Sought>,
    /// The last bytes, of which a secret may be.
    held: Vec<u8>,
    /// The number of bytes that are held back.
    hold: usize,
}

impl std::fmt::Debug for Search {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Search").field("secrets", &self.secrets).finish_non_exhaustive()
    }
}

/// A text that must not come back.
pub(super) struct Sought {
    /// Whose it is, for the log.
    pub(super) name: Box<str>,
    pub(super) text: Box<[u8]>,
}

impl std::fmt::Debug for Sought {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sought").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The name of a secret that has come back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found(pub(super) Box<str>);

impl Search {
    pub(super) fn new(all: impl IntoIterator<Item = Sought>) -> Self {
        let secrets: Vec<_> = all.into_iter().filter(|sought| sought.text.len() >= SHORTEST).collect();
        let hold = secrets.iter().map(|sought| sought.text.len() - 1).max().unwrap_or(0);
        Self { secrets, held: Vec::new(), hold }
    }

    /// Whether it looks for nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.secrets.is_empty()
    }

    /// Searches headers or trailers.
    pub(super) fn headers(&self, headers: &HeaderMap) -> Result<(), Found> {
        for sought in &self.secrets {
            let names = headers.keys().map(|name| name.as_str().as_bytes());
            let mut all = names.chain(headers.values().map(|value| value.as_bytes()));
            if all.any(|text| find(text, &sought.text).is_some()) {
                return Err(Found(sought.name.clone()));
            }
        }
        Ok(())
    }

    /// Searches the next piece of a body. Returns what may be passed on.
    pub(super) fn piece(&mut self, piece: &[u8]) -> Result<Bytes, Found> {
        self.held.extend_from_slice(piece);
        for sought in &self.secrets {
            if find(&self.held, &sought.text).is_some() {
                return Err(Found(sought.name.clone()));
            }
        }
        let rest = self.held.split_off(self.held.len().saturating_sub(self.hold));
        Ok(Bytes::from(std::mem::replace(&mut self.held, rest)))
    }

    /// What was held back, at the end.
    pub(super) fn rest(&mut self) -> Bytes {
        Bytes::from(std::mem::take(&mut self.held))
    }

    /// The number of bytes that are held back.
    pub(super) fn held(&self) -> usize {
        self.held.len()
    }
}

fn find(text: &[u8], sought: &[u8]) -> Option<usize> {
    let first = *sought.first()?;
    memchr::memchr_iter(first, text).find(|at| text.get(*at..).is_some_and(|rest| rest.starts_with(sought)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "sk_live_51H";

    fn search() -> Search {
        let sought = |name: &str, text: &str| Sought { name: name.into(), text: text.as_bytes().into() };
        Search::new([sought("stripe", SECRET), sought("other", "sk_test_sk_live_"), sought("short", "abc")])
    }

    /// What passes of a body in these pieces.
    fn passed(pieces: &[&'static str]) -> Result<String, Found> {
        let mut search = search();
        let mut all = Vec::new();
        for piece in pieces {
            all.extend(search.piece(piece.as_bytes())?);
        }
        all.extend(search.rest());
        Ok(String::from_utf8(all).unwrap())
    }

    #[test]
    fn what_is_not_a_secret_passes_unchanged() {
        for pieces in [
            &["", "hello", "", "world"][..],
            &["sk_live_51"],
            &["sk_", "live_5", "1G"],
            &["s", "s", "sk", "sk_live_51"],
            &["sk_test_sk_live", "!"],
            &["abc"],
        ] {
            assert_eq!(passed(pieces).unwrap(), pieces.concat(), "{pieces:?}");
        }
    }

    #[test]
    fn a_secret_is_found_wherever_its_pieces_end_and_no_part_of_it_passes() {
        let found = Err(Found("stripe".into()));
        let body: &'static str = "{\"authorization\":\"Bearer sk_live_51H\"}";
        assert_eq!(passed(&[body]), found);
        for at in 0..body.len() {
            assert_eq!(passed(&[&body[..at], &body[at..]]), found, "{at}");
        }
        let mut search = search();
        let mut passed = Vec::new();
        let cut = (0..body.len()).find(|at| match search.piece(&body.as_bytes()[*at..=*at]) {
            Ok(piece) => {
                passed.extend(piece);
                false
            }
            Err(found) => &*found.0 == "stripe",
        });
        assert_eq!(cut, body.find(SECRET).map(|start| start + SECRET.len() - 1));
        assert!(!String::from_utf8(passed).unwrap().contains('k'), "the guest gets none of its bytes");
    }

    #[test]
    fn secrets_may_begin_alike() {
        assert_eq!(passed(&["sk_test_sk_live_"]), Err(Found("other".into())));
        assert_eq!(passed(&["sk_test_sk_", "live_51H"]), Err(Found("stripe".into())));
        assert_eq!(passed(&["sk_test_s", "k_live_"]), Err(Found("other".into())));
    }

    #[test]
    fn names_and_values_of_headers_are_searched() {
        let headers = |name: &'static str, value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            headers
        };
        let found = Err(Found("stripe".into()));
        assert_eq!(search().headers(&headers("x-echo", "Bearer sk_live_51H")), found);
        assert_eq!(search().headers(&headers("x-echo", "Bearer sk_live_51")), Ok(()));
    }

    #[test]
    fn without_a_secret_nothing_is_held() {
        let mut search = Search::new([]);
        assert_eq!(search.piece(b"sk_live_").unwrap(), "sk_live_");
        assert_eq!(search.rest(), "");
    }

    /// The sizes of what passes of these pieces.
    fn sizes(pieces: &[&str]) -> Vec<usize> {
        let mut search = search();
        let mut sizes: Vec<_> =
            pieces.iter().map(|piece| search.piece(piece.as_bytes()).unwrap().len()).collect();
        sizes.push(search.rest().len());
        sizes
    }

    #[test]
    fn how_a_body_is_cut_into_pieces_says_nothing_of_the_secret() {
        for length in 1..SECRET.len() {
            let (right, wrong) = (&SECRET[..length], "#".repeat(length));
            let padded = |guess: &str| format!("{}{guess}", "x".repeat(100));
            assert_eq!(sizes(&[&padded(right)]), sizes(&[&padded(&wrong)]), "{length}");
            for at in 0..length {
                let [right, wrong] =
                    [right, wrong.as_str()].map(|guess| sizes(&["x", &guess[..at], &guess[at..], "y"]));
                assert_eq!(right, wrong, "{length} {at}");
            }
        }
    }

    #[test]
    fn what_is_searched_for_is_not_printed() {
        assert!(!format!("{:?}", search()).contains(SECRET));
    }
}
