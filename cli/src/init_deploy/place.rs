//! The path of the zip relative to the folder that is written, since the tools resolve it from there.

use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, ensure};
use bulkhead_host::text::printable::Shown as _;

/// The relative path from a folder, which need not exist yet, to a file. An absolute path is kept.
pub(super) fn seen_from(folder: &Path, file: &Path) -> anyhow::Result<String> {
    ensure!(
        file.extension().is_some_and(|ending| ending == "zip"),
        "{}: Lambda requires a file that ends in .zip; name one with --zip",
        file.shown()
    );
    let path = if file.is_absolute() { file.to_owned() } else { way(&full(folder)?, &full(file)?) };
    let text = path.to_str().with_context(|| {
        format!("{}: a path that is not UTF-8 cannot be written to a template", path.shown())
    })?;
    Ok(text.to_owned())
}

fn way(from: &Path, to: &Path) -> PathBuf {
    let common = from.components().zip(to.components()).take_while(|(one, other)| one == other).count();
    let up = from.components().skip(common).map(|_| Component::ParentDir);
    up.chain(to.components().skip(common)).collect()
}

/// The absolute path, without `.` and `..`. Symbolic links are not resolved.
fn full(path: &Path) -> anyhow::Result<PathBuf> {
    let path = std::path::absolute(path)
        .with_context(|| format!("{}: the absolute path cannot be determined", path.shown()))?;
    let mut full = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => {
                full.pop();
            }
            other
            @ (Component::Prefix(_) | Component::RootDir | Component::CurDir | Component::Normal(_)) => {
                full.push(other)
            }
        }
    }
    Ok(full)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_zip_is_found_from_where_the_template_lies() {
        let seen = |folder: &str, file: &str| seen_from(Path::new(folder), Path::new(file)).unwrap();
        assert_eq!(seen("deploy", "function.zip"), "../function.zip");
        assert_eq!(seen(".", "function.zip"), "function.zip");
        assert_eq!(seen("a/b", "a/out/./f.zip"), "../out/f.zip");
        assert_eq!(seen("a/../b", "c/../f.zip"), "../f.zip");
        assert_eq!(seen("deploy", "/srv/f.zip"), "/srv/f.zip");
        assert!(seen_from(Path::new("deploy"), Path::new("function.tar")).is_err());
    }
}
