//! Where a store is: `url`, `region` and `endpoint_url` of `[store]`.

use std::fmt::{self, Display, Formatter};
use std::net::Ipv4Addr;
use std::path::PathBuf;

use crate::http1::Server;
use crate::text::printable::Shown as _;

/// The longest prefix: a key of S3 has at most 1024 bytes, of which the names of a store's files need 150.
const MAX_PREFIX: usize = 512;

/// A directory or a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreUrl {
    /// `file:///mnt/tenants`
    Directory(PathBuf),
    /// `s3://bucket/prefix`
    Bucket(BucketUrl),
}

/// A bucket of S3, and the place in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketUrl {
    /// The name of the bucket.
    pub name: String,
    /// The beginning of all keys, without a slash at its end. It may be empty.
    pub prefix: String,
}

impl StoreUrl {
    /// Reads a URL.
    ///
    /// # Errors
    /// If it is not the URL of a directory or of a bucket.
    pub fn parse(url: &str) -> Result<Self, String> {
        if let Some(rest) = url.strip_prefix("s3://") {
            return bucket(rest).map(Self::Bucket).map_err(|why| {
                format!("{url:?} {why}; expected the URL of a bucket, such as \"s3://bucket/prod\"")
            });
        }
        let wrong = |why: &str| {
            format!("{url:?} {why}; expected the URL of a directory, such as \"file:///mnt/tenants\"")
        };
        let path =
            url.strip_prefix("file://").ok_or_else(|| wrong("does not begin with s3:// or file://"))?;
        if !path.starts_with('/') {
            return Err(wrong("has a host, or a path that is not absolute"));
        }
        // A URL would write some characters with `%`, and a reader could take either for the name of the directory.
        if path.contains(|c: char| c.is_control() || matches!(c, '%' | '?' | '#' | '\\')) {
            return Err(wrong("contains % ? # \\ or a control character"));
        }
        Ok(Self::Directory(path.into()))
    }
}

impl StoreUrl {
    /// The bucket, if it is one.
    pub fn bucket(&self) -> Option<&BucketUrl> {
        match self {
            Self::Bucket(bucket) => Some(bucket),
            Self::Directory(_) => None,
        }
    }

    /// The URL, as [`parse`](Self::parse) reads it.
    pub fn url(&self) -> String {
        match self {
            Self::Directory(path) => format!("file://{}", path.to_string_lossy()),
            Self::Bucket(bucket) => bucket.to_string(),
        }
    }
}

impl Display for StoreUrl {
    /// The path of a directory; the URL of a bucket.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(path) => f.write_str(&path.shown()),
            Self::Bucket(bucket) => bucket.fmt(f),
        }
    }
}

impl Display for BucketUrl {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { name, prefix } = self;
        write!(f, "s3://{name}")?;
        if prefix.is_empty() { Ok(()) } else { write!(f, "/{prefix}") }
    }
}

fn bucket(rest: &str) -> Result<BucketUrl, &'static str> {
    let (name, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let prefix = prefix.strip_suffix('/').filter(|prefix| !prefix.is_empty()).unwrap_or(prefix);
    let in_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
    let is_label = |label: &str| !(label.is_empty() || label.starts_with('-') || label.ends_with('-'));
    if !(3..=63).contains(&name.len()) || !name.bytes().all(in_name) || !name.split('.').all(is_label) {
        return Err(
            "does not name a bucket: a name has 3 to 63 lower-case letters, digits, - and ., and begins and ends with \
             a letter or a digit",
        );
    }
    if name.parse::<Ipv4Addr>().is_ok() {
        return Err("names an address and not a bucket");
    }
    if name.ends_with("--x-s3") {
        return Err("is a directory bucket of S3 Express One Zone, which is not supported");
    }
    // Without characters that a URL escapes, there is only one way to write a key.
    let in_prefix = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte);
    let is_part = |part: &str| !matches!(part, "" | "." | "..");
    if prefix.len() > MAX_PREFIX || !prefix.bytes().all(in_prefix) {
        return Err("has a prefix with more than 512 bytes, or with others than letters, digits and - _ . /");
    }
    if !prefix.is_empty() && !prefix.split('/').all(is_part) {
        return Err("has a prefix with an empty part, or with . or .. as a part");
    }
    Ok(BucketUrl { name: name.to_owned(), prefix: prefix.to_owned() })
}

/// The name of a region, which becomes a part of a server's name.
///
/// # Errors
/// If it is not one.
pub fn region(name: &str) -> Result<String, &'static str> {
    let in_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    match name.len() {
        1..=32 if name.bytes().all(in_name) => Ok(name.to_owned()),
        _ => Err("expected the name of a region, such as \"eu-central-1\""),
    }
}

/// A server that speaks the protocol of S3.
///
/// # Errors
/// If it is not the URL of a server, or has a path.
pub fn endpoint(url: &str) -> Result<Server, String> {
    match Server::of_url(url) {
        Ok((server, "" | "/")) => Ok(server),
        Ok(_) => Err(format!("{url:?} has a path, and an endpoint has none; the bucket is in `url`")),
        Err(error) => Err(format!("{url:?} is not the URL of a server: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket_of(url: &str) -> (String, String) {
        match StoreUrl::parse(url).unwrap() {
            StoreUrl::Bucket(BucketUrl { name, prefix }) => (name, prefix),
            StoreUrl::Directory(path) => panic!("{path:?}"),
        }
    }

    #[test]
    fn a_bucket_has_a_name_and_perhaps_a_prefix() {
        for (url, name, prefix) in [
            ("s3://tenants", "tenants", ""),
            ("s3://tenants/", "tenants", ""),
            ("s3://tenants/prod", "tenants", "prod"),
            ("s3://my.tenants-1/a/b_c.d/", "my.tenants-1", "a/b_c.d"),
        ] {
            assert_eq!(bucket_of(url), (name.to_owned(), prefix.to_owned()), "{url}");
        }
        let shown = |url: &str| StoreUrl::parse(url).unwrap().to_string();
        assert_eq!(shown("s3://tenants/"), "s3://tenants");
        assert_eq!(shown("s3://tenants/a/b/"), "s3://tenants/a/b");
        assert_eq!(shown("file:///mnt/tenants"), "/mnt/tenants");
        for url in ["file:///mnt/tenants", "s3://tenants/a/b"] {
            assert_eq!(StoreUrl::parse(url).unwrap().url(), url);
        }
    }

    #[test]
    fn what_is_not_a_bucket_is_told() {
        let long = format!("s3://{}", "a".repeat(64));
        let deep = format!("s3://tenants/{}", "a".repeat(513));
        for (url, expected) in [
            ("s3://", "does not name a bucket"),
            ("s3://ab", "does not name a bucket"),
            (&long, "does not name a bucket"),
            ("s3://Tenants", "does not name a bucket"),
            ("s3://ten_ants", "does not name a bucket"),
            ("s3://-tenants", "does not name a bucket"),
            ("s3://tenants.", "does not name a bucket"),
            ("s3://ten..ants", "does not name a bucket"),
            ("s3://ten.-ants", "does not name a bucket"),
            ("s3://user@tenants/x", "does not name a bucket"),
            ("s3://arn:aws:s3:::tenants", "does not name a bucket"),
            ("s3://10.0.0.1", "names an address"),
            ("s3://tenants--use1-az4--x-s3", "is a directory bucket"),
            ("s3://tenants/a b", "has a prefix with more"),
            ("s3://tenants/a%2fb", "has a prefix with more"),
            ("s3://tenants/a?b", "has a prefix with more"),
            (&deep, "has a prefix with more"),
            ("s3://tenants/a//b", "has a prefix with an empty part"),
            ("s3://tenants//", "has a prefix with an empty part"),
            ("s3://tenants/../b", "has a prefix with an empty part"),
        ] {
            let error = StoreUrl::parse(url).unwrap_err();
            assert!(error.starts_with(&format!("{url:?} {expected}")), "{error}");
            assert!(error.ends_with("such as \"s3://bucket/prod\""), "{error}");
        }
        assert!(
            StoreUrl::parse("https://tenants").unwrap_err().contains("does not begin with s3:// or file://")
        );
    }

    #[test]
    fn a_region_and_an_endpoint_are_parts_of_names() {
        assert_eq!(region("eu-central-1").unwrap(), "eu-central-1");
        for wrong in ["", "eu.central", "EU", "a/b", &"a".repeat(33)] {
            assert!(region(wrong).is_err(), "{wrong}");
        }
        assert_eq!(endpoint("http://127.0.0.1:9000/").unwrap().authority(), "127.0.0.1:9000");
        assert!(endpoint("http://127.0.0.1:9000/bucket").unwrap_err().contains("has a path"));
        assert!(
            endpoint("127.0.0.1:9000").unwrap_err().contains("is not the URL of a server: expected a URL")
        );
    }
}
