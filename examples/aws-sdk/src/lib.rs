//! Notes in DynamoDB, by the official SDK: its requests leave through `wasi:http`, and the host signs them.

use std::collections::HashMap;
use std::env;

use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_dynamodb::{Client, Config};
use bulkhead::{Diagnostic, Error};
use serde::{Deserialize, Serialize};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Request {
    Put(Note),
    /// The id of a note.
    Get(String),
}

#[derive(Debug, PartialEq, Deserialize, Serialize)]
struct Note {
    id: String,
    text: String,
}

/// Answers with the note that was asked for, if there is one.
#[bulkhead::handler]
async fn notes(request: Request) -> Result<Option<Note>, Error> {
    let (client, table) = (Client::from_conf(config()?), variable("NOTES_TABLE")?);
    match request {
        Request::Put(note) => {
            client.put_item().table_name(table).set_item(Some(item(note))).send().await.map_err(failure)?;
            Ok(None)
        }
        Request::Get(id) => {
            let asked = client.get_item().table_name(table).key("id", AttributeValue::S(id)).send().await;
            asked.map_err(failure)?.item.map(note).transpose()
        }
    }
}

fn config() -> Result<Config, Error> {
    // These are not keys: the SDK wants some, and the host replaces the signature that it makes with them.
    let (id, key) = (variable("AWS_ACCESS_KEY_ID")?, variable("AWS_SECRET_ACCESS_KEY")?);
    let mut config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(bulkhead::aws::http_client())
        .sleep_impl(bulkhead::aws::Sleep)
        .credentials_provider(Credentials::new(id, key, None, None, "the host"))
        .region(Region::new(variable("AWS_REGION")?));
    // Another server than that of AWS, in a test.
    config.set_endpoint_url(variable("AWS_ENDPOINT_URL").ok());
    Ok(config.build())
}

#[expect(clippy::disallowed_methods, reason = "a grant is read as any variable is")]
fn variable(name: &str) -> Result<String, Error> {
    env::var(name).map_err(|error| {
        format!("{name}: {error}; grant it in bulkhead.toml, or a credential that signs").into()
    })
}

/// What the service says becomes `errorType` and `errorMessage`. Where it said nothing, the causes tell why.
fn failure<E>(error: SdkError<E>) -> Error
where
    SdkError<E>: ProvideErrorMetadata + Into<Error>,
{
    let Some(code) = error.code() else {
        return error.into();
    };
    let message = error.message().unwrap_or_default();
    Diagnostic { error_type: code.to_owned(), error_message: message.to_owned() }.into()
}

fn item(note: Note) -> HashMap<String, AttributeValue> {
    [("id", note.id), ("text", note.text)]
        .map(|(name, value)| (name.to_owned(), AttributeValue::S(value)))
        .into()
}

fn note(mut item: HashMap<String, AttributeValue>) -> Result<Note, Error> {
    let mut text = |name: &str| match item.remove(name) {
        Some(AttributeValue::S(value)) => Ok(value),
        other => Err(format!("the table has {other:?} as the {name} of a note, where a string should be")),
    };
    Ok(Note { id: text("id")?, text: text("text")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_survives_the_table() {
        let saved = || Note { id: "1".to_owned(), text: "buy milk".to_owned() };
        assert_eq!(note(item(saved())).unwrap(), saved());
    }

    #[test]
    fn an_item_of_somebody_else_is_no_note() {
        let mut others = item(Note { id: "1".to_owned(), text: String::new() });
        others.insert("text".to_owned(), AttributeValue::N("7".to_owned()));
        assert!(note(others).unwrap_err().to_string().contains("the text of a note"));
    }
}
