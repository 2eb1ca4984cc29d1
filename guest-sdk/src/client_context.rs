//! [`ClientContext`], the information that an AWS mobile or SDK client sends about itself, and
//! [`CognitoIdentity`], the caller's identity.
//!
//! A client context is JSON that the caller chooses, so it is read leniently: a caller must not be able to
//! fail a handler's events with unexpected JSON.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The client context that the caller sent with the event.
///
/// Reading it never fails. Another value in place of a string becomes its JSON text (`7` becomes `"7"`), and
/// another value in place of an object counts as empty. The original text is in
/// [`Context::client_context_json`](crate::Context::client_context_json).
///
/// ```
/// use bulkhead::ClientContext;
///
/// let client: ClientContext = serde_json::from_str(r#"{ "custom": { "tier": "gold", "retries": 2 } }"#)?;
/// assert_eq!(client.custom["tier"], "gold");
/// assert_eq!(client.custom["retries"], "2");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(from = "Value")]
pub struct ClientContext {
    /// The calling application.
    pub client: ClientApplication,
    /// Values that the application defines.
    pub custom: HashMap<String, String>,
    /// The environment of the application.
    pub environment: HashMap<String, String>,
}

/// The mobile application that called. Fields that it did not send are empty.
///
/// ```
/// use bulkhead::ClientContext;
///
/// let sent = r#"{ "client": { "app_title": "Shop", "app_version_name": "2.1" } }"#;
/// let application = serde_json::from_str::<ClientContext>(sent)?.client;
/// assert_eq!((application.app_title.as_str(), application.app_package_name.as_str()), ("Shop", ""));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(from = "Value", rename_all = "camelCase")]
pub struct ClientApplication {
    /// The id of the installation.
    pub installation_id: String,
    /// The application's title.
    pub app_title: String,
    /// The application's version name.
    pub app_version_name: String,
    /// The application's version code.
    pub app_version_code: String,
    /// The application's package name.
    pub app_package_name: String,
}

/// The Amazon Cognito identity whose credentials the caller used.
///
/// ```
/// use bulkhead::{CognitoIdentity, Context};
///
/// #[bulkhead::handler]
/// fn owner(context: Context) -> Option<String> {
///     context.identity.map(|identity| identity.identity_id)
/// }
///
/// let mut context = Context::default();
/// let identity = CognitoIdentity { identity_id: "eu-west-1:1234".into(), ..CognitoIdentity::default() };
/// context.identity = Some(identity);
/// assert_eq!(owner(context).as_deref(), Some("eu-west-1:1234"));
/// ```
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CognitoIdentity {
    /// The id of the identity.
    #[serde(alias = "cognitoIdentityId", alias = "identity_id")]
    pub identity_id: String,
    /// The id of the identity's pool.
    #[serde(alias = "cognitoIdentityPoolId", alias = "identity_pool_id")]
    pub identity_pool_id: String,
}

impl From<Value> for ClientContext {
    fn from(value: Value) -> Self {
        let mut fields = object(value);
        let mut take = |key| fields.remove(key).unwrap_or_default();
        // AWS's own SDKs write `env`; `lambda_runtime` and this crate write `environment`.
        let mut environment = texts(take("env"));
        environment.extend(texts(take("environment")));
        Self { client: take("client").into(), custom: texts(take("custom")), environment }
    }
}

impl From<Value> for ClientApplication {
    fn from(value: Value) -> Self {
        let mut fields = object(value);
        let mut take = |camel: &str, snake: &str| {
            fields.remove(camel).or_else(|| fields.remove(snake)).map(text).unwrap_or_default()
        };
        Self {
            installation_id: take("installationId", "installation_id"),
            app_title: take("appTitle", "app_title"),
            app_version_name: take("appVersionName", "app_version_name"),
            app_version_code: take("appVersionCode", "app_version_code"),
            app_package_name: take("appPackageName", "app_package_name"),
        }
    }
}

fn object(value: Value) -> Map<String, Value> {
    if let Value::Object(fields) = value { fields } else { Map::new() }
}

fn texts(value: Value) -> HashMap<String, String> {
    object(value).into_iter().map(|(key, value)| (key, text(value))).collect()
}

fn text(value: Value) -> String {
    if let Value::String(text) = value { text } else { value.to_string() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_whole_client_context() {
        let client = ClientContext::from(json!({
            "client": { "installation_id": "i-1", "appTitle": "Shop", "app_version_code": 12 },
            "custom": { "nested": { "a": [1, null] }, "none": null, "plain": "text" },
            "env": { "locale": "de_DE" },
        }));
        assert_eq!(client.client.installation_id, "i-1");
        assert_eq!(client.client.app_title, "Shop");
        assert_eq!(client.client.app_version_code, "12");
        assert_eq!(client.custom["nested"], r#"{"a":[1,null]}"#);
        assert_eq!(client.custom["none"], "null");
        assert_eq!(client.custom["plain"], "text");
        assert_eq!(client.environment["locale"], "de_DE");
    }

    #[test]
    fn any_other_json_is_an_empty_client_context() {
        for value in
            [json!(null), json!(7), json!("x"), json!([1]), json!({ "client": 1, "custom": [], "env": "x" })]
        {
            assert_eq!(ClientContext::from(value), ClientContext::default());
        }
    }

    #[test]
    fn what_is_written_can_be_read() {
        let mut client = ClientContext::default();
        client.client.app_title = "Shop".into();
        client.environment.insert("locale".into(), "de_DE".into());
        let json = serde_json::to_value(&client).unwrap();
        assert_eq!(json["client"]["appTitle"], "Shop");
        assert_eq!(serde_json::from_value::<ClientContext>(json).unwrap(), client);
    }

    #[test]
    fn identities_are_read_under_each_of_their_names() {
        for json in [
            json!({ "identityId": "a", "identityPoolId": "b" }),
            json!({ "cognitoIdentityId": "a", "cognitoIdentityPoolId": "b" }),
            json!({ "identity_id": "a", "identity_pool_id": "b" }),
        ] {
            let identity: CognitoIdentity = serde_json::from_value(json).unwrap();
            assert_eq!((identity.identity_id.as_str(), identity.identity_pool_id.as_str()), ("a", "b"));
        }
    }
}
