//! Task roots with manifests, and what becomes of their handlers at init and at their first event.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise, also in its helpers")]

use super::*;
use crate::dispatch::fixture;
use crate::engine::artifact::{Stamp, digest};
use crate::engine::{self, Reset, Target};
use crate::policy::manifest::Handler as Named;

/// A task root, and a manifest that names these handlers and has no tenants.
fn stage(handlers: &[(&str, &str, Option<&str>)]) -> (tempfile::TempDir, Manifest) {
    let handler = |(name, source, digest): &(&str, &str, Option<&str>)| Named {
        name: (*name).to_owned(),
        source: source.into(),
        script: None,
        digest: digest.map(str::to_owned),
        policy: Arc::new(Policy::default_for(name)),
    };
    let manifest = Manifest { handlers: handlers.iter().map(handler).collect(), ..Manifest::default() };
    (tempfile::tempdir().unwrap(), manifest)
}

fn open(root: &Path, manifest: &Manifest, asked: Option<&str>) -> Result<Catalog, CatalogError> {
    let (engine, _) = engine::start(1).unwrap();
    let imports = crate::capabilities::imports(&engine).unwrap();
    Catalog::open(Source { engine, imports, task_root: root.to_owned(), is_lazy: true }, manifest, asked)
}

/// A `.cwasm` with a good stamp around an image that is none: fine until it is mapped.
fn write_hollow(path: &Path, source: &[u8]) {
    let stamp = Stamp::new(b"no ELF", source, Target::host().unwrap(), Reset::default());
    std::fs::write(path, [&b"no ELF"[..], &stamp.to_bytes()].concat()).unwrap();
}

#[test]
fn handlers_with_scripts_share_an_engine_that_has_to_be_there() {
    let engine = "engines/javascript.wasm";
    let (root, mut manifest) = stage(&[("a", engine, None), ("b", engine, None)]);
    for handler in &mut manifest.handlers {
        handler.script = Some(Path::new("a.js").into());
    }
    let error = open(root.path(), &manifest, Some("a")).unwrap_err();
    assert!(error.to_string().contains("scripts need the engine "), "{error}");
    assert_eq!(error.report().header_type(), "Runtime.ConfigInvalid");
    std::fs::create_dir(root.path().join("engines")).unwrap();
    write_hollow(&root.path().join("engines/javascript.cwasm"), b"");
    // It is the only component of the two, so it is mapped at once.
    let error = open(root.path(), &manifest, Some("a")).unwrap_err();
    assert!(matches!(error, CatalogError::Component(_)), "{error}");
}

#[test]
fn an_engine_without_a_script_is_refused_wherever_it_lies() {
    let engine = fixture::engine("");
    let expected = "is the engine of scripts, and there is no script for it to run; write the script as the `source` of a \
                    handler in bulkhead.toml, such as source = \"index.js\", which finds the engine by itself";
    let refused = |root: &Path, manifest: &Manifest, begin: &str| {
        let error = open(root, manifest, Some("run")).unwrap_err();
        assert_eq!(error.report().header_type(), "Runtime.ConfigInvalid");
        let text = error.to_string();
        assert!(text.starts_with(begin) && text.ends_with(expected), "{text}");
    };
    let (root, manifest) = stage(&[("run", "run.wasm", None)]);
    std::fs::write(root.path().join("run.wasm"), &engine).unwrap();
    refused(root.path(), &manifest, "bulkhead.toml: handlers.run.source: /");
    refused(root.path(), &Manifest::default(), "/");
    // At its own place it is not even loaded.
    let (root, mut manifest) = stage(&[("run", "engines/javascript.cwasm", None), ("b", "b.cwasm", None)]);
    std::fs::create_dir(root.path().join("engines")).unwrap();
    for name in ["engines/javascript.cwasm", "b.cwasm"] {
        write_hollow(&root.path().join(name), b"source");
    }
    refused(root.path(), &manifest, "bulkhead.toml: handlers.run.source: /");
    manifest.routing.invalid_handler = InvalidHandler::FailEvents;
    let catalog = open(root.path(), &manifest, Some("run")).unwrap();
    assert!(catalog.get(0).unwrap_err().to_string().ends_with(expected));
    // Elsewhere it is found at its first event, unless it is loaded before.
    let (root, manifest) = stage(&[("run", "run.cwasm", None), ("b", "b.cwasm", None)]);
    let native = crate::wasm::compile(&engine, &engine, Target::host().unwrap()).unwrap();
    std::fs::write(root.path().join("run.cwasm"), native).unwrap();
    write_hollow(&root.path().join("b.cwasm"), b"source");
    let catalog = open(root.path(), &manifest, Some("run")).unwrap();
    assert!(catalog.get(0).unwrap_err().to_string().ends_with(expected));
}

#[test]
fn the_function_s_own_handler_is_the_named_one_or_the_only_one() {
    assert_eq!(main(&["a", "b"], Some("b")), Some(1));
    assert_eq!(main(&["a", "b"], Some("b.wasm")), Some(1));
    assert_eq!(main(&["a", "b"], Some("../b")), None);
    assert_eq!(main(&["a", "b"], None), None);
    assert_eq!(main(&["a"], Some("bootstrap")), Some(0));
}

#[test]
fn a_source_that_is_not_there_is_a_mistake_in_the_manifest() {
    let (root, manifest) = stage(&[("hello", "in/side.wasm", None)]);
    let error = open(root.path(), &manifest, None).unwrap_err();
    assert_eq!(error.report().header_type(), "Runtime.ConfigInvalid");
    let text = error.to_string();
    assert!(text.starts_with("bulkhead.toml: handlers.hello.source: /"), "{text}");
    let missing = "in/side.wasm does not exist, and neither does a .cwasm of that name";
    assert!(text.ends_with(missing), "{text}");
}

#[test]
fn what_cannot_run_stops_the_start_or_only_its_own_events() {
    let (root, mut manifest) = stage(&[("bad", "bad.wasm", None), ("late", "late.cwasm", None)]);
    std::fs::write(root.path().join("bad.wasm"), b"\0asm\x01\0\0\0").unwrap();
    write_hollow(&root.path().join("late.cwasm"), b"source");
    let error = open(root.path(), &manifest, Some("late")).unwrap_err();
    assert_eq!(error.report().header_type(), "Runtime.InvalidComponent");
    manifest.routing.invalid_handler = InvalidHandler::FailEvents;
    let catalog = open(root.path(), &manifest, Some("late")).unwrap();
    assert_eq!((catalog.main, catalog.warnings.len()), (Some(1), 1));
    assert!(
        catalog.warnings[0].starts_with("every event of the handler bad will fail: "),
        "{:?}",
        catalog.warnings
    );
    assert!(catalog.get(0).unwrap_err().to_string().contains("wasm32-wasip2"));
}

#[test]
fn several_cwasms_are_not_mapped_before_their_first_event() {
    let (root, manifest) = stage(&[("a", "a.cwasm", None), ("b", "b.wasm", None)]);
    for name in ["a.cwasm", "b.cwasm"] {
        write_hollow(&root.path().join(name), b"source");
    }
    let catalog = open(root.path(), &manifest, Some("a")).unwrap();
    assert!(catalog.components.iter().all(|component| component.loaded.get().is_none()));
    // What is wrong with its code is found now, and again.
    for _ in 0..2 {
        assert!(catalog.get(0).unwrap_err().to_string().contains("the engine rejects it"));
    }
}

#[test]
fn a_digest_must_match_and_is_known_without_mapping() {
    let good = digest(b"source");
    let bad = digest(b"another");
    for (wanted, fits) in [(good.as_str(), true), (bad.as_str(), false)] {
        let (root, manifest) = stage(&[("a", "a.cwasm", Some(wanted)), ("b", "b.cwasm", None)]);
        for name in ["a.cwasm", "b.cwasm"] {
            write_hollow(&root.path().join(name), b"source");
        }
        match open(root.path(), &manifest, Some("a")) {
            Ok(_) => assert!(fits),
            Err(error) => {
                let text = error.to_string();
                assert!(!fits && text.starts_with("bulkhead.toml: handlers.a.digest: "), "{text}");
                assert!(text.contains(&good) && text.contains(&bad), "{text}");
            }
        }
    }
}

#[test]
fn handlers_with_one_source_share_one_component() {
    let (root, manifest) = stage(&[("a", "x.cwasm", None), ("b", "x.wasm", None), ("c", "c.cwasm", None)]);
    for name in ["x.cwasm", "c.cwasm"] {
        write_hollow(&root.path().join(name), b"source");
    }
    let catalog = open(root.path(), &manifest, Some("a")).unwrap();
    assert_eq!(catalog.components.len(), 2);
    assert_eq!(catalog.policies().len(), 3);
    assert_eq!(catalog.file(1), root.path().join("x.cwasm"));
}

#[test]
fn without_tenants_one_handler_must_be_the_function_s() {
    let (root, mut manifest) = stage(&[("a", "a.cwasm", None), ("b", "b.cwasm", None)]);
    for name in ["a.cwasm", "b.cwasm"] {
        write_hollow(&root.path().join(name), b"source");
    }
    let error = open(root.path(), &manifest, Some("c")).unwrap_err().to_string();
    assert!(
        error.contains("_HANDLER is `c`, and ") && error.contains("bulkhead.toml contains a, b"),
        "{error}"
    );
    manifest.routing.unknown_tenant = UnknownTenant::Handler(1);
    assert_eq!(open(root.path(), &manifest, Some("c")).unwrap().main, None);
}
