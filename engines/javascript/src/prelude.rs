//! The globals that are written in JavaScript. They run once, where the engine is initialised.

use rquickjs::{Ctx, Error, Function, Object, Persistent, Result, qjs};

use crate::{script, state};

/// Each file is a function of the natives and of an object for what the files share. It takes what it uses of the language's
/// own functions when it runs, so that scripts cannot change it.
const FILES: [(&str, &str); 8] = [
    ("bulkhead:core", include_str!("prelude/core.js")),
    ("bulkhead:console", include_str!("prelude/console.js")),
    ("bulkhead:events", include_str!("prelude/events.js")),
    ("bulkhead:encoding", include_str!("prelude/encoding.js")),
    ("bulkhead:crypto", include_str!("prelude/crypto.js")),
    ("bulkhead:url", include_str!("prelude/url.js")),
    ("bulkhead:headers", include_str!("prelude/headers.js")),
    ("bulkhead:fetch", include_str!("prelude/fetch.js")),
];

/// Runs all files.
pub(crate) fn run<'js>(ctx: &Ctx<'js>, natives: Object<'js>) -> Result<()> {
    let shared = Object::new(ctx.clone())?;
    for (name, source) in FILES {
        let mut text = source.as_bytes().to_vec();
        text.push(0);
        let file = script::evaluate(ctx, name, text, 1, qjs::JS_EVAL_TYPE_GLOBAL)?;
        let file: Function<'js> = file.into_function().ok_or(Error::Unknown)?;
        file.call::<_, ()>((natives.clone(), shared.clone()))?;
    }
    let kept = Persistent::save(ctx, shared);
    state::with(|state| state.prelude.borrow_mut().replace(kept));
    Ok(())
}
