//! The kind of a component, determined by its exports. The only place that knows the kinds.

use semver::Version;

/// The export that makes a component a buffered handler.
pub(crate) const HANDLER: &str = "bulkhead:lambda/handler@0.1.0";

/// Advice about WASI 0.3. The target does not tell which WASI a component is for: its crates do, and they are
/// built for wasm32-wasip2 as well.
pub(crate) const INSTEAD_OF_PREVIEW3: &str = "this host has WASI 0.2: build it with crates for 0.2; in Rust, \
                                              for the target wasm32-wasip2, use spin-sdk 5 instead of a \
                                              newer one, and wasip2 or wstd instead of wasip3";

/// How a component takes events and answers them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Bytes in, bytes out.
    Handler,
    /// Bytes in, a stream out.
    Streaming,
    /// HTTP events become requests.
    Http,
    /// A program: the event on stdin, the answer on stdout.
    Command,
    /// The engine of scripts: bytes in, and what its script makes of them out.
    Engine,
}

impl Kind {
    /// In the order in which they are checked: many handlers that are written as programs export
    /// `wasi:cli/run` too.
    pub const ALL: [Self; 5] = [Self::Handler, Self::Streaming, Self::Engine, Self::Http, Self::Command];

    /// The kind of a component with these exports.
    ///
    /// # Errors
    /// If it is of none.
    pub fn of(exports: &[String]) -> Result<Self, KindError> {
        let has = |kind: &Self| exports.iter().any(|name| kind.is_exported_as(name));
        Self::ALL.into_iter().find(has).ok_or_else(|| KindError::of(exports))
    }

    /// Its name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Handler => "handler",
            Self::Streaming => "streaming",
            Self::Http => "http",
            Self::Command => "command",
            Self::Engine => "engine",
        }
    }

    /// The export of a component of this kind.
    pub fn export(self) -> &'static str {
        match self {
            Self::Handler => HANDLER,
            Self::Streaming => "bulkhead:lambda/streaming-handler@0.1.0",
            Self::Http => "wasi:http/incoming-handler@0.2",
            Self::Command => "wasi:cli/run@0.2",
            Self::Engine => "bulkhead:lambda/script-handler@0.1.0",
        }
    }

    /// Bulkhead's own has one version; for the others, any release of WASI 0.2 fits.
    pub(crate) fn is_exported_as(self, name: &str) -> bool {
        match self {
            Self::Handler | Self::Streaming | Self::Engine => name == self.export(),
            Self::Http | Self::Command => {
                let patch = name.strip_prefix(self.export()).and_then(|rest| rest.strip_prefix('.'));
                patch.is_some_and(|patch| patch.parse::<u32>().is_ok())
            }
        }
    }

    fn interface(self) -> &'static str {
        split(self.export()).0
    }
}

/// A component that this version does not run. Each text says what it is instead, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KindError {
    /// A kind, but not yet one of those that run.
    #[error("it exports {found}, a kind of component that this version does not run; it runs {}", runnable())]
    NotRun {
        /// The export.
        found: String,
    },
    /// For a newer host.
    #[error(
        "it exports {found}, which belongs to a newer Bulkhead, but this host calls {wanted}; use matching \
         versions: update bootstrap and `bulkhead`, or build it with the SDK of this version"
    )]
    Newer {
        /// The export.
        found: String,
        /// What this host calls.
        wanted: &'static str,
    },
    /// For an older host.
    #[error(
        "it exports {found}, which belongs to an older Bulkhead, but this host calls {wanted}; use matching \
         versions: build it with the SDK of this version"
    )]
    Older {
        /// The export.
        found: String,
        /// What this host calls.
        wanted: &'static str,
    },
    /// For WASI after 0.2.
    #[error("it exports {found} of WASI 0.3, whose functions are async; {INSTEAD_OF_PREVIEW3}")]
    Preview3 {
        /// The export.
        found: String,
    },
    /// For a draft of WASI 0.2.
    #[error(
        "it exports {found}, which belongs to a draft of WASI 0.2; this host has the released 0.2: build it with a newer toolchain"
    )]
    Draft {
        /// The export.
        found: String,
    },
    /// An init function and nothing else.
    #[error(
        "it exports only {found}, which is not a handler: add a handler, with #[bulkhead::handler] in the SDK"
    )]
    OnlyInit {
        /// The export.
        found: String,
    },
    /// Nothing that is known.
    #[error("it does not export {HANDLER}; a handler written with the SDK has #[bulkhead::handler] on it{}", exported(.exports))]
    None {
        /// Its exports.
        exports: Vec<String>,
    },
}

impl KindError {
    /// The reason why a component with these exports is of no kind.
    fn of(exports: &[String]) -> Self {
        let found = |is: &dyn Fn(&str, &str) -> bool| {
            exports.iter().find(|name| is(split(name).0, split(name).1)).cloned()
        };
        if let Some(found) = found(&|interface, version| is_preview3(interface, version)) {
            return Self::Preview3 { found };
        }
        for kind in Kind::ALL {
            let Some(found) = found(&|interface, _| interface == kind.interface()) else { continue };
            let wanted = kind.export();
            return match kind {
                Kind::Http | Kind::Command => Self::Draft { found },
                Kind::Handler | Kind::Streaming | Kind::Engine
                    if is_older(split(&found).1, split(wanted).1) =>
                {
                    Self::Older { found, wanted }
                }
                Kind::Handler | Kind::Streaming | Kind::Engine => Self::Newer { found, wanted },
            };
        }
        match found(&|interface, _| interface.starts_with("bulkhead:lambda/")) {
            Some(found) if split(&found).0 == "bulkhead:lambda/initializer" => Self::OnlyInit { found },
            Some(found) => Self::NotRun { found },
            None => found(&|interface, _| interface.starts_with("wasi:"))
                .map_or_else(|| Self::None { exports: exports.to_vec() }, |found| Self::NotRun { found }),
        }
    }
}

/// Whether an interface, and the version of it, is of WASI 0.3.
pub(crate) fn is_preview3(interface: &str, version: &str) -> bool {
    interface.starts_with("wasi:") && (version == "0.3" || version.starts_with("0.3."))
}

/// The name of an interface, and its version.
pub(crate) fn split(name: &str) -> (&str, &str) {
    name.split_once('@').unwrap_or((name, ""))
}

/// What is not a version is taken to be of a newer host, which may have other names for them.
fn is_older(version: &str, than: &str) -> bool {
    match (Version::parse(version), Version::parse(than)) {
        (Ok(version), Ok(than)) => version < than,
        (Ok(_) | Err(_), _) => false,
    }
}

fn runnable() -> String {
    let kinds = Kind::ALL.into_iter().map(Kind::export);
    kinds.collect::<Vec<_>>().join(", ")
}

fn exported(exports: &[String]) -> String {
    /// A tenant may export any number of interfaces.
    const NAMED: usize = 3;
    let named: Vec<&str> = exports.iter().take(NAMED).map(String::as_str).collect();
    match exports.len() {
        0 => "; it exports nothing".to_owned(),
        more if more > NAMED => format!("; it exports {} and {} more", named.join(", "), more - NAMED),
        _ => format!("; it exports {}", named.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(exports: &[&str]) -> Result<Kind, String> {
        let exports: Vec<String> = exports.iter().map(|name| (*name).to_owned()).collect();
        Kind::of(&exports).map_err(|error| error.to_string())
    }

    #[test]
    fn kinds_are_told_apart_by_their_exports() {
        assert_eq!(of(&["wasi:cli/run@0.2.6", HANDLER]), Ok(Kind::Handler));
        assert_eq!(of(&["bulkhead:lambda/streaming-handler@0.1.0"]), Ok(Kind::Streaming));
        assert_eq!(of(&["wasi:http/incoming-handler@0.2.0"]), Ok(Kind::Http));
        assert_eq!(of(&["wasi:http/incoming-handler@0.2.12", "wasi:cli/run@0.2.6"]), Ok(Kind::Http));
        assert_eq!(of(&["other", "wasi:cli/run@0.2.3"]), Ok(Kind::Command));
        assert_eq!(of(&["bulkhead:lambda/script-handler@0.1.0"]), Ok(Kind::Engine));
    }

    #[test]
    fn what_is_of_no_kind_has_a_sentence_of_its_own() {
        for (export, text) in [
            ("bulkhead:lambda/handler@0.2.0", "belongs to a newer Bulkhead"),
            ("bulkhead:lambda/handler@0.10.0", "belongs to a newer Bulkhead"),
            (
                "bulkhead:lambda/streaming-handler@1.0.0",
                "this host calls bulkhead:lambda/streaming-handler@0.1.0",
            ),
            ("bulkhead:lambda/handler@0.0.9", "belongs to an older Bulkhead"),
            ("bulkhead:lambda/handler@0.1.0-rc.1", "belongs to an older Bulkhead"),
            ("bulkhead:lambda/handler@0.2.0-rc.1", "belongs to a newer Bulkhead"),
            ("bulkhead:lambda/handler@next", "belongs to a newer Bulkhead"),
            ("bulkhead:lambda/initializer@0.1.0", "add a handler"),
            ("bulkhead:lambda/thing@0.1.0", "does not run"),
            ("wasi:http/handler@0.3.0", "of WASI 0.3"),
            ("wasi:http/incoming-handler@0.3.0-rc-2026-01-06", "of WASI 0.3"),
            (
                "wasi:cli/run@0.3.1",
                "wasm32-wasip2, use spin-sdk 5 instead of a newer one, and wasip2 or wstd instead of wasip3",
            ),
            ("wasi:http/incoming-handler@0.2.0-rc-2023-11-10", "belongs to a draft of WASI 0.2"),
            ("wasi:keyvalue/watcher@0.2.0", "does not run"),
            ("acme:api/thing@0.3.0", "it exports acme:api/thing@0.3.0"),
        ] {
            let error = of(&[export]).unwrap_err();
            assert!(error.contains(text) && error.contains(export), "{export}: {error}");
        }
        assert!(of(&[]).unwrap_err().ends_with("; it exports nothing"));
        assert!(of(&["a", "b", "c", "d", "e"]).unwrap_err().ends_with("; it exports a, b, c and 2 more"));
    }
}
