//! Scripts and engines that try to read more than they may, or to make the host read without end.

use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::{ask, entry, message, read, two};
use crate::stage::{Stage, assert_error};

#[test]
fn no_path_leads_out_of_a_script() {
    let root = two();
    let here = root.path().display().to_string();
    let stage = Stage::at(root, |bootstrap| bootstrap);
    let absolute = ["/tenants/globex/secret.json", "/etc/passwd", "/index.js", "/"].map(str::to_owned);
    let paths = [
        "../globex/secret.json",
        "lib/../../globex/secret.json",
        "../acme/index.js",
        "../../notes/index.js",
        "..",
        ".",
        "",
        "./index.js",
        "lib/../index.js",
        "lib//data.json",
        "lib/data.json/",
        "lib",
        "lib/",
        "..\\globex\\secret.json",
        "lib\\data.json",
        "%2e%2e/globex/secret.json",
        "..%2fglobex%2fsecret.json",
        "index%2ejs",
        "index.js\0",
        "\0",
        "index.js\0.json",
        "INDEX.JS",
        "secret.json",
        "tenants/acme/index.js",
        "tenants/globex/secret.json",
        "file:index.js",
        "../../bulkhead.toml",
        "../../engines/javascript.wasm",
        "../../../../../../../etc/passwd",
        "/proc/self/environ",
        "\u{202e}index.js",
    ];
    let all = paths.map(str::to_owned).into_iter().chain(absolute).chain([
        format!("{here}/tenants/acme/index.js"),
        format!("{here}/tenants/globex/secret.json"),
        "a/".repeat(100_000),
    ]);
    for path in all {
        assert_eq!(read(&stage, "acme", &[&path]).1, [None], "{path:?}");
    }
    assert_eq!(read(&stage, "acme", &["lib/data.json"]).1, [Some("data of acme".to_owned())]);
}

#[test]
fn links_and_odd_names_in_a_folder_are_left_out() {
    let root = two().file("tenants/acme/.env.js", b"hidden").file("tenants/acme/.git/config.js", b"hidden");
    let acme = root.path().join("tenants/acme");
    for (target, link) in [
        ("../globex/secret.json", "stolen.json"),
        ("/etc/passwd", "passwd.json"),
        ("../globex", "globex"),
        ("index.js", "same.js"),
        ("loop.js", "loop.js"),
    ] {
        symlink(target, acme.join(link)).expect("make a link");
    }
    std::fs::write(acme.join(std::ffi::OsStr::from_bytes(b"\xff.js")), "")
        .expect("write a file with an odd name");
    let stage = Stage::at(root, |bootstrap| bootstrap);
    for path in [
        "stolen.json",
        "passwd.json",
        "globex/secret.json",
        "same.js",
        "loop.js",
        ".env.js",
        ".git/config.js",
        "\u{fffd}.js",
    ] {
        assert_eq!(read(&stage, "acme", &[path]).1, [None], "{path}");
    }
    assert_eq!(entry(&stage, "acme").1, "of acme");
}

#[test]
fn a_folder_that_is_swapped_for_a_link_is_not_followed() {
    let root = two();
    let tenants = root.path().join("tenants");
    let stage = Stage::at(root, |bootstrap| bootstrap);
    assert_eq!(entry(&stage, "globex").1, "of globex");
    let swap = |from: &str, to: &str| {
        std::fs::remove_dir_all(tenants.join(from)).expect("remove the folder");
        symlink(to, tenants.join(from)).expect("put a link in its place");
    };
    // Before the first event of acme, its folder becomes that of globex; and what is loaded stays what it was.
    std::fs::write(tenants.join("globex/index.js"), "of globex, too").expect("write a file");
    swap("acme", "globex");
    let answer = ask(&stage, "acme", &[]);
    assert_error(&answer, "Runtime.ScriptUnavailable");
    assert!(
        message(&answer).contains("`tenants/acme` is not a folder; symbolic links are not"),
        "{}",
        message(&answer)
    );
    swap("globex", "../notes");
    assert_eq!(read(&stage, "globex", &["main.mjs", "index.js"]).1, [Some("of globex".to_owned()), None]);
}

#[test]
fn a_folder_without_end_costs_its_tenant_the_event_and_nobody_else_anything() {
    let large = vec![b' '; 3 * 1024 * 1024];
    let root = two().file("tenants/acme/one.js", &large).file("tenants/acme/two.js", &large);
    let acme = root.path().join("tenants/acme");
    let mut stage = Stage::at(root, |bootstrap| bootstrap);
    let refused = |text: &str| {
        let answer = ask(&stage, "acme", &[]);
        assert_error(&answer, "Runtime.ScriptUnavailable");
        assert!(message(&answer).contains(text), "{}", message(&answer));
        assert_eq!(entry(&stage, "globex").1, "of globex");
    };
    refused("have more than 4 MiB together");
    std::fs::remove_file(acme.join("two.js")).expect("remove a file");
    many(&acme, 1_000);
    refused("has more than 1000 files of a script");
    std::fs::remove_file(acme.join("0.js")).expect("remove a file");
    std::fs::remove_file(acme.join("1.js")).expect("remove a file");
    std::fs::remove_file(acme.join("2.js")).expect("remove a file");
    assert_eq!(read(&stage, "acme", &["one.js"]).1[0].as_ref().map(String::len), Some(large.len()));
    stage.api.wait_idle();
    let receipts = stage.running.receipts();
    let of_acme = |receipt: &&serde_json::Value| receipt["tenantId"] == "acme";
    assert!(receipts.iter().filter(of_acme).all(|receipt| receipt["cpuMs"].as_f64() > Some(0.0)));
    assert!(stage.running.is_alive());
}

fn many(folder: &Path, count: usize) {
    for number in 0..count {
        std::fs::write(folder.join(format!("{number}.js")), "").expect("write a file");
    }
}

#[test]
fn reading_for_ever_uses_up_the_processor_time_of_its_event() {
    let large = vec![b' '; 1024 * 1024];
    let toml = format!("{}\n[limits]\ncpu_time = '100ms'\n", super::TWO);
    let stage = Stage::at(two().manifest(&toml).file("tenants/acme/index.js", &large), |bootstrap| bootstrap);
    assert_error(&ask(&stage, "acme", &["for ever"]), "Function.CpuLimitExceeded");
    assert_eq!(entry(&stage, "globex").1, "of globex");
}

#[test]
fn a_file_that_is_larger_than_the_memory_of_a_sandbox_is_its_own_problem() {
    let large = vec![b' '; 4 * 1024 * 1024 - 100];
    let toml = format!("{}\n[limits]\nmemory = '4MiB'\n", super::TWO);
    let stage = Stage::at(two().manifest(&toml).file("tenants/acme/index.js", &large), |bootstrap| bootstrap);
    assert_error(&ask(&stage, "acme", &[]), "Function.OutOfMemory");
    assert_eq!(entry(&stage, "globex").1, "of globex");
}
