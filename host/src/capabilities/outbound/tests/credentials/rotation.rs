//! Secrets that change while they are used.

use std::sync::Mutex;

use super::*;
use crate::policy::{Part, Secret, SecretParts, SecretSource, Template};

/// A server that takes only the newest key, which is in a file.
struct World {
    folder: tempfile::TempDir,
    newest: Arc<Mutex<String>>,
    server: Recorder,
    handler: Handler,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let newest = Arc::new(Mutex::new(String::new()));
        let required = Arc::clone(&newest);
        let server = Recorder::start(move |request| {
            let is_newest = request.header("x-key") == Some(&*required.lock().unwrap());
            if is_newest { response(200, "", "ok") } else { response(401, "", "another key") }
        });
        let path = folder.path().join("key").to_str().unwrap().into();
        let secret = Secret { name: "key".into(), from: SecretSource::File(path) };
        let template = Template { parts: vec![Part::Secret(Arc::new(secret))] };
        let parts = SecretParts { headers: [("x-key".into(), template)].into(), ..SecretParts::default() };
        let handler = handler(&server.url(), Authentication::Secrets(parts), Variables::of(&[]));
        let world = Self { folder, newest, server, handler };
        world.rotate("sk_live_0");
        world
    }

    fn rotate(&self, key: &str) {
        std::fs::write(self.folder.path().join("key"), key).unwrap();
        key.clone_into(&mut self.newest.lock().unwrap());
    }

    fn statuses(&self) -> Vec<bool> {
        let newest = self.newest.lock().unwrap();
        self.server.requests().iter().map(|request| request.header("x-key") == Some(&**newest)).collect()
    }

    async fn post(&self, body: &'static str) -> OutboundUsage {
        let mut outbound = self.handler.outbound("a");
        let answer = outbound.ask(with("POST", &self.server.url(), &[("x-own", "1")], body)).await.unwrap();
        assert_eq!(answer, (200, "ok".to_owned()));
        outbound.usage()
    }
}

#[tokio::test]
async fn a_request_with_an_old_secret_is_sent_once_more_with_the_new_one() {
    let world = World::new();
    assert_eq!(world.post("one").await.requests, 1);
    world.rotate("sk_live_1");
    let usage = world.post("two").await;
    assert_eq!((usage.requests, usage.credentials[0].1), (2, 2), "both are on the receipt");
    assert_eq!(world.post("three").await.requests, 1);
    let requests = world.server.requests();
    let bodies: Vec<_> = requests.iter().map(Recorded::text).collect();
    assert_eq!(bodies, ["one", "two", "two", "three"]);
    assert_eq!((requests[2].header("x-own"), requests[2].line()[0]), (Some("1"), "POST"));
    assert!(!read(world.handler.log).contains("sk_live"));
}

#[tokio::test]
async fn eight_requests_at_once_survive_a_rotation() {
    let world = Arc::new(World::new());
    world.post("x").await;
    world.rotate("sk_live_1");
    let posts = (0..8).map(|_| {
        let world = Arc::clone(&world);
        tokio::spawn(async move { world.post("x").await })
    });
    for post in posts.collect::<Vec<_>>() {
        post.await.unwrap();
    }
    assert_eq!(world.statuses().iter().filter(|is_newest| **is_newest).count(), 8);
}

#[tokio::test]
async fn a_key_that_stays_wrong_is_answered_once_and_so_is_a_large_request() {
    let world = World::new();
    world.newest.lock().unwrap().push_str(", and another one");
    let mut outbound = world.handler.outbound("a");
    let answer = outbound.ask(with("POST", &world.server.url(), &[], "x")).await.unwrap();
    assert_eq!((answer, world.statuses().len()), ((401, "another key".to_owned()), 1));
    let world = World::new();
    world.post("x").await;
    world.rotate("sk_live_1");
    let large: &'static str = Box::leak("x".repeat(64 * 1024 + 1).into_boxed_str());
    let mut outbound = world.handler.outbound("a");
    let answer = outbound.ask(with("POST", &world.server.url(), &[], large)).await.unwrap();
    assert_eq!((answer.0, world.statuses().len()), (401, 2), "it is too large to be kept");
    assert_eq!(world.post("x").await.requests, 1, "the next request has the new one");
}

#[tokio::test]
async fn a_handler_whose_requests_are_used_up_has_the_first_answer() {
    let mut world = World::new();
    world.handler.policy.limits.outbound_requests = 1;
    world.post("x").await;
    world.rotate("sk_live_1");
    let mut outbound = world.handler.outbound("a");
    let answer = outbound.ask(with("POST", &world.server.url(), &[], "x")).await.unwrap();
    assert_eq!((answer.0, outbound.usage().requests, outbound.usage().limit), (401, 1, None));
}
