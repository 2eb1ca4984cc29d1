//! Builds the book from `docs/` with a pinned version of mdBook, which is installed once into the target
//! directory. Its warnings are errors.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use crate::fetched::Fetched;
use crate::links;
use crate::stamp::Inputs;
use crate::steps::Step;
use crate::tool::Tool;
use crate::workspace::Workspace;

/// Without its server and its search, which take long to compile.
const MDBOOK: Tool = Tool { name: "mdbook", version: "0.5.4", arguments: &["--no-default-features"] };

/// The pages above `docs/` are not part of the book; readers find them at this address.
const SOURCES: &str = "https://github.com/bulkhead-dev/bulkhead/blob/main/";

/// Builds the book.
pub(crate) const BOOK: Step = Step {
    name: "book",
    title: "building the book, and checking the links of every page (mdBook is compiled the first time)",
    needs: &["toolchain"],
    inputs: Some(Inputs::files(&[""])),
    run: |workspace| {
        let count = links::check(&workspace.source(""))?;
        println!("      {count} links are valid");
        let installed = MDBOOK.install(workspace)?;
        if matches!(installed, Fetched::Ready) {
            let book = build(workspace)?;
            point_outside(workspace, &book)?;
            println!("      {}", book.join("index.html").display());
        }
        installed.outcome("The book was NOT built; its links were checked, and `e2e` tests its content")
    },
};

/// Builds the book in the target directory.
fn build(workspace: &Workspace) -> Result<PathBuf> {
    let book = workspace.target("book");
    let mut mdbook = Command::new(MDBOOK.program(workspace));
    mdbook.arg("build").arg(workspace.source("docs")).arg("--dest-dir").arg(&book).stdin(Stdio::null());
    let output = mdbook.output().context("starting mdbook")?;
    let said = String::from_utf8_lossy(&output.stderr);
    let is_fine = output.status.success() && !said.contains("WARN") && !said.contains("ERROR");
    ensure!(is_fine, "mdbook reports problems in docs/:\n{said}");
    Ok(book)
}

/// Links to files outside of `docs/` work on a code host. In the book, this makes them point there.
fn point_outside(workspace: &Workspace, book: &Path) -> Result<()> {
    for entry in fs::read_dir(book).with_context(|| format!("listing {}", book.display()))? {
        let page = entry?.path();
        if page.extension().is_some_and(|ending| ending == "html") {
            let text = fs::read_to_string(&page).with_context(|| format!("reading {}", page.display()))?;
            let pointed = pointed(&text, |file| workspace.source(file).exists());
            fs::write(&page, pointed).with_context(|| format!("writing {}", page.display()))?;
        }
    }
    Ok(())
}

/// mdBook treats every `.md` as a chapter, so links to those above `docs/` end in `.html`.
fn pointed(text: &str, is_there: impl Fn(&str) -> bool) -> String {
    // mdBook writes the link for editing a page like this.
    let text = text.replace("/docs/./", "/docs/");
    let mut parts = text.split("href=\"../");
    let mut pointed = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (link, rest) = part.split_once('"').unwrap_or((part, ""));
        let (file, heading) = link.split_at(link.find('#').unwrap_or(link.len()));
        let page = file.strip_suffix(".html").map(|name| format!("{name}.md"));
        let file = page.filter(|page| is_there(page)).unwrap_or_else(|| file.to_owned());
        pointed.push_str(&format!("href=\"{SOURCES}{file}{heading}\"{rest}"));
    }
    pointed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_beside_the_book_is_on_the_code_host() {
        let page = r#"<a href="limits.html">a</a> <a href="../SECURITY.html#x">b</a> <a href="../wit/lambda.wit">c</a>"#;
        let expected = format!(
            r#"<a href="limits.html">a</a> <a href="{SOURCES}SECURITY.md#x">b</a> <a href="{SOURCES}wit/lambda.wit">c</a>"#
        );
        assert_eq!(pointed(page, |file| file == "SECURITY.md"), expected);
        assert_eq!(pointed("no link", |_| false), "no link");
    }
}
