//! `fetch` and its classes, with a client that answers in place of servers.

use bulkhead::client::Client;
use bulkhead::client::http::{Request, Response};

use super::run;
use crate::platform;

/// Answers with the request; `/redirect` leads there.
fn server(request: &Request<Vec<u8>>) -> Response<Vec<u8>> {
    let builder = Response::builder()
        .header("content-type", "text/plain")
        .header("set-cookie", "a=1")
        .header("set-cookie", "b=2");
    match request.uri().path() {
        "/redirect" => Response::builder().status(302).header("location", "/there?x=1").body(Vec::new()),
        "/loop" => Response::builder().status(302).header("location", "/loop").body(Vec::new()),
        "/missing" => builder.status(404).body(b"no".to_vec()),
        "/bytes" => builder.body(vec![0xff, 0]),
        "/json" => builder.body(br#"{"a":[1]}"#.to_vec()),
        _ => {
            let headers: Vec<String> = request
                .headers()
                .iter()
                .map(|(name, value)| format!("{name}={}", value.to_str().unwrap()))
                .collect();
            let body = String::from_utf8_lossy(request.body()).into_owned();
            builder.body(
                format!("{} {} {} {body}", request.method(), request.uri(), headers.join(",")).into_bytes(),
            )
        }
    }
    .unwrap()
}

fn value(body: &str) -> String {
    platform::with(|host| host.client = Client::answering(|request| server(&request)));
    run(&format!("export default async () => {{ {body} }}"), "1")
}

#[test]
fn requests_are_sent_and_answered() {
    for (body, answer) in [
        (
            "const r = await fetch('https://a.b/c?d#e'); return [r.status, r.ok, r.statusText, r.headers.get('content-type'), r.headers.getSetCookie(), r.url, await r.text()]",
            r#"[200,true,"OK","text/plain",["a=1","b=2"],"https://a.b/c?d#e","GET https://a.b/c?d  "]"#,
        ),
        (
            "const r = await fetch('https://a.b', { method: 'post', body: JSON.stringify({ a: 1 }), headers: { 'X-Key': 'k', 'content-type': 'application/json' } }); return r.text()",
            r#""POST https://a.b/ x-key=k,content-type=application/json {\"a\":1}""#,
        ),
        (
            "return (await fetch('https://a.b', { method: 'PUT', body: new URLSearchParams({ q: 'a b' }) })).text()",
            r#""PUT https://a.b/ content-type=application/x-www-form-urlencoded;charset=UTF-8 q=a+b""#,
        ),
        (
            "return (await fetch('https://a.b', { headers: { Host: 'evil.example', 'content-length': '9', 'transfer-encoding': 'chunked', te: 'trailers', x: '1' } })).text()",
            r#""GET https://a.b/ x=1 ""#,
        ),
        // A timer that is always due.
        (
            "const i = setInterval(() => {}, 0); const r = await fetch('https://a.b/json'); clearInterval(i); return r.status",
            "200",
        ),
        ("return (await fetch(new URL('https://a.b/json'))).json()", r#"{"a":[1]}"#),
        ("return [...new Uint8Array(await (await fetch('https://a.b/bytes')).arrayBuffer())]", "[255,0]"),
        ("return (await fetch('https://a.b/bytes')).text()", "\"\u{fffd}\\u0000\""),
        (
            "const r = await fetch('https://a.b/missing'); return [r.ok, r.status, await r.text(), r.bodyUsed]",
            r#"[false,404,"no",true]"#,
        ),
        (
            "const r = await fetch('https://a.b/redirect', { method: 'POST', body: 'x' }); return [r.redirected, r.url, await r.text()]",
            r#"[true,"https://a.b/there?x=1","GET https://a.b/there?x=1  "]"#,
        ),
        ("return (await fetch('https://a.b/redirect', { redirect: 'manual' })).status", "302"),
        (
            "return Promise.all(['1', '2'].map(async (n) => (await fetch('https://a.b/' + n)).text()))",
            r#"["GET https://a.b/1  ","GET https://a.b/2  "]"#,
        ),
    ] {
        assert_eq!(value(body), answer, "{body}");
    }
}

#[test]
fn what_cannot_be_sent_or_read_is_an_error() {
    for (body, error) in [
        (
            "return fetch('https://a.b/redirect', { redirect: 'error' })",
            "TypeError: GET https://a.b/redirect: the server redirects",
        ),
        (
            "return fetch('https://a.b/loop')",
            "TypeError: GET https://a.b/loop: there were more than 20 redirects",
        ),
        ("return fetch('/a')", "TypeError: '/a' is not a valid URL"),
        (
            "return fetch('https://a.b', { body: 'x' })",
            "TypeError: a request with the method GET has no body",
        ),
        (
            "return fetch('https://a.b', { headers: { 'a b': '1' } })",
            "TypeError: 'a b' is not a valid name of a header",
        ),
        (
            "return fetch('https://a.b', { headers: { a: '1\\n2' } })",
            "TypeError: the value of a header has a line break",
        ),
        (
            "return fetch('https://a.b', { method: 'A B' })",
            "TypeError: A B https://a.b/: its method is not valid",
        ),
        (
            "await fetch('https://a.b', { method: 'A\\0B' })",
            "TypeError: A\0B https://a.b/: its method is not valid",
        ),
        (
            "const r = await fetch('https://a.b'); await r.text(); return r.text()",
            "TypeError: the body was read already",
        ),
        (
            "return (await fetch('https://a.b/missing')).json()",
            "SyntaxError: the body is not valid JSON: a value is expected at line 1 column 1",
        ),
        (
            "return fetch('https://a.b', { signal: AbortSignal.abort() })",
            "AbortError: the operation was aborted",
        ),
        ("return fetch('https://a.b', { signal: 1 })", "TypeError: the signal must be an AbortSignal"),
        (
            "const c = new AbortController(); const p = fetch('https://a.b', { signal: c.signal }); c.abort(); return p",
            "AbortError: the operation was aborted",
        ),
    ] {
        let answer = value(body);
        assert!(answer.starts_with(error), "{body}: {answer}");
    }
}

#[test]
fn without_a_host_nothing_is_sent() {
    platform::with(|host| host.client = Client::new());
    let answer = run("export default () => fetch('https://a.b')", "1");
    assert!(answer.starts_with("TypeError: GET https://a.b: only a component"), "{answer}");
}

#[test]
fn headers_requests_and_responses_by_themselves() {
    for (body, answer) in [
        (
            "const h = new Headers({ B: '1', a: ' 2 ' }); h.append('b', '3'); h.set('c', 4); h.delete('c'); return [[...h], h.has('A'), h.get('x'), [...new Headers(h).keys()].join()]",
            r#"[[["a","2"],["b","1, 3"]],true,null,"a,b"]"#,
        ),
        (
            "const r = Response.json({ a: 1 }, { status: 201 }); return [r.status, r.headers.get('content-type'), await r.clone().text(), await r.json()]",
            r#"[201,"application/json","{\"a\":1}",{"a":1}]"#,
        ),
        (
            "const r = Response.redirect('https://a.b'); return [r.status, r.headers.get('location'), await r.text()]",
            r#"[302,"https://a.b/",""]"#,
        ),
        (
            "const q = new Request('https://a.b', { method: 'delete' }); const c = new Request(q, { headers: { a: '1' } }); return [q.method, c.method, c.url, c.headers.get('a'), q.bodyUsed]",
            r#"["DELETE","DELETE","https://a.b/","1",false]"#,
        ),
        ("return [...await new Response(new Uint8Array([1, 2]).subarray(1)).bytes()]", "[2]"),
        (
            "try { new Response('', { status: 204 }) } catch (e) { return e.message }",
            r#""a response with the status 204 has no body""#,
        ),
    ] {
        assert_eq!(value(body), answer, "{body}");
    }
}
