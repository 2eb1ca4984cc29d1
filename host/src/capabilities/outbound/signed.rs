//! Signs requests to AWS.
//!
//! Whatever signature the guest has put on a request is taken off, and the host's is put on: over the method, the path and the
//! query as they are sent, the headers that services look at, and the digest of the body.

use std::sync::Arc;

use bytes::Bytes;
use hyper::Request;
use hyper::header::{AUTHORIZATION, CONTENT_LENGTH, DATE, HeaderMap, HeaderName, HeaderValue};
use percent_encoding::percent_decode_str;
use tokio::time::timeout;
use wasmtime_wasi_http::Error;

use super::body::Sent;
use super::credential::{Authenticator, Failed, MAX_BODY, Refusal, Signed, Used};
use super::operation::Asked;
use super::store_bucket;
use crate::aws::sigv4::{Signable, Signing, digest_of, is_s3};
use crate::policy::{AwsSigning, service_and_region};
use crate::text::bounded::cut;
use crate::text::printable::line;

/// The digest of the body, in a header.
const CONTENT: HeaderName = HeaderName::from_static("x-amz-content-sha256");
const TARGET: &str = "x-amz-target";
/// In the place of a digest: the body is not signed.
const UNSIGNED: &str = "UNSIGNED-PAYLOAD";
/// In the place of a digest: the body comes in chunks, which are not signed.
const UNSIGNED_CHUNKS: &str = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";

/// The parts of a signature in headers.
const STRIPPED: [HeaderName; 6] = [
    AUTHORIZATION,
    DATE,
    HeaderName::from_static("x-amz-date"),
    HeaderName::from_static("x-amz-security-token"),
    HeaderName::from_static("x-amz-s3session-token"),
    HeaderName::from_static("x-amz-region-set"),
];

/// The parts of a signature in a query, in lower case. The last one is of an older kind of signature.
const PRESIGNED: [&str; 8] = [
    "x-amz-algorithm",
    "x-amz-credential",
    "x-amz-date",
    "x-amz-expires",
    "x-amz-signedheaders",
    "x-amz-signature",
    "x-amz-security-token",
    "awsaccesskeyid",
];

/// Services that give out secrets and sessions.
const OF_THE_HOST: [&str; 3] = ["secretsmanager", "ssm", "sts"];

/// How much of a guest's value is reported.
const MAX_TOLD: usize = 64;

/// Signs a request.
pub(super) async fn apply(
    auth: Authenticator<'_>,
    signing: &AwsSigning,
    request: &mut Request<Sent>,
) -> Result<Used, Failed> {
    let (service, region) = place(auth, signing)?;
    // The host itself asks these services for secrets and sessions, and the guest would get them.
    if signing.role.is_none() && OF_THE_HOST.contains(&&*service) {
        return Err(Refusal::NeedsRole(service, auth.credential.name.to_string()).into());
    }
    if is_s3(&service)
        && let Some(bucket) = auth.broker.store_bucket()
        && store_bucket::is_named(bucket, auth.lease.purpose.target.name(), request.uri(), request.headers())
    {
        return Err(Refusal::OfStore(bucket.to_owned()).into());
    }
    check(request)?;
    let is_tls = auth.lease.purpose.target.is_tls();
    let mut digest = stated(request.headers(), is_s3(&service), is_tls)?;
    let is_stated = digest.is_some();
    // What a query protocol wants is in the body.
    if digest.is_none() || !signing.operations.is_empty() {
        let body = whole(auth, request).await?;
        let asked = Asked { service: &service, uri: request.uri(), headers: request.headers(), body: &body };
        asked.check(auth.credential, &signing.operations)?;
        digest = Some(digest_of(&body));
    }
    let digest = digest.unwrap_or_default();
    strip(request.headers_mut());
    if is_stated && !is_s3(&service) {
        request.headers_mut().insert(CONTENT, header(&digest)?);
    }
    let keys = match &signing.role {
        None => auth.had(auth.broker.role(auth.event())).await?,
        Some(role) => auth.had(auth.broker.sessions().get(auth.credential, role, auth.event())).await?,
    };
    let now = auth.broker.clock().now();
    sign(request, &Signing { credentials: &keys, region: &region, service: &service, now }, &digest)?;
    Ok(Used::Signed(Signed { at: now, keys, is_session: signing.role.is_some() }))
}

/// Reads the body to its end, once there is room for it.
async fn whole(auth: Authenticator<'_>, request: &mut Request<Sent>) -> Result<Bytes, Failed> {
    let stated = request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let size = stated.unwrap_or(MAX_BODY);
    if size > MAX_BODY {
        return Err(Refusal::BodyTooLarge.into());
    }
    // Others wait for this room, so it is waited for no longer than for a connection, and only what the body takes is kept.
    let room = |bytes: usize| bytes.div_ceil(1024);
    let wanted = u32::try_from(room(size)).unwrap_or(u32::MAX);
    let mut taken = Vec::with_capacity(2);
    for all in [&auth.lease.client.room, &auth.lease.room_in_all] {
        let turn = timeout(auth.patience, Arc::clone(all).acquire_many_owned(wanted)).await;
        taken.push(turn.ok().and_then(Result::ok).ok_or(Error::ConnectionLimitReached)?);
    }
    let body = request.body_mut().whole(size).await?.ok_or(Refusal::BodyTooLarge)?;
    for mut permit in taken {
        permit.split(permit.num_permits().saturating_sub(room(body.len())));
        request.body_mut().occupy(permit);
    }
    Ok(body)
}

/// The service and the region, as they are in signatures.
fn place(auth: Authenticator<'_>, signing: &AwsSigning) -> Result<(String, String), Refusal> {
    let of_host = service_and_region(auth.lease.purpose.target.name());
    let (service, region) = of_host.map_or((None, None), |(service, region)| (Some(service), Some(region)));
    let missing = |what| Refusal::NoPlace(what, auth.credential.name.to_string());
    let service =
        signing.service.as_deref().map(str::to_owned).or(service).ok_or_else(|| missing("service"))?;
    let region = signing.region.as_deref().map(str::to_owned).or(region).ok_or_else(|| missing("region"))?;
    Ok((service, region))
}

/// Refuses a request that is signed already, or whose meaning is not clear.
fn check(request: &Request<Sent>) -> Result<(), Refusal> {
    let names = request.uri().query().unwrap_or_default().split('&');
    let is_signed = |pair: &str| {
        let name = pair.split('=').next().unwrap_or_default().replace('+', " ");
        let name = percent_decode_str(&name).decode_utf8_lossy().to_ascii_lowercase();
        PRESIGNED.contains(&&*name)
    };
    if names.into_iter().any(is_signed) {
        return Err(Refusal::Presigned);
    }
    match request.headers().get_all(TARGET).iter().nth(1) {
        Some(_) => Err(Refusal::Twice(TARGET)),
        None => Ok(()),
    }
}

/// What the guest says of the body's digest, if it is used.
fn stated(headers: &HeaderMap, is_s3: bool, is_tls: bool) -> Result<Option<String>, Refusal> {
    let mut all = headers.get_all(CONTENT).iter();
    let Some(value) = all.next().map(HeaderValue::as_bytes) else { return Ok(None) };
    if all.next().is_some() {
        return Err(Refusal::Twice("x-amz-content-sha256"));
    }
    // A wrong digest is refused by the service.
    let is_digest = value.len() == 64 && value.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let value = String::from_utf8_lossy(value);
    let told = || line(cut(&value, MAX_TOLD)).into_owned();
    match &*value {
        _ if is_digest => Ok(Some(value.into_owned())),
        UNSIGNED | UNSIGNED_CHUNKS if is_s3 && is_tls => Ok(Some(value.into_owned())),
        UNSIGNED_CHUNKS => Err(Refusal::UnsignedWithoutTls(told())),
        chunks if chunks.starts_with("STREAMING-") => Err(Refusal::SignedChunks(told())),
        // The host computes it.
        _ => Ok(None),
    }
}

pub(super) fn strip(headers: &mut HeaderMap) {
    for name in &STRIPPED {
        headers.remove(name);
    }
    // The host's is put in its place.
    headers.remove(CONTENT);
}

/// The headers that are signed. Others may be changed on the way.
fn is_signed(name: &HeaderName) -> bool {
    let name = name.as_str();
    matches!(name, "host" | "content-type" | "content-md5" | "range") || name.starts_with("x-amz-")
}

/// Adds the headers of a signature over the request as it is sent.
pub(super) fn sign(request: &mut Request<Sent>, signing: &Signing<'_>, digest: &str) -> Result<(), Refusal> {
    let text = |(name, value): (&'_ HeaderName, &'_ HeaderValue)| match value.to_str() {
        Ok(_) => Ok(()),
        Err(_) => Err(Refusal::NotAscii(cut(name.as_str(), MAX_TOLD).to_owned())),
    };
    let signed = || request.headers().iter().filter(|(name, _)| is_signed(name));
    signed().try_for_each(text)?;
    let headers: Vec<_> =
        signed().map(|(name, value)| (name.as_str(), value.to_str().unwrap_or_default())).collect();
    let added = signing.headers(&Signable {
        method: request.method().as_str(),
        path: request.uri().path(),
        query: request.uri().query().unwrap_or_default(),
        headers: &headers,
        body: digest,
    });
    for (name, value) in added {
        let mut value = header(&value)?;
        value.set_sensitive(matches!(name, "authorization" | "x-amz-security-token"));
        request.headers_mut().insert(name, value);
    }
    Ok(())
}

fn header(value: &str) -> Result<HeaderValue, Refusal> {
    HeaderValue::from_str(value).map_err(|_| Refusal::Character("its signature".to_owned()))
}
