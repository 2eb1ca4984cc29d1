//! The operation of a request to AWS, where its protocol names it.
//!
//! A protocol names it in a header, in the query, in the body or in the path, and a service may read another place than
//! its protocol's. So a request that names more than one operation, in whatever places, is refused.

use hyper::Uri;
use hyper::header::{CONTENT_ENCODING, HeaderMap};
use percent_encoding::percent_decode_str;

use super::credential::Refusal;
use crate::policy::Credential;
use crate::text::bounded::cut;

/// The longest name of an operation. AWS's have half of that.
const MAX_NAME: usize = 128;

/// What a request asks of a service.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    /// Its name in signatures.
    pub(super) service: &'a str,
    pub(super) uri: &'a Uri,
    pub(super) headers: &'a HeaderMap,
    pub(super) body: &'a [u8],
}

impl Asked<'_> {
    /// Refuses a request whose operation is not one of these. If there are none, all are allowed.
    pub(super) fn check(&self, credential: &Credential, allowed: &[Box<str>]) -> Result<(), Refusal> {
        if allowed.is_empty() {
            return Ok(());
        }
        if self.headers.contains_key(CONTENT_ENCODING) {
            return Err(Refusal::Encoded);
        }
        let mut names = self.names();
        let Some(name) = names.pop() else { return Err(Refusal::NoOperation) };
        if !names.is_empty() {
            return Err(Refusal::SeveralOperations);
        }
        let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !is_name {
            return Err(Refusal::NoOperation);
        }
        let full = format!("{}:{}", self.service, cut(&name, MAX_NAME));
        if allowed.iter().any(|allowed| **allowed == full) {
            return Ok(());
        }
        Err(Refusal::Operation(full, credential.name.to_string()))
    }

    /// All operations that it names. If it is a request of another protocol, whose path says what is asked for, there are none.
    fn names(&self) -> Vec<String> {
        let path = self.uri.path();
        let cbor = self.operation_in_path();
        if cbor.is_none() && path != "/" && !(self.service == "sqs" && is_queue(path)) {
            return Vec::new();
        }
        let targets = self.headers.get_all("x-amz-target").iter().map(|target| {
            // One that is not text is not a valid name.
            let target = String::from_utf8_lossy(target.as_bytes());
            match target.rsplit_once('.') {
                Some((service, name)) if service.bytes().all(is_in_service) => name.to_owned(),
                Some(_) => String::new(),
                None => target.into_owned(),
            }
        });
        let mut names: Vec<String> = targets.collect();
        names.extend(actions(self.uri.query().unwrap_or_default().as_bytes()));
        // Whatever its type is said to be: the service may not look at that.
        names.extend(actions(self.body));
        names.extend(cbor.map(str::to_owned));
        names
    }

    /// The operation of a path `/service/S/operation/O`.
    fn operation_in_path(&self) -> Option<&str> {
        let (service, name) = self.uri.path().strip_prefix("/service/")?.split_once("/operation/")?;
        let is_name = |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
        (is_name(service) && is_name(name)).then_some(name)
    }
}

/// Whether a path is that of a queue: `/123456789012/name`.
fn is_queue(path: &str) -> bool {
    let parts = path.strip_prefix('/').and_then(|path| path.split_once('/'));
    parts.is_some_and(|(account, name)| {
        let in_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let is_account = !account.is_empty() && account.bytes().all(|byte| byte.is_ascii_digit());
        is_account && name.bytes().all(in_name) && ![".", "..", ""].contains(&name)
    })
}

fn is_in_service(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_.".contains(&byte)
}

/// The values of `Action` in a form.
fn actions(form: &[u8]) -> impl Iterator<Item = String> {
    form.split(|byte| *byte == b'&').filter_map(|pair| {
        let at = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
        let (name, value) = pair.split_at(at);
        // A longer name is not this one, however it is escaped.
        let is_action =
            name.len() <= 3 * "Action".len() && decoded(name).trim().eq_ignore_ascii_case("Action");
        is_action.then(|| decoded(value.get(1..MAX_NAME.min(value.len())).unwrap_or_default()))
    })
}

fn decoded(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text).replace('+', " ");
    percent_decode_str(&text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;
    use crate::policy::{Authentication, AwsSigning};

    fn checked(service: &str, request: &Request<&str>) -> Result<(), Refusal> {
        let credential = Credential {
            name: "notes".into(),
            hosts: Vec::new(),
            authentication: Authentication::Aws(AwsSigning::default()),
        };
        let allowed = ["dynamodb:GetItem", "sns:Publish", "monitoring:PutMetricData"].map(Box::from);
        let (uri, headers, body) = (request.uri(), request.headers(), request.body().as_bytes());
        Asked { service, uri, headers, body }.check(&credential, &allowed)
    }

    fn targeted(targets: &[&str], uri: &str, body: &'static str) -> Request<&'static str> {
        let mut request = Request::builder().uri(uri);
        for target in targets {
            request = request.header("x-amz-target", *target);
        }
        request.body(body).unwrap()
    }

    #[test]
    fn p1_22_each_protocol_names_its_operation() {
        let get = "DynamoDB_20120810.GetItem";
        assert_eq!(checked("dynamodb", &targeted(&[get], "/", "{}")), Ok(()));
        assert_eq!(checked("sns", &targeted(&[], "/", "Version=1&Action=Publish&TopicArn=x")), Ok(()));
        assert_eq!(checked("sns", &targeted(&[], "/?Action=Publish", "")), Ok(()));
        let cbor = "/service/GraniteServiceVersion20100801/operation/PutMetricData";
        assert_eq!(checked("monitoring", &targeted(&[], cbor, "")), Ok(()));
        for (service, request, name) in [
            ("dynamodb", targeted(&["DynamoDB_20120810.PutItem"], "/", "{}"), "dynamodb:PutItem"),
            ("dynamodbstreams", targeted(&[get], "/", "{}"), "dynamodbstreams:GetItem"),
            ("sns", targeted(&[], "/", "Action=Subscribe"), "sns:Subscribe"),
            ("sns", targeted(&[], "/", "action=publish"), "sns:publish"),
        ] {
            let refused = Err(Refusal::Operation(name.to_owned(), "notes".to_owned()));
            assert_eq!(checked(service, &request), refused);
        }
    }

    #[test]
    fn p10_2_a_request_that_names_two_operations_is_refused() {
        let get = "DynamoDB_20120810.GetItem";
        for request in [
            targeted(&[get, get], "/", "{}"),
            targeted(&[get], "/?Action=Publish", ""),
            targeted(&[get], "/", "Action=Subscribe"),
            targeted(&[get], "/", "a=b&%41ction=Subscribe"),
            targeted(&[get], "/", "{\"a\":\"&ACTION=Subscribe\"}"),
            targeted(&[], "/?Action=Publish", "Action=Subscribe"),
            targeted(&[], "/", "Action=Publish&Action=Subscribe"),
            targeted(&[get], "/service/x/operation/PutMetricData", ""),
        ] {
            assert_eq!(checked("sns", &request), Err(Refusal::SeveralOperations));
        }
    }

    #[test]
    fn a_queue_has_a_path_and_an_encoded_body_hides_what_it_says() {
        let check = |service: &str, request: &Request<&str>| {
            let credential = Credential {
                name: "queue".into(),
                hosts: Vec::new(),
                authentication: Authentication::Aws(AwsSigning::default()),
            };
            let (uri, headers, body) = (request.uri(), request.headers(), request.body().as_bytes());
            let asked = Asked { service, uri, headers, body };
            asked.check(&credential, &["sqs:SendMessage".into(), "dynamodb:GetItem".into()])
        };
        let send = |path: &str| targeted(&[], path, "Action=SendMessage");
        assert_eq!(check("sqs", &send("/123456789012/queue")), Ok(()));
        for path in ["/123456789012/../x", "/123456789012/..", "/x/queue"] {
            assert_eq!(check("sqs", &send(path)), Err(Refusal::NoOperation), "{path}");
        }
        let mut zipped = targeted(&["A.GetItem"], "/", "");
        zipped.headers_mut().insert(CONTENT_ENCODING, "gzip".parse().unwrap());
        assert_eq!(check("dynamodb", &zipped), Err(Refusal::Encoded));
    }

    #[test]
    fn what_names_no_operation_is_refused() {
        for request in [
            targeted(&["DynamoDB_20120810.GetItem"], "/v2/email/identities/x", ""),
            targeted(&[], "/v2/email/identities/x?Action=Publish", ""),
            targeted(&[], "/service/X/%6fperation/GetItem", ""),
            targeted(&[], "/service/X/operation/GetItem/.?Action=GetItem", ""),
            targeted(&[], "//?Action=GetItem", ""),
            targeted(&[], "/123/queue?Action=GetItem", ""),
            targeted(&[], "/bucket/key", ""),
            targeted(&["DynamoDB_20120810."], "/", ""),
            targeted(&["A.PutItem, A.GetItem"], "/", ""),
            targeted(&["\u{e4}.GetItem"], "/", ""),
            targeted(&[], "/", "Action="),
            targeted(&[], "/", "Action"),
        ] {
            assert_eq!(checked("dynamodb", &request), Err(Refusal::NoOperation));
        }
    }
}
