//! `bulkhead package --container`: the folder is made into an image as a builder would make it, by the instructions of its
//! Containerfile, and what the image starts answers under Lambda's emulator.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use bulkhead_tests::{Rie, TaskRoot, artifacts};
use serde_json::json;
use tempfile::TempDir;

use crate::sbom::Sbom;

/// The user that Lambda runs functions as is not the one that owns the files.
const READABLE_BY_OTHERS: u32 = 0o004;

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn image(&self) -> PathBuf {
        self.0.path().join("image")
    }

    fn package(&self, root: &Path, arguments: &[&str]) -> Output {
        let mut package = Command::new(artifacts::cli());
        package
            .args(["package", "--container"])
            .arg(root)
            .arg("--bootstrap")
            .arg(artifacts::lean_bootstrap());
        // A careful umask must not lock Lambda out.
        let mut shell = Command::new("sh");
        shell.args(["-c", "umask 077 && exec \"$0\" \"$@\""]).arg(package.get_program());
        shell.args(package.get_args()).arg("-o").arg(self.image()).args(arguments);
        shell.output().expect("run `bulkhead package`")
    }
}

/// What a builder makes of a folder: the files, below a root of their own, and the command.
struct Image {
    base: String,
    root: TempDir,
    command: Vec<String>,
}

impl Image {
    fn build(context: &Path) -> Self {
        let file = fs::read_to_string(context.join("Containerfile")).expect("a Containerfile");
        let (mut base, mut command) = (String::new(), Vec::new());
        let root = tempfile::tempdir().expect("a root");
        for line in file.lines().filter(|line| !line.starts_with('#')) {
            match line.split_once(' ').expect("an instruction and its arguments") {
                ("FROM", image) => base = image.to_owned(),
                ("COPY", places) => {
                    let (from, to) = places.split_once(' ').expect("a source and a place");
                    let to = root.path().join(to.trim_start_matches('/'));
                    copy(&context.join(from), &to);
                }
                ("CMD", words) => command = serde_json::from_str(words).expect("a list"),
                (other, _) => panic!("this test does not know {other}"),
            }
        }
        Self { base, root, command }
    }

    fn path(&self, place: &str) -> PathBuf {
        self.root.path().join(place)
    }
}

/// A file to its place, or what is in a folder into a folder, with their modes.
fn copy(from: &Path, to: &Path) {
    let mode = fs::metadata(from).unwrap_or_else(|error| panic!("{}: {error}", from.display())).permissions();
    assert!(mode.mode() & READABLE_BY_OTHERS != 0, "{}: {:o}", from.display(), mode.mode());
    if from.is_dir() {
        fs::create_dir_all(to).expect("make a folder");
        for entry in fs::read_dir(from).expect("a folder") {
            let entry = entry.expect("an entry");
            copy(&entry.path(), &to.join(entry.file_name()));
        }
        return;
    }
    fs::create_dir_all(to.parent().expect("a folder")).expect("make a folder");
    fs::copy(from, to).expect("copy");
}

#[test]
fn what_the_image_starts_answers_under_the_emulator() {
    let folder = Folder::new();
    let manifest = "[handlers.hello]\ngrants.files = [\"data\"]";
    let root = TaskRoot::new().manifest(manifest).with("hello").file("data/deep/a.txt", b"a");
    let output = folder.package(root.path(), &[]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && told.contains("docker build"), "{told}");
    let image = Image::build(&folder.image());
    let platform = if cfg!(target_arch = "aarch64") { "linux/arm64" } else { "linux/amd64" };
    assert_eq!(image.base, format!("--platform={platform} public.ecr.aws/lambda/provided:al2023"));
    assert_eq!(image.command, ["hello"]);
    let bootstrap = image.path("var/runtime/bootstrap");
    assert_eq!(fs::metadata(&bootstrap).expect("a bootstrap").permissions().mode() & 0o777, 0o755);
    let task_root = image.path("var/task");
    assert!(task_root.join("data/deep/a.txt").is_file() && !task_root.join("bootstrap").exists());
    let Some(rie) = Rie::at(&bootstrap, &task_root, &image.command[0], &[]) else { return };
    let answer = rie.invoke(r#"{"name": "image"}"#, &[]);
    assert_eq!(answer.json(), json!({ "message": "Hello image!" }));
}

#[test]
fn the_folder_is_replaced_and_described_and_its_digests_are_right() {
    let folder = Folder::new();
    let [echo, hello] = ["echo", "hello"].map(|guest| TaskRoot::new().with(guest));
    for root in [&echo, &hello] {
        let output = folder.package(root.path(), &[]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    assert!(!folder.image().join("task/echo.cwasm").exists());
    let sums = ["--check", "--strict", "SHA256SUMS"];
    let checked = Command::new("sha256sum").args(sums).current_dir(folder.image()).output();
    assert!(checked.expect("run sha256sum").status.success());
    let sbom = Sbom::read(&folder.image().with_extension("cdx.json"));
    sbom.check();
    assert!(sbom.file("task/hello.cwasm")["properties"].to_string().contains("rustc 1."));
}

#[test]
fn an_image_of_several_handlers_needs_to_know_which_is_its_own() {
    let folder = Folder::new();
    let root = TaskRoot::new().manifest("[handlers.hello]\n[handlers.echo]").with("hello").with("echo");
    let output = folder.package(root.path(), &[]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && !folder.image().exists(), "{told}");
    let output = folder.package(root.path(), &["--handler", "echo"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(Image::build(&folder.image()).command, ["echo"]);
}

/// Makes the image with a builder that people use, offline: a base of that name is made first, with the layout of the real one.
const BUILD: &str = r#"
    set -e
    cd "$0"
    printf '[storage]\ndriver = "vfs"\nrunroot = "%s/run"\ngraphroot = "%s/graph"\n' "$0" "$0" > storage.conf
    printf '{"default": [{"type": "insecureAcceptAnything"}]}' > policy.json
    export CONTAINERS_STORAGE_CONF="$0/storage.conf" POLICY="--signature-policy=$0/policy.json"
    mkdir -p base/var/task base/var/runtime
    base=$(buildah from --arch "$1" scratch)
    buildah copy --quiet "$base" base /
    buildah config --arch "$1" --entrypoint '["/lambda-entrypoint.sh"]' "$base"
    buildah commit --quiet $POLICY "$base" public.ecr.aws/lambda/provided:al2023
    buildah build --quiet $POLICY --pull-never --tag built image
    made=$(buildah from --quiet $POLICY --pull-never built)
    buildah inspect --type image --format '{{.OCIv1.Architecture}} {{.OCIv1.Config.Cmd}} {{.OCIv1.Config.Entrypoint}}' built > told
    cp -a "$(buildah mount "$made")" made
    buildah rm --all > removed && buildah rmi --all --force > removed
"#;

#[test]
fn buildah_takes_the_folder_and_the_image_has_the_handler_for_its_command() {
    if !artifacts::has_buildah() {
        return;
    }
    let folder = Folder::new();
    let output = folder.package(TaskRoot::new().with("hello").path(), &[]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let place = folder.0.path();
    let arch = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
    let output = Command::new("sh").args(["-c", BUILD]).arg(place).arg(arch).output().expect("run sh");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told = fs::read_to_string(place.join("told")).expect("what buildah says");
    assert_eq!(told.trim(), format!("{arch} [hello] [/lambda-entrypoint.sh]"));
    for (inside, outside, mode) in
        [("var/runtime/bootstrap", "bootstrap", 0o755), ("var/task/hello.cwasm", "task/hello.cwasm", 0o644)]
    {
        let file = place.join("made").join(inside);
        assert_eq!(fs::metadata(&file).expect("a file").permissions().mode() & 0o777, mode, "{inside}");
        assert!(fs::read(&file).expect("a file") == fs::read(folder.image().join(outside)).expect("a file"));
    }
}
