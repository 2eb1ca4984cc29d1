//! The files of the page.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bulkhead_host::text::printable::{HIDDEN, JOINING};
use hyper::header::CONTENT_TYPE;

use super::Page;

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const ICON: &str = "image/svg+xml";

/// The place of the token in the page's HTML.
const TOKEN: &str = "{{token}}";

/// The script that shows text, and the places in it of the host's lists of characters that may not be
/// printed.
const SHOW: &str = "/.bulkhead/page/show.js";
const LISTS: [(&str, &[(char, char)]); 2] = [("{{hidden}}", &HIDDEN), ("{{joining}}", &JOINING)];

/// A file. It is served as it is, except for the token and the lists.
#[derive(Debug)]
struct Asset {
    path: &'static str,
    content_type: &'static str,
    content: &'static str,
}

/// Makes an asset of a file beside this one.
macro_rules! asset {
    ($path:expr, $content_type:expr, $file:literal) => {
        Asset { path: $path, content_type: $content_type, content: include_str!($file) }
    };
}

static ASSETS: [Asset; 14] = [
    asset!(super::PATH, HTML, "index.html"),
    asset!("/favicon.ico", ICON, "icon.svg"),
    asset!("/.bulkhead/page/icon.svg", ICON, "icon.svg"),
    asset!("/.bulkhead/page/page.css", CSS, "page.css"),
    asset!("/.bulkhead/page/page.js", SCRIPT, "page.js"),
    asset!("/.bulkhead/page/show.js", SCRIPT, "show.js"),
    asset!("/.bulkhead/page/events.js", SCRIPT, "events.js"),
    asset!("/.bulkhead/page/grants.js", SCRIPT, "grants.js"),
    asset!("/.bulkhead/page/list.js", SCRIPT, "list.js"),
    asset!("/.bulkhead/page/details.js", SCRIPT, "details.js"),
    asset!("/.bulkhead/page/send.js", SCRIPT, "send.js"),
    asset!("/.bulkhead/page/tenants.js", SCRIPT, "tenants.js"),
    asset!("/.bulkhead/page/known.js", SCRIPT, "known.js"),
    asset!("/.bulkhead/page/policies.js", SCRIPT, "policies.js"),
];

/// A route for each file.
pub(super) fn router() -> Router<Arc<Page>> {
    ASSETS.iter().fold(Router::new(), |router, asset| {
        let serve = move |State(page): State<Arc<Page>>| async move { asset.response(&page.token) };
        router.route(asset.path, get(serve))
    })
}

/// Whether there is a file at a path that every page of the same site may read, because it has no token.
pub(in crate::dev) fn is_asset(path: &str) -> bool {
    path != super::PATH && ASSETS.iter().any(|asset| asset.path == path)
}

impl Asset {
    fn response(&self, token: &str) -> Response {
        let content = match self.path {
            super::PATH => Body::from(self.content.replace(TOKEN, token)),
            SHOW => Body::from(with_lists(self.content)),
            _ => Body::from(self.content),
        };
        ([(CONTENT_TYPE, self.content_type)], content).into_response()
    }
}

fn with_lists(script: &str) -> String {
    LISTS.iter().fold(script.to_owned(), |script, (place, list)| script.replace(place, &class(list)))
}

/// Ranges of characters, as in a regular expression of JavaScript.
fn class(ranges: &[(char, char)]) -> String {
    let range =
        |(first, last): &(char, char)| format!(r"\u{{{:x}}}-\u{{{:x}}}", u32::from(*first), u32::from(*last));
    ranges.iter().map(range).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_the_host_s_list() {
        let script = ASSETS.iter().find(|asset| asset.path == SHOW).unwrap().content;
        assert!(LISTS.iter().all(|(place, _)| script.matches(place).count() == 1));
        let filled = with_lists(script);
        assert!(filled.contains(r"const HIDDEN = /[\u{0}-\u{1f}\u{7f}-\u{9f}\u{ad}-\u{ad}"), "{filled}");
        assert!(filled.contains(r"const JOINING = /[\u{200c}-\u{200d}\u{fe0e}-\u{fe0f}]/gu;"), "{filled}");
    }

    #[test]
    fn only_the_page_itself_has_the_token() {
        for Asset { path, content, .. } in &ASSETS {
            assert_eq!(content.contains(TOKEN), *path == "/", "{path}");
            assert_eq!(is_asset(path), *path != "/");
        }
        assert!(!is_asset("/.bulkhead/events"));
    }

    #[test]
    fn nothing_makes_markup_of_text() {
        for Asset { path, content, .. } in ASSETS.iter().filter(|asset| asset.content_type == SCRIPT) {
            for word in
                ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function("]
            {
                assert!(!content.contains(word), "{path}: {word}");
            }
        }
    }
}
