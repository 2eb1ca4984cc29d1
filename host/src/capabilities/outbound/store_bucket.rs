//! The bucket of the store, whose records only the host reads: no request of a guest to it is signed.
//!
//! A bucket has more names than its own, such as those of access points, and other services read it as well. So this does not
//! replace a role that may not reach it.

use hyper::Uri;
use hyper::header::HeaderMap;
use percent_encoding::percent_decode_str;

use crate::policy::service_and_region;

/// What an object is copied from.
const SOURCE: &str = "x-amz-copy-source";

/// Whether a request to S3 names this bucket: in the host, in the path, or as what it copies from.
pub(super) fn is_named(bucket: &str, host: &str, uri: &Uri, headers: &HeaderMap) -> bool {
    let of_host = host.strip_prefix(bucket).is_some_and(|rest| rest.starts_with('.'));
    let is_of_s3 = service_and_region(host).is_some_and(|(service, _)| service == "s3");
    let has_bucket_in_path =
        ["s3.", "s3-"].iter().any(|start| host.starts_with(start)) || host.contains(".vpce-");
    // In the host of another bucket, the path is a key. What a server means that is not of AWS is not known.
    let of_path = (has_bucket_in_path || !is_of_s3) && is_first(bucket, uri.path());
    let sources = headers.get_all(SOURCE).iter();
    of_host
        || of_path
        || sources.into_iter().any(|source| is_first(bucket, &String::from_utf8_lossy(source.as_bytes())))
}

/// Whether this is the first part of a path.
fn is_first(bucket: &str, path: &str) -> bool {
    let path = percent_decode_str(path).decode_utf8_lossy();
    let first = path.split('/').find(|part| !matches!(*part, "" | "."));
    // Some servers do not distinguish case.
    first.is_some_and(|first| first.split('?').next().unwrap_or_default().eq_ignore_ascii_case(bucket))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_of_tenants(host: &str, path: &str, source: Option<&str>) -> bool {
        let headers = source.map(|source| (SOURCE.parse().unwrap(), source.parse().unwrap()));
        is_named("tenants", host, &path.parse().unwrap(), &headers.into_iter().collect())
    }

    #[test]
    fn the_bucket_is_named_in_every_way_of_s3() {
        for (host, path) in [
            ("tenants.s3.eu-west-1.amazonaws.com", "/acme.json"),
            ("tenants.s3.amazonaws.com", "/"),
            ("tenants.s3-eu-west-1.amazonaws.com", "/"),
            ("tenants.s3.dualstack.eu-west-1.amazonaws.com", "/x"),
            ("tenants.s3-accelerate.amazonaws.com", "/x"),
            ("tenants.bucket.vpce-1a-2b.s3.us-east-1.vpce.amazonaws.com", "/x"),
            ("s3.eu-west-1.amazonaws.com", "/tenants/acme.json"),
            ("s3.eu-west-1.amazonaws.com", "/tenants?list-type=2"),
            ("s3.eu-west-1.amazonaws.com", "/%74enants/acme.json"),
            ("s3.eu-west-1.amazonaws.com", "/tenants%2Facme.json"),
            ("s3.eu-west-1.amazonaws.com", "//./tenants/acme.json"),
            ("s3-eu-west-1.amazonaws.com", "/Tenants/x"),
            ("bucket.vpce-1a-2b.s3.us-east-1.vpce.amazonaws.com", "/tenants/x"),
            ("127.0.0.1", "/tenants/x"),
            ("minio.example.com", "/tenants"),
        ] {
            assert!(is_of_tenants(host, path, None), "{host}{path}");
        }
        let other = "documents.s3.eu-west-1.amazonaws.com";
        for source in ["tenants/acme.json", "/tenants/acme.json?versionId=1", "%2Ftenants%2Facme.json"] {
            assert!(is_of_tenants(other, "/copy", Some(source)), "{source}");
        }
    }

    #[test]
    fn other_buckets_are_not_it() {
        for (host, path) in [
            ("documents.s3.eu-west-1.amazonaws.com", "/tenants/acme"),
            ("tenants-2.s3.eu-west-1.amazonaws.com", "/x"),
            ("my.tenants.s3.eu-west-1.amazonaws.com", "/x"),
            ("s3.eu-west-1.amazonaws.com", "/tenants-2/x"),
            ("s3.eu-west-1.amazonaws.com", "/documents/tenants/x"),
            ("s3.eu-west-1.amazonaws.com", "/"),
        ] {
            assert!(!is_of_tenants(host, path, Some("documents/tenants")), "{host}{path}");
        }
    }
}
