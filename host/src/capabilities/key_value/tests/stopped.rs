//! A store that takes its time, and a guest that is stopped meanwhile.

use std::pin::pin;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::task::Poll;

use super::*;
use crate::capabilities::key_value::backend::Item;

/// Tells when a write begins, and waits until it may end.
#[derive(Debug)]
struct Slow {
    begun: Sender<String>,
    end: Mutex<Receiver<()>>,
}

impl Backend for Slow {
    fn blocks(&self) -> bool {
        true
    }

    fn get(&self, _: &Call, _: &str) -> Result<Option<Item>, StoreError> {
        Ok(None)
    }

    fn set(&self, _: &Call, key: &str, _: &[u8]) -> Result<(), StoreError> {
        self.begun.send(key.to_owned()).unwrap();
        self.end.lock().unwrap().recv().unwrap();
        Ok(())
    }

    fn delete(&self, _: &Call, _: &str) -> Result<(), StoreError> {
        Ok(())
    }

    fn list(&self, _: &Call, _: Option<&str>) -> Result<Page, StoreError> {
        Ok(Page::default())
    }

    fn increment(&self, _: &Call, _: &str, _: Increment) -> Result<i128, StoreError> {
        Err(StoreError::Contended)
    }

    fn swap(&self, _: &Call, _: &str, _: &Replacement) -> Result<Swapped, StoreError> {
        Ok(Swapped::Done)
    }
}

#[tokio::test]
async fn a_guest_that_is_stopped_begins_nothing_more() {
    let ((begun, begins), (ends, end)) = (channel(), channel());
    let slow = Arc::new(Slow { begun, end: Mutex::new(end) });
    let backend: Arc<dyn Backend> = Arc::clone(&slow) as _;
    let stores = Arc::new(Stores::with(quiet(), vec![("cache".to_owned(), backend)]));
    let (mut key_value, mut table) = sandbox(&stores, Some("acme"), |_| ());
    {
        let mut view = View { key_value: &mut key_value, table: &mut table };
        let bucket = view.open("cache").unwrap();
        let pairs = ["one", "two", "three"].map(|key| (key.to_owned(), Vec::new())).to_vec();
        let mut writing = pin!(view.set_many(&bucket, pairs));
        let polled = std::future::poll_fn(|context| Poll::Ready(writing.as_mut().poll(context))).await;
        assert!(polled.is_pending());
        assert_eq!(begins.recv().unwrap(), "one");
    }
    assert!(key_value.usage().time > Duration::ZERO, "the time until it was stopped counts");
    key_value.end();
    ends.send(()).unwrap();
    // The thread has given back what it had of the store.
    while Arc::strong_count(&slow) > 2 {
        tokio::task::yield_now().await;
    }
    assert!(begins.try_recv().is_err(), "nothing was begun after the end of the event");
}

#[tokio::test]
async fn what_a_thread_computes_is_the_event_s() {
    let ((begun, begins), (ends, end)) = (channel(), channel());
    let slow: Arc<dyn Backend> = Arc::new(Slow { begun, end: Mutex::new(end) });
    let stores = Arc::new(Stores::with(quiet(), vec![("cache".to_owned(), slow)]));
    let (mut key_value, mut table) = sandbox(&stores, Some("acme"), |_| ());
    let event = sender(Some("acme"));
    key_value.begin(event.clone());
    let mut view = View { key_value: &mut key_value, table: &mut table };
    let bucket = view.open("cache").unwrap();
    ends.send(()).unwrap();
    view.set(&bucket, "k".to_owned(), Vec::new()).await.unwrap();
    assert_eq!(begins.recv().unwrap(), "k");
    assert!(event.meter.spent() > Duration::ZERO);
}
