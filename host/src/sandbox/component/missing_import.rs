//! Advice about an import that this host does not have, by the import's name.

use crate::wasm::kind::{INSTEAD_OF_PREVIEW3, is_preview3, split};

/// The packages of WASI that are linked, all of 0.2.
const WASI: [&str; 7] = [
    "wasi:cli/",
    "wasi:clocks/",
    "wasi:filesystem/",
    "wasi:http/",
    "wasi:io/",
    "wasi:random/",
    "wasi:sockets/",
];

/// Interfaces that are not part of a release. Each version is another interface.
const DRAFTS: [(&str, &str); 8] = [
    ("wasi:config/store", "0.2.0-rc.1"),
    ("wasi:config/store", "0.2.0-draft-2024-09-27"),
    ("wasi:keyvalue/store", "0.2.0-draft"),
    ("wasi:keyvalue/atomics", "0.2.0-draft"),
    ("wasi:keyvalue/batch", "0.2.0-draft"),
    ("wasi:keyvalue/store", "0.2.0-draft2"),
    ("wasi:keyvalue/atomics", "0.2.0-draft2"),
    ("wasi:keyvalue/batch", "0.2.0-draft2"),
];

fn is_in_draft(interface: &str) -> bool {
    interface.starts_with("wasi:config/") || interface.starts_with("wasi:keyvalue/")
}

/// Advice about the missing import: the first one that this host does not know.
pub(super) fn advice(imports: &[String]) -> &'static str {
    let known = |name: &&String| {
        let (interface, version) = split(name);
        if is_in_draft(interface) {
            return DRAFTS.contains(&(interface, version));
        }
        version.starts_with("0.2.") && WASI.iter().any(|package| interface.starts_with(package))
            || interface == "bulkhead:lambda/types"
    };
    let Some((interface, version)) = imports.iter().find(|name| !known(name)).map(|name| split(name)) else {
        return "the host has this interface, but not everything that the component imports from it; build \
                the component for a release of WASI 0.2 that this host has";
    };
    if is_preview3(interface, version) {
        INSTEAD_OF_PREVIEW3
    } else if interface.starts_with("bulkhead:") {
        "it belongs to another version of Bulkhead; use matching versions of both"
    } else if interface.starts_with("spin:") || interface.starts_with("fermyon:") {
        "only Spin has this interface; use wasi:http to reach a service instead"
    } else if is_in_draft(interface) {
        "this host has wasi:config/store in the versions 0.2.0-rc.1 and 0.2.0-draft-2024-09-27, and store, atomics and \
         batch of wasi:keyvalue in 0.2.0-draft and 0.2.0-draft2; build the component with one of them"
    } else if interface.starts_with("wasi:") {
        "of WASI, this host has cli, clocks, filesystem, http, io, random and sockets in the releases of \
         0.2, and drafts of config and keyvalue; reach other services through wasi:http"
    } else {
        "compose it with a component that exports this interface (`wac plug`), or build it without this import"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_import_has_its_advice() {
        for (import, text) in [
            ("wasi:cli/stdout@0.3.0", "this host has WASI 0.2: build it with crates for 0.2"),
            ("wasi:http/types@0.3.0-rc-2026-03-15", "spin-sdk 5"),
            ("wasi:blobstore/container@0.2.0-draft", "through wasi:http"),
            ("wasi:keyvalue/store@0.2.0", "0.2.0-draft and 0.2.0-draft2"),
            ("wasi:keyvalue/watcher@0.2.0-draft2", "0.2.0-draft and 0.2.0-draft2"),
            ("wasi:keyvalue/batch@0.2.0-draft2", "the host has this interface"),
            ("wasi:config/runtime@0.2.0-draft", "0.2.0-rc.1 and 0.2.0-draft-2024-09-27"),
            ("wasi:clocks/monotonic-clock@0.9.0", "releases of 0.2"),
            ("fermyon:spin/variables@2.0.0", "only Spin has this interface"),
            ("bulkhead:lambda/response-stream@0.2.0", "matching versions"),
            ("acme:db/query@1.0.0", "wac plug"),
            ("run-as-root", "wac plug"),
            ("wasi:io/poll@0.2.99", "the host has this interface"),
        ] {
            let imports = ["wasi:cli/exit@0.2.6", "bulkhead:lambda/types@0.1.0", import].map(str::to_owned);
            assert!(advice(&imports).contains(text), "{import}: {}", advice(&imports));
        }
    }
}
