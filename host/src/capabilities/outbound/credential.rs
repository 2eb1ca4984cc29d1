//! Uses a credential for a request: finds out whether it may be used, and has the request signed, or secrets put into it.
//!
//! The credential belongs to the target that is dialled, and to nothing that the guest says about it. A request that is
//! denied has one line in the log, which names the credential.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hyper::{Method, Request, StatusCode};
use tokio::time::timeout;
use wasmtime_wasi_http::Error;

use super::account::{Account, Sender};
use super::body::Sent;
use super::clients::Lease;
use super::{injected, signed};
use crate::aws::Credentials;
use crate::credentials::{Broker, Event, SecretValue, Unavailable};
use crate::policy::manifest::FILE;
use crate::policy::{Authentication, Credential, Owner, Secret};

/// The largest body that is read before its request is sent, because its digest is signed.
pub(super) const MAX_BODY: usize = 1024 * 1024;

/// The credential of a request, and what it is used with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Authenticator<'a> {
    pub(super) credential: &'a Arc<Credential>,
    pub(super) broker: &'a Broker,
    pub(super) account: &'a Arc<Account>,
    pub(super) lease: &'a Lease,
    /// How long a secret or a session is waited for.
    pub(super) patience: Duration,
}

/// What a request was authenticated with.
#[derive(Debug)]
pub(super) enum Used {
    /// It is signed.
    Signed(Signed),
    /// With secrets in it.
    Secrets(Vec<Injected>),
}

/// A signature.
#[derive(Debug)]
pub(super) struct Signed {
    /// The time that it contains.
    pub(super) at: SystemTime,
    pub(super) keys: Arc<Credentials>,
    /// Whether they are those of a session, and not of the function's role.
    pub(super) is_session: bool,
}

/// A secret that was put into a request.
pub(super) struct Injected {
    pub(super) secret: Arc<Secret>,
    pub(super) value: Arc<SecretValue>,
    /// All forms that it has in the request.
    pub(super) forms: Vec<Box<[u8]>>,
}

impl std::fmt::Debug for Injected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Injected").field("secret", &self.secret).finish_non_exhaustive()
    }
}

/// Why a request was not sent.
#[derive(Debug)]
pub(super) enum Failed {
    /// The credential is not used for such a request.
    Refused(Refusal),
    /// There is no secret, or no session.
    Unavailable(String),
    /// The guest's own body failed.
    Body(Error),
}

/// Why a credential is not used for a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("its method is {0}, and servers answer that with the request itself, the secret included")]
    Method(Method),
    #[error(
        "it is signed in its query already (a presigned URL); send it without a signature, and the host signs it"
    )]
    Presigned,
    #[error(
        "it has the header {0} twice; send it once, because the host must know which one the service reads"
    )]
    Twice(&'static str),
    #[error("the value of its header {0} is not ASCII, and cannot be signed")]
    NotAscii(String),
    #[error(
        "its body is in chunks that the guest has signed ({0}), and a signature of the host needs others; turn off \
         the signing of chunks, or send it over TLS with STREAMING-UNSIGNED-PAYLOAD-TRAILER"
    )]
    SignedChunks(String),
    #[error("its body is not signed ({0}), which needs TLS")]
    UnsignedWithoutTls(String),
    #[error(
        "its body has more than {MAX_BODY} bytes, and has to be read before it is signed; send the digest in \
         x-amz-content-sha256, or less"
    )]
    BodyTooLarge,
    #[error(
        "the name of its host does not say which {0} of AWS it is; add `{0}` to [credentials.{1}] of {FILE}"
    )]
    NoPlace(&'static str, String),
    #[error(
        "it asks {0} as the role of the function, which could give the guest secrets and sessions of others; name a \
         `role` in [credentials.{1}] of {FILE}"
    )]
    NeedsRole(String, String),
    #[error("it is for s3://{0}, the bucket of the store, which only the host reads; use another bucket")]
    OfStore(String),
    #[error("the encoding of its body hides which operation it asks for")]
    Encoded,
    #[error("it names more than one operation")]
    SeveralOperations,
    #[error(
        "it names no operation, and the credential has `operations`; for a service that has its operations in paths, \
         restrict the role instead"
    )]
    NoOperation,
    #[error("its operation is {0}; to allow it, add \"{0}\" to operations in [credentials.{1}] of {FILE}")]
    Operation(String, String),
    #[error("its credential has {{tenant}} in it, and the event has no tenant")]
    NoTenant,
    #[error("{0} would contain a character that it cannot contain, such as a line break")]
    Character(String),
    #[error("a user with a colon cannot be sent")]
    Colon,
}

impl Refusal {
    fn error(&self) -> Error {
        match self {
            Self::Method(_) => Error::HttpRequestMethodInvalid,
            Self::BodyTooLarge => Error::HttpRequestBodySize(u64::try_from(MAX_BODY).ok()),
            Self::Presigned
            | Self::Twice(_)
            | Self::NotAscii(_)
            | Self::SignedChunks(_)
            | Self::UnsignedWithoutTls(_)
            | Self::NoPlace(..)
            | Self::NeedsRole(..)
            | Self::OfStore(_)
            | Self::Encoded
            | Self::SeveralOperations
            | Self::NoOperation
            | Self::Operation(..)
            | Self::NoTenant
            | Self::Character(_)
            | Self::Colon => Error::HttpRequestDenied,
        }
    }
}

impl From<Refusal> for Failed {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Body(error)
    }
}

impl<'a> Authenticator<'a> {
    /// Makes the request one that is authenticated.
    pub(super) async fn apply(self, request: &mut Request<Sent>) -> Result<Used, Error> {
        let used = self.attempt(request).await.map_err(|failed| self.report(failed))?;
        self.account.credentials.count(self.credential);
        Ok(used)
    }

    async fn attempt(self, request: &mut Request<Sent>) -> Result<Used, Failed> {
        // Some servers do not distinguish case, and one calls it by another name.
        let repeats = ["TRACE", "TRACK", "CONNECT"]
            .iter()
            .any(|name| request.method().as_str().eq_ignore_ascii_case(name));
        if repeats {
            return Err(Refusal::Method(request.method().clone()).into());
        }
        match &self.credential.authentication {
            Authentication::Aws(signing) => signed::apply(self, signing, request).await,
            Authentication::Secrets(parts) => injected::apply(self, parts, request).await,
        }
    }

    /// The event, as the broker needs it.
    pub(super) fn event(self) -> Event<'a> {
        event_of(&self.account.sender)
    }

    /// Waits for a secret or a session.
    pub(super) async fn had<T>(
        self,
        fetching: impl Future<Output = Result<T, Unavailable>>,
    ) -> Result<T, Failed> {
        let used = &self.account.credentials;
        used.awaits(self.credential);
        let reason = match timeout(self.patience, fetching).await {
            Ok(Ok(had)) => {
                used.has(self.credential);
                return Ok(had);
            }
            Ok(Err(unavailable)) => {
                used.lacks(self.credential);
                unavailable.to_string()
            }
            Err(_) => {
                // A guest that does not want to wait has not lost anything.
                used.has(self.credential);
                "it was not there in the time that the request has".to_owned()
            }
        };
        Err(Failed::Unavailable(reason))
    }

    fn report(self, failed: Failed) -> Error {
        let (name, target) = (&self.credential.name, &self.lease.purpose.target);
        match failed {
            Failed::Refused(refusal) => {
                self.account.warn(&format!(
                    "outbound request to {target} was denied: the credential {name} is not used for it, because \
                     {refusal}"
                ));
                refusal.error()
            }
            Failed::Unavailable(reason) => {
                self.account.warn(&format!(
                    "outbound request to {target} was not sent, because the credential {name} cannot be had: {reason}"
                ));
                Error::InternalError(Some(format!("the credential {name} cannot be had; the log says why")))
            }
            Failed::Body(error) => error,
        }
    }
}

/// An event, as the broker needs it.
pub(super) fn event_of(sender: &Sender) -> Event<'_> {
    Event {
        tenant_id: sender.scope.tenant_id.as_ref(),
        is_known: matches!(sender.owner, Owner::Tenant(_)),
        meter: &sender.meter,
    }
}

/// Whether a server has refused a request because of who has sent it.
pub(super) fn is_refusal(status: StatusCode) -> bool {
    matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
}
