//! Init: which component `_HANDLER` names, and how a start that fails is told to the caller, the log and the platform.

use std::net::{Ipv4Addr, TcpListener};

use bulkhead_tests::{Bootstrap, Event, Running, RuntimeApi, SeenRequest, TaskRoot};

use crate::stage::is_platform_type;

fn start(root: &TaskRoot, api: &RuntimeApi, handler: &str) -> Running {
    Bootstrap::new().task_root(root).handler(handler).api(api).spawn()
}

/// Starts, and expects an init error of this type, posted and printed, and exit code 1. Returns the message.
fn init_error(root: &TaskRoot, handler: &str, error_type: &str) -> String {
    let api = RuntimeApi::start();
    let mut running = start(root, &api, handler);
    assert_eq!(running.exit_code(), 1);
    let posted: SeenRequest = api.init_error();
    // R5.1: the same shape and header as any error.
    assert_eq!(posted.method, "POST");
    assert_eq!(posted.header("Lambda-Runtime-Function-Error-Type"), Some(error_type.as_bytes()));
    assert!(is_platform_type(error_type));
    assert_eq!(posted.header("Content-Type"), Some(b"application/json".as_slice()));
    // R2.5: never on init calls.
    assert_eq!(posted.header("Lambda-Runtime-Invocation-Id"), None);
    let body: serde_json::Value = serde_json::from_slice(&posted.body).expect("a JSON body");
    assert_eq!(body["errorType"], error_type);
    assert!(body["stackTrace"].is_array(), "{body}");
    // R5.2: no /next after it.
    assert_eq!(api.seen().len(), 1, "{:?}", api.seen());
    let message = body["errorMessage"].as_str().expect("an errorMessage").to_owned();
    let log = running.logs();
    let start = message.lines().next().expect("a message that is not empty");
    assert!(log.contains(&start[..start.len().min(40)]), "not in the log: {message}\n{log}");
    message
}

#[test]
fn every_way_to_name_a_component() {
    for handler in ["echo", "echo.wasm", "echo.handle"] {
        // Another one is there, so that it is the name that decides.
        let root = TaskRoot::new().with("echo").with("state");
        let api = RuntimeApi::start();
        let _running = start(&root, &api, handler);
        assert_eq!(api.send(Event::json("17")).text(), "17", "{handler}");
    }
}

#[test]
fn the_only_component_is_taken_whatever_the_handler_is_called() {
    for handler in [Some("index.handler"), Some("bootstrap"), Some(""), Some("not/there"), None] {
        let root = TaskRoot::new().with("echo").file("notes.txt", b"not a component");
        let api = RuntimeApi::start();
        let bootstrap = Bootstrap::new().task_root(&root).api(&api);
        let bootstrap = match handler {
            Some(handler) => bootstrap.handler(handler),
            // E9.1: the emulator sets none.
            None => bootstrap.env_remove("_HANDLER"),
        };
        let _running = bootstrap.spawn();
        assert_eq!(api.send(Event::json("17")).text(), "17", "{handler:?}");
    }
}

#[test]
fn no_such_handler() {
    let message = init_error(&TaskRoot::new(), "hello", "Runtime.NoSuchHandler");
    assert!(message.contains("hello"), "{message}");
    let message = init_error(&TaskRoot::new().with("echo").with("state"), "hello", "Runtime.NoSuchHandler");
    assert!(message.contains("hello"), "{message}");
}

#[test]
fn a_handler_lies_in_the_task_root() {
    let elsewhere = TaskRoot::new().with("echo");
    let root = TaskRoot::new().with("json").with("state");
    let outside = elsewhere.path().join("echo");
    for handler in [outside.to_str().unwrap(), "../echo", "./../../etc/passwd"] {
        init_error(&root, handler, "Runtime.NoSuchHandler");
    }
}

#[test]
fn what_is_no_component_is_invalid() {
    for content in [b"".as_slice(), b"\0asm", b"not wasm at all", b"\0asm\x01\0\0\0", b"\0asm\x0d\0\x01\0"] {
        let message =
            init_error(&TaskRoot::new().file("broken.wasm", content), "broken", "Runtime.InvalidComponent");
        assert!(message.contains("broken.wasm"), "{content:?}: {message}");
    }
}

#[test]
fn a_component_that_is_cut_short_is_invalid() {
    let root = TaskRoot::new().with("echo");
    root.change("echo.wasm", |content| content.truncate(content.len() / 2));
    init_error(&root, "echo", "Runtime.InvalidComponent");
}

#[test]
fn a_component_of_another_kind_is_invalid() {
    // DESIGN has this as a kind to come; until then the text must say what was looked for.
    let text = std::fs::read_to_string(crate::wat::hostile("other_kind.wat")).expect("read the component");
    let root = TaskRoot::new().file("stream.wasm", &crate::wat::component(&text));
    let message = init_error(&root, "stream", "Runtime.InvalidComponent");
    assert!(message.contains("bulkhead:lambda/handler"), "{message}");
}

#[test]
fn an_unknown_import_is_named() {
    let message =
        init_error(&TaskRoot::new().with("unknown_import"), "unknown_import", "Runtime.InvalidComponent");
    assert!(message.contains("acme:db/query@1.0.0"), "{message}");
}

#[test]
fn r5_1_a_refused_init_error_is_still_printed() {
    for status in [403, 500] {
        let (api, root) = (RuntimeApi::start(), TaskRoot::new());
        api.refuse_init_error(status);
        let mut running = start(&root, &api, "missing-one");
        assert_eq!(running.exit_code(), 1);
        assert!(running.logs().contains("missing-one"), "{}", running.logs());
        assert_eq!(api.seen().len(), 1);
    }
}

#[test]
fn without_a_runtime_api_there_is_a_hint() {
    let root = TaskRoot::new().with("echo");
    for empty in [false, true] {
        let bootstrap = Bootstrap::new().task_root(&root).handler("echo");
        let bootstrap = if empty { bootstrap.env("AWS_LAMBDA_RUNTIME_API", "") } else { bootstrap };
        let mut running = bootstrap.spawn();
        assert_eq!(running.exit_code(), 64);
        let text = running.stderr();
        assert!(text.contains("AWS_LAMBDA_RUNTIME_API"), "{text:?}");
        assert!(text.to_lowercase().contains("emulator"), "what to do on a laptop: {text:?}");
    }
}

#[test]
fn an_address_that_is_none_is_refused_by_name() {
    let root = TaskRoot::new().with("echo");
    let mut taken = Vec::new();
    for address in ["🚨", "https://127.0.0.1:9001", "127.0.0.1:port", ":", "ftp://x:1", "127.0.0.1:99999"] {
        let bootstrap =
            Bootstrap::new().task_root(&root).handler("echo").env("AWS_LAMBDA_RUNTIME_API", address);
        let mut running = bootstrap.spawn();
        let code = running.exit_code();
        if code == 0 || !running.logs().contains("AWS_LAMBDA_RUNTIME_API") {
            taken.push((address, code, running.logs()));
        }
    }
    assert!(taken.is_empty(), "{taken:#?}");
}

#[test]
fn an_address_where_nobody_listens_ends_the_process() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind a port");
    let address = listener.local_addr().expect("an address").to_string();
    drop(listener);
    let root = TaskRoot::new().with("echo");
    let bootstrap = Bootstrap::new().task_root(&root).handler("echo").env("AWS_LAMBDA_RUNTIME_API", &address);
    let mut running = bootstrap.spawn();
    assert_eq!(running.exit_code(), 1);
    assert!(running.logs().contains(&address), "{}", running.logs());
}

#[test]
fn too_little_address_space_means_no_pool_and_a_warning() {
    let root = TaskRoot::new().with("echo");
    let api = RuntimeApi::start();
    // Room for a few memories of 4 GiB, but not for a pool of them.
    let mut running = Bootstrap::new().task_root(&root).api(&api).address_space(24 << 20).spawn();
    for event in ["1", "2", "3"] {
        assert_eq!(api.send(Event::json(event)).text(), event);
    }
    assert!(running.logs().contains("not enough address space for a pool"), "{}", running.logs());
    assert!(running.is_alive());
}
