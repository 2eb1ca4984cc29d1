//! A store of tenants that come and go: files in a directory or a bucket, which the command writes and the
//! bootstrap reads.
//!
//! Each tenant has one small signed [`Record`]. Components with their native code, and scripts, are files under their
//! digests, once for all tenants. Anyone who can write to the store but has no key can make a tenant unavailable. They cannot
//! run code of their own, give a tenant another's record, or serve an old record again to an environment that has
//! seen a newer one.
//!
//! The room owns the record, the signed [`envelope`] around it, the [`keys`](key), the [`layout`] of the store, and
//! the reading of a [`directory`] and of a [`bucket`]. What a record may ask for is decided by
//! [`Store::policy`](crate::policy::manifest::Store::policy).
//!
//! May use: text, pause, http1, tls, policy, aws, engine.

pub mod bucket;
mod digest;
pub mod directory;
pub mod envelope;
pub mod key;
pub mod layout;
mod reader;
pub mod record;
#[cfg(test)]
mod tests;

pub use bucket::{Bucket, BucketError};
pub use digest::{Digest, DigestError, short};
pub use directory::{Directory, FileState};
pub use reader::{ReadError, Reader, Reading, State};
pub use record::{Code, ComponentCode, Expected, Handler, Native, Record, RecordError};

/// The largest envelope of a record, in bytes. A larger one is refused before it is read.
pub const MAX_ENVELOPE: u64 = 128 * 1024;

/// The largest component, in bytes.
pub const MAX_COMPONENT: u64 = 64 * 1024 * 1024;

/// The largest native code of a component, in bytes.
pub const MAX_NATIVE: u64 = 256 * 1024 * 1024;

/// The JSON schema of records, for programs that write a store.
pub const SCHEMA: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/schema/record.schema.json"));
