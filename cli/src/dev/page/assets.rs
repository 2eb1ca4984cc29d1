//! The files of the page.

use hyper::Response;
use hyper::header::{CONTENT_TYPE, HeaderValue};

use crate::dev::body::Body;

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const ICON: &str = "image/svg+xml";

/// Where the page's token stands in its HTML.
const TOKEN: &str = "{{token}}";

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
        _ => Response::new(Body::whole(*content)),
    };
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    Some(response)
}

#[cfg(test)]
mod tests {
    use super::*;

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
