//! Values as text for the log. Nothing of the script is called: neither getters, nor proxies, nor `toString`.

use rquickjs::{Ctx, Value};

/// The text of all arguments of a call of `console`.
pub(super) fn message(ctx: &Ctx<'_>, values: &[Value<'_>]) -> String {
    let texts: Vec<String> = values.iter().map(|value| super::to_text(ctx, value).unwrap_or_default()).collect();
    texts.join(" ")
}
