//! The parser.

use super::percent::{self, CONTROLS, FRAGMENT, QUERY, SPECIAL_QUERY, USERINFO};
use super::{host, path, special};

/// A URL in its parts, each in its standard form.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Url {
    pub(crate) scheme: String,
    pub(crate) username: String,
    pub(crate) password: String,
    pub(crate) host: Option<String>,
    pub(crate) port: Option<u16>,
    pub(crate) path: Path,
    pub(crate) query: Option<String>,
    pub(crate) fragment: Option<String>,
}

/// What is behind the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Path {
    /// A text without structure, as in `mailto:a@b.c`.
    Opaque(String),
    /// Segments.
    Segments(Vec<String>),
}

impl Default for Path {
    fn default() -> Self {
        Self::Segments(Vec::new())
    }
}

impl Url {
    /// Reads a URL, which may be relative to a base. `None` if it is not valid.
    pub(crate) fn parse(text: &str, base: Option<&Self>) -> Option<Self> {
        let text = text.trim_matches(|character: char| character <= ' ').replace(['\t', '\n', '\r'], "");
        let (text, fragment) = match text.split_once('#') {
            Some((text, fragment)) => (text, Some(percent::encode(fragment, FRAGMENT))),
            None => (&*text, None),
        };
        let mut url = match scheme(text) {
            Some((scheme, rest)) => Self::absolute(scheme, rest, base)?,
            None => {
                let is_fragment = text.is_empty() && fragment.is_some();
                Self::relative(text, base.filter(|base| is_fragment || !base.is_opaque())?)?
            }
        };
        url.fragment = fragment;
        Some(url)
    }

    fn absolute(scheme: String, rest: &str, base: Option<&Self>) -> Option<Self> {
        let is_slash = |text: &str| text.starts_with(['/', '\\']);
        let mut url = Self { scheme, ..Self::default() };
        if special(&url.scheme).is_none() {
            if let Some(rest) = rest.strip_prefix("//") {
                url.authority(rest)?;
            } else if rest.starts_with('/') {
                url.path_and_query(rest);
            } else {
                let (opaque, query) =
                    rest.split_once('?').map_or((rest, None), |(path, query)| (path, Some(query)));
                url.path = Path::Opaque(percent::encode(opaque, CONTROLS));
                url.set_query(query);
            }
            return Some(url);
        }
        let base = base.filter(|base| base.scheme == url.scheme && !base.is_opaque());
        if url.scheme == "file" {
            return url.file(rest, base);
        }
        match base {
            Some(base) if !is_slash(rest) => Self::relative(rest, base),
            Some(_) | None => {
                url.authority(rest.trim_start_matches(['/', '\\']))?;
                Some(url)
            }
        }
    }

    fn file(mut self, rest: &str, base: Option<&Self>) -> Option<Self> {
        let slashes = rest.bytes().take(2).take_while(|byte| matches!(byte, b'/' | b'\\')).count();
        match (slashes, base) {
            (2, _) => {
                let rest = &rest[2..];
                let end = rest.find(['/', '\\', '?']).unwrap_or(rest.len());
                let host = if end == 0 { String::new() } else { host::host(&rest[..end], true)? };
                self.host = Some(if host == "localhost" { String::new() } else { host });
                self.path_and_query(&rest[end..]);
                Some(self)
            }
            (0, Some(base)) => Self::relative(rest, base),
            (_, base) => {
                self.host = Some(base.and_then(|base| base.host.clone()).unwrap_or_default());
                self.path_and_query(rest);
                Some(self)
            }
        }
    }

    fn relative(text: &str, base: &Self) -> Option<Self> {
        let mut url = Self { fragment: None, ..base.clone() };
        let is_special = special(&url.scheme).is_some();
        let is_slash = |byte: Option<&u8>| byte == Some(&b'/') || (is_special && byte == Some(&b'\\'));
        let bytes = text.as_bytes();
        if is_slash(bytes.first()) && is_slash(bytes.get(1)) {
            let mut url = Self { scheme: url.scheme, ..Self::default() };
            if url.scheme == "file" {
                return url.file(text, None);
            }
            url.authority(if is_special { text.trim_start_matches(['/', '\\']) } else { &text[2..] })?;
            return Some(url);
        }
        if is_slash(bytes.first()) {
            url.path = Path::default();
            url.path_and_query(text);
            return Some(url);
        }
        let (relative, query) =
            text.split_once('?').map_or((text, None), |(path, query)| (path, Some(query)));
        if !relative.is_empty() {
            if let Path::Segments(segments) = &mut url.path {
                segments.pop();
                path::append(segments, relative, is_special);
            }
            url.query = None;
        }
        if query.is_some() {
            url.set_query(query);
        }
        Some(url)
    }

    /// Reads what follows the slashes.
    fn authority(&mut self, rest: &str) -> Option<()> {
        let default = special(&self.scheme);
        let is_special = default.is_some();
        let end =
            rest.find(|c: char| c == '/' || c == '?' || (is_special && c == '\\')).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at(end);
        let place = match authority.rsplit_once('@') {
            Some((user, place)) => {
                let (username, password) = user.split_once(':').unwrap_or((user, ""));
                self.username = percent::encode(username, USERINFO);
                self.password = percent::encode(password, USERINFO);
                if place.is_empty() {
                    return None;
                }
                place
            }
            None => authority,
        };
        let colon = place.rfind(':').filter(|colon| !place[*colon..].contains(']'));
        let (name, port) = colon.map_or((place, ""), |colon| (&place[..colon], &place[colon + 1..]));
        if name.is_empty() && (is_special || colon.is_some()) {
            return None;
        }
        self.host = Some(if name.is_empty() { String::new() } else { host::host(name, is_special)? });
        if !port.is_empty() {
            if !port.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            let port = port.parse().ok()?;
            self.port = (default != Some(Some(port))).then_some(port);
        }
        self.path_and_query(rest);
        Some(())
    }

    /// Reads an absolute path, or none, and a query.
    fn path_and_query(&mut self, rest: &str) {
        let is_special = special(&self.scheme).is_some();
        let (text, query) = rest.split_once('?').map_or((rest, None), |(path, query)| (path, Some(query)));
        let mut segments = Vec::new();
        if !text.is_empty() || is_special {
            let text = text.strip_prefix(|c: char| c == '/' || (is_special && c == '\\')).unwrap_or(text);
            path::append(&mut segments, text, is_special);
        }
        self.path = Path::Segments(segments);
        self.set_query(query);
    }

    fn set_query(&mut self, query: Option<&str>) {
        let set = if special(&self.scheme).is_some() { SPECIAL_QUERY } else { QUERY };
        self.query = query.map(|query| percent::encode(query, set));
    }

    fn is_opaque(&self) -> bool {
        matches!(self.path, Path::Opaque(_))
    }

    /// The path as it is in the URL.
    pub(crate) fn pathname(&self) -> String {
        match &self.path {
            Path::Opaque(path) => path.clone(),
            Path::Segments(segments) => segments.iter().flat_map(|segment| ["/", segment]).collect(),
        }
    }

    /// The origin: `null`, unless it has one.
    pub(crate) fn origin(&self) -> String {
        match (&*self.scheme, &self.host) {
            ("http" | "https" | "ws" | "wss" | "ftp", Some(host)) => {
                let port = self.port.map(|port| format!(":{port}")).unwrap_or_default();
                format!("{}://{host}{port}", self.scheme)
            }
            _ => "null".to_owned(),
        }
    }

    /// All of it.
    pub(crate) fn href(&self) -> String {
        let mut href = format!("{}:", self.scheme);
        let path = self.pathname();
        if let Some(host) = &self.host {
            href.push_str("//");
            if !(self.username.is_empty() && self.password.is_empty()) {
                href.push_str(&self.username);
                if !self.password.is_empty() {
                    href.push(':');
                    href.push_str(&self.password);
                }
                href.push('@');
            }
            href.push_str(host);
            if let Some(port) = self.port {
                href.push_str(&format!(":{port}"));
            }
        } else if path.starts_with("//") {
            // It would be taken for a host.
            href.push_str("/.");
        }
        href.push_str(&path);
        for (mark, part) in [('?', &self.query), ('#', &self.fragment)] {
            if let Some(part) = part {
                href.push(mark);
                href.push_str(part);
            }
        }
        href
    }
}

/// The scheme and what follows its colon.
fn scheme(text: &str) -> Option<(String, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let is_valid = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    is_valid.then(|| (scheme.to_ascii_lowercase(), rest))
}

#[cfg(test)]
mod tests;
