//! The modules of Node.js, which no script has, and what to use in their place.

use bulkhead_host::text::printable;

/// The modules that are known without `node:`, and what to use. A package of npm may have such a name, too.
const MODULES: [(&str, &str); 34] = [
    ("assert", "throw an Error"),
    ("async_hooks", "pass what is needed as arguments"),
    ("buffer", "use Uint8Array"),
    ("child_process", "a script starts no processes"),
    ("cluster", "a script starts no processes"),
    ("console", "use the global `console`"),
    ("crypto", "use the global `crypto`: `crypto.randomUUID()`, `crypto.subtle.digest(…)`"),
    ("dgram", "use fetch"),
    ("dns", "use fetch"),
    ("events", "use EventTarget"),
    ("fs", "import data as `import data from \"./data.json\" with { type: \"json\" }`"),
    ("http", "use fetch"),
    ("http2", "use fetch"),
    ("https", "use fetch"),
    ("module", "use `import()`"),
    ("net", "use fetch"),
    ("os", "a script has no operating system"),
    ("path", "join paths as text, or use URL"),
    ("perf_hooks", "use the global `performance`"),
    ("process", "use the global `process`, which has `env`"),
    ("punycode", "use URL"),
    ("querystring", "use URLSearchParams"),
    ("readline", "split the text into lines"),
    ("stream", "use the globals ReadableStream, WritableStream and TransformStream"),
    ("string_decoder", "use TextDecoder"),
    ("timers", "use the global `setTimeout`"),
    ("tls", "use fetch"),
    ("tty", "use the global `console`"),
    ("url", "use the globals URL and URLSearchParams"),
    ("util", "use TextEncoder, TextDecoder and structuredClone"),
    ("v8", "use structuredClone"),
    ("vm", "use Function"),
    ("worker_threads", "send an event to another handler"),
    ("zlib", "compress in the caller, or bundle a package that does it"),
];

/// Whether a specifier names a module of Node.js.
pub(super) fn is_module(specifier: &str) -> bool {
    specifier.starts_with("node:") || instead(specifier).is_some()
}

fn instead(specifier: &str) -> Option<&'static str> {
    let name = specifier.strip_prefix("node:").unwrap_or(specifier);
    // Such as `fs/promises`.
    let name = name.split('/').next().unwrap_or(name);
    MODULES.iter().find(|(known, _)| *known == name).map(|(_, instead)| *instead)
}

/// What to say of such an import.
pub(super) fn advice(specifier: &str) -> String {
    let shown = printable::name(specifier);
    let instead = instead(specifier).unwrap_or("bundle a package that does the same");
    format!("scripts have no modules of Node.js, and this imports `{shown}`; {instead}")
}
