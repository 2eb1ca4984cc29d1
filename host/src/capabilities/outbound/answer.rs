//! What a response says of the credential that its request was sent with.
//!
//! A server that refuses a secret or a session may be right: another one is fetched, and the request is sent with it once more. A
//! secret that comes back is cut off ([`super::echo`]). The guest gets everything else unchanged.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::header::{CONTENT_TYPE, DATE, HeaderMap};
use hyper::{Response, StatusCode};
use wasmtime_wasi_http::{Error, WasiBody};

use super::account::Account;
use super::body::{Received, longer};
use super::credential::{Injected, Signed, Used, event_of, is_refusal};
use super::echo::{Found, Search, Sought};
use super::link::Link;
use super::target::Target;
use crate::credentials::{Broker, Refused, Verdict};
use crate::policy::{Authentication, AwsSigning, Credential};

/// The part of an error of AWS that is searched for its code.
const MAX_ERROR: usize = 4 * 1024;
/// The types of responses that come event by event.
const EVENTS: [&[u8]; 2] = [b"application/vnd.amazon.eventstream", b"text/event-stream"];
/// The name of the token of a session, in the log.
const TOKEN: &str = "session token";
/// Codes with which AWS's services say that a session is not valid.
const INVALID: [&str; 5] =
    ["ExpiredToken", "InvalidToken", "InvalidClientTokenId", "InvalidAccessKeyId", "UnrecognizedClient"];

/// Whether an error of AWS says that the session is not valid. Only its code counts: its message can contain what the guest
/// has sent.
fn is_invalid(error: &str) -> bool {
    let after = |mark: &str| error.split_once(mark).map(|(_, rest)| rest);
    let Some(code) = after("\"__type\":\"").or_else(|| after("<Code>")) else { return false };
    // Some services write the name of their protocol before it.
    let code = code.split(['"', '<']).next().unwrap_or_default();
    let code = code.rsplit('#').next().unwrap_or_default();
    INVALID.iter().any(|invalid| code.starts_with(invalid))
}

/// Looks at a response.
#[derive(Debug)]
pub(super) struct Inspector {
    pub(super) account: Arc<Account>,
    pub(super) broker: Arc<Broker>,
    pub(super) credential: Arc<Credential>,
    pub(super) target: Target,
    pub(super) used: Used,
}

/// What a server did not accept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rejected {
    /// The secrets, or the session.
    Value,
    /// The time of the signature. The clock is corrected by now.
    Time,
}

impl Inspector {
    /// Looks at a response. Its body is watched while it is read.
    ///
    /// # Errors
    /// If a header contains a secret.
    pub(super) fn inspect(self, response: Response<Received>) -> Result<Response<WasiBody>, Error> {
        let search = match &self.used {
            Used::Secrets(secrets) => Search::new(secrets.iter().flat_map(|injected| {
                let name = &injected.secret.name;
                injected.forms.iter().map(|text| Sought { name: name.clone(), text: text.clone() })
            })),
            Used::Signed(signed) => search_of(signed, response.headers()),
        };
        search.headers(response.headers()).map_err(|found| self.report(&found))?;
        Ok(response.map(|received| match search.is_empty() {
            true => received.boxed_unsync(),
            false => Watched { received, search, inspector: self, trailers: None }.boxed_unsync(),
        }))
    }

    /// What the server did not accept. The broker learns of it, and fetches another value for the next request.
    pub(super) async fn rejected(
        &self,
        response: &mut Response<Received>,
        link: &mut Link,
    ) -> Option<Rejected> {
        let is_refused = is_refusal(response.status());
        let signed = match &self.used {
            Used::Secrets(secrets) => {
                let broker = self.broker.secrets();
                let refused = secrets.iter().filter(|_| is_refused);
                refused.for_each(|injected| broker.refused(&injected.secret, &injected.value));
                return is_refused.then_some(Rejected::Value);
            }
            Used::Signed(signed) => signed,
        };
        if !is_refused && response.status() != StatusCode::BAD_REQUEST {
            return None;
        }
        let date = response.headers().get(DATE).and_then(|date| date.to_str().ok());
        if self.target.is_of_aws() && self.broker.clock().notice(date, signed.at) {
            return Some(Rejected::Time);
        }
        if !signed.is_session {
            return None;
        }
        let error = response.body_mut().beginning(MAX_ERROR, link).await;
        let verdict = match is_invalid(&String::from_utf8_lossy(error)) {
            true => Verdict::Invalid,
            false if is_refused => Verdict::Denied,
            false => return None,
        };
        let refused = Refused { session: &signed.keys, verdict };
        self.broker.sessions().refused(&self.credential, event_of(&self.account.sender), refused);
        Some(Rejected::Value)
    }

    /// Whether a request can be made that has something else in it than what the server did not accept. This waits for it.
    pub(super) async fn has_another(&self, rejected: Rejected) -> bool {
        if rejected == Rejected::Time {
            return true;
        }
        let event = event_of(&self.account.sender);
        match (&self.used, &self.credential.authentication) {
            (Used::Secrets(secrets), _) => {
                for Injected { secret, value, .. } in secrets {
                    let now = self.broker.secrets().get(secret, event.meter).await;
                    if now.is_ok_and(|now| now != *value) {
                        return true;
                    }
                }
                false
            }
            (Used::Signed(signed), Authentication::Aws(AwsSigning { role: Some(role), .. })) => {
                let now = self.broker.sessions().get(&self.credential, role, event).await;
                now.is_ok_and(|now| now != signed.keys)
            }
            (Used::Signed(_), Authentication::Aws(_) | Authentication::Secrets(_)) => false,
        }
    }

    /// Logs that a secret has come back.
    fn report(&self, found: &Found) -> Error {
        let Found(secret) = found;
        let (target, name) = (&self.target, &self.credential.name);
        self.account.warn(&format!(
            "the response of {target} was cut off, because it contains the secret {secret} of the credential {name}: \
             this server shows what it is sent, so it should have no secret"
        ));
        Error::InternalError(Some("the response contains a secret that the guest must not have".to_owned()))
    }
}

/// The body of a response, while it is looked at.
#[derive(Debug)]
struct Watched {
    received: Received,
    search: Search,
    inspector: Inspector,
    /// They follow what was held back.
    trailers: Option<HeaderMap>,
}

impl Watched {
    fn data(&mut self, piece: &[u8]) -> Result<Bytes, Error> {
        self.search.piece(piece).map_err(|found| self.inspector.report(&found))
    }

    /// What was held back.
    fn rest(&mut self) -> Option<Bytes> {
        Some(self.search.rest()).filter(|rest| !rest.is_empty())
    }

    fn held(&self) -> usize {
        self.search.held()
    }

    fn trailers(&mut self, trailers: HeaderMap) -> Result<Frame<Bytes>, Error> {
        self.search.headers(&trailers).map_err(|found| self.inspector.report(&found))?;
        Ok(match self.rest() {
            Some(rest) => {
                self.trailers = Some(trailers);
                Frame::data(rest)
            }
            None => Frame::trailers(trailers),
        })
    }
}

impl Body for Watched {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if let Some(trailers) = self.trailers.take() {
            return Poll::Ready(Some(Ok(Frame::trailers(trailers))));
        }
        loop {
            let Some(frame) = ready!(Pin::new(&mut self.received).poll_frame(context)) else {
                return Poll::Ready(self.rest().map(|rest| Ok(Frame::data(rest))));
            };
            let next = match frame?.into_data() {
                Ok(piece) => self.data(&piece).map(Frame::data),
                Err(frame) => match frame.into_trailers() {
                    Ok(trailers) => self.trailers(trailers),
                    Err(frame) => Ok(frame),
                },
            };
            match next {
                // All of it is held back.
                Ok(frame) if frame.data_ref().is_some_and(Bytes::is_empty) => {}
                Ok(frame) => return Poll::Ready(Some(Ok(frame))),
                Err(error) => {
                    self.received.end();
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.held() == 0 && self.trailers.is_none() && self.received.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        longer(self.received.size_hint(), self.held())
    }
}

/// The token of a session is sent, and some services show what was signed if a signature is wrong. The key itself is not.
fn search_of(signed: &Signed, headers: &HeaderMap) -> Search {
    let token = signed.keys.token.iter();
    let token = token.map(|token| Sought { name: TOKEN.into(), text: token.as_bytes().into() });
    // Events are not held back.
    let kind = headers.get(CONTENT_TYPE).map(|kind| kind.as_bytes());
    let is_events = kind.is_some_and(|kind| EVENTS.iter().any(|events| kind.starts_with(events)));
    Search::new(token.filter(|_| !is_events))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_code_of_an_error_says_that_a_session_is_not_valid() {
        for error in [
            r#"{"__type":"com.amazon.coral.service#ExpiredTokenException","message":"x"}"#,
            r#"{"message":"x","__type":"UnrecognizedClientException"}"#,
            "<Error><Code>InvalidAccessKeyId</Code></Error>",
            "<ErrorResponse><Error><Type>Sender</Type><Code>InvalidClientTokenId</Code>",
        ] {
            assert!(is_invalid(error), "{error}");
        }
        for error in [
            r#"{"__type":"ValidationException","message":"ExpiredToken"}"#,
            r#"{"message":"\"__type\":\"ExpiredToken\"","__type":"ValidationException"}"#,
            "<Error><Code>NoSuchKey</Code><Key>ExpiredToken</Key></Error>",
            "ExpiredToken",
            "",
        ] {
            assert!(!is_invalid(error), "{error}");
        }
    }
}
