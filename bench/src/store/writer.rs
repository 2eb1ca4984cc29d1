//! Writes a store as `docs/tenants.md` describes it for other programs: JSON records in DSSE envelopes, signed with
//! Ed25519, and files under their digests. Nothing here uses Bulkhead's library.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA256, digest};
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};

const PAYLOAD_TYPE: &str = "application/vnd.bulkhead.tenant.v1+json";

/// Signs records.
#[derive(Debug)]
pub struct Signer {
    pair: Ed25519KeyPair,
    /// The public key, as `public_keys` of bulkhead.toml has it.
    public: String,
}

impl Signer {
    /// The key in the content of a PEM file, as `bulkhead keygen` writes it.
    ///
    /// # Errors
    /// If it is not a private key for Ed25519.
    pub fn read(pem: &str) -> Result<Self> {
        let text: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
        let key = STANDARD.decode(text).context("the private key is not in PEM")?;
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&key);
        let pair = pair.ok().context("the private key is not one for Ed25519")?;
        let public = format!("ed25519:{}", STANDARD.encode(pair.public_key()));
        Ok(Self { pair, public })
    }

    /// The public key.
    pub fn public(&self) -> &str {
        &self.public
    }

    /// The file of a record: its envelope.
    pub fn seal(&self, record: &Value) -> Vec<u8> {
        let payload = record.to_string();
        let signature = json!({ "keyid": self.public, "sig": self.signature(payload.as_bytes()) });
        let payload = STANDARD.encode(payload);
        let envelope = json!({ "payload": payload, "payloadType": PAYLOAD_TYPE, "signatures": [signature] });
        envelope.to_string().into_bytes()
    }

    /// The signature of a payload and its type, in base64.
    fn signature(&self, payload: &[u8]) -> String {
        let head = format!("DSSEv1 {} {PAYLOAD_TYPE} {} ", PAYLOAD_TYPE.len(), payload.len());
        STANDARD.encode(self.pair.sign(&[head.as_bytes(), payload].concat()))
    }
}

/// The digits of a digest, which name a file of the store.
pub fn digits(content: &[u8]) -> String {
    digest(&SHA256, content).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The name of the file of a tenant's record.
pub fn record_key(tenant: &str) -> String {
    format!("tenants/{}.json", digits(tenant.as_bytes()))
}

/// A component and its native code.
#[derive(Debug, Clone)]
pub struct Code {
    component: String,
    native: String,
    bytes: usize,
}

impl Code {
    /// The name of the file of its native code.
    pub fn native_key(&self) -> String {
        format!("native/{}.cwasm", self.native.trim_start_matches("sha256:"))
    }

    /// The digest of its component, as receipts have it.
    pub fn component(&self) -> &str {
        &self.component
    }
}

/// A store in a directory, which this program writes.
#[derive(Debug)]
pub struct Writer {
    root: PathBuf,
    signer: Signer,
    /// The record of a tenant that `bulkhead tenants put` wrote.
    pattern: Value,
}

impl Writer {
    /// Writes to the store in this directory, with records like this one.
    ///
    /// # Errors
    /// If the directory cannot be written to.
    pub fn new(root: &Path, signer: Signer, pattern: Value) -> Result<Self> {
        for folder in ["tenants", "components", "native"] {
            match fs::create_dir(root.join(folder)) {
                Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                    return Err(error).context("making the folders of the store");
                }
                _ => {}
            }
        }
        Ok(Self { root: root.to_owned(), signer, pattern })
    }

    /// The directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The component that the command put, whose files are in the store.
    ///
    /// # Errors
    /// If the record has another form.
    pub fn first_code(&self) -> Result<Code> {
        let handler = &self.pattern["handler"];
        let text = |value: &Value| value.as_str().map(str::to_owned).context("a digest in the record");
        let bytes = handler["native"][0]["bytes"].as_u64().context("a size in the record")?;
        Ok(Code {
            component: text(&handler["component"])?,
            native: text(&handler["native"][0]["digest"])?,
            bytes: usize::try_from(bytes)?,
        })
    }

    /// Puts a component and its native code into the store.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn add(&self, wasm: &[u8], cwasm: &[u8]) -> Result<Code> {
        let (component, native) = (digits(wasm), digits(cwasm));
        self.write(&format!("components/{component}.wasm"), wasm)?;
        self.write(&format!("native/{native}.cwasm"), cwasm)?;
        let [component, native] = [component, native].map(|digits| format!("sha256:{digits}"));
        Ok(Code { component, native, bytes: cwasm.len() })
    }

    /// Puts a tenant, or changes it.
    ///
    /// # Errors
    /// If the record cannot be written.
    pub fn put(&self, tenant: &str, version: u64, code: &Code) -> Result<()> {
        self.write(&record_key(tenant), &self.signer.seal(&self.record(tenant, version, code)))
    }

    /// Puts a version of a tenant into its history, which comes before its record. A function does not read it.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn put_history(&self, tenant: &str, version: u64, code: &Code) -> Result<()> {
        let folder = format!("history/{}", digits(tenant.as_bytes()));
        fs::create_dir_all(self.root.join(&folder)).with_context(|| format!("making {folder}"))?;
        let record = self.signer.seal(&self.record(tenant, version, code));
        self.write(&format!("{folder}/{version:016}.json"), &record)
    }

    /// The record of a tenant.
    fn record(&self, tenant: &str, version: u64, code: &Code) -> Value {
        let mut record = self.pattern.clone();
        record["tenant"] = tenant.into();
        record["version"] = version.into();
        record["handler"]["component"] = code.component.as_str().into();
        record["handler"]["native"][0]["digest"] = code.native.as_str().into();
        record["handler"]["native"][0]["bytes"] = code.bytes.into();
        record
    }

    /// Writes a file whole or not at all: under another name first.
    fn write(&self, key: &str, content: &[u8]) -> Result<()> {
        let place = self.root.join(key);
        let beside = place.with_extension("new");
        fs::write(&beside, content).with_context(|| format!("writing {key}"))?;
        fs::rename(&beside, &place).with_context(|| format!("renaming a file to {key}"))
    }
}

/// Checks that a record has the form that the bench changes: one processor, and a handler.
///
/// # Errors
/// If it has another one.
pub fn expect_pattern(record: &Value) -> Result<()> {
    let native = record["handler"]["native"].as_array().map_or(0, Vec::len);
    ensure!(native == 1, "a record with native code for one processor, and this one has {native}: {record}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vectors(file: &str) -> String {
        let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schema/vectors");
        fs::read_to_string(schema.join(file)).unwrap()
    }

    fn opened(envelope: &Value) -> Value {
        let payload = STANDARD.decode(envelope["payload"].as_str().unwrap()).unwrap();
        serde_json::from_slice(&payload).unwrap()
    }

    fn signer() -> Signer {
        Signer::read(&vectors("ed25519.pem")).unwrap()
    }

    #[test]
    fn signatures_are_those_of_the_test_vectors() {
        let vectors: Value = serde_json::from_str(&vectors("records.json")).unwrap();
        let vector = &vectors["vectors"][0];
        let envelope: Value = serde_json::from_str(vector["envelope"].as_str().unwrap()).unwrap();
        let payload = STANDARD.decode(envelope["payload"].as_str().unwrap()).unwrap();
        let signer = signer();
        assert_eq!(signer.public(), vector["public_keys"][0]);
        assert_eq!(signer.signature(&payload), envelope["signatures"][0]["sig"]);
        // The keys of a record may have any order.
        let record: Value = serde_json::from_slice(&payload).unwrap();
        let sealed: Value = serde_json::from_slice(&signer.seal(&record)).unwrap();
        assert_eq!(sealed["payloadType"], envelope["payloadType"]);
        assert_eq!(opened(&sealed), record);
    }

    #[test]
    fn a_key_that_is_none_is_an_error() {
        assert!(Signer::read("-----BEGIN PRIVATE KEY-----\n?\n").unwrap_err().to_string().contains("PEM"));
        assert!(Signer::read(&vectors("p256.pem")).unwrap_err().to_string().contains("Ed25519"));
    }

    #[test]
    fn a_tenant_has_the_code_that_it_is_given() {
        let root = tempfile::tempdir().unwrap();
        let native = json!([{ "target": "x86_64", "build": "b", "digest": "sha256:2", "bytes": 2 }]);
        let handler = json!({ "component": "sha256:1", "kind": "handler", "native": native });
        let pattern = json!({ "tenant": "first", "store": "bench", "version": 1, "handler": handler });
        expect_pattern(&pattern).unwrap();
        assert!(expect_pattern(&json!({})).is_err());
        let writer = Writer::new(root.path(), signer(), pattern).unwrap();
        assert_eq!(writer.first_code().unwrap().bytes, 2);
        let code = writer.add(b"wasm", b"cwasm").unwrap();
        writer.put("acme", 7, &code).unwrap();
        let file = fs::read(root.path().join(record_key("acme"))).unwrap();
        let envelope: Value = serde_json::from_slice(&file).unwrap();
        let record = opened(&envelope);
        assert_eq!((&record["tenant"], &record["version"]), (&json!("acme"), &json!(7)));
        assert_eq!(record["handler"]["native"][0]["bytes"], 5);
        assert_eq!(fs::read(root.path().join(code.native_key())).unwrap(), b"cwasm");
        assert_eq!(code.component(), format!("sha256:{}", digits(b"wasm")));
    }
}
