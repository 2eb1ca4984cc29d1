//! The stack of a SAM template, in moto.
//!
//! moto's CloudFormation has no aliases, and no bucket with notifications. The test creates these itself, as the template
//! says. It leaves out alarms, metric filters, dashboards and deployments.

use std::collections::BTreeMap;

use bulkhead_tests::{Moto, moto::REGION};
use serde_json::{Value, json};

use crate::deploy::sam::transformed;
use crate::deploy::variants::Variant;
use crate::project::Folder;

/// The account of moto.
const ACCOUNT: &str = "123456789012";

/// A zip without files.
const EMPTY_ZIP: [u8; 22] = *b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

/// What stands for the alias in a template.
const ALIAS: &str = r#"{"Ref":"FunctionAliaslive"}"#;

/// A stack that is there.
pub(crate) struct Stack {
    pub(crate) moto: Moto,
    /// As CloudFormation got it, before it was cut for moto.
    pub(crate) template: Value,
    outputs: BTreeMap<String, String>,
}

impl Stack {
    /// The stack of a variant; `None`, with a warning, if moto is not installed.
    pub(crate) fn of(variant: Variant) -> Option<Self> {
        let folder = Folder::new();
        variant.write(&folder, "sam").succeeded();
        let template = transformed(&folder, &[variant])?.remove(0);
        let moto = Moto::start("a stack of bulkhead init-deploy")?;
        upload(&moto);
        deploy(&moto, &template);
        let described = form(&moto, &[("Action", "DescribeStacks"), ("StackName", "hello")]);
        Some(Self { moto, template, outputs: outputs(&described) })
    }

    pub(crate) fn output(&self, name: &str) -> &str {
        self.outputs.get(name).unwrap_or_else(|| panic!("no {name}: {:?}", self.outputs))
    }

    /// Asks SQS something.
    pub(crate) fn sqs(&self, operation: &str, request: &Value) -> Value {
        self.moto.json("sqs", &format!("AmazonSQS.{operation}"), request)
    }

    /// The mappings of the function, as Lambda reports them.
    pub(crate) fn mappings(&self) -> Vec<Value> {
        let text = self.moto.request("lambda", "GET /2015-03-31/event-source-mappings", &[], b"");
        let mappings: Value = serde_json::from_str(&text).expect("JSON");
        mappings["EventSourceMappings"].as_array().expect("mappings").clone()
    }

    /// Makes moto leave the queue to the test: it would start a container for each message.
    pub(crate) fn disable(&self, mapping: &Value) {
        let path =
            format!("PUT /2015-03-31/event-source-mappings/{}", mapping["UUID"].as_str().expect("an id"));
        self.moto.request("lambda", &path, &[("Content-Type", "application/json")], br#"{"Enabled":false}"#);
    }

    /// The policy that says who may invoke the function.
    pub(crate) fn policy(&self) -> String {
        self.moto.request("lambda", "GET /2015-03-31/functions/hello/policy", &[], b"")
    }

    /// Another queue, to which moto delivers what it would deliver to the function; its URL and its ARN.
    pub(crate) fn tap(&self) -> (String, String) {
        let tap = self.sqs("CreateQueue", &json!({ "QueueName": "tap" }));
        let url = tap["QueueUrl"].as_str().expect("a URL").to_owned();
        (url, format!("arn:aws:sqs:{REGION}:{ACCOUNT}:tap"))
    }

    /// Takes one message from a queue.
    pub(crate) fn take(&self, queue: &str) -> Option<Value> {
        let received = self.sqs("ReceiveMessage", &json!({ "QueueUrl": queue }));
        let message = received["Messages"].as_array()?.first()?.clone();
        self.sqs("DeleteMessage", &json!({ "QueueUrl": queue, "ReceiptHandle": message["ReceiptHandle"] }));
        Some(message)
    }
}

/// Puts the zip where the translated template looks for it.
fn upload(moto: &Moto) {
    let place = format!(
        "<CreateBucketConfiguration><LocationConstraint>{REGION}</LocationConstraint></CreateBucketConfiguration>"
    );
    moto.request("s3", "PUT /uploads", &[], place.as_bytes());
    moto.request("s3", "PUT /uploads/function.zip", &[], &EMPTY_ZIP);
}

/// First all that does not call the alias, then the alias, then the rest.
fn deploy(moto: &Moto, template: &Value) {
    let mut first = template.clone();
    let resources = first["Resources"].as_object_mut().expect("resources");
    resources.retain(|name, resource| name != "FunctionAliaslive" && !resource.to_string().contains(ALIAS));
    first["Outputs"] = json!({});
    stack(moto, "CreateStack", &first.to_string());
    let alias = &template["Resources"]["FunctionAliaslive"]["Properties"];
    let alias = json!({ "Name": alias["Name"], "FunctionVersion": "1" }).to_string();
    let path = "POST /2015-03-31/functions/hello/aliases";
    moto.request("lambda", path, &[("Content-Type", "application/json")], alias.as_bytes());
    let mut all = template.clone();
    all["Resources"].as_object_mut().expect("resources").remove("FunctionAliaslive");
    let arn = format!("\"arn:aws:lambda:{REGION}:{ACCOUNT}:function:hello:live\"");
    stack(moto, "UpdateStack", &all.to_string().replace(ALIAS, &arn));
}

fn stack(moto: &Moto, action: &str, template: &str) {
    let capability = ("Capabilities.member.1", "CAPABILITY_IAM");
    form(moto, &[("Action", action), ("StackName", "hello"), ("TemplateBody", template), capability]);
}

/// Asks CloudFormation something.
fn form(moto: &Moto, fields: &[(&str, &str)]) -> String {
    let fields = [&[("Version", "2010-05-15")], fields].concat();
    let fields: Vec<String> = fields.iter().map(|(key, value)| format!("{key}={}", escaped(value))).collect();
    let kind = ("Content-Type", "application/x-www-form-urlencoded");
    moto.request("cloudformation", "POST /", &[kind], fields.join("&").as_bytes())
}

fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// The outputs of a stack, from CloudFormation's XML.
fn outputs(described: &str) -> BTreeMap<String, String> {
    let within = |text: &str, name: &str| {
        let rest = text.split_once(&format!("<{name}>"))?.1;
        Some(rest.split_once(&format!("</{name}>"))?.0.to_owned())
    };
    let members = described.split("<member>").skip(1);
    members.filter_map(|one| Some((within(one, "OutputKey")?, within(one, "OutputValue")?))).collect()
}
