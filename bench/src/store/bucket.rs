//! A store in S3: moto's server, which simulates S3, with the files of a store in a directory, and the proxy before it.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use bulkhead_tests::Moto;
use bulkhead_tests::moto::REGION;

use super::proxy::Proxy;

const BUCKET: &str = "bench";
const PREFIX: &str = "store";

/// A bucket with a store in it.
#[derive(Debug)]
pub struct Bucket {
    moto: Moto,
    proxy: Proxy,
}

impl Bucket {
    /// Starts moto's server, which is this program, with an empty bucket and a proxy that delays each request.
    ///
    /// # Errors
    /// If the proxy cannot be started.
    pub fn start(program: &Path, delay: Duration) -> Result<Self> {
        let moto = Moto::at(program);
        let behind: SocketAddr = moto.endpoint().trim_start_matches("http://").parse()?;
        moto.request("s3", &format!("PUT /{BUCKET}"), &[], configuration().as_bytes());
        Ok(Self { proxy: Proxy::start(behind, delay)?, moto })
    }

    /// Uploads files of the store in this directory, past the proxy.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn upload(&self, root: &Path, keys: &[String]) -> Result<()> {
        for key in keys {
            let content = fs::read(root.join(key)).with_context(|| format!("reading {key}"))?;
            self.moto.request("s3", &put(key), &[], &content);
        }
        Ok(())
    }

    /// The lines of `[store]` in bulkhead.toml that say where it is.
    pub fn location(&self) -> String {
        let endpoint = self.proxy.endpoint();
        format!("url = 's3://{BUCKET}/{PREFIX}'\nendpoint_url = '{endpoint}'\nregion = '{REGION}'\n")
    }

    /// The proxy before it.
    pub fn proxy(&self) -> &Proxy {
        &self.proxy
    }
}

fn put(key: &str) -> String {
    format!("PUT /{BUCKET}/{PREFIX}/{key}")
}

/// In every region but the first, S3 wants to be told the region again.
fn configuration() -> String {
    format!(
        "<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
         <LocationConstraint>{REGION}</LocationConstraint></CreateBucketConfiguration>"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_lie_below_the_prefix() {
        assert_eq!(put("tenants/1.json"), "PUT /bench/store/tenants/1.json");
        assert!(configuration().contains("<LocationConstraint>eu-central-1</LocationConstraint>"));
    }
}
