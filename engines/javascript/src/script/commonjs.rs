//! CommonJS: `require`, `module` and `exports`.

use rquickjs::{Ctx, Error, Exception, Function, Object, Persistent, Result, Value};

use super::Kind;
use super::compile::{Compiled, from_bytecode, function, is_module, wrapped};
use super::detect::{Seems, by_suffix, detect};
use super::loader::{new_object, resolved};
use super::resolve;
use crate::json;
use crate::platform::{self, File};
use crate::quickjs::{define, define_text};
use crate::state;

/// Runs a module, and returns its exports.
pub(super) fn run<'js>(ctx: &Ctx<'js>, path: &str, code: &Value<'js>) -> Result<Value<'js>> {
    if let Some(exports) = exports(ctx, path)? {
        return Ok(exports);
    }
    let function = function(ctx, code)?;
    let exports = new_object(ctx)?;
    let module = keep(ctx, path, &exports)?;
    let base = path.to_owned();
    let require = move |ctx: Ctx<'js>, specifier: String| require(&ctx, &base, &specifier);
    let require = Function::new(ctx.clone(), require)?.with_name("require")?;
    define(&module, "require", &require)?;
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let names = (format!("/{path}"), format!("/{folder}"));
    let ran = function.call::<_, ()>((exports, require, module.clone(), names.0, names.1));
    if ran.is_err() {
        // As in Node.js, a module that failed is run again when it is required again.
        state::with(|state| state.required.borrow_mut().remove(path));
    }
    ran?;
    module.get("exports")
}

/// The exports of a module that was run, or that is being run.
pub(super) fn exports<'js>(ctx: &Ctx<'js>, path: &str) -> Result<Option<Value<'js>>> {
    let module = state::with(|state| state.required.borrow().get(path).cloned());
    module.map(|module| module.restore(ctx)?.get("exports")).transpose()
}

/// The value of a file of JSON.
pub(super) fn data<'js>(ctx: &Ctx<'js>, path: &str, file: &File) -> Result<Value<'js>> {
    if let Some(exports) = exports(ctx, path)? {
        return Ok(exports);
    }
    let value = match json::read(ctx, &file.content) {
        Ok(value) => value,
        Err(json::Mistake::Exception) => return Err(Error::Exception),
        Err(json::Mistake::Syntax { what, line, column }) => {
            let message = format!("{path} is not valid JSON: {what} at line {line} column {column}");
            return Err(Exception::throw_syntax(ctx, &message));
        }
    };
    keep(ctx, path, &value)?;
    Ok(value)
}

/// The value of a `package.json`, if it is there.
pub(super) fn package<'js>(ctx: &Ctx<'js>, path: &str) -> Result<Option<Value<'js>>> {
    if let Some(value) = exports(ctx, path)? {
        return Ok(Some(value));
    }
    platform::read(path).map(|file| data(ctx, path, &file)).transpose()
}

fn keep<'js>(ctx: &Ctx<'js>, path: &str, exports: &Value<'js>) -> Result<Object<'js>> {
    let module = new_object(ctx)?;
    define(&module, "exports", exports)?;
    define_text(&module, "id", path)?;
    define_text(&module, "filename", &format!("/{path}"))?;
    let kept = Persistent::save(ctx, module.clone());
    state::with(|state| state.required.borrow_mut().insert(path.to_owned(), kept));
    Ok(module)
}

fn require<'js>(ctx: &Ctx<'js>, base: &str, specifier: &str) -> Result<Value<'js>> {
    let path = resolved(ctx, base, specifier)?;
    if let Some(exports) = exports(ctx, &path)? {
        return Ok(exports);
    }
    let file = resolve::take(&path).map_err(|missing| Exception::throw_message(ctx, &missing.0))?;
    if by_suffix(&path) == Some(Kind::Json) {
        return data(ctx, &path, &file);
    }
    match code(ctx, &path, &file)? {
        Some(code) => {
            drop(file);
            run(ctx, &path, &code)
        }
        None => {
            let message = format!(
                "'{path}', required from {base}, is an ES module: use import() in place of require()"
            );
            Err(Exception::throw_message(ctx, &message))
        }
    }
}

/// The code of a file that is required. `None` if it is an ES module, of which nothing is loaded here: QuickJS would take it for
/// one that is imported.
fn code<'js>(ctx: &Ctx<'js>, path: &str, file: &File) -> Result<Option<Value<'js>>> {
    if let Some(bytecode) = &file.bytecode {
        if is_module(bytecode) {
            return Ok(None);
        }
        if let Some(Compiled::CommonJs(code)) = from_bytecode(ctx, bytecode)? {
            return Ok(Some(code));
        }
    }
    let seems = detect(ctx, path, &file.content)?;
    if seems == Seems::Certainly(Kind::Module) {
        return Ok(None);
    }
    match wrapped(ctx, path, &file.content) {
        Ok(Compiled::CommonJs(code)) => Ok(Some(code)),
        Err(Error::Exception) if seems == Seems::Probably(Kind::Module) => {
            ctx.catch();
            Ok(None)
        }
        Ok(Compiled::Module(..)) => Ok(None),
        Err(error) => Err(error),
    }
}
