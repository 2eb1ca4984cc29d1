//! Why a request to DynamoDB has failed: for the guest, and in more words for the log.

use serde_json::Value;

use crate::aws::{ClientError, CredentialsError};
use crate::text::bounded;
use crate::text::printable::line;

/// How much of what the server says is kept.
const MAX_CODE: usize = 64;
const MAX_MESSAGE: usize = 512;

/// A request has failed. The guest gets this text, which contains nothing of the account.
#[derive(Debug, thiserror::Error)]
pub(in crate::capabilities::key_value) enum DynamoDbError {
    #[error("the store is not set up: the host does not know the region of its table")]
    NoRegion,
    /// The environment names it, and its name is odd.
    #[error("the store is not set up: the host does not know the region of its table")]
    Region(&'static str),
    #[error("the store is not set up: the host has no credentials for it")]
    Credentials(#[from] CredentialsError),
    #[error("{}", client(.0))]
    Client(#[from] ClientError),
    #[error("DynamoDB denied access to the store ({code})")]
    Denied { code: String, message: String },
    #[error("the table of the store does not exist")]
    NoTable { message: String },
    #[error("DynamoDB is busy ({code}); try again")]
    Busy { code: String },
    #[error("DynamoDB refused the operation ({code})")]
    Refused { code: String, message: String },
    #[error("the answer of DynamoDB is not valid")]
    Answer,
    #[error("the item in the table was not written by a store of this kind")]
    Item,
    /// A condition is not met.
    #[error("the value has changed")]
    Condition,
}

/// A request that was sent may have been done.
fn client(error: &ClientError) -> &'static str {
    match error {
        ClientError::Connect { .. } | ClientError::Tls(_) => "DynamoDB cannot be reached",
        ClientError::TimedOut => {
            "DynamoDB did not answer in time; a write that it was asked for may have been done, or not"
        }
        ClientError::Broken(_) => {
            "the connection to DynamoDB broke; a write that it was asked for may have been done, or not"
        }
        ClientError::Reply(_) | ClientError::HeadTooLarge | ClientError::TooLarge { .. } => {
            "the answer of DynamoDB is not valid"
        }
    }
}

impl DynamoDbError {
    /// What a reply means that does not report success.
    pub(super) fn of(status: u16, body: &Value) -> Self {
        let text = |key: &str| body[key].as_str().unwrap_or_default();
        let code = text("__type").rsplit('#').next().unwrap_or_default();
        let message = if text("message").is_empty() { text("Message") } else { text("message") };
        let message = line(bounded::cut(message, MAX_MESSAGE)).into_owned();
        let shown = if code.is_empty() {
            status.to_string()
        } else {
            line(bounded::cut(code, MAX_CODE)).into_owned()
        };
        match code {
            "ConditionalCheckFailedException" => Self::Condition,
            "ResourceNotFoundException" => Self::NoTable { message },
            "AccessDeniedException"
            | "UnrecognizedClientException"
            | "InvalidSignatureException"
            | "IncompleteSignatureException"
            | "MissingAuthenticationTokenException"
            | "ExpiredTokenException" => Self::Denied { code: shown, message },
            _ if is_throttled(code) || status >= 500 => Self::Busy { code: shown },
            _ => Self::Refused { code: shown, message },
        }
    }

    /// Whether the server has done nothing, and may do it later.
    pub(super) fn was_throttled(&self) -> bool {
        matches!(self, Self::Busy { code } if is_throttled(code))
    }

    /// What the operator has to know.
    pub(in crate::capabilities::key_value) fn warning(&self) -> String {
        match self {
            Self::NoRegion => "the region is not known: set `region` in [stores], or AWS_REGION".to_owned(),
            Self::Region(why) => format!("AWS_REGION: {why}"),
            Self::Credentials(error) => error.to_string(),
            Self::Client(error) => error.to_string(),
            Self::Denied { message, .. } => format!(
                "{self}: {message}; the role needs dynamodb:GetItem, PutItem, UpdateItem, DeleteItem, Query, \
                 BatchGetItem and BatchWriteItem for its table"
            ),
            Self::NoTable { message } | Self::Refused { message, .. } => format!("{self}: {message}"),
            Self::Busy { .. } | Self::Answer | Self::Item | Self::Condition => self.to_string(),
        }
    }
}

fn is_throttled(code: &str) -> bool {
    matches!(
        code,
        "ProvisionedThroughputExceededException"
            | "ThrottlingException"
            | "RequestLimitExceeded"
            | "TransactionInProgressException"
    )
}
