//! The files of the page.

use bulkhead_host::text::printable::{HIDDEN, JOINING};
use hyper::Response;
use hyper::header::{CONTENT_TYPE, HeaderValue};

use crate::dev::http::response::Body;

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const ICON: &str = "image/svg+xml";

/// Where the page's token stands in its HTML.
const TOKEN: &str = "{{token}}";

/// What shows text, and where in it stands what may not be printed: there is one list of that.
const SHOW: &str = "/.bulkhead/page/show.js";
const LISTS: [(&str, &[(char, char)]); 2] = [("{{hidden}}", &HIDDEN), ("{{joining}}", &JOINING)];

/// Paths, types and contents.
static ASSETS: &[(&str, &str, &str)] = &[
    (super::PATH, HTML, include_str!("index.html")),
    ("/favicon.ico", ICON, include_str!("icon.svg")),
    ("/.bulkhead/page/icon.svg", ICON, include_str!("icon.svg")),
    ("/.bulkhead/page/page.css", CSS, include_str!("page.css")),
    ("/.bulkhead/page/page.js", SCRIPT, include_str!("page.js")),
    ("/.bulkhead/page/show.js", SCRIPT, include_str!("show.js")),
    ("/.bulkhead/page/events.js", SCRIPT, include_str!("events.js")),
    ("/.bulkhead/page/list.js", SCRIPT, include_str!("list.js")),
    ("/.bulkhead/page/details.js", SCRIPT, include_str!("details.js")),
    ("/.bulkhead/page/send.js", SCRIPT, include_str!("send.js")),
    ("/.bulkhead/page/tenants.js", SCRIPT, include_str!("tenants.js")),
    ("/.bulkhead/page/policies.js", SCRIPT, include_str!("policies.js")),
];

/// Whether there is a file at a path that says nothing to whoever reads it.
pub(in crate::dev) fn is_asset(path: &str) -> bool {
    path != super::PATH && ASSETS.iter().any(|(known, ..)| *known == path)
}

/// The file at a path.
pub(super) fn serve(path: &str, token: &str) -> Option<Response<Body>> {
    let (_, kind, content) = ASSETS.iter().find(|(known, ..)| *known == path)?;
    let mut response = match path {
        super::PATH => Response::new(Body::whole(content.replace(TOKEN, token))),
        SHOW => Response::new(Body::whole(with_lists(content))),
        _ => Response::new(Body::whole(*content)),
    };
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    Some(response)
}

fn with_lists(script: &str) -> String {
    LISTS.iter().fold(script.to_owned(), |script, (place, list)| script.replace(place, &class(list)))
}

/// Ranges of characters, as a regular expression of JavaScript has them.
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
        let (_, _, script) = ASSETS.iter().find(|(path, ..)| *path == SHOW).unwrap();
        assert!(LISTS.iter().all(|(place, _)| script.matches(place).count() == 1));
        let filled = with_lists(script);
        assert!(filled.contains(r"const HIDDEN = /[\u{0}-\u{1f}\u{7f}-\u{9f}\u{ad}-\u{ad}"), "{filled}");
        assert!(filled.contains(r"const JOINING = /[\u{200c}-\u{200d}\u{fe0e}-\u{fe0f}]/gu;"), "{filled}");
    }

    #[test]
    fn only_the_page_itself_has_the_token() {
        for (path, _, content) in ASSETS {
            assert_eq!(content.contains(TOKEN), *path == "/", "{path}");
            assert_eq!(is_asset(path), *path != "/");
        }
        assert!(!is_asset("/.bulkhead/events"));
    }

    #[test]
    fn nothing_makes_markup_of_text() {
        for (path, _, content) in ASSETS.iter().filter(|(_, kind, _)| *kind == SCRIPT) {
            for word in
                ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function("]
            {
                assert!(!content.contains(word), "{path}: {word}");
            }
        }
    }
}
