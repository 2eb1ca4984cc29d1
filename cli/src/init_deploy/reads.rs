//! What the function's role has to read: the bucket of its store.

use bulkhead_host::policy::manifest::store::StoreUrl;
use bulkhead_host::policy::manifest::{Manifest, Store};
use serde::Serialize;

/// The part of a bucket that a function reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Reads {
    /// The ARN of the bucket.
    bucket: String,
    /// The ARN of the objects.
    objects: String,
    /// The keys of the objects.
    keys: String,
}

impl Reads {
    /// What the manifest says; `None` if there is no store, or one in another place.
    pub(super) fn of(manifest: &Manifest) -> Option<Self> {
        let Store { url: StoreUrl::Bucket(bucket), region, endpoint: None, .. } = manifest.store.as_ref()?
        else {
            return None;
        };
        let region = region.as_deref().unwrap_or_default();
        let partitions = [("cn-", "aws-cn"), ("us-gov-", "aws-us-gov")];
        let partition = partitions.iter().find(|(beginning, _)| region.starts_with(beginning));
        let partition = partition.map_or("aws", |(_, partition)| partition);
        let keys = if bucket.prefix.is_empty() { "*".to_owned() } else { format!("{}/*", bucket.prefix) };
        let arn = format!("arn:{partition}:s3:::{}", bucket.name);
        Some(Self { objects: format!("{arn}/{keys}"), bucket: arn, keys })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads(url: &str, more: &str) -> Option<Reads> {
        let toml = format!(
            "[store]\nname = 'prod'\nurl = '{url}'\n{more}\n\
             public_keys = ['ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=']"
        );
        Reads::of(&Manifest::parse(&toml).unwrap())
    }

    #[test]
    fn a_function_reads_the_objects_of_its_store() {
        let found = reads("s3://tenants/prod", "").unwrap();
        assert_eq!((found.bucket.as_str(), found.keys.as_str()), ("arn:aws:s3:::tenants", "prod/*"));
        assert_eq!(found.objects, "arn:aws:s3:::tenants/prod/*");
        let whole = reads("s3://tenants", "region = 'cn-north-1'").unwrap();
        assert_eq!((whole.objects.as_str(), whole.keys.as_str()), ("arn:aws-cn:s3:::tenants/*", "*"));
        assert_eq!(reads("file:///mnt/tenants", ""), None);
        assert_eq!(reads("s3://tenants", "endpoint_url = 'https://s3.example.com'"), None);
        assert_eq!(Reads::of(&Manifest::parse("").unwrap()), None);
    }
}
