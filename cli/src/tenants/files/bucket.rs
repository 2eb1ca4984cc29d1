//! Reads and writes the files of a store that is a bucket.
//!
//! S3 shows an object whole or not at all, and writes one only if it does not exist or is the one that the writer knows. So no
//! lock is needed, and nothing is left that is not finished.

use std::thread::sleep;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, anyhow, bail};
use bulkhead_host::aws::{Reply, sigv4};
use bulkhead_host::store::bucket::{Bucket, BucketError, Call, TIME};
use bulkhead_host::store::layout::Key;
use bulkhead_host::store::{ReadError, Reading, State};

use super::listing::{self, Listing};
use super::{Files, Found};

/// The largest page of a list: a thousand keys.
const MAX_PAGE: u64 = 8 * 1024 * 1024;
/// A connection that is slower than this is too slow to publish.
const BYTES_PER_SECOND: u64 = 256 * 1024;
/// The number of times that S3 is asked again if it is busy, or another writer is at work.
const ATTEMPTS: u32 = 5;
/// The first pause between them. Each is twice as long as the one before.
const PAUSE: Duration = Duration::from_millis(100);

impl Files for Bucket {
    fn read(&self, key: &Key, most: u64) -> anyhow::Result<Option<Vec<u8>>> {
        Ok(content(self, key, most)?.map(|(_, content)| content))
    }

    fn write(&self, key: &Key, content: &[u8]) -> anyhow::Result<()> {
        // If it exists, it is young again, and `gc` keeps it until the record is there.
        if put(self, key, content, None)? { Ok(()) } else { bail!("{key} cannot be written") }
    }

    fn create(&self, key: &Key, content: &[u8]) -> anyhow::Result<bool> {
        put(self, key, content, Some(("if-none-match", "*")))
    }

    fn replace(&self, key: &Key, new: &[u8], before: Option<&[u8]>) -> anyhow::Result<bool> {
        let Some(before) = before else { return self.create(key, new) };
        match etag_of(self, key, before)? {
            Some(etag) => put(self, key, new, Some(("if-match", &etag))),
            None => Ok(false),
        }
    }

    fn list(&self, folder: &str) -> anyhow::Result<Vec<Found>> {
        let mut found = list(self, &format!("{folder}/"))?;
        found.sort_by(|one, other| one.key.cmp(&other.key));
        Ok(found)
    }

    fn remove_unchanged(&self, key: &Key, known: &[u8]) -> anyhow::Result<bool> {
        match etag_of(self, key, known)? {
            Some(etag) => remove(self, key, &[("if-match", &etag)]),
            None => Ok(false),
        }
    }

    fn remove_older(&self, key: &Key, time: SystemTime) -> anyhow::Result<bool> {
        // Of objects, only the list says when they were written. The others whose names begin like this one are no concern.
        let found = list(self, key.as_str())?.into_iter().find(|found| found.key == *key);
        match found {
            Some(found) if found.written <= time => remove(self, key, &[]),
            Some(_) | None => Ok(false),
        }
    }
}

/// The objects whose names below the place of the store begin with this.
fn list(bucket: &Bucket, beginning: &str) -> anyhow::Result<Vec<Found>> {
    let place = match bucket.url().prefix.as_str() {
        "" => String::new(),
        prefix => format!("{prefix}/"),
    };
    let escaped = |text: &str| sigv4::escaped(text.as_bytes(), b"");
    let fixed = format!("list-type=2&encoding-type=url&prefix={}", escaped(&format!("{place}{beginning}")));
    let (mut found, mut query) = (Vec::new(), fixed.clone());
    loop {
        let call = Call { query: &query, most: MAX_PAGE, ..Call::default() };
        let listing = answered(bucket, &call, |status| status == 200)
            .and_then(|reply| listing::read(&reply.body))
            .with_context(|| bucket.url().to_string())?;
        let Listing { entries, next } = listing;
        found.extend(entries.into_iter().filter_map(|entry| {
            // What has no time is young, and stays.
            let written = entry.written.unwrap_or_else(SystemTime::now);
            let (folders, name) = entry.key.strip_prefix(&place)?.rsplit_once('/')?;
            Some(Found { key: Key::found(folders, name), bytes: entry.bytes, written })
        }));
        let Some(next) = next else { return Ok(found) };
        query = format!("{fixed}&continuation-token={}", escaped(&next));
    }
}

/// Removes an object under a condition. Returns whether the condition was met.
fn remove(bucket: &Bucket, key: &Key, condition: &[(&str, &str)]) -> anyhow::Result<bool> {
    let call = Call { method: "DELETE", key: Some(key), headers: condition, ..Call::default() };
    let removed = answered(bucket, &call, |status| matches!(status, 200 | 204 | 404 | 412));
    let reply = removed.with_context(|| format!("{key} cannot be removed"))?;
    Ok(matches!(reply.status, 200 | 204))
}

/// The `ETag` of an object that has this content.
fn etag_of(bucket: &Bucket, key: &Key, known: &[u8]) -> anyhow::Result<Option<String>> {
    let most = u64::try_from(known.len()).unwrap_or(u64::MAX);
    match content(bucket, key, most) {
        Ok(found) => Ok(found.filter(|(_, found)| found == known).map(|(etag, _)| etag)),
        // It is longer.
        Err(error) if error.downcast_ref().is_some_and(ReadError::is_of_content) => Ok(None),
        Err(error) => Err(error),
    }
}

/// An object, and its `ETag`.
fn content(bucket: &Bucket, key: &Key, most: u64) -> anyhow::Result<Option<(String, Vec<u8>)>> {
    let mut pauses = pauses();
    loop {
        match bucket.read(key, most, None, 1) {
            Ok(Reading::Found(State::Object(etag), content)) => {
                return Ok(Some((etag.to_string(), content)));
            }
            Ok(Reading::Found(State::File(_), _) | Reading::Unchanged | Reading::Absent) => return Ok(None),
            Err(ReadError::Bucket { error: error @ BucketError::Busy(_), key }) => match pauses.next() {
                Some(pause) => sleep(pause),
                None => return Err(ReadError::Bucket { error, key }.into()),
            },
            Err(ReadError::Bucket { error, key }) => {
                return Err(told(bucket, error)).with_context(|| key.to_string());
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// How long to wait before each further attempt.
fn pauses() -> impl Iterator<Item = Duration> {
    (0..ATTEMPTS).map(|attempt| PAUSE * 2_u32.pow(attempt))
}

/// Writes an object under a condition. Returns whether the condition was met.
fn put(bucket: &Bucket, key: &Key, content: &[u8], condition: Option<(&str, &str)>) -> anyhow::Result<bool> {
    let headers: Vec<_> = condition.into_iter().collect();
    let length = u64::try_from(content.len()).unwrap_or(u64::MAX);
    let time = TIME * 2 + Duration::from_secs(length / BYTES_PER_SECOND);
    let call =
        Call { method: "PUT", key: Some(key), headers: &headers, body: content, time, ..Call::default() };
    let is_condition = condition.is_some();
    // 404: it was to be replaced, and does not exist.
    let expected = |status| {
        status == 200 || (is_condition && status == 412) || (status == 404 && is_replaced(condition))
    };
    let reply = answered(bucket, &call, expected).with_context(|| format!("{key} cannot be written"))?;
    Ok(reply.status == 200)
}

fn is_replaced(condition: Option<(&str, &str)>) -> bool {
    condition.is_some_and(|(name, _)| name == "if-match")
}

/// Sends a request until it has a reply that says more than that S3 is busy.
fn answered(bucket: &Bucket, call: &Call<'_>, is_expected: impl Fn(u16) -> bool) -> anyhow::Result<Reply> {
    let mut pauses = pauses();
    loop {
        let reply = bucket.send(call)?;
        if is_expected(reply.status) {
            return Ok(reply);
        }
        let is_worth_another = match reply.status {
            // Nothing was done: another writer was faster, or there are too many requests.
            409 | 429 | 503 => true,
            // It may have been done, and then a condition would not be met any more.
            500 | 502 | 504 => call.headers.is_empty(),
            _ => false,
        };
        match pauses.next().filter(|_| is_worth_another) {
            Some(pause) => sleep(pause),
            None => return Err(told(bucket, BucketError::of(&reply))),
        }
    }
}

fn told(bucket: &Bucket, error: BucketError) -> anyhow::Error {
    match error {
        BucketError::Denied(code) => anyhow!(
            "S3 denied access ({code}): these credentials need s3:GetObject, s3:PutObject and s3:DeleteObject for {}/*, and \
             s3:ListBucket for the bucket",
            bucket.url()
        ),
        error @ (BucketError::NoRegion
        | BucketError::Region(_)
        | BucketError::Credentials(_)
        | BucketError::Client(_)
        | BucketError::Elsewhere(_)
        | BucketError::Busy(_)
        | BucketError::Status(_)) => error.into(),
    }
}

#[cfg(test)]
mod tests;
