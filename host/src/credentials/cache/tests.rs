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
        let mut fetch = || -> Fetching<u32> {
            let (fetches, fails) = (Arc::clone(&self.fetches), self.fails);
            Box::pin(async move {
                let value = fetches.fetch_add(1, Ordering::Relaxed) + 1;
                let life = Life { fresh: now + LIFE, good: now + 2 * LIFE, usable: now + 4 * LIFE };
                if fails { Err(Unavailable::new("it is gone")) } else { Ok(Fetched { value, life }) }
            })
        };
        cache.get(&key, now, &mut fetch).await.map(|value| *value)
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
    assert_eq!(source.get(&cache, "a", at(242)).await, Ok(5));
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
    let mut ended = Some(ended);
    let mut fetch = move || -> Fetching<u32> {
        let ended = ended.take().unwrap();
        Box::pin(async move {
            ended.await.map_err(|_| Unavailable::new("dropped"))?;
            Ok(Fetched { value: 7, life: Life { fresh: at(60), good: at(60), usable: at(60) } })
        })
    };
    let first = Arc::clone(&cache);
    let first = tokio::spawn(async move { first.get(&"a", at(0), &mut fetch).await });
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
    let pause = Duration::from_secs(10);
    let doubt = |value: &Arc<u32>, seconds| cache.doubt(&"a", value, at(seconds), pause);
    doubt(&value, 1);
    assert_eq!(source.get(&cache, "a", at(1)).await, Ok(2));
    doubt(&value, 30);
    assert_eq!(source.get(&cache, "a", at(30)).await, Ok(2), "the doubt was about another one");
    doubt(&kept(&cache), 10);
    assert_eq!(source.get(&cache, "a", at(10)).await, Ok(2), "one was fetched a moment ago");
    doubt(&kept(&cache), 11);
    assert_eq!(source.get(&cache, "a", at(11)).await, Ok(3));
}

#[tokio::test]
async fn a_fetch_that_began_before_a_doubt_does_not_settle_it() {
    let cache = cache(8);
    let put = |value, seconds| {
        let life = Life { fresh: at(1000), good: at(1000), usable: at(2000) };
        let asked = Asked { at: at(seconds), took: Duration::ZERO };
        drop(cache.put(&"a", Ok(Fetched { value, life }), asked));
    };
    put(1, 0);
    cache.doubt(&"a", &kept(&cache), at(20), Duration::from_secs(10));
    put(1, 19);
    assert_eq!(Source::default().get(&cache, "a", at(21)).await, Ok(1), "the next one of a source");
    assert_eq!(cache.lock().kept["a"].refetched, Some((at(21), true)));
}

/// The value that is kept.
fn kept(cache: &Cache<&'static str, u32>) -> Arc<u32> {
    Arc::clone(&cache.lock().kept["a"].value.as_ref().unwrap().0)
}

#[tokio::test]
async fn doubts_about_a_value_that_stays_the_same_or_cannot_be_fetched_are_rare() {
    let (cache, pause) = (cache(8), Duration::from_secs(10));
    let fetches = Arc::new(AtomicU32::new(0));
    let get = |now, fails: bool| {
        let fetches = Arc::clone(&fetches);
        let mut fetch = move || -> Fetching<u32> {
            fetches.fetch_add(1, Ordering::Relaxed);
            let life = Life { fresh: now + 60 * LIFE, good: now + 60 * LIFE, usable: now + 60 * LIFE };
            let fetched =
                if fails { Err(Unavailable::new("it is gone")) } else { Ok(Fetched { value: 7, life }) };
            Box::pin(std::future::ready(fetched))
        };
        let cache = Arc::clone(&cache);
        async move { cache.get(&"a", now, &mut fetch).await.map(|value| *value) }
    };
    for seconds in 0..60 {
        assert_eq!(get(at(seconds), false).await, Ok(7));
        cache.doubt(&"a", &kept(&cache), at(seconds), pause);
    }
    assert_eq!(fetches.load(Ordering::Relaxed), 2, "one that stays the same is not the reason");
    for seconds in 600..620 {
        cache.doubt(&"a", &kept(&cache), at(seconds), pause);
        assert_eq!(get(at(seconds), true).await, Ok(7));
    }
    assert_eq!(fetches.load(Ordering::Relaxed), 3, "a failure has its pause");
}

#[tokio::test]
async fn a_request_with_an_old_value_does_not_wait_for_long() {
    let (cache, source) = (cache(8), Source::default());
    source.get(&cache, "a", at(0)).await.unwrap();
    let mut never = || -> Fetching<u32> { Box::pin(std::future::pending()) };
    assert_eq!(cache.get(&"a", at(150), &mut never).await.map(|value| *value), Ok(1));
}

#[tokio::test]
async fn the_pause_after_a_failure_begins_when_it_has_failed() {
    let cache = cache(8);
    let fetched = Err(Unavailable::new("late"));
    drop(cache.put(&"a", fetched, Asked { at: at(0), took: Duration::from_secs(5) }));
    let source = Source::default();
    assert!(source.get(&cache, "a", at(5)).await.is_err());
    assert_eq!((source.get(&cache, "a", at(6)).await, source.count()), (Ok(1), 1));
}
