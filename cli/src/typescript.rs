//! Takes the types of TypeScript off the files of scripts. White space takes their place, so that all lines and columns stay
//! those of the source.
//!
//! What has an effect at run time, such as an `enum`, is not a type and cannot be taken off. It is a mistake with its place
//! and with what to write in its place.

mod mistake;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use bulkhead_host::text::printable::Shown as _;
use swc_common::errors::{DiagnosticBuilder, Emitter, Handler};
use swc_common::{GLOBALS, Globals, SourceMap, Span, sync::Lrc};
use swc_ecma_parser::TsSyntax;
use swc_ts_fast_strip::{Options, operate};

pub(crate) use mistake::Mistake;

/// The most brackets that may be open at one place. The parser needs up to 7 KiB of stack for each, and many times that if it is
/// compiled without optimisation.
const DEEPEST: usize = 1_000;
/// The stack of a parser, and what each byte of a source may add to it: an operator of one byte is a level, too. The operating
/// system provides what is used.
const STACK: usize = 128 << 20;
const STACK_OF_BYTE: usize = 1 << 10;

/// Why the types cannot be taken off a file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StripError {
    /// Each has its place.
    #[error("{}", mistake::lines(path, mistakes))]
    Mistakes { path: PathBuf, mistakes: Vec<Mistake> },
    #[error("{}: it is not UTF-8, so it is not a file of TypeScript", path.shown())]
    NotText { path: PathBuf },
    #[error("{}: more than {DEEPEST} brackets are open at one place; make it simpler", path.shown())]
    TooDeep { path: PathBuf },
    #[error("{}: there is not enough memory to parse it: {error}", path.shown())]
    NoStack { path: PathBuf, error: io::Error },
    #[error("{}: the parser of TypeScript failed, which is a mistake of its own", path.shown())]
    Parser { path: PathBuf },
}

/// Whether a file of this name may have types.
pub(crate) fn has_types(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ["ts", "mts", "cts"].iter().any(|known| ending == *known))
}

/// Whether a file of this name has nothing but types. Nothing runs it.
pub(crate) fn is_declaration(path: &Path) -> bool {
    has_types(path)
        && path.file_stem().is_some_and(|stem| Path::new(stem).extension().is_some_and(|it| it == "d"))
}

/// The content of a file of a script without types. What is not TypeScript by its name stays as it is.
pub(crate) fn strip(path: &Path, content: &[u8]) -> Result<Vec<u8>, StripError> {
    if !has_types(path) {
        return Ok(content.to_owned());
    }
    let place = || path.to_owned();
    let Ok(text) = std::str::from_utf8(content) else { return Err(StripError::NotText { path: place() }) };
    if is_too_deep(content) {
        return Err(StripError::TooDeep { path: place() });
    }
    let parsed = on_own_stack(content.len(), || stripped(text));
    match parsed.map_err(|error| StripError::NoStack { path: place(), error })? {
        Some(Ok(code)) => Ok(code.into_bytes()),
        Some(Err(mistakes)) => Err(StripError::Mistakes { path: place(), mistakes }),
        None => Err(StripError::Parser { path: place() }),
    }
}

/// Runs what parses sources of this size, and may call itself as deeply as they are nested. `None` if it panicked.
pub(crate) fn on_own_stack<T: Send>(size: usize, parse: impl FnOnce() -> T + Send) -> io::Result<Option<T>> {
    let stack = STACK.saturating_add(size.saturating_mul(STACK_OF_BYTE));
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(stack).spawn_scoped(scope, parse)?;
        Ok(thread.join().ok())
    })
}

/// Whether a source is nested more deeply than anything that somebody wrote.
pub(crate) fn is_too_deep(content: &[u8]) -> bool {
    deepest(content) > DEEPEST
}

/// The most brackets that are open at one place. Those in texts and comments count, which is right enough for a bound.
fn deepest(content: &[u8]) -> usize {
    let (mut open, mut most) = (0_usize, 0);
    for byte in content {
        match byte {
            b'(' | b'[' | b'{' => open += 1,
            b')' | b']' | b'}' => open = open.saturating_sub(1),
            _ => {}
        }
        most = most.max(open);
    }
    most
}

fn stripped(text: &str) -> Result<String, Vec<Mistake>> {
    // The parser leaves a byte order mark out.
    let (mark, text) = if text.starts_with('\u{feff}') { text.split_at(3) } else { ("", text) };
    let map: Lrc<SourceMap> = Lrc::default();
    let found = Found::default();
    let handler = Handler::with_emitter(false, false, Box::new(found.clone()));
    // Decorators are left in the output, where the engine does not understand them, unless the parser refuses them.
    let parser = TsSyntax { decorators: false, ..TsSyntax::default() };
    let options = Options { parser, ..Options::default() };
    let output = GLOBALS.set(&Globals::new(), || operate(&map, &handler, text.to_owned(), options));
    match output {
        Ok(output) => Ok(format!("{mark}{}", output.code)),
        Err(error) => {
            let found = std::mem::take(&mut *found.0.lock().unwrap_or_else(PoisonError::into_inner));
            let all = found.into_iter().map(|found| Mistake::new(text, &map, &found.text, found.span));
            let mut mistakes: Vec<Mistake> = all.collect();
            if mistakes.is_empty() {
                mistakes.push(Mistake::new(text, &map, &error.message, None));
            }
            Err(mistakes)
        }
    }
}

/// Keeps what the parser finds.
#[derive(Clone, Default)]
struct Found(Arc<Mutex<Vec<Message>>>);

/// What the parser says, and of which part of the source.
struct Message {
    text: String,
    span: Option<Span>,
}

impl Emitter for Found {
    fn emit(&mut self, found: &mut DiagnosticBuilder<'_>) {
        let found = Message { text: found.message(), span: found.span.primary_span() };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(found);
    }
}

#[cfg(test)]
mod tests;
