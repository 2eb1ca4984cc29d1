//! The package as a folder from which `docker build` and `podman build` make a container image.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use bulkhead_host::engine::Target;
use bulkhead_host::policy::manifest::{FILE, Manifest};
use bulkhead_host::text::printable::Shown as _;
use tempfile::TempDir;

use super::contents;
use crate::compile::lambda_name;

/// Podman looks for this name; docker needs `--file`.
pub(super) const CONTAINERFILE: &str = "Containerfile";

/// The folder that becomes `/var/task`.
pub(super) const TASK: &str = "task";

/// The first line of a Containerfile of this command. Any other folder belongs to somebody else.
const MADE: &str = "# Made by `bulkhead package --container`";

/// Moves the files of a zip into a temporary folder: `bootstrap`, which goes to `/var/runtime`, and `task`,
/// which becomes `/var/task`.
pub(super) fn stage(staged: &Path, handler: Option<&str>, target: Target) -> anyhow::Result<TempDir> {
    let image = tempfile::tempdir().context("no temporary folder can be created for the image")?;
    let handler = own_handler(staged, handler)?;
    for file in contents::files(staged)? {
        // The digests of the zip are left out; this folder gets its own.
        if file != Path::new(contents::SUMS) {
            let to = image.path().join(place(&file));
            contents::copy_below(image.path(), &staged.join(&file), &to)?;
        }
    }
    let path = image.path().join(CONTAINERFILE);
    fs::write(&path, containerfile(&handler, target)).context("the Containerfile cannot be written")?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644))?;
    contents::sums(image.path()).context("the digests of the image cannot be written")?;
    Ok(image)
}

fn place(file: &Path) -> PathBuf {
    match file == Path::new("bootstrap") {
        true => file.to_owned(),
        false => Path::new(TASK).join(file),
    }
}

/// The value of `_HANDLER`: the image's command, without which its entry point does not start.
fn own_handler(staged: &Path, named: Option<&str>) -> anyhow::Result<String> {
    if let Some(named) = named {
        return Ok(named.to_owned());
    }
    let handlers = Manifest::read(staged)?.map(|manifest| manifest.handlers).unwrap_or_default();
    match handlers.as_slice() {
        [] => Ok(bulkhead_host::dispatch::catalog::find(staged, None)?),
        [only] => Ok(only.name.clone()),
        several => {
            let names: Vec<&str> = several.iter().map(|handler| handler.name.as_str()).collect();
            anyhow::bail!(
                "{FILE} has several handlers, and an image has to name the function's own; choose one with \
                 --handler: {}",
                names.join(", ")
            )
        }
    }
}

/// `--platform`, because native code runs only on its own processor, whatever machine builds the image.
fn containerfile(handler: &str, target: Target) -> String {
    format!(
        "{MADE} {}, for {}.\n\
         FROM --platform={} public.ecr.aws/lambda/provided:al2023\n\
         COPY bootstrap /var/runtime/bootstrap\n\
         COPY {TASK}/ /var/task/\n\
         CMD [{}]\n",
        env!("CARGO_PKG_VERSION"),
        lambda_name(target),
        platform(target),
        serde_json::Value::from(handler)
    )
}

fn platform(target: Target) -> &'static str {
    match target {
        Target::X86_64 => "linux/amd64",
        Target::Aarch64 => "linux/arm64",
    }
}

/// Moves the folder to its place, where an earlier one may be.
pub(super) fn replace(image: &Path, output: &Path) -> anyhow::Result<()> {
    let cannot_write = || format!("{} cannot be written", output.shown());
    if output.exists() {
        ensure!(
            is_ours(output),
            "{} exists and was not made by this command; remove it, or choose another with -o",
            output.shown()
        );
        fs::remove_dir_all(output).with_context(cannot_write)?;
    }
    for file in contents::files(image)? {
        contents::copy_below(output, &image.join(&file), &output.join(&file))?;
    }
    Ok(())
}

fn is_ours(folder: &Path) -> bool {
    let is_empty = fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none());
    let made = fs::read_to_string(folder.join(CONTAINERFILE)).is_ok_and(|text| text.starts_with(MADE));
    is_empty || made
}

/// The command that builds the image. Lambda rejects an image with the provenance attestation that docker
/// adds by default.
pub(super) fn how_to_build(output: &Path) -> String {
    let folder = output.shown();
    format!("docker build --provenance=false --file {folder}/{CONTAINERFILE} --tag NAME {folder}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handler_s_name_cannot_break_out_of_the_file() {
        let text = containerfile("a\"]\nRUN true", Target::Aarch64);
        assert_eq!(text.lines().last(), Some(r#"CMD ["a\"]\nRUN true"]"#));
        assert_eq!(text.lines().count(), 5);
    }

    #[test]
    fn a_folder_of_somebody_else_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (image, output) = (folder.path().join("new"), folder.path().join("image"));
        fs::create_dir_all(image.join("task")).unwrap();
        fs::write(image.join(CONTAINERFILE), MADE).unwrap();
        fs::create_dir(&output).unwrap();
        replace(&image, &output).unwrap();
        fs::write(output.join("of-before"), "").unwrap();
        replace(&image, &output).unwrap();
        assert!(!output.join("of-before").exists());
        fs::write(output.join(CONTAINERFILE), "FROM scratch").unwrap();
        let error = replace(&image, &output).unwrap_err().to_string();
        assert!(error.contains("was not made by this command"), "{error}");
        assert_eq!(fs::read_to_string(output.join(CONTAINERFILE)).unwrap(), "FROM scratch");
    }
}
