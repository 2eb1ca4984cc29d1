//! Sources to functions and modules, and to bytecode and back.

use std::ffi::{CStr, CString};

use rquickjs::{Ctx, Error, Exception, Function, Result, Value, qjs};

use super::Kind;
use super::detect::{Seems, by_suffix, detect};
use super::graph::{self, MISSING};
use crate::quickjs::{length, owned, size};
use crate::state;

/// What CommonJS has around a file. The file itself begins in line 1: QuickJS does not take 0 for the number of a first line,
/// so there are two lines before it.
const BEFORE: &str = "(function (exports, require, module, __filename, __dirname) {\n\n";
const AFTER: &str = "\n})";
const FIRST_LINE: i32 = -1;

/// A file that is compiled and has not run.
pub(super) enum Compiled<'js> {
    /// A module of QuickJS, and whether it may look at `import.meta`.
    Module(Value<'js>, bool),
    /// Code of QuickJS that makes a function of five arguments.
    CommonJs(Value<'js>),
}

/// The function of a CommonJS module.
pub(crate) fn function<'js>(ctx: &Ctx<'js>, code: &Value<'js>) -> Result<Function<'js>> {
    let raw = ctx.as_raw().as_ptr();
    #[expect(unsafe_code, reason = "a call of QuickJS")]
    // SAFETY: the context is valid, and the call takes a copy of the value.
    let made = unsafe { qjs::JS_EvalFunction(raw, qjs::JS_DupValue(raw, code.as_raw())) };
    // A file may close its wrapper early.
    let made = owned(ctx, made)?.into_function();
    made.ok_or_else(|| Exception::throw_syntax(ctx, "unexpected token '}'"))
}

/// Compiles a file. JSON is not compiled.
pub(super) fn compile<'js>(ctx: &Ctx<'js>, path: &str, source: &[u8]) -> Result<Compiled<'js>> {
    let guess = match detect(ctx, path, source)? {
        Seems::Certainly(kind) => return compile_as(ctx, kind, path, source),
        Seems::Probably(kind) => kind,
    };
    let thrown = match compile_as(ctx, guess, path, source) {
        Err(Error::Exception) => ctx.catch(),
        result => return result,
    };
    let is_syntax = thrown
        .as_object()
        .is_some_and(|thrown| thrown.get::<_, String>("name").is_ok_and(|name| name == "SyntaxError"));
    if !is_syntax {
        return Err(ctx.throw(thrown));
    }
    let other = match guess {
        Kind::Module => Kind::CommonJs,
        Kind::CommonJs | Kind::Json => Kind::Module,
    };
    match compile_as(ctx, other, path, source) {
        Err(Error::Exception) => {
            ctx.catch();
            Err(ctx.throw(thrown))
        }
        result => result,
    }
}

fn compile_as<'js>(ctx: &Ctx<'js>, kind: Kind, path: &str, source: &[u8]) -> Result<Compiled<'js>> {
    match kind {
        Kind::Module => {
            let flags = qjs::JS_EVAL_TYPE_MODULE | qjs::JS_EVAL_FLAG_STRICT | qjs::JS_EVAL_FLAG_COMPILE_ONLY;
            // This word has no other spelling there.
            let has_meta = source.windows(4).any(|word| word == b"meta");
            evaluate(ctx, path, &terminated("", source, ""), 1, flags)
                .map(|module| Compiled::Module(module, has_meta))
        }
        Kind::CommonJs => wrapped(ctx, path, source),
        Kind::Json => Err(Error::Unknown),
    }
}

pub(super) fn wrapped<'js>(ctx: &Ctx<'js>, path: &str, source: &[u8]) -> Result<Compiled<'js>> {
    // `#!` is a comment in the first line of a file, which this is not.
    let mut text = terminated(BEFORE, source, AFTER);
    if source.starts_with(b"#!") {
        text[BEFORE.len()..][..2].copy_from_slice(b"//");
    }
    let flags = qjs::JS_EVAL_TYPE_GLOBAL | qjs::JS_EVAL_FLAG_COMPILE_ONLY;
    evaluate(ctx, path, &text, FIRST_LINE, flags).map(Compiled::CommonJs)
}

/// The source with what is around it, and with the zero that QuickJS reads behind its end.
fn terminated(before: &str, source: &[u8], after: &str) -> Vec<u8> {
    let mut text = Vec::with_capacity(before.len() + source.len() + after.len() + 1);
    text.extend_from_slice(before.as_bytes());
    text.extend_from_slice(source);
    text.extend_from_slice(after.as_bytes());
    text.push(0);
    text
}

/// Evaluates a text that ends with a zero.
pub(crate) fn evaluate<'js>(
    ctx: &Ctx<'js>,
    path: &str,
    text: &[u8],
    line: i32,
    flags: u32,
) -> Result<Value<'js>> {
    let name = CString::new(path)?;
    let mut options = qjs::JSEvalOptions {
        version: qjs::JS_EVAL_OPTIONS_VERSION.cast_signed(),
        eval_flags: flags.cast_signed(),
        filename: name.as_ptr(),
        line_num: line,
    };
    let length = size(text.len() - 1);
    #[expect(unsafe_code, reason = "rquickjs cannot set the line")]
    // SAFETY: the context is valid, and the text ends with a zero and outlives the call, as the options do.
    let value =
        unsafe { qjs::JS_Eval2(ctx.as_raw().as_ptr(), text.as_ptr().cast(), length, &raw mut options) };
    owned(ctx, value)
}

/// A mistake in the syntax of a file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mistake {
    pub(crate) message: String,
    pub(crate) line: u32,
    pub(crate) column: u32,
}

/// The first byte of bytecode.
const MODULE: u8 = b'M';
const MODULE_WITH_META: u8 = b'I';
const COMMON_JS: u8 = b'C';

/// Compiles a file to bytecode. Nothing of it runs.
pub(crate) fn bytecode(ctx: &Ctx<'_>, path: &str, source: &[u8]) -> std::result::Result<Vec<u8>, Mistake> {
    if by_suffix(path) == Some(Kind::Json) {
        return match crate::json::read(ctx, source) {
            Ok(_) => Ok(Vec::new()),
            Err(crate::json::Mistake::Syntax { what, line, column }) => {
                let place = |place: usize| u32::try_from(place).unwrap_or(u32::MAX);
                Err(Mistake { message: what.to_owned(), line: place(line), column: place(column) })
            }
            Err(crate::json::Mistake::Exception) => Err(mistake(ctx)),
        };
    }
    state::with(|state| {
        state.compiles_only.set(true);
        state.has_attributes.set(false);
    });
    let compiled = compile(ctx, path, source);
    state::with(|state| state.compiles_only.set(false));
    let (kind, value) = match compiled {
        Ok(Compiled::Module(module, has_meta)) => (if has_meta { MODULE_WITH_META } else { MODULE }, module),
        Ok(Compiled::CommonJs(code)) => (COMMON_JS, code),
        Err(_) => return Err(within(source, mistake(ctx))),
    };
    if state::with(|state| state.has_attributes.get()) {
        return Ok(Vec::new());
    }
    written(ctx, kind, &value).map_err(|_| mistake(ctx))
}

/// The `type` of attributes.
pub(super) fn type_of(attributes: &Value<'_>) -> Result<Option<String>> {
    attributes.as_object().map_or(Ok(None), |attributes| attributes.get("type"))
}

/// What an import loads of a file that is only compiled. Bytecode does not say with which attributes; that is known of JSON only, by
/// its suffix.
pub(super) fn import(specifier: &str, attributes: &Value<'_>) -> Result<String> {
    if attributes.is_object()
        && (type_of(attributes)?.as_deref() != Some("json") || by_suffix(specifier) != Some(Kind::Json))
    {
        state::with(|state| state.has_attributes.set(true));
    }
    Ok(MISSING.to_owned())
}

fn written(ctx: &Ctx<'_>, kind: u8, value: &Value<'_>) -> Result<Vec<u8>> {
    // With the source of functions: a script may ask for it by their `toString`.
    let mut bytecode = write_code(ctx, value, 0)?;
    // No checksum, which each event would check.
    if let Some(sum) = bytecode.get_mut(1..5) {
        sum.fill(0xff);
    }
    bytecode.insert(0, kind);
    Ok(bytecode)
}

/// The bytes of code, without what the flags strip.
pub(crate) fn write_code(ctx: &Ctx<'_>, value: &Value<'_>, flags: u32) -> Result<Vec<u8>> {
    let mut written = 0;
    let flags = (qjs::JS_WRITE_OBJ_BYTECODE | flags).cast_signed();
    let ctx = ctx.as_raw().as_ptr();
    #[expect(unsafe_code, reason = "rquickjs writes modules only")]
    // SAFETY: the context is valid; what QuickJS returns has this length, and is freed.
    unsafe {
        let bytes = qjs::JS_WriteObject(ctx, &raw mut written, value.as_raw(), flags);
        if bytes.is_null() {
            return Err(Error::Exception);
        }
        let out = std::slice::from_raw_parts(bytes, length(written)).to_vec();
        // What is freed while the engine is initialised stays in its snapshot.
        bytes.write_bytes(0, length(written));
        std::hint::black_box(bytes);
        qjs::js_free(ctx, bytes.cast());
        Ok(out)
    }
}

/// Whether bytecode is that of an ES module.
pub(super) fn is_module(bytecode: &[u8]) -> bool {
    matches!(bytecode.first(), Some(&MODULE | &MODULE_WITH_META))
}

/// What [`bytecode`] has made. It is trusted: it comes from the host, which has it of this very engine.
pub(super) fn from_bytecode<'js>(ctx: &Ctx<'js>, bytes: &[u8]) -> Result<Option<Compiled<'js>>> {
    let Some((kind, code)) = bytes.split_first() else { return Ok(None) };
    let value = read_code(ctx, code)?;
    if !is_module(bytes) {
        return Ok(Some(Compiled::CommonJs(value)));
    }
    // The first one looks for the imports of all.
    if graph::is_first() {
        let raw = ctx.as_raw().as_ptr();
        #[expect(unsafe_code, reason = "a call of QuickJS")]
        // SAFETY: the context and the value are valid.
        let resolved = unsafe { qjs::JS_ResolveModule(raw, value.as_raw()) };
        if resolved < 0 {
            return Err(Error::Exception);
        }
    }
    Ok(Some(Compiled::Module(value, *kind == MODULE_WITH_META)))
}

/// What [`write_code`] has written.
pub(crate) fn read_code<'js>(ctx: &Ctx<'js>, bytes: &[u8]) -> Result<Value<'js>> {
    let raw = ctx.as_raw().as_ptr();
    #[expect(unsafe_code, reason = "rquickjs reads modules only")]
    // SAFETY: the context is valid, and QuickJS copies what it needs of the bytes.
    let value = unsafe {
        qjs::JS_ReadObject(raw, bytes.as_ptr(), size(bytes.len()), qjs::JS_READ_OBJ_BYTECODE.cast_signed())
    };
    owned(ctx, value)
}

/// The syntax error that is pending. QuickJS puts its place into the first line of the stack.
fn mistake(ctx: &Ctx<'_>) -> Mistake {
    let failure = crate::failure::of_exception(ctx);
    let place = failure.stack_trace.first().map(String::as_str).unwrap_or_default();
    let mut numbers = place.trim_end_matches(')').rsplit(':').map(|number| number.parse().unwrap_or(1));
    let column = numbers.next().unwrap_or(1);
    let line = numbers.next().unwrap_or(1);
    Mistake { message: failure.error_message, line, column }
}

/// A mistake that was noticed behind the end of the file is at its end.
fn within(source: &[u8], mistake: Mistake) -> Mistake {
    let source = String::from_utf8_lossy(source);
    let place = |place: usize| u32::try_from(place).unwrap_or(u32::MAX);
    let lines = place(source.split('\n').count());
    if mistake.line <= lines {
        return mistake;
    }
    let last = source.rsplit('\n').next().unwrap_or_default();
    Mistake { line: lines, column: place(last.chars().count() + 1), ..mistake }
}

/// The name of a module.
pub(super) fn c_string(path: &str) -> Result<CString> {
    Ok(CString::new(path)?)
}

/// A name that QuickJS passes.
pub(super) fn text(name: &CStr) -> String {
    name.to_string_lossy().into_owned()
}
