//! An engine that interprets nothing: answers with the files that the event names, or reads its entry for ever.

mod bindings {
    wit_bindgen::generate!({
        inline: "package test:engine; world guest { import bulkhead:lambda/script@0.1.0; }",
        path: "../../wit",
        generate_all,
    });
}

use bindings::bulkhead::lambda::script;

#[bulkhead::handler]
fn read_script(paths: Vec<String>) -> (String, Vec<Option<String>>) {
    let entry = script::entry();
    let text = |path: &str| Some(String::from_utf8_lossy(&script::read(path)?.content).into_owned());
    while paths.iter().any(|path| path == "for ever") {
        text(&entry);
    }
    let texts =
        if paths.is_empty() { vec![text(&entry)] } else { paths.iter().map(|path| text(path)).collect() };
    (entry, texts)
}

fn main() {}
