//! The globals that are written in JavaScript. They run once, where the engine is initialised.

use rquickjs::context::intrinsic::{Eval, RegExpCompiler};
use rquickjs::{Context, Ctx, Object, Persistent, Result, Runtime, qjs};

use crate::engine::STACK;
use crate::{script, state};

/// Each file is a function of the natives and of an object for what the files share. It takes what it uses of the language's
/// own functions when it runs, so that scripts cannot change it.
const FILES: [(&str, &str); 11] = [
    ("bulkhead:core", include_str!("prelude/core.js")),
    ("bulkhead:console", include_str!("prelude/console.js")),
    ("bulkhead:events", include_str!("prelude/events.js")),
    ("bulkhead:encoding", include_str!("prelude/encoding.js")),
    ("bulkhead:crypto", include_str!("prelude/crypto.js")),
    ("bulkhead:url", include_str!("prelude/url.js")),
    ("bulkhead:headers", include_str!("prelude/headers.js")),
    ("bulkhead:streams", include_str!("prelude/streams.js")),
    ("bulkhead:blob", include_str!("prelude/blob.js")),
    ("bulkhead:fetch", include_str!("prelude/fetch.js")),
    ("bulkhead:service", include_str!("prelude/service.js")),
];

/// The bytecode of all files.
///
/// They are compiled in an interpreter of their own, which leaves nothing behind: the memory of the initialised engine is reset
/// for each event, so it is kept small. Neither the text nor the lines of the files are in it.
pub(crate) fn compile() -> Result<Vec<Vec<u8>>> {
    let runtime = Runtime::new()?;
    runtime.set_max_stack_size(STACK);
    let context = Context::builder().with::<Eval>().with::<RegExpCompiler>().build(&runtime)?;
    context.with(|ctx| FILES.iter().map(|(name, source)| compiled(&ctx, name, source)).collect())
}

fn compiled(ctx: &Ctx<'_>, name: &str, source: &str) -> Result<Vec<u8>> {
    let mut text = source.as_bytes().to_vec();
    text.push(0);
    let flags = qjs::JS_EVAL_TYPE_GLOBAL | qjs::JS_EVAL_FLAG_COMPILE_ONLY;
    let code = script::evaluate(ctx, name, &text, 1, flags)?;
    script::write_code(ctx, &code, qjs::JS_WRITE_OBJ_STRIP_DEBUG | qjs::JS_WRITE_OBJ_STRIP_SOURCE)
}

/// Runs all files.
pub(crate) fn run<'js>(ctx: &Ctx<'js>, natives: &Object<'js>, files: &[Vec<u8>]) -> Result<()> {
    let shared = Object::new(ctx.clone())?;
    for file in files {
        let code = script::read_code(ctx, file)?;
        let file = script::function(ctx, &code)?;
        file.call::<_, ()>((natives.clone(), shared.clone()))?;
    }
    let kept = Persistent::save(ctx, shared);
    state::with(|state| state.prelude.borrow_mut().replace(kept));
    Ok(())
}
