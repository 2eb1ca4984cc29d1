//! Pieces of the book that are no part of a session: each `bulkhead.toml` is read, and each handler is compiled.

use crate::project::{Folder, sdk};

pub(super) struct Blocks {
    name: String,
    folder: Folder,
    handlers: Vec<String>,
}

impl Blocks {
    pub(super) fn new(chapter: &str) -> Self {
        let name =
            format!("book-{}", chapter.trim_start_matches("../").trim_end_matches(".md").to_lowercase());
        Self { name, folder: Folder::new(), handlers: Vec::new() }
    }

    pub(super) fn add_handler(&mut self, line: usize, text: &str) {
        self.folder.write(&format!("examples/line_{line}.rs"), text);
        self.handlers.push(format!("[[example]]\nname = \"line_{line}\"\ncrate-type = [\"cdylib\"]\n"));
    }

    /// All of them at once.
    pub(super) fn compile(&self) {
        if self.handlers.is_empty() {
            return;
        }
        let Self { name, folder, handlers } = self;
        let manifest = format!(
            "[package]\nname = \"{name}\"\nedition = \"2024\"\n[dependencies]\n\
             bulkhead-sdk = {{ path = {:?}, features = [\"client\", \"events\", \"http\", \"streaming\", \"tokio\", \"tracing\"] }}\n\
             serde = {{ version = \"1\", features = [\"derive\"] }}\nserde_json = \"1\"\n[workspace]\n{}",
            sdk(),
            handlers.concat()
        );
        folder.write("Cargo.toml", &manifest);
        folder.write("src/lib.rs", "");
        folder.cargo(&["check", "--quiet", "--examples", "--target", "wasm32-wasip2"]).succeeded();
    }
}

/// `bulkhead check` has no mistake to tell, with a component for each handler that it names, and one handler if it names none.
pub(super) fn check_manifest(place: &str, text: &str) {
    let folder = Folder::new();
    let names = |text: &str| -> Vec<String> {
        let tables = text.lines().filter_map(|line| line.strip_prefix("[handlers."));
        tables.map(|rest| rest.chars().take_while(|c| !matches!(c, '.' | ']')).collect()).collect()
    };
    let mut manifest = text.to_owned();
    if names(text).is_empty() {
        manifest.push_str("\n[handlers.hello]\n");
    }
    let component = std::fs::read(bulkhead_tests::artifacts::component("echo")).expect("a component");
    for name in names(&manifest) {
        std::fs::write(folder.path().join(name).with_extension("wasm"), &component).expect("write it");
    }
    std::fs::create_dir(folder.path().join("assets")).expect("a folder to grant");
    folder.write("bulkhead.toml", &manifest);
    let checked = folder.bulkhead(&["check"]);
    assert_eq!(checked.code, 0, "{place}: {manifest}\n{}{}", checked.stdout, checked.stderr);
}
