//! What the sources send reaches the real bootstrap.
//!
//! moto's SQS, S3 and EventBridge have the queue, the bucket and the rule of the template, and produce the messages and
//! events. moto runs no function without containers, so the tests do what Lambda does. They poll the queue as the mapping
//! says that Lambda reports. S3 and EventBridge deliver to a queue beside the function, or in its place, and the tests
//! hand over what arrives there.

use bulkhead_tests::{Kind, moto::REGION};
use serde_json::{Value, json};

use crate::deploy::emulated::Stack;
use crate::deploy::variants::Variant;
use crate::stage::Stage;

/// Two tenants that send messages to one queue.
const SPLIT: &str = "[routing]\ntenant = { pointer = \"/Records/*/body/tenant\" }\nmixed_batches = \"split\"\n\
     [handlers.batch]\n[tenants.acme]\nhandler = \"batch\"\n[tenants.globex]\nhandler = \"batch\"\n";

/// How often a message is received before it becomes a dead letter.
const RECEIVES: usize = 5;

/// Lambda's poller, for one mapping of a queue.
struct Poller<'a> {
    stack: &'a Stack,
    stage: &'a Stage,
    mapping: Value,
}

impl Poller<'_> {
    /// One batch: the bodies of its messages that failed, and of those that did not. `None` if the queue is empty.
    fn round(&self) -> Option<[Vec<String>; 2]> {
        let queue = self.stack.output("QueueUrl");
        let request = json!({ "QueueUrl": queue, "MaxNumberOfMessages": self.mapping["BatchSize"], "AttributeNames": ["All"] });
        let received = self.stack.sqs("ReceiveMessage", &request);
        let messages = received["Messages"].as_array()?;
        let failed = self.failed(messages);
        let mut bodies = [Vec::new(), Vec::new()];
        for message in messages {
            let has_failed = failed.contains(&message["MessageId"]);
            let mut request = json!({ "QueueUrl": queue, "ReceiptHandle": message["ReceiptHandle"] });
            if has_failed {
                // The visibility timeout passes.
                request["VisibilityTimeout"] = json!(0);
                self.stack.sqs("ChangeMessageVisibility", &request);
            } else {
                self.stack.sqs("DeleteMessage", &request);
            }
            bodies[usize::from(!has_failed)].push(message["Body"].as_str().expect("a body").to_owned());
        }
        Some(bodies)
    }

    /// Which messages Lambda takes for failed.
    fn failed(&self, messages: &[Value]) -> Vec<Value> {
        let answer = self.stage.send(&json!({ "Records": self.records(messages) }).to_string());
        if answer.kind == Kind::Error {
            return messages.iter().map(|message| message["MessageId"].clone()).collect();
        }
        if self.mapping["FunctionResponseTypes"] != json!(["ReportBatchItemFailures"]) {
            return Vec::new();
        }
        let failures = answer.json()["batchItemFailures"].as_array().cloned().unwrap_or_default();
        failures.iter().map(|failure| failure["itemIdentifier"].clone()).collect()
    }

    /// In the form of Lambda's event.
    fn records(&self, messages: &[Value]) -> Vec<Value> {
        let record = |message: &Value| {
            json!({
                "messageId": message["MessageId"], "receiptHandle": message["ReceiptHandle"], "body": message["Body"],
                "attributes": message["Attributes"], "messageAttributes": {}, "md5OfBody": message["MD5OfBody"],
                "eventSource": "aws:sqs", "eventSourceARN": self.mapping["EventSourceArn"], "awsRegion": REGION,
            })
        };
        messages.iter().map(record).collect()
    }
}

/// A function with these sources.
fn with(sources: &'static [&'static str]) -> Option<Stack> {
    Stack::of(Variant::of("emulated", sources))
}

#[test]
fn messages_that_fail_come_again_alone_and_end_in_the_dead_letter_queue() {
    let Some(stack) = with(&["--source", "sqs"]) else { return };
    let stage = Stage::of_manifest(SPLIT, &["batch"]);
    let [mapping] = &stack.mappings()[..] else { panic!("one mapping: {:?}", stack.mappings()) };
    stack.disable(mapping);
    let message = |tenant, text| json!({ "tenant": tenant, "text": text }).to_string();
    let all = [message("acme", "panic"), message("globex", "fine"), message("globex", "fail")];
    for body in &all {
        stack.sqs("SendMessage", &json!({ "QueueUrl": stack.output("QueueUrl"), "MessageBody": body }));
    }
    let poller = Poller { stack: &stack, stage: &stage, mapping: mapping.clone() };
    let failing = [all[0].clone(), all[2].clone()];
    assert_eq!(
        poller.round(),
        Some([failing.to_vec(), vec![all[1].clone()]]),
        "one tenant's panic fails no other"
    );
    for again in 1..RECEIVES {
        assert_eq!(poller.round(), Some([failing.to_vec(), Vec::new()]), "time {again}");
    }
    assert_eq!(poller.round(), None, "received more than {RECEIVES} times");
    let dead =
        [(); 2].map(|()| stack.take(stack.output("DeadLettersUrl")).expect("a dead letter")["Body"].clone());
    assert_eq!(dead, failing);
    counted(&stack, &stage.receipts());
}

/// The metrics from the log count what they say, in the receipts of these events.
fn counted(stack: &Stack, receipts: &[Value]) {
    assert_eq!(receipts.len(), 2 * RECEIVES, "a part for each tenant");
    for (filter, count) in [("FailedEvents", RECEIVES), ("SandboxUnavailable", 0)] {
        let pattern = &stack.template["Resources"][format!("{filter}Filter")]["Properties"]["FilterPattern"];
        let pattern = pattern.as_str().expect("a pattern");
        let matching = receipts.iter().filter(|receipt| matches(pattern, receipt));
        assert_eq!(matching.count(), count, "{pattern}");
    }
}

/// Whether CloudWatch's pattern matches, of the kind that is written: comparisons of texts, all of which have to hold.
fn matches(pattern: &str, record: &Value) -> bool {
    let terms =
        pattern.strip_prefix("{ ").and_then(|rest| rest.strip_suffix(" }")).expect("a pattern of JSON");
    terms.split(" && ").all(|term| {
        let mut words = term.splitn(3, ' ');
        let [key, operator, value] = [(); 3].map(|()| words.next().expect("three words"));
        let there = record[key.strip_prefix("$.").expect("a key")].as_str().map(|text| format!("\"{text}\""));
        match operator {
            "=" => there.as_deref() == Some(value),
            "!=" => there.is_some_and(|there| there != value),
            other => panic!("another operator: {other}"),
        }
    })
}

#[test]
fn an_object_and_an_event_of_the_bus_reach_the_function() {
    let Some(stack) = with(&["--source", "s3", "--source", "eventbridge"]) else { return };
    let stage = Stage::of("echo");
    let (tap, arn) = stack.tap();
    put_object(&stack, &arn);
    // S3 says that it may send.
    assert_eq!(event(&stack, &tap)["Event"], "s3:TestEvent");
    let object = event(&stack, &tap);
    assert_eq!(stage.send(&object.to_string()).json(), object);
    assert_eq!(object["Records"][0]["s3"]["object"]["key"], "notes.txt");
    put_events(&stack, &arn);
    let sent = event(&stack, &tap);
    assert_eq!(stage.send(&sent.to_string()).json(), sent);
    assert_eq!([&sent["source"], &sent["detail"]["note"]], [&json!("hello"), &json!(1)]);
    assert_eq!(stack.take(&tap), None, "an event of another source");
    for source in ["arn:aws:s3:::hello-123456789012-eu-central-1", ":rule/hello-Rule-"] {
        assert!(stack.policy().contains(source), "{source}: {}", stack.policy());
    }
}

fn event(stack: &Stack, queue: &str) -> Value {
    let message = stack.take(queue).expect("a message");
    serde_json::from_str(message["Body"].as_str().expect("a body")).expect("JSON")
}

/// Puts an object into the bucket, which notifies the function as the template says, and a queue of the same events.
fn put_object(stack: &Stack, queue: &str) {
    let bucket = stack.output("BucketName");
    let notification = &stack.template["Resources"]["Bucket"]["Properties"]["NotificationConfiguration"]["LambdaConfigurations"]
        [0];
    assert_eq!(notification["Function"], json!({ "Ref": "FunctionAliaslive" }));
    let events = notification["Event"].as_str().expect("events");
    let configuration = format!(
        "<NotificationConfiguration><QueueConfiguration><Queue>{queue}</Queue><Event>{events}</Event>\
         </QueueConfiguration></NotificationConfiguration>"
    );
    stack.moto.request("s3", &format!("PUT /{bucket}?notification"), &[], configuration.as_bytes());
    stack.moto.request("s3", &format!("PUT /{bucket}/notes.txt"), &[], b"a note");
}

/// Puts two events on the bus, of which the rule takes one. The rule's target is the function; a queue takes its place,
/// since moto delivers to no function.
fn put_events(stack: &Stack, queue: &str) {
    let ask = |operation: &str, request: &Value| {
        stack.moto.json("events", &format!("AWSEvents.{operation}"), request)
    };
    let rules = ask("ListRules", &json!({}));
    let rule = &rules["Rules"][0]["Name"];
    let targets = ask("ListTargetsByRule", &json!({ "Rule": rule }));
    let target = targets["Targets"][0]["Arn"].as_str().expect("a target");
    assert!(target.ends_with(":function:hello:live"), "{target}");
    ask("RemoveTargets", &json!({ "Rule": rule, "Ids": ["function"] }));
    ask("PutTargets", &json!({ "Rule": rule, "Targets": [{ "Id": "tap", "Arn": queue }] }));
    let entry = |source| json!({ "Source": source, "DetailType": "note", "Detail": r#"{"note":1}"# });
    ask("PutEvents", &json!({ "Entries": [entry("another"), entry("hello")] }));
}
