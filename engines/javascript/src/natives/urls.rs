//! URLs for the classes of `url.js`.

#![expect(clippy::needless_pass_by_value, reason = "rquickjs passes values")]

use rquickjs::prelude::Opt;
use rquickjs::{Array, Ctx, Result, Value};

use super::Text;
use crate::quickjs::{new_array, new_texts};
use crate::url::{USERINFO, Url, encode, query};

/// The parts of a URL in the order of `url.js`, or null.
pub(super) fn parse_url<'js>(ctx: Ctx<'js>, text: Text, base: Opt<Value<'js>>) -> Result<Value<'js>> {
    let base = match base.0.filter(|base| !base.is_undefined()) {
        Some(base) => match Url::parse(&super::to_text(&ctx, &base).unwrap_or_default(), None) {
            None => return Ok(Value::new_null(ctx)),
            base => base,
        },
        None => None,
    };
    let Some(url) = Url::parse(&text.0, base.as_ref()) else { return Ok(Value::new_null(ctx)) };
    let marked = |mark: char, part: &Option<String>| match part {
        Some(part) if !part.is_empty() => format!("{mark}{part}"),
        Some(_) | None => String::new(),
    };
    let texts = [
        url.href(),
        format!("{}:", url.scheme),
        url.username.clone(),
        url.password.clone(),
        url.host.clone().unwrap_or_default(),
        url.port.map(|port| port.to_string()).unwrap_or_default(),
        url.pathname(),
        marked('?', &url.query),
        marked('#', &url.fragment),
        url.origin(),
    ];
    new_texts(&ctx, &texts)
}

pub(super) fn encode_userinfo(text: Text) -> String {
    encode(&text.0, USERINFO)
}

/// What would end a path.
pub(super) fn escape_path(text: Text) -> String {
    text.0.replace('?', "%3F").replace('#', "%23")
}

/// What would end a query.
pub(super) fn escape_hash(text: Text) -> String {
    text.0.replace('#', "%23")
}

pub(super) fn parse_query<'js>(ctx: Ctx<'js>, text: Text) -> Result<Array<'js>> {
    let mut pairs = Vec::new();
    for (name, value) in query::parse(&text.0) {
        pairs.push(new_texts(&ctx, &[name, value])?);
    }
    new_array(&ctx, &pairs)
}

pub(super) fn write_query(pairs: Array<'_>) -> Result<String> {
    let mut query = String::new();
    for place in 0..pairs.len() {
        let pair: Array<'_> = pairs.get(place)?;
        query::append(&mut query, &pair.get::<Text>(0)?.0, &pair.get::<Text>(1)?.0);
    }
    Ok(query)
}
