//! A bucket in moto, which simulates S3.

use bulkhead_tests::Moto;
use bulkhead_tests::moto::REGION;

use super::{Bucket, Store};

/// Where the store is.
pub(crate) const URL: &str = "s3://tenants/prod";
/// The permissions that are needed to publish tenants.
const PUBLISHER: &str = r#""s3:GetObject","s3:PutObject","s3:DeleteObject","s3:ListBucket""#;
/// What the role of the function needs.
const READER: &str = r#""s3:GetObject","s3:ListBucket""#;

/// A bucket in moto, with those who may use it.
pub(crate) struct World {
    pub(crate) moto: Moto,
    pub(crate) publisher: Vec<(String, String)>,
    pub(crate) reader: Vec<(String, String)>,
}

impl World {
    /// `None`, with a warning, if moto is not installed.
    pub(crate) fn new() -> Option<Self> {
        let moto = Moto::start("a store in a bucket")?;
        let place = format!(
            "<CreateBucketConfiguration><LocationConstraint>{REGION}</LocationConstraint></CreateBucketConfiguration>"
        );
        moto.request("s3", "PUT /tenants", &[], place.as_bytes());
        let [publisher, reader] =
            [("publisher", PUBLISHER), ("reader", READER)].map(|(name, actions)| user(&moto, name, actions));
        Some(Self { moto, publisher, reader })
    }

    /// From here on, moto checks who asks. Then it takes no list whose prefix contains a slash, from AWS's own SDK neither: it
    /// computes the signature of the query as it is decoded, and not as it was sent.
    pub(crate) fn check(&self) {
        self.moto.request("moto", "POST /moto-api/reset-auth", &[], b"0");
    }

    /// An empty store of a publisher.
    pub(crate) fn store(&self) -> Store {
        self.store_of(&self.publisher)
    }

    /// The same for those who have these variables.
    pub(crate) fn store_of(&self, variables: &[(String, String)]) -> Store {
        let (endpoint, variables) = (self.moto.endpoint(), variables.to_vec());
        Store::in_bucket(Bucket { url: URL.to_owned(), endpoint, variables }, "")
    }
}

/// Makes a user with these rights in the bucket, and gives the variables of their key.
fn user(moto: &Moto, name: &str, actions: &str) -> Vec<(String, String)> {
    let ask = |fields: &[(&str, &str)]| {
        let fixed = [("Version", "2010-05-08"), ("UserName", name)];
        let escaped = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
        let all = fixed.iter().chain(fields).map(|(key, value)| format!("{key}={}", escaped(value)));
        let body = all.collect::<Vec<_>>().join("&");
        let kind = ("Content-Type", "application/x-www-form-urlencoded");
        moto.request("iam", "POST /", &[kind], body.as_bytes())
    };
    ask(&[("Action", "CreateUser")]);
    let policy = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":[{actions}],"Resource":["arn:aws:s3:::tenants","arn:aws:s3:::tenants/prod/*"]}}]}}"#
    );
    ask(&[("Action", "PutUserPolicy"), ("PolicyName", "tenants"), ("PolicyDocument", &policy)]);
    let made = ask(&[("Action", "CreateAccessKey")]);
    let within = |tag: &str| {
        let rest = made.split_once(&format!("<{tag}>")).expect("a key").1;
        rest.split_once('<').expect("an end").0.to_owned()
    };
    vec![
        ("AWS_ACCESS_KEY_ID".to_owned(), within("AccessKeyId")),
        ("AWS_SECRET_ACCESS_KEY".to_owned(), within("SecretAccessKey")),
        ("AWS_REGION".to_owned(), REGION.to_owned()),
    ]
}
