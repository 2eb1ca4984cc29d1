//! The loading of files: the functions that QuickJS calls for an import, and the start of a script.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::ptr::null_mut;

use rquickjs::{Atom, Ctx, Error, Exception, Object, Promise, Result, Value, qjs};

use super::Kind;
use super::commonjs;
use super::compile::{self, Compiled, c_string, compile, from_bytecode};
use super::detect::by_suffix;
use super::graph::{self, MISSING};
use super::resolve::{self, Unresolved};
use crate::natives::{passed_text, to_text};
use crate::platform::{self, File};
use crate::quickjs::{define_text, owned, size, throw_type};
use crate::state;

/// The export that CommonJS modules and JSON have.
const DEFAULT: &CStr = c"default";

/// A script that has begun to run.
pub(crate) enum Started<'js> {
    /// It is a CommonJS module, and these are its exports.
    Exports(Value<'js>),
    /// It is an ES module. Its exports are complete when the promise is.
    Module(Value<'js>, Promise<'js>),
}

/// Lets QuickJS ask for imports.
pub(crate) fn install(ctx: &Ctx<'_>) {
    #[expect(unsafe_code, reason = "rquickjs's loader cannot load bytecode")]
    // SAFETY: the context is valid, and so are the functions as long as the program runs.
    unsafe {
        let runtime = qjs::JS_GetRuntime(ctx.as_raw().as_ptr());
        qjs::JS_SetModuleLoaderFunc2(runtime, None, Some(load), None, null_mut());
        qjs::JS_SetModuleNormalizeFunc2(runtime, Some(normalize));
    }
}

/// Runs the file that contains the handler.
pub(crate) fn start<'js>(ctx: &Ctx<'js>) -> Result<Started<'js>> {
    let path = platform::entry();
    graph::begin();
    let loaded = taken(ctx, &path).and_then(|file| compiled(ctx, &path, &file));
    let (loaded, ended) = match loaded {
        Ok(loaded) => (Some(loaded), Ok(())),
        Err(error) => (None, Err(error)),
    };
    graph::end(ctx, &path, ended)?;
    match loaded.ok_or(Error::Unknown)? {
        Compiled::CommonJs(code) => commonjs::run(ctx, &path, &code).map(Started::Exports),
        Compiled::Module(module, has_meta) => {
            let raw = ctx.as_raw().as_ptr();
            if has_meta {
                describe(ctx, &module, &path)?;
            }
            #[expect(unsafe_code, reason = "calls of QuickJS")]
            // SAFETY: the context is valid, the value is a module, and its evaluation takes a copy of it.
            let (evaluated, namespace) = unsafe {
                let evaluated = qjs::JS_EvalFunction(raw, qjs::JS_DupValue(raw, module.as_raw()));
                let evaluated = owned(ctx, evaluated)?;
                (evaluated, qjs::JS_GetModuleNamespace(raw, definition(&module)))
            };
            let namespace = owned(ctx, namespace)?;
            let promise = evaluated.into_promise().ok_or(Error::Unknown)?;
            Ok(Started::Module(namespace, promise))
        }
    }
}

fn taken(ctx: &Ctx<'_>, path: &str) -> Result<File> {
    resolve::take(path).map_err(|unresolved| not_found(ctx, &unresolved))
}

fn not_found(ctx: &Ctx<'_>, Unresolved(message): &Unresolved) -> Error {
    Exception::throw_message(ctx, message)
}

/// Compiles a file, unless there is bytecode of it.
pub(super) fn compiled<'js>(ctx: &Ctx<'js>, path: &str, file: &File) -> Result<Compiled<'js>> {
    let ready = match &file.bytecode {
        Some(bytecode) => from_bytecode(ctx, bytecode)?,
        None => None,
    };
    match ready {
        Some(compiled) => Ok(compiled),
        None => compile(ctx, path, &file.content),
    }
}

/// The path of what a file requires.
pub(super) fn resolved(ctx: &Ctx<'_>, base: &str, specifier: &str) -> Result<String> {
    resolve::resolve(base, specifier).map_err(|unresolved| not_found(ctx, &unresolved))
}

#[expect(unsafe_code, reason = "a module of QuickJS is a pointer")]
fn definition(module: &Value<'_>) -> *mut qjs::JSModuleDef {
    // SAFETY: it is called with modules only.
    unsafe { qjs::JS_VALUE_GET_PTR(module.as_raw()).cast() }
}

/// Fills `import.meta`.
fn describe(ctx: &Ctx<'_>, module: &Value<'_>, path: &str) -> Result<()> {
    #[expect(unsafe_code, reason = "a call of QuickJS")]
    // SAFETY: the context and the module are valid.
    let meta = unsafe { qjs::JS_GetImportMeta(ctx.as_raw().as_ptr(), definition(module)) };
    let meta = owned(ctx, meta)?.into_object().ok_or(Error::Unknown)?;
    define_text(&meta, "url", &format!("file:///{path}"))?;
    define_text(&meta, "filename", &format!("/{path}"))
}

/// What an import loads.
fn module(ctx: &Ctx<'_>, path: &str, attributes: &Value<'_>) -> Result<*mut qjs::JSModuleDef> {
    if path == MISSING {
        return native(ctx, path, &[]);
    }
    graph::begin();
    let loaded = checked(ctx, path, attributes).and_then(|()| alone(ctx, path));
    let (module, loaded) = match loaded {
        Ok(module) => (module, Ok(())),
        Err(error) => (null_mut(), Err(error)),
    };
    if graph::end(ctx, path, loaded)? { Ok(module) } else { native(ctx, MISSING, &[]) }
}

/// What a file is as a module.
fn alone(ctx: &Ctx<'_>, path: &str) -> Result<*mut qjs::JSModuleDef> {
    let file = taken(ctx, path)?;
    if by_suffix(path) == Some(Kind::Json) {
        commonjs::data(ctx, path, &file)?;
        return native(ctx, path, &[]);
    }
    match compiled(ctx, path, &file)? {
        Compiled::Module(module, has_meta) => {
            if has_meta {
                describe(ctx, &module, path)?;
            }
            Ok(definition(&module))
        }
        Compiled::CommonJs(code) => {
            let exports = commonjs::run(ctx, path, &code)?;
            native(ctx, path, &names(ctx, &exports))
        }
    }
}

/// The exports, beside `default`, of an ES module that stands for a CommonJS module: those that can be imported.
fn names<'js>(ctx: &Ctx<'js>, exports: &Value<'js>) -> Vec<(CString, Value<'js>)> {
    let mut names = Vec::new();
    if let Some(object) = exports.as_object() {
        for key in object.keys::<Value<'_>>().flatten() {
            names.extend(exported(ctx, &key).map(|name| (name, key)));
        }
    }
    names
}

/// The name of an export as QuickJS takes it. Nothing imports a name with a zero or with half of a surrogate pair in it. A name that
/// QuickJS takes for another one, as `é` where there is an `Ã©`, is no export either.
fn exported<'js>(ctx: &Ctx<'js>, key: &Value<'js>) -> Option<CString> {
    let text = to_text(ctx, key)?;
    let is_itself = Atom::from_str(ctx.clone(), &text).ok()? == Atom::from_value(ctx.clone(), key).ok()?;
    if is_itself && text != "default" { c_string(&text).ok() } else { None }
}

/// A module whose exports come from a CommonJS module or from JSON. What is missing has none.
fn native(ctx: &Ctx<'_>, path: &str, exports: &[(CString, Value<'_>)]) -> Result<*mut qjs::JSModuleDef> {
    let name = c_string(path)?;
    let raw = ctx.as_raw().as_ptr();
    #[expect(unsafe_code, reason = "calls of QuickJS")]
    // SAFETY: the context is valid, and QuickJS copies the names.
    unsafe {
        let module = qjs::JS_NewCModule(raw, name.as_ptr(), Some(fill));
        if module.is_null() {
            return Err(Error::Exception);
        }
        let default = (path != MISSING).then_some(DEFAULT);
        for export in default.into_iter().chain(exports.iter().map(|(name, _)| name.as_c_str())) {
            if qjs::JS_AddModuleExport(raw, module, export.as_ptr()) < 0 {
                return Err(Error::Exception);
            }
        }
        Ok(module)
    }
}

fn filled(ctx: &Ctx<'_>, module: *mut qjs::JSModuleDef) -> Result<()> {
    let raw = ctx.as_raw().as_ptr();
    #[expect(unsafe_code, reason = "calls of QuickJS")]
    // SAFETY: QuickJS has passed the context and the module.
    let name = unsafe {
        let atom = qjs::JS_GetModuleName(raw, module);
        let name = qjs::JS_AtomToString(raw, atom);
        qjs::JS_FreeAtom(raw, atom);
        owned(ctx, name)?
    };
    let Some(exports) = commonjs::exports(ctx, &name.get::<String>()?)? else { return Ok(()) };
    let export = |name: &CStr, value: &Value<'_>| {
        #[expect(unsafe_code, reason = "calls of QuickJS")]
        // SAFETY: as above; the call takes a copy of the value. A name that was not there before is refused.
        unsafe {
            if qjs::JS_SetModuleExport(raw, module, name.as_ptr(), qjs::JS_DupValue(raw, value.as_raw())) < 0
            {
                ctx.catch();
            }
        }
    };
    export(DEFAULT, &exports);
    let Some(object) = exports.as_object() else { return Ok(()) };
    for (name, key) in names(ctx, &exports) {
        export(&name, &object.get(key)?);
    }
    Ok(())
}

/// Imports of JSON have an attribute, and nothing else has.
fn checked(ctx: &Ctx<'_>, path: &str, attributes: &Value<'_>) -> Result<()> {
    match compile::type_of(attributes)?.as_deref() {
        None => Ok(()),
        Some("json") if path.ends_with(".json") => Ok(()),
        Some("json") => Err(throw_type(ctx, &format!("'{path}' is not JSON"))),
        Some(other) => {
            let message = format!("'{path}' is imported with the type '{other}', and there is only 'json'");
            Err(throw_type(ctx, &message))
        }
    }
}

#[expect(unsafe_code, reason = "QuickJS calls them")]
mod calls {
    use std::ptr::NonNull;

    use super::*;

    unsafe fn context<'js>(ctx: *mut qjs::JSContext) -> Option<Ctx<'js>> {
        // SAFETY: QuickJS passes the context that it runs in, which is locked.
        NonNull::new(ctx).map(|ctx| unsafe { Ctx::from_raw(ctx) })
    }

    unsafe fn text(name: *const c_char) -> String {
        // SAFETY: QuickJS passes a text that ends with a zero.
        compile::text(unsafe { CStr::from_ptr(name) })
    }

    /// Makes an error of ours an exception.
    fn thrown<T>(ctx: &Ctx<'_>, result: Result<T>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(Error::Exception) => None,
            Err(other) => {
                Exception::throw_internal(ctx, &other.to_string());
                None
            }
        }
    }

    pub(super) unsafe extern "C" fn normalize(
        ctx: *mut qjs::JSContext,
        base: *const c_char,
        specifier: *const c_char,
        attributes: qjs::JSValue,
        _opaque: *mut c_void,
    ) -> *mut c_char {
        // SAFETY: see there.
        let (Some(js), base) = (unsafe { context(ctx) }, unsafe { text(base) }) else { return null_mut() };
        // SAFETY: QuickJS passes what it has made of a string.
        let Some(specifier) = (unsafe { passed_text(&js, specifier) }) else { return null_mut() };
        // SAFETY: the value is QuickJS's, so it is copied.
        let attributes = owned(&js, unsafe { qjs::JS_DupValue(ctx, attributes) });
        let path = match state::with(|state| state.compiles_only.get()) {
            true => attributes.and_then(|attributes| compile::import(&specifier, &attributes)),
            false => graph::import(&js, &base, resolved(&js, &base, &specifier)),
        };
        let Some(path) = thrown(&js, path) else { return null_mut() };
        // SAFETY: QuickJS copies the text, and frees the copy.
        unsafe { qjs::js_strndup(ctx, path.as_ptr().cast(), size(path.len())) }
    }

    pub(super) unsafe extern "C" fn load(
        ctx: *mut qjs::JSContext,
        path: *const c_char,
        _opaque: *mut c_void,
        attributes: qjs::JSValue,
    ) -> *mut qjs::JSModuleDef {
        // SAFETY: see there.
        let (Some(js), path) = (unsafe { context(ctx) }, unsafe { text(path) }) else { return null_mut() };
        // SAFETY: the value is QuickJS's, so it is copied.
        let attributes = owned(&js, unsafe { qjs::JS_DupValue(ctx, attributes) });
        let loaded = attributes.and_then(|attributes| module(&js, &path, &attributes));
        thrown(&js, loaded).unwrap_or(null_mut())
    }

    pub(super) unsafe extern "C" fn fill(ctx: *mut qjs::JSContext, module: *mut qjs::JSModuleDef) -> c_int {
        // SAFETY: see there.
        let Some(js) = (unsafe { context(ctx) }) else { return -1 };
        thrown(&js, filled(&js, module)).map_or(-1, |()| 0)
    }
}

use calls::{fill, load, normalize};

/// An object of the script's, for CommonJS.
pub(super) fn new_object<'js>(ctx: &Ctx<'js>) -> Result<Object<'js>> {
    Object::new(ctx.clone())
}
