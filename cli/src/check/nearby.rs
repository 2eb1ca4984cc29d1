//! What may be meant by a component or a directory that `bulkhead.toml` names and that is not there.

use std::path::Path;

use bulkhead_host::text::printable::Shown as _;

use crate::build::PLACE;
use crate::files::{Wanted, meant_below};

/// What may be meant by a path that is relative to the task root, to be added to a sentence. Empty if nothing is similar.
pub(super) fn meant(root: &Path, path: &Path, wanted: Wanted) -> String {
    // A build copies only what exists and is granted, so the rest is to be found in the project.
    let project = root.ends_with(PLACE).then(|| root.ancestors().nth(2)).flatten();
    let mut found = [Some(root), project].into_iter().flatten().map(|root| below(root, path, wanted));
    found.find(|text| !text.is_empty()).unwrap_or_default()
}

fn below(root: &Path, path: &Path, wanted: Wanted) -> String {
    let above = path.ancestors().skip(1).filter(|above| !above.as_os_str().is_empty());
    // Of the folders that do not exist, the one that is nearest to the root.
    let Some(folder) = above.take_while(|above| !root.join(above).exists()).last() else {
        return meant_below(root, path, wanted);
    };
    match meant_below(root, folder, Wanted::Folder) {
        near if near.is_empty() => near,
        near => format!("; there is no folder {}{near}", folder.shown()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(files: &[&str], root: &str, path: &str, wanted: Wanted) -> String {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let file = folder.path().join(file);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, "").unwrap();
        }
        meant(&folder.path().join(root), Path::new(path), wanted)
    }

    #[test]
    fn a_path_is_answered_with_the_one_that_is_meant() {
        let files = ["hello.wasm", "assets/a.txt", "in/side.cwasm"];
        for (path, wanted, expected) in [
            ("helo.wasm", Wanted::Component, "; did you mean hello.wasm?"),
            ("in/sidee.wasm", Wanted::Component, "; did you mean in/side.wasm?"),
            ("asset", Wanted::Folder, "; did you mean assets?"),
            ("asset/in", Wanted::Folder, "; there is no folder asset; did you mean assets?"),
            ("nothing/like.wasm", Wanted::Component, ""),
            ("hello", Wanted::Folder, ""),
        ] {
            assert_eq!(told(&files, "", path, wanted), expected, "{path}");
        }
    }

    #[test]
    fn what_a_build_did_not_copy_is_found_in_the_project() {
        let files = ["assets/a.txt", "target/bulkhead/hello.wasm"];
        assert_eq!(told(&files, PLACE, "asset", Wanted::Folder), "; did you mean assets?");
        assert_eq!(told(&files, PLACE, "helo.wasm", Wanted::Component), "; did you mean hello.wasm?");
    }
}
