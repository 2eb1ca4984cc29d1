//! `bulkhead keygen`: makes a key that signs the records of a store.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use bulkhead_host::policy::KeyKind;
use bulkhead_host::store::key::SigningKey;
use bulkhead_host::text::printable::Shown as _;
use clap::{Args, ValueEnum};
use serde_json::json;

use crate::output::{self, tell};

/// Make a private key that signs the records of a store of tenants, and print its public key.
///
/// Put the public key into `public_keys` of [store] in bulkhead.toml. Keep the private key secret, on the machine
/// from which you publish tenants: anyone who has it can run code in your function. The file is in PKCS#8 and PEM, and
/// only you may read it.
///
/// Example: bulkhead keygen -o store.pem
#[derive(Debug, Args)]
pub(crate) struct Keygen {
    /// The file to write the private key to; it must not exist yet
    #[arg(short, long, value_name = "FILE.pem", required_unless_present = "public")]
    output: Option<PathBuf>,
    /// The kind of the key
    #[arg(long, value_enum, default_value_t = Kind::Ed25519)]
    kind: Kind,
    /// Make no key; print the public key of this private key
    #[arg(long, value_name = "FILE.pem", conflicts_with_all = ["output", "kind"])]
    public: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Ed25519
    Ed25519,
    /// ECDSA on the curve P-256 with SHA-256
    P256,
}

impl Keygen {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let (file, key) = match (self.public, self.output) {
            (Some(file), _) => (None, read(&file)?),
            (None, Some(file)) => {
                let pem = SigningKey::generate(match self.kind {
                    Kind::Ed25519 => KeyKind::Ed25519,
                    Kind::P256 => KeyKind::P256,
                })?;
                write_new(&file, &pem).with_context(|| format!("{} cannot be written", file.shown()))?;
                (Some(file), SigningKey::read(&pem)?)
            }
            (None, None) => bail!("name the file of the private key with -o"),
        };
        if let Some(file) = &file {
            tell(&format!(
                "wrote a private key to {}; put its public key into `public_keys` of [store] in bulkhead.toml",
                file.shown()
            ));
        }
        let public = key.public().to_string();
        if self.json {
            return output::print_json(&json!({ "publicKey": public, "privateKeyFile": file }));
        }
        Ok(output::print(format_args!("{public}\n"))?)
    }
}

/// The private key in a file.
pub(crate) fn read(file: &Path) -> anyhow::Result<SigningKey> {
    let text = std::fs::read_to_string(file).with_context(|| file.shown())?;
    SigningKey::read(&text).with_context(|| file.shown())
}

/// A key that is there already may be in use, so it is not replaced.
fn write_new(file: &Path, pem: &str) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
    file.write_all(pem.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_key_is_written_once_and_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("store.pem");
        for kind in [Kind::Ed25519, Kind::P256] {
            let keygen = || Keygen { output: Some(file.clone()), kind, public: None, json: false }.run();
            keygen().unwrap();
            assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
            let name = if kind == Kind::P256 { "p256:" } else { "ed25519:" };
            assert!(read(&file).unwrap().public().to_string().starts_with(name));
            let error = format!("{:#}", keygen().unwrap_err());
            assert!(error.contains("store.pem cannot be written: File exists"), "{error}");
            std::fs::remove_file(&file).unwrap();
        }
        std::fs::write(&file, "not a key").unwrap();
        let error = format!("{:#}", read(&file).unwrap_err());
        assert!(error.contains("store.pem: this is not a private key"), "{error}");
    }
}
