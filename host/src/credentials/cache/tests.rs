//! Fetches that are counted, and clocks that tests set.

use std::sync::atomic::{AtomicU32, Ordering};

use tokio::sync::oneshot;

use super::*;
use crate::log::{Format, LogSettings};

const LIFE: Duration = Duration::from_secs(60);

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000 + seconds)
}

fn log() -> Arc<Log> {
    let settings =
        LogSettings { format: Format::Text, level: Level::Fatal, telemetry_fd: None, batches: false };
    Arc::new(Log::new(&settings))
}

fn cache(most: usize) -> Arc<Cache<&'static str, u32>> {
    Arc::new(Cache::new(Limits { most, at_once: 2 }, &log()))
}

/// Counts its fetches; each gives the next number.
#[derive(Default)]
struct Source {
    fetches: Arc<AtomicU32>,
    fails: bool,
}

impl Source {
    async fn get(
        &self,
        cache: &Arc<Cache<&'static str, u32>>,
        key: &'static str,
        now: SystemTime,
    ) -> Result<u32, Unavailable> {
        let (fetches, fails) = (Arc::clone(&self.fetches), self.fails);
        let fetch = || async move {
            let value = fetches.fetch_add(1, Ordering::Relaxed) + 1;
            let life = Life { fresh: now + LIFE, good: now + 2 * LIFE, usable: now + 4 * LIFE };
            if fails { Err(Unavailable::new("it is gone")) } else { Ok(Fetched { value, life }) }
        };
        cache.get(&key, now, fetch).await.map(|value| *value)
    }

    fn count(&self) -> u32 {
        self.fetches.load(Ordering::Relaxed)
    }
}

/// Lets fetches end that no one waits for.
async fn settle() {
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_value_is_fetched_once_for_all_that_wait() {
    let (cache, source) = (cache(8), Arc::new(Source::default()));
    let gets = (0..20).map(|_| {
        let (cache, source) = (Arc::clone(&cache), Arc::clone(&source));
        tokio::spawn(async move { source.get(&cache, "a", at(0)).await })
    });
    for get in gets.collect::<Vec<_>>() {
        assert_eq!(get.await.unwrap(), Ok(1));
    }
    assert_eq!(source.get(&cache, "b", at(0)).await, Ok(2), "another key is another value");
}

#[tokio::test]
async fn a_value_is_refreshed_behind_a_request_and_then_waited_for() {
    let (cache, source) = (cache(8), Source::default());
    for (seconds, value) in [(0, 1), (59, 1), (60, 1)] {
        assert_eq!(source.get(&cache, "a", at(seconds)).await, Ok(value), "{seconds}");
    }
    settle().await;
    assert_eq!(source.count(), 2);
    assert_eq!(source.get(&cache, "a", at(61)).await, Ok(2), "the next request has the new one");
    assert_eq!(source.get(&cache, "a", at(181)).await, Ok(3), "one that is too old is waited for");
}

#[tokio::test]
async fn the_old_value_is_used_while_there_is_no_other_up_to_a_limit() {
    let (cache, mut source) = (cache(8), Source::default());
    source.get(&cache, "a", at(0)).await.unwrap();
    source.fails = true;
    assert_eq!(source.get(&cache, "a", at(121)).await, Ok(1));
    assert_eq!(source.get(&cache, "a", at(150)).await, Ok(1));
    assert_eq!(source.count(), 2, "for half a minute, nothing is asked again");
    assert_eq!(source.get(&cache, "a", at(152)).await, Ok(1));
    assert_eq!(source.count(), 3);
    assert_eq!(source.get(&cache, "a", at(240)).await, Err(Unavailable::new("it is gone")));
    assert_eq!(source.get(&cache, "a", at(240)).await, Err(Unavailable::new("it is gone")));
    assert_eq!(source.count(), 4, "without a value, for a second");
    source.fails = false;
    assert_eq!(source.get(&cache, "a", at(241)).await, Ok(5));
}

#[tokio::test]
async fn what_was_not_used_for_the_longest_time_is_given_up() {
    let (cache, source) = (cache(2), Source::default());
    for key in ["a", "b", "a", "c"] {
        source.get(&cache, key, at(0)).await.unwrap();
    }
    assert_eq!(source.count(), 3);
    source.get(&cache, "a", at(0)).await.unwrap();
    assert_eq!(source.count(), 3, "a was used after b");
    source.get(&cache, "b", at(0)).await.unwrap();
    assert_eq!(source.count(), 4);
}

#[tokio::test]
async fn a_fetch_goes_on_when_the_request_that_began_it_ends_and_another_waits() {
    let cache = cache(8);
    let (end, ended) = oneshot::channel::<()>();
    let fetch = || async move {
        ended.await.map_err(|_| Unavailable::new("dropped"))?;
        Ok(Fetched { value: 7, life: Life { fresh: at(60), good: at(60), usable: at(60) } })
    };
    let first = Arc::clone(&cache);
    let first = tokio::spawn(async move { first.get(&"a", at(0), fetch).await });
    settle().await;
    let second = Arc::clone(&cache);
    let second = tokio::spawn(async move { Source::default().get(&second, "a", at(0)).await });
    settle().await;
    first.abort();
    settle().await;
    end.send(()).unwrap();
    assert_eq!(second.await.unwrap(), Ok(7));
}

#[tokio::test]
async fn what_nobody_waits_for_any_more_is_not_begun() {
    let cache = cache(8);
    let turns = Arc::clone(&cache.threads).acquire_many_owned(2).await.unwrap();
    let (other, source) = (Arc::clone(&cache), Arc::new(Source::default()));
    let counted = Arc::clone(&source);
    let waiting = tokio::spawn(async move { counted.get(&other, "a", at(0)).await });
    settle().await;
    waiting.abort();
    settle().await;
    drop(turns);
    settle().await;
    assert_eq!((source.count(), cache.lock().fetches.len()), (0, 0));
}

#[tokio::test]
async fn a_value_that_is_doubted_is_fetched_again_once() {
    let (cache, source) = (cache(8), Source::default());
    source.get(&cache, "a", at(0)).await.unwrap();
    let value = cache.lock().kept["a"].value.as_ref().unwrap().0.clone();
    let doubt = |seconds, is_invalid| {
        cache.doubt(&"a", &value, at(seconds), Doubt { least_age: Duration::from_secs(10), is_invalid });
    };
    doubt(9, false);
    assert_eq!(source.get(&cache, "a", at(9)).await, Ok(1), "it is young");
    doubt(10, false);
    assert_eq!(source.get(&cache, "a", at(10)).await, Ok(2));
    doubt(30, false);
    assert_eq!(source.get(&cache, "a", at(30)).await, Ok(2), "the doubt was about another one");
    // What is invalid is not used even if there is no other.
    let value = cache.lock().kept["a"].value.as_ref().unwrap().0.clone();
    cache.doubt(&"a", &value, at(30), Doubt { least_age: Duration::ZERO, is_invalid: true });
    let broken = Source { fails: true, ..Source::default() };
    assert!(broken.get(&cache, "a", at(30)).await.is_err());
}
