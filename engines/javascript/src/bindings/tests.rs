//! The bindings are those that the pinned wit-bindgen generates from `wit/`.

use std::fs;
use std::path::Path;

use wit_bindgen_core::wit_parser::Resolve;
use wit_bindgen_core::{Files, WorldGenerator as _};
use wit_bindgen_rust::{Opts, WithOption};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/bindings/engine.rs");

/// The modules that have the types already.
const SHARED: [(&str, &str); 4] = [
    ("bulkhead:lambda/types@0.1.0", "::bulkhead::bindings::lambda::bulkhead::lambda::types"),
    ("wasi:io/error@0.2.0", "::wasip2::io::error"),
    ("wasi:io/poll@0.2.0", "::wasip2::io::poll"),
    ("wasi:io/streams@0.2.0", "::wasip2::io::streams"),
];

fn generated() -> String {
    let mut resolve = Resolve::default();
    let contract = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit");
    let (package, _) = resolve.push_path(contract).unwrap();
    let world = resolve.select_world(&[package], Some("lambda-engine")).unwrap();
    let options = Opts {
        format: true,
        default_bindings_module: Some("crate::bindings::engine".to_owned()),
        export_macro_name: Some("export_engine".to_owned()),
        generate_all: true,
        with: SHARED.map(|(name, path)| (name.to_owned(), WithOption::Path(path.to_owned()))).into(),
        ..Opts::default()
    };
    let mut files = Files::default();
    options.build().generate(&mut resolve, world, &mut files).unwrap();
    let (_, text) = files.iter().next().unwrap();
    String::from_utf8(text.to_vec()).unwrap()
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the variable says whether to write the file")]
fn they_are_what_wit_bindgen_generates() {
    let expected = generated();
    if std::env::var("BINDINGS").is_ok_and(|what| what == "overwrite") {
        fs::write(FILE, &expected).unwrap();
    }
    let kept = fs::read_to_string(FILE).unwrap_or_default();
    assert!(kept == expected, "{FILE} is not what `wit/` says; set BINDINGS=overwrite to write it again");
}
