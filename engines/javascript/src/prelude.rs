//! The globals that are written in JavaScript. They run once, where the engine is initialised.

use rquickjs::context::intrinsic::{Eval, RegExpCompiler};
use rquickjs::{Context, Ctx, Object, Persistent, Result, Runtime, qjs};

mod packed;

use crate::engine::STACK;
use crate::{script, state};

/// The files, packed. Each is a function of the natives and of an object for what the files share. It takes what it uses of the
/// language's own functions when it runs, so that scripts cannot change it. A new file is named in `build.rs`.
const PACKED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/prelude.packed"));

/// The bytecode of all files.
///
/// They are compiled in an interpreter of their own, which leaves nothing behind: the memory of the initialised engine is reset
/// for each event, so it is kept small. Neither the text nor the lines of the files are in it.
pub(crate) fn compile() -> Result<Vec<Vec<u8>>> {
    let mut text = packed::unpack(PACKED);
    let files = compile_all(&text);
    clear(&mut text);
    files
}

fn compile_all(text: &[u8]) -> Result<Vec<Vec<u8>>> {
    let runtime = Runtime::new()?;
    runtime.set_max_stack_size(STACK);
    let context = Context::builder().with::<Eval>().with::<RegExpCompiler>().build(&runtime)?;
    // The last files are the largest. They are compiled before the bytecode of the others takes memory.
    let files = text.split_inclusive(|byte| *byte == 0).rev();
    let mut files: Vec<Vec<u8>> =
        context.with(|ctx| files.map(|file| compiled(&ctx, file)).collect::<Result<_>>())?;
    files.reverse();
    Ok(files)
}

/// Overwrites what is freed next: it would stay in the snapshot of the engine, which leaves zeroes out.
fn clear(bytes: &mut [u8]) {
    bytes.fill(0);
    std::hint::black_box(bytes);
}

/// Compiles a file: a line with its name, and its text with a zero at its end.
fn compiled(ctx: &Ctx<'_>, file: &[u8]) -> Result<Vec<u8>> {
    let name = file.iter().position(|byte| *byte == b'\n').unwrap_or(0);
    let (name, text) = file.split_at(name);
    if !text.ends_with(&[0]) {
        return Err(rquickjs::Error::Unknown);
    }
    let flags = qjs::JS_EVAL_TYPE_GLOBAL | qjs::JS_EVAL_FLAG_COMPILE_ONLY;
    let code = script::evaluate(ctx, &String::from_utf8_lossy(name), text, 1, flags)?;
    script::write_code(ctx, &code, qjs::JS_WRITE_OBJ_STRIP_DEBUG | qjs::JS_WRITE_OBJ_STRIP_SOURCE)
}

/// Runs all files.
pub(crate) fn run<'js>(ctx: &Ctx<'js>, natives: &Object<'js>, files: Vec<Vec<u8>>) -> Result<()> {
    let shared = Object::new(ctx.clone())?;
    for mut file in files {
        let code = script::read_code(ctx, &file)?;
        clear(&mut file);
        let file = script::function(ctx, &code)?;
        file.call::<_, ()>((natives.clone(), shared.clone()))?;
    }
    let kept = Persistent::save(ctx, shared);
    state::with(|state| state.prelude.borrow_mut().replace(kept));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_are_packed_without_comments_and_indentation() {
        let text = String::from_utf8(packed::unpack(PACKED)).unwrap();
        let files: Vec<&str> = text.split_terminator('\0').collect();
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/prelude");
        let sources = std::fs::read_dir(folder)
            .unwrap()
            .filter(|one| one.as_ref().unwrap().path().extension() == Some("js".as_ref()));
        assert_eq!(files.len(), sources.count(), "build.rs names all files");
        for file in files {
            let (name, text) = file.split_once('\n').unwrap();
            let source = std::fs::read_to_string(format!("{folder}/{name}.js")).unwrap();
            let lines =
                source.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//"));
            assert!(text.lines().eq(lines), "{name}");
        }
        assert!(PACKED.len() * 2 < text.len(), "{} of {}", PACKED.len(), text.len());
    }
}
