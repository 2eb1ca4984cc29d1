//! Scripts that are HTTP services, and handlers that stream: what they are given, and what their host is given.

use super::{context, printed, script};
use crate::bindings::engine::bulkhead::lambda::response_stream::OpenError;
use crate::bindings::engine::bulkhead::lambda::script_http::{NoRequest, Request};
use crate::engine::Engine;
use crate::platform;

/// A request with a body.
fn post() -> Request {
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    Request {
        method: "POST".to_owned(),
        url: "https://a.example/b?c=1".to_owned(),
        headers: vec![header("content-type", "application/json"), header("x-a", "ü")],
        body: br#"{"a":1}"#.to_vec(),
    }
}

/// What a script answers: the head and the pieces of the response that it begins, or else what it returns, or its error.
fn answer_to(source: &str, request: Result<Request, NoRequest>) -> String {
    platform::with(|host| {
        host.request = Some(request);
        host.response = None;
        host.environment = vec![("COLOUR".to_owned(), "red".to_owned())];
    });
    script(&[("index.js", source)]);
    let returned = Engine::new().and_then(|engine| engine.handle(br#"{"e":1}"#, context()));
    let response = platform::with(|host| host.response.take());
    let response = response.map(|response| format!("{} {:?}", response.head, response.pieces));
    match (returned, response) {
        (Ok(returned), Some(response)) if returned.is_empty() => response,
        (Ok(returned), None) => String::from_utf8(returned).unwrap(),
        (Ok(returned), Some(response)) => panic!("both {returned:?} and {response}"),
        (Err(failure), None) => format!("{}: {}", failure.error_type, failure.error_message),
        (Err(failure), Some(response)) => {
            format!("{response} and {}: {}", failure.error_type, failure.error_message)
        }
    }
}

/// The answer of a service with this `fetch(request, env, ctx)`.
fn served(body: &str) -> String {
    answer_to(&format!("export default {{ async fetch(request, env, ctx) {{ {body} }} }}"), Ok(post()))
}

/// The answer of a handler that streams, with this body.
fn streamed(body: &str) -> String {
    platform::with(|host| host.request = None);
    let source = format!(
        "export const handler = awslambda.streamifyResponse(async (event, responseStream, context) => {{ {body} }})"
    );
    answer_to(&source, Err(NoRequest::Refused))
}

#[test]
fn a_service_is_exported_in_several_ways() {
    for source in [
        "export default { fetch() { return new Response('a') } }",
        "export default { text: 'a', async fetch() { return new Response(this.text) } }",
        "export default new class { fetch() { return new Response('a') } }()",
        "module.exports = { fetch: async () => new Response('a') }",
        "exports.fetch = () => new Response('a')",
        "exports.default = { fetch: () => new Response('a') }",
        "export default { fetch: () => ({ then: (done) => done(new Response('a')) }) }",
    ] {
        assert_eq!(
            answer_to(source, Ok(post())),
            r#"200 [("content-type", "text/plain;charset=UTF-8")] [] ["a"]"#,
            "{source}"
        );
    }
    assert_eq!(answer_to("export const fetch = () => 1; export default () => 2", Ok(post())), "2");
}

#[test]
fn a_service_is_not_changed_by_what_its_script_replaces() {
    let answer = r#"200 [("content-type", "text/plain;charset=UTF-8")] [] ["https://a.example/b?c=1"]"#;
    let polluted = super::hostile::POLLUTED;
    for fetch in [
        "(r) => new Response(r.url)",
        "async (r, env, ctx) => { ctx.waitUntil(1); return new Response(r.url) }",
    ] {
        assert_eq!(answer_to(&format!("{polluted} exports.fetch = {fetch}"), Ok(post())), answer, "{fetch}");
    }
    for before in [
        "Object.prototype.get = function (key) { return this[key] }",
        "Object.prototype.value = 1",
        "Object.prototype.signal = {}",
        "Object.prototype.headers = { a: 'b' }",
        "for (let i = 0; i < 4; i++) Object.defineProperty(Object.prototype, i, { set() { throw 1 } })",
        "Object.defineProperty(Object.prototype, 'waitUntil', { set() { throw 1 } })",
    ] {
        let source = format!("{before}; export default {{ fetch: (r) => new Response(r.url) }}");
        assert_eq!(answer_to(&source, Ok(post())), answer, "{before}");
    }
}

#[test]
fn the_environment_has_its_names() {
    platform::with(|host| {
        host.environment = vec![("Ã©".to_owned(), "1".to_owned()), ("é".to_owned(), "2".to_owned())]
    });
    let source = "Object.defineProperty(Object.prototype, 'é', { set() { throw 1 } }); export default () => process.env";
    assert_eq!(super::run(source, "1"), r#"{"Ã©":"1","é":"2"}"#);
}

#[test]
fn a_service_is_given_a_request_the_environment_and_a_context() {
    for (body, answer) in [
        (
            "return Response.json([request.method, request.url, await request.json()])",
            r#"["POST","https://a.example/b?c=1",{"a":1}]"#,
        ),
        (
            "return Response.json([request.headers.get('X-A'), request instanceof Request, request.bodyUsed])",
            r#"["ü",true,false]"#,
        ),
        (
            "return Response.json([env.COLOUR, ctx.awsRequestId, ctx.tenantId, ctx.getRemainingTimeInMillis()])",
            r#"["red","r-1","acme",3000]"#,
        ),
        (
            "let text = ''; for await (const bytes of request.body) text += new TextDecoder().decode(bytes); return Response.json(text)",
            r#""{\"a\":1}""#,
        ),
    ] {
        let served = served(body);
        assert!(served.ends_with(&format!("{:?}", [answer])), "{body}: {served}");
    }
    let none = Request { method: "GET".to_owned(), body: Vec::new(), headers: Vec::new(), ..post() };
    let source = "export default { fetch: async (r) => Response.json([r.body, await r.text()]) }";
    assert!(answer_to(source, Ok(none)).ends_with(r#"["[null,\"\"]"]"#));
}

#[test]
fn the_response_has_its_status_its_headers_and_its_pieces() {
    for (body, answer) in [
        (
            "const r = new Response(null, { status: 204 }); r.headers.append('set-cookie', 'a=1'); r.headers.append('set-cookie', 'b=2'); return r",
            r#"204 [("set-cookie", "a=1"), ("set-cookie", "b=2")] [] []"#,
        ),
        (
            "return new Response(ReadableStream.from([1, 2, 3].map((n) => new TextEncoder().encode('piece ' + n))), { status: 201 })",
            r#"201 [] [] ["piece 1", "piece 2", "piece 3"]"#,
        ),
        (
            "const { readable, writable } = new TextEncoderStream(); const w = writable.getWriter();
             (async () => { await w.write('one'); await new Promise((r) => setTimeout(r, 50)); await w.write('two'); await w.close() })();
             return new Response(readable)",
            r#"200 [] [] ["one", "two"]"#,
        ),
        ("return new Response(new Blob(['a', 'b'], { type: 'text/x' }))", r#"200 [("content-type", "text/x")] [] ["ab"]"#),
        ("return Response.redirect('https://b.example/', 303)", r#"303 [("location", "https://b.example/")] [] []"#),
    ] {
        assert_eq!(served(body), answer, "{body}");
    }
    let head = Request { method: "HEAD".to_owned(), body: Vec::new(), ..post() };
    let endless = "export default { fetch: () => new Response(new ReadableStream({ pull(c) { c.enqueue(new Uint8Array(9)) } })) }";
    assert_eq!(answer_to(endless, Ok(head)), "200 [] [] []");
}

#[test]
fn what_is_not_a_response_is_an_error() {
    for (body, error) in [
        ("return 'text'", "TypeError: fetch() must return a Response, and it returned string"),
        ("", "TypeError: fetch() must return a Response, and it returned undefined"),
        ("return null", "TypeError: fetch() must return a Response, and it returned null"),
        (
            "return { statusCode: 200 }",
            "TypeError: fetch() must return a Response, and it returned another object",
        ),
        ("throw new RangeError('no')", "RangeError: no"),
        (
            "const r = new Response('a'); await r.text(); return r",
            "TypeError: the body of the response was read already",
        ),
        ("ctx.passThroughOnException()", "TypeError: passThroughOnException() is not there"),
        (
            "return new Response(ReadableStream.from(['text']))",
            r#"200 [] [] [] and TypeError: a body is a stream of Uint8Array, and this one has a string; use TextEncoder"#,
        ),
        (
            "return new Response(new ReadableStream({ pull(c) { c.enqueue(new Uint8Array([65])); c.error(new RangeError('late')) } }))",
            r#"200 [] [] [] and RangeError: late"#,
        ),
        (
            "let n = 0; return new Response(new ReadableStream({ pull(c) { if (n++) throw new RangeError('late'); c.enqueue(new Uint8Array([65])) } }))",
            r#"200 [] [] ["A"] and RangeError: late"#,
        ),
        ("return new Promise(() => {})", "Function.PromiseNeverSettled"),
        ("return new Response(new ReadableStream({}))", "200 [] [] [] and Function.PromiseNeverSettled"),
    ] {
        let served = served(body);
        assert!(served.starts_with(error), "{body}: {served}");
    }
    platform::with(|host| host.refuses = Some(OpenError::Invalid("299 is odd".to_owned())));
    assert_eq!(served("return new Response()"), "TypeError: 299 is odd");
}

#[test]
fn what_wait_until_is_given_ends_before_the_event() {
    printed();
    let body = "const late = async () => { await new Promise((r) => setTimeout(r, 100)); console.log('done'); ctx.waitUntil(Promise.reject(new RangeError('x'))) };
        ctx.waitUntil(late()); return new Response('a')";
    assert!(served(body).ends_with(r#"["a"]"#));
    let records = printed();
    assert_eq!(records[0], r#"{"level":"INFO","message":"done"}"#);
    assert!(
        records[1].contains("ERROR") && records[1].contains("waitUntil() was rejected: RangeError: x"),
        "{records:?}"
    );
}

#[test]
fn other_events_go_to_a_handler_if_there_is_one() {
    for source in [
        "export const handler = (event) => event; export default { fetch() {} }",
        "export default { handler: (event) => event, fetch() {} }",
        "module.exports = { handler: (event) => event, fetch() {} }",
    ] {
        assert_eq!(answer_to(source, Err(NoRequest::OtherEvent)), r#"{"e":1}"#, "{source}");
    }
    assert_eq!(answer_to("export default { fetch() { throw 1 } }", Err(NoRequest::OtherEvent)), "");
    assert_eq!(
        answer_to("export default { handler() { throw 1 }, fetch() { throw 1 } }", Err(NoRequest::Refused)),
        ""
    );
    platform::with(|host| host.received = 0);
    assert_eq!(answer_to("export default (event) => event", Ok(post())), r#"{"e":1}"#);
    assert_eq!(platform::with(|host| host.received), 0, "a handler does not ask for a request");
}

#[test]
fn a_handler_that_streams_writes_its_response() {
    for (body, answer) in [
        ("responseStream.write('one'); responseStream.write(new Uint8Array([65])); responseStream.end('two')", r#"application/octet-stream ["one", "A", "two"]"#),
        ("responseStream.setContentType('text/plain'); responseStream.end(`${event.e} ${context.awsRequestId}`)", r#"text/plain ["1 r-1"]"#),
        (
            "responseStream = awslambda.HttpResponseStream.from(responseStream, { statusCode: 201, headers: { 'X-A': 1 }, cookies: ['a=1'] });
             responseStream.setContentType('text/plain'); responseStream.write('a'); responseStream.end()",
            r#"201 [("X-A", "1"), ("content-type", "text/plain")] ["a=1"] ["a"]"#,
        ),
        ("awslambda.HttpResponseStream.from(responseStream)", "200 [] [] []"),
        ("awslambda.HttpResponseStream.from(responseStream, { cookies: new Set(['a=1']) })", "TypeError: cookies must be an array"),
        ("return 'ignored'", "application/octet-stream []"),
        ("await new Promise((done) => responseStream.end('a', done)); if (!responseStream.writableFinished) throw 1", r#"application/octet-stream ["a"]"#),
        ("responseStream.write('a'); throw new RangeError('late')", r#"application/octet-stream ["a"] and RangeError: late"#),
        ("throw new RangeError('early')", "RangeError: early"),
        ("responseStream.end(); responseStream.write('a')", "application/octet-stream [] and TypeError: the response has ended"),
        ("responseStream.write(1)", "TypeError: a response is written as text or bytes"),
        ("responseStream.write('a'); responseStream.setContentType('b')", r#"application/octet-stream ["a"] and TypeError: the response has begun"#),
        ("responseStream.destroy(new RangeError('gone'))", "RangeError: gone"),
    ] {
        let streamed = streamed(body);
        assert!(streamed.starts_with(answer), "{body}: {streamed}");
    }
    platform::with(|host| host.refuses = Some(OpenError::Unsupported));
    let refused = streamed("responseStream.write('a')");
    assert!(refused.starts_with("TypeError: the event is part of a batch"), "{refused}");
}

#[test]
fn a_handler_without_a_promise_answers_until_it_ends_its_response() {
    let source = |end: &str| {
        format!(
            "exports.handler = awslambda.streamifyResponse((event, stream) => {{ setTimeout(() => {{ stream.write('a'); {end} }}, 10) }})"
        )
    };
    assert_eq!(
        answer_to(&source("stream.end()"), Err(NoRequest::Refused)),
        r#"application/octet-stream ["a"]"#
    );
    let never = answer_to(&source(""), Err(NoRequest::Refused));
    assert!(
        never.starts_with(r#"application/octet-stream ["a"] and Function.PromiseNeverSettled"#),
        "{never}"
    );
}

#[test]
fn a_writer_waits_for_its_reader() {
    platform::with(|host| host.room = 4);
    let body = "const order = []; responseStream.on('drain', () => order.push('drain'));
        order.push(responseStream.write('1234567', () => order.push('written'))); await new Promise((r) => responseStream.once('drain', r));
        order.push(responseStream.write('8')); responseStream.end(order.join())";
    assert_eq!(
        streamed(body),
        r#"application/octet-stream ["1234", "567", "8", "fals", "e,wr", "itte", "n,dr", "ain,", "true"]"#
    );
    let pieces = served("return new Response('0123456789')");
    assert!(pieces.ends_with(r#"["0123", "4567", "89"]"#), "{pieces}");
    platform::with(|host| host.room = 0);
}

#[test]
fn a_response_that_nobody_reads_any_more_is_given_up() {
    platform::with(|host| host.reads = Some(20));
    let body = "let n = 0; return new Response(new ReadableStream({ pull(c) { n++; c.enqueue(new Uint8Array(10).fill(65)) }, cancel() { console.log(n) } }))";
    printed();
    assert!(served(body).ends_with(r#"["AAAAAAAAAA", "AAAAAAAAAA"]"#));
    assert_eq!(printed().len(), 1, "the stream was cancelled");
    platform::with(|host| host.reads = None);
}
