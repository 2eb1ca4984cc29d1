//! The forms of handlers.

use super::run;

#[test]
fn handlers_are_exported_in_several_ways() {
    for source in [
        "export default (event) => event.n + 1",
        "export const handler = async (event) => event.n + 1",
        "export async function handler(event) { return event.n + 1 }",
        "export default { handler(event) { return event.n + 1 } }",
        "exports.handler = async (event) => event.n + 1",
        "module.exports = (event) => event.n + 1",
        "module.exports.handler = function (event) { return event.n + 1 }",
        "exports.handler = (event, context, callback) => callback(null, event.n + 1)",
        "exports.handler = (event, context, callback) => { setTimeout(() => callback(null, event.n + 1), 10) }",
        "exports.handler = async (event, context, callback) => event.n + 1",
        "export const handler = (event) => ({ then(done) { done(event.n + 1) } })",
        "const { n } = await Promise.resolve({ n: 1 }); export default (event) => event.n + n",
    ] {
        assert_eq!(run(source, r#"{"n":1}"#), "2", "{source}");
    }
}

#[test]
fn a_promise_of_a_subclass_is_what_await_makes_of_it() {
    let class = "class Lazy extends Promise {
        constructor(f) { super((r) => r()); this.f = f }
        then(a, b) { return new Promise(this.f).then(a, b) }
    }";
    for (handler, answer) in [
        ("() => new Lazy((r) => r(42))", "42"),
        ("(event, context, callback) => new Lazy((r) => r(42))", "42"),
        ("async () => new Lazy((r) => setTimeout(r, 1, 42))", "42"),
        ("() => new Lazy((r, fail) => fail(new RangeError('no')))", "RangeError: no"),
        ("() => Object.assign(Promise.resolve(42), { then: 1 })", "42"),
    ] {
        let answered = run(&format!("{class} export default {handler}"), "1");
        assert!(answered.starts_with(answer), "{handler}: {answered}");
        assert_eq!(super::printed(), [""; 0], "{handler}");
    }
}

#[test]
fn the_context_is_that_of_node() {
    let source = "export default (event, context) => [context.awsRequestId, context.functionName, context.functionVersion,
        context.invokedFunctionArn, context.memoryLimitInMB, context.logGroupName, context.logStreamName, context.tenantId,
        context.getRemainingTimeInMillis(), context.callbackWaitsForEmptyEventLoop, context.clientContext]";
    assert_eq!(
        run(source, "1"),
        r#"["r-1","notes","7","arn:aws:lambda:eu-central-1:123456789012:function:notes","128","group","stream","acme",3000,true,null]"#
    );
}

#[test]
fn an_event_without_bytes_is_null_and_no_answer_is_null() {
    assert_eq!(run("export default (event) => [event]", ""), "[null]");
    assert_eq!(run("export default () => {}", "1"), "null");
    assert_eq!(
        run("export default (event) => event", "{\n \"a\": x}"),
        "EventUnmarshalError: the event is not valid JSON: a value is expected at line 2 column 7"
    );
}

#[test]
fn a_sandbox_that_is_used_again_keeps_its_script() {
    use crate::engine::Engine;
    use crate::tests::{context, script};

    script(&[("index.js", "let n = 0; export default (event) => { n += event; return n }")]);
    let engine = Engine::new().unwrap();
    let answers = ["1", "2", "3"].map(|event| engine.handle(event.as_bytes(), context()).unwrap());
    assert_eq!(answers.map(|answer| String::from_utf8(answer).unwrap()), ["1", "3", "6"]);
}

#[test]
fn what_an_event_leaves_does_nothing_in_the_next_one() {
    use crate::engine::Engine;
    use crate::tests::{context, script};

    let text = "export default async (event) => {
        if (event === 1) { setTimeout(() => { throw new Error('late') }, 50); Promise.reject(new Error('left')); return 1 }
        await new Promise((resolve) => setTimeout(resolve, 100));
        return event;
    }";
    script(&[("index.js", text)]);
    let engine = Engine::new().unwrap();
    for event in ["1", "2"] {
        assert_eq!(engine.handle(event.as_bytes(), context()).unwrap(), event.as_bytes());
    }
}

#[test]
fn a_handler_that_calls_back_may_have_more_to_do() {
    let source = "exports.handler = (event, context, callback) => {
        context.callbackWaitsForEmptyEventLoop = event.waits;
        setTimeout(() => console.log('later'), 5);
        callback(null, 1);
    }";
    assert_eq!((run(source, r#"{"waits":false}"#).as_str(), super::printed().len()), ("1", 0));
    assert_eq!((run(source, r#"{"waits":true}"#).as_str(), super::printed().len()), ("1", 1));
}
