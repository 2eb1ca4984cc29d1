//! A list of objects, as S3 writes it: `ListObjectsV2` with keys that are escaped as in URLs.

use std::time::SystemTime;

use anyhow::Context as _;
use percent_encoding::percent_decode_str;
use quick_xml::Reader;
use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::Event;

/// A page of a list.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Listing {
    pub(super) entries: Vec<Entry>,
    /// The token with which the next page is asked for.
    pub(super) next: Option<String>,
}

/// An object.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) bytes: u64,
    pub(super) written: Option<SystemTime>,
}

/// Reads a page.
pub(super) fn read(xml: &[u8]) -> anyhow::Result<Listing> {
    let mut reader = Reader::from_str(std::str::from_utf8(xml).context("the list of objects is not text")?);
    let (mut listing, mut entry) = (Listing::default(), Entry::default());
    let (mut path, mut text) = (Vec::<String>::new(), String::new());
    loop {
        match reader.read_event().context("the list of objects is not valid XML")? {
            Event::Start(tag) => {
                path.push(tag.local_name().into_inner().to_owned());
                text.clear();
            }
            Event::Text(piece) => text += &piece.xml10_content(),
            // Keys contain none, but tokens may.
            Event::GeneralRef(name) => match name.resolve_char_ref().context("a reference to a character")? {
                Some(character) => text.push(character),
                None => text += resolve_xml_entity(&name).context("an entity is not known")?,
            },
            Event::End(_) => {
                let names: Vec<&str> = path.iter().map(String::as_str).collect();
                match names.as_slice() {
                    [_, "Contents", "Key"] => {
                        entry.key = percent_decode_str(&text).decode_utf8_lossy().into_owned();
                    }
                    [_, "Contents", "Size"] => entry.bytes = text.parse().context("the size of an object")?,
                    [_, "Contents", "LastModified"] => {
                        let time = humantime::parse_rfc3339(&text);
                        entry.written = Some(time.context("the time of an object")?);
                    }
                    [_, "Contents"] => listing.entries.push(std::mem::take(&mut entry)),
                    [_, "NextContinuationToken"] => listing.next = Some(text.clone()),
                    _ => {}
                }
                path.pop();
                text.clear();
            }
            Event::Eof => break,
            Event::Empty(_)
            | Event::CData(_)
            | Event::Comment(_)
            | Event::Decl(_)
            | Event::PI(_)
            | Event::DocType(_) => {}
        }
    }
    anyhow::ensure!(path.is_empty(), "the list of objects has no end");
    Ok(listing)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_page_has_objects_and_a_token() {
        let page = r#"<?xml version="1.0" encoding="UTF-8"?>
            <ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
              <Name>tenants</Name><Prefix>prod/history/</Prefix><MaxKeys>1000</MaxKeys><IsTruncated>true</IsTruncated>
              <NextContinuationToken>a&amp;b+/=</NextContinuationToken>
              <Contents><Key>prod/history/a%20b%26.json</Key><LastModified>1970-01-01T00:00:09.500Z</LastModified>
                <ETag>&quot;1&quot;</ETag><Size>17</Size><StorageClass>STANDARD</StorageClass></Contents>
            </ListBucketResult>"#;
        let object = Entry {
            key: "prod/history/a b&.json".to_owned(),
            bytes: 17,
            written: Some(SystemTime::UNIX_EPOCH + Duration::from_millis(9500)),
        };
        let expected = Listing { entries: vec![object], next: Some("a&b+/=".to_owned()) };
        assert_eq!(read(page.as_bytes()).unwrap(), expected);
        assert_eq!(read(b"<ListBucketResult/>").unwrap(), Listing::default());
    }

    #[test]
    fn what_is_not_a_list_is_an_error() {
        for odd in [
            "<ListBucketResult>",
            "<a></b>",
            "<a><Contents><Size>many</Size></Contents></a>",
            "<a><Contents><LastModified>soon</LastModified></Contents></a>",
            "<a>&entity;</a>",
        ] {
            assert!(read(odd.as_bytes()).is_err(), "{odd}");
        }
    }
}
