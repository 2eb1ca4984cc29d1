//! Puts secrets into requests: into headers, into the query, or as a user and a password.
//!
//! What the guest has sent under such a name is removed, in every notation that a server could take for it.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::Request;
use hyper::header::{ACCEPT_ENCODING, AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use hyper::http::uri::PathAndQuery;
use percent_encoding::percent_decode_str;
use wasmtime_wasi_http::Error;

use super::body::Sent;
use super::credential::{Authenticator, Failed, Injected, Refusal, Used};
use crate::aws::sigv4::escaped;
use crate::credentials::SecretValue;
use crate::policy::{Basic, Part, Secret, SecretParts, Template};

/// The secrets of a request.
struct Values<'a> {
    tenant: Option<&'a str>,
    values: Vec<(Arc<Secret>, Arc<SecretValue>)>,
}

impl Values<'_> {
    fn render(&self, template: &Template) -> Result<String, Refusal> {
        let mut text = String::new();
        for part in &template.parts {
            match part {
                Part::Text(part) => text.push_str(part),
                Part::Tenant => text.push_str(self.tenant.ok_or(Refusal::NoTenant)?),
                Part::Secret(secret) => {
                    let value = self.values.iter().find(|(known, _)| known == secret);
                    text.push_str(value.map_or("", |(_, value)| value.expose()));
                }
            }
        }
        Ok(text)
    }
}

/// Puts secrets into a request.
pub(super) async fn apply(
    auth: Authenticator<'_>,
    parts: &SecretParts,
    request: &mut Request<Sent>,
) -> Result<Used, Failed> {
    let tenant = auth.event().tenant_id.map(|id| &**id);
    let mut values = Values { tenant, values: Vec::new() };
    for secret in auth.credential.secrets() {
        if values.values.iter().all(|(known, _)| known != secret) {
            let value = auth.had(auth.broker.secrets().get(secret, auth.event().meter)).await?;
            values.values.push((Arc::clone(secret), value));
        }
    }
    // A response that is compressed could not be searched for them.
    request.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    let mut forms = Vec::new();
    for (name, template) in &parts.headers {
        set(request.headers_mut(), name, &values.render(template)?)?;
    }
    if let Some(basic) = &parts.basic {
        let pair = basic_pair(basic, &values)?;
        set(request.headers_mut(), AUTHORIZATION.as_str(), &format!("Basic {pair}"))?;
        forms.push(pair);
    }
    if !parts.query.is_empty() {
        let mut added = Vec::new();
        for (name, template) in &parts.query {
            let value = escaped(values.render(template)?.as_bytes(), b"");
            added.push((&**name, value.clone()));
            forms.push(value);
        }
        set_query(request, &added)?;
    }
    Ok(Used::Secrets(injected(values, forms)))
}

/// The secrets, each with the forms that it has. A form belongs to the first of them: only its name is reported.
fn injected(values: Values<'_>, forms: Vec<String>) -> Vec<Injected> {
    let mut forms = Some(forms);
    let own = |(secret, value): (Arc<Secret>, Arc<SecretValue>)| {
        let more = forms.take().unwrap_or_default().into_iter().map(|form| form.into_bytes().into());
        let plain = value.expose();
        // As some servers write it in JSON.
        let escaped = plain.contains('/').then(|| plain.replace('/', "\\/"));
        let own = std::iter::once(plain.to_owned()).chain(escaped).map(|form| form.into_bytes().into());
        let forms = own.chain(more).collect();
        Injected { secret, value, forms }
    };
    values.values.into_iter().map(own).collect()
}

fn basic_pair(basic: &Basic, values: &Values<'_>) -> Result<String, Refusal> {
    let (user, password) = (values.render(&basic.user)?, values.render(&basic.password)?);
    if user.contains(':') {
        return Err(Refusal::Colon);
    }
    Ok(STANDARD.encode(format!("{user}:{password}")))
}

/// Sets a header, in the place of all that a server could take for it.
fn set(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), Refusal> {
    let invalid = || Refusal::Character(format!("the value of its header {name}"));
    let mut value = HeaderValue::from_str(value).map_err(|_| invalid())?;
    value.set_sensitive(true);
    let name = HeaderName::try_from(name).map_err(|_| invalid())?;
    // Servers that make variables of headers read `x_key` as `x-key`.
    let read_as = |name: &HeaderName| name.as_str().replace(|sign: char| !sign.is_ascii_alphanumeric(), "-");
    let taken = read_as(&name);
    let others: Vec<_> = headers.keys().filter(|other| read_as(other) == taken).cloned().collect();
    for other in others {
        headers.remove(other);
    }
    headers.insert(name, value);
    Ok(())
}

/// Sets parameters of the query, in the place of all of these names.
fn set_query(request: &mut Request<Sent>, added: &[(&str, String)]) -> Result<(), Failed> {
    let uri = request.uri();
    let is_kept = |pair: &&str| {
        let name = pair.split('=').next().unwrap_or_default().replace('+', " ");
        let name = percent_decode_str(&name).decode_utf8_lossy();
        !pair.is_empty() && !added.iter().any(|(added, _)| name.eq_ignore_ascii_case(added))
    };
    let mut query: Vec<String> =
        uri.query().unwrap_or_default().split('&').filter(is_kept).map(str::to_owned).collect();
    query.extend(added.iter().map(|(name, value)| format!("{}={value}", escaped(name.as_bytes(), b""))));
    let target = format!("{}?{}", uri.path(), query.join("&"));
    let target = PathAndQuery::try_from(target).map_err(|_| Error::HttpRequestUriInvalid)?;
    *request.uri_mut() = target.into();
    Ok(())
}
