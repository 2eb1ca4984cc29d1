//! The bindings are those that the pinned wit-bindgen generates from `wit/`.

use std::fs;
use std::path::Path;

use wit_bindgen_core::wit_parser::Resolve;
use wit_bindgen_core::{Files, WorldGenerator as _};
use wit_bindgen_rust::{Opts, WithOption};

/// The module, its world, and whether it takes the types of the module `lambda`.
const WORLDS: [(&str, &str, bool); 5] = [
    ("lambda", "lambda", false),
    ("initializer", "lambda-initializer", true),
    ("streaming", "lambda-streaming", true),
    ("config", "wasi:config/imports@0.2.0-rc.1", false),
    ("key_value", "wasi:keyvalue/imports@0.2.0-draft2", false),
];

/// The types that all worlds share, so that a handler and its init function have one `Failure`.
const TYPES: &str = "bulkhead:lambda/types@0.1.0";

fn generated(module: &str, world: &str, shares_types: bool) -> String {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_path(Path::new(env!("CARGO_MANIFEST_DIR")).join("wit")).unwrap();
    let world = resolve.select_world(&[package], Some(world)).unwrap();
    let shared = WithOption::Path("crate::bindings::lambda::bulkhead::lambda::types".to_owned());
    let options = Opts {
        format: true,
        runtime_path: Some("::bulkhead::generated::wit_bindgen::rt".to_owned()),
        default_bindings_module: Some(format!("::bulkhead::bindings::{module}")),
        export_macro_name: Some(format!("__export_{module}")),
        pub_export_macro: true,
        generate_all: true,
        with: shares_types.then(|| (TYPES.to_owned(), shared)).into_iter().collect(),
        ..Opts::default()
    };
    let mut files = Files::default();
    options.build().generate(&mut resolve, world, &mut files).unwrap();
    let (_, text) = files.iter().next().unwrap();
    String::from_utf8(text.to_vec()).unwrap()
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the variable says whether to write the files")]
fn they_are_what_wit_bindgen_generates() {
    for (module, world, shares_types) in WORLDS {
        let file = format!("{}/src/bindings/{module}.rs", env!("CARGO_MANIFEST_DIR"));
        let expected = generated(module, world, shares_types);
        if std::env::var("BINDINGS").is_ok_and(|what| what == "overwrite") {
            fs::write(&file, &expected).unwrap();
        }
        let kept = fs::read_to_string(&file).unwrap_or_default();
        assert!(kept == expected, "{file} is not what `wit/` says; set BINDINGS=overwrite to write it again");
    }
}
