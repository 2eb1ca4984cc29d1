//! Checks the links between the pages of this repository: each file and each heading must exist.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

/// Checks the links of all pages below `root`, and returns their number.
pub(crate) fn check(root: &Path) -> Result<usize> {
    let mut broken = Vec::new();
    let mut count = 0;
    for page in pages(root)? {
        for (line, link) in links(&read(&page)?) {
            count += 1;
            if let Some(why) = wrong(&page, &link)? {
                let page = page.strip_prefix(root).unwrap_or(&page);
                broken.push(format!("{}:{line}: {link}: {why}", page.display()));
            }
        }
    }
    ensure!(
        broken.is_empty(),
        "broken links; fix the links, or the pages they refer to:\n{}",
        broken.join("\n")
    );
    Ok(count)
}

/// Why a link is broken, if it is. Links to other sites are not checked.
fn wrong(page: &Path, link: &str) -> Result<Option<&'static str>> {
    if link.contains("://") || link.starts_with("mailto:") {
        return Ok(None);
    }
    let (file, heading) = link.split_once('#').unwrap_or((link, ""));
    let target = if file.is_empty() { page.to_owned() } else { page.with_file_name("").join(file) };
    if !target.exists() {
        return Ok(Some("there is no such file"));
    }
    let is_page = target.extension().is_some_and(|ending| ending == "md");
    let is_known = heading.is_empty() || !is_page || headings(&read(&target)?).contains(heading);
    Ok((!is_known).then_some("there is no such heading"))
}

/// All pages below a directory, except in folders that tools create.
fn pages(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut pages = Vec::new();
    let entries = fs::read_dir(directory).with_context(|| format!("listing {}", directory.display()))?;
    for entry in entries {
        let entry = entry?;
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        if entry.file_type()?.is_dir() {
            let is_ours = !name.starts_with('.') && !matches!(&*name, "target" | "node_modules" | "venv");
            pages.extend(if is_ours { self::pages(&path)? } else { Vec::new() });
        } else if name.ends_with(".md") {
            pages.push(path);
        }
    }
    pages.sort();
    Ok(pages)
}

/// The links of a page, each with its line. Text in code is ignored.
fn links(text: &str) -> Vec<(usize, String)> {
    let mut links = Vec::new();
    for (line, prose) in prose(text) {
        let prose: String = prose.split('`').step_by(2).collect();
        let targets = prose.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
        links.extend(targets.map(|(target, _)| (line, target.to_owned())));
    }
    links
}

/// The anchors of a page's headings, as code hosts and mdBook make them.
fn headings(text: &str) -> BTreeSet<String> {
    let titles = prose(text).filter_map(|(_, line)| {
        line.trim_start_matches('#').strip_prefix(' ').filter(|_| line.starts_with('#'))
    });
    titles.map(anchor).collect()
}

fn anchor(title: &str) -> String {
    let kept = |letter: char| match letter {
        _ if letter.is_whitespace() => Some('-'),
        '_' | '-' => Some(letter),
        _ => letter.is_alphanumeric().then_some(letter),
    };
    title.trim().to_lowercase().chars().filter_map(kept).collect()
}

/// The lines outside of code blocks, with their numbers.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut is_code = false;
    text.lines().enumerate().filter_map(move |(index, line)| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        (!is_code && !is_fence).then_some((index + 1, line))
    })
}

fn read(page: &Path) -> Result<String> {
    fs::read_to_string(page).with_context(|| format!("reading {}", page.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_has_no_links_and_prose_may_have_several_in_a_line() {
        let page = "[a](a.md) and [`b](x)`](b.md#c)\n```\n[d](d.md)\n```\n`[e](e.md)` [f](f.md)";
        let found: Vec<_> = links(page).into_iter().map(|(line, link)| format!("{line} {link}")).collect();
        assert_eq!(found, ["1 a.md", "1 b.md#c", "5 f.md"]);
    }

    #[test]
    fn a_heading_is_found_by_its_anchor() {
        let found = headings("# What `a` is, and is not\n```\n# no\n```\n## Two  words_3\n#none");
        assert_eq!(found.into_iter().collect::<Vec<_>>(), ["two--words_3", "what-a-is-and-is-not"]);
    }

    #[test]
    fn what_leads_nowhere_is_told() {
        let page = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/tenants.md"));
        let why = |link: &str| wrong(page, link).unwrap();
        assert_eq!(why("limits.md#limits"), None);
        assert_eq!(why("https://example.com/none"), None);
        assert_eq!(why("../README.md"), None);
        assert_eq!(why("limits.md#none"), Some("there is no such heading"));
        assert_eq!(why("#none"), Some("there is no such heading"));
        assert_eq!(why("none.md"), Some("there is no such file"));
    }
}
