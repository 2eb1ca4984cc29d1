//! URLs, as the URL standard has them, for the class `URL` of scripts.
//!
//! The crate `url` would bring half a megabyte of tables for international domain names into every sandbox. A domain with
//! letters beyond ASCII is written in lower case and in Punycode here, and is not checked further.

mod host;
mod parse;
mod path;
mod percent;
mod punycode;
pub(crate) mod query;

pub(crate) use parse::Url;
pub(crate) use percent::{USERINFO, encode};

/// Schemes whose URLs have a host and a path, with their ports.
pub(super) fn special(scheme: &str) -> Option<Option<u16>> {
    match scheme {
        "http" | "ws" => Some(Some(80)),
        "https" | "wss" => Some(Some(443)),
        "ftp" => Some(Some(21)),
        "file" => Some(None),
        _ => None,
    }
}
