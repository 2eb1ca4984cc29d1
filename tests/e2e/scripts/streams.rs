//! Responses of scripts that are sent while the scripts run, byte for byte as the Runtime API gets them.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bulkhead_tests::Bootstrap;
use bulkhead_tests::raw_api::Wire;

use super::language::function_root;
use super::services::request;

/// A bootstrap that runs a script.
fn run(toml: &str, text: &str) -> Option<Wire> {
    let toml = format!("[handlers.notes]\nsource = \"notes/index.js\"\n{toml}");
    let root = function_root(&toml, &[("notes/index.js", text)])?;
    Some(Wire::start(root, Bootstrap::new().handler("notes")))
}

/// A handler that streams, with this body.
fn streaming(toml: &str, body: &str) -> Option<Wire> {
    let arguments = "event, responseStream, context";
    let text =
        format!("export const handler = awslambda.streamifyResponse(async ({arguments}) => {{ {body} }});");
    run(toml, &text)
}

/// The head of the request that answers an event, in small letters, and its body as it came.
fn answer(wire: &mut Wire, event: &str) -> (String, String) {
    let (head, body) = wire.answer(event);
    (head.to_lowercase(), body)
}

/// A service that streams three pieces, each when the one before has left, and then ends as the path says.
const PIECES: &str = "export default { fetch(request) {
    const { pathname } = new URL(request.url); let n = 0;
    return new Response(new ReadableStream({ async pull(c) {
        await new Promise((r) => setTimeout(r, 5));
        if (n < 3) return c.enqueue(new TextEncoder().encode(`piece ${n++}`));
        if (pathname === '/error') throw new RangeError('in mid-stream');
        if (pathname === '/loop') for (;;);
        c.close(); } }), { status: 201, headers: { 'x-a': '1' } }); } };";

const STREAMED: &str = "invoke_mode = \"response_stream\"\n";

#[test]
fn a_service_streams_its_response_piece_by_piece() {
    let Some(mut wire) = run(STREAMED, PIECES) else { return };
    let (head, body) = answer(&mut wire, &request("GET", "/", ""));
    assert!(head.contains("lambda-runtime-function-response-mode: streaming"), "{head}");
    assert!(body.contains(r#"{"statusCode":201,"headers":{"x-a":"1"},"cookies":[]}"#), "{body}");
    let pieces: String = (0..3).map(|n| format!("7\r\npiece {n}\r\n")).collect();
    assert!(body.ends_with(&format!("{pieces}0\r\n\r\n")), "{body}");
    // No body where there is none.
    let (_, body) = answer(&mut wire, &request("HEAD", "/", ""));
    assert!(!body.contains("piece") && body.contains("\"statusCode\":201"), "{body}");
}

#[test]
fn an_error_after_the_first_byte_is_in_the_trailers() {
    let toml = format!("{STREAMED}limits.cpu_time = \"100ms\"");
    let Some(mut wire) = run(&toml, PIECES) else { return };
    for (path, error_type, message) in
        [("/error", "Function.RangeError", "in mid-stream"), ("/loop", "Function.CpuLimitExceeded", "100")]
    {
        let (head, body) = answer(&mut wire, &request("GET", path, ""));
        assert!(head.contains("/response http/1.1"), "{head}");
        let trailers = body.split("7\r\npiece 2\r\n0\r\n").nth(1).unwrap_or_else(|| panic!("{body}"));
        assert!(
            trailers.starts_with(&format!("lambda-runtime-function-error-type: {error_type}\r\n")),
            "{trailers}"
        );
        let error = trailers.split("error-body: ").nth(1).expect("a body").trim_end();
        let error = String::from_utf8(BASE64_STANDARD.decode(error).expect("base64")).expect("text");
        assert!(error.contains(message), "{error}");
    }
    let (_, body) = answer(&mut wire, &request("GET", "/", ""));
    assert!(body.ends_with("7\r\npiece 2\r\n0\r\n\r\n"), "the next event is like any other: {body}");
}

#[test]
fn a_handler_streams_as_lambda_has_it() {
    let text = "const { way } = event;
        if (way === 'http') responseStream = awslambda.HttpResponseStream.from(responseStream, { statusCode: 201, cookies: ['a=1'] });
        else if (way !== 'bare') responseStream.setContentType('text/plain');
        if (way === 'early') throw new RangeError('before the first byte');
        responseStream.write('one'); await new Promise((r) => setTimeout(r, 5));
        if (way === 'late') throw new RangeError('in mid-stream');
        responseStream.end('two');";
    let Some(mut wire) = streaming("", text) else { return };
    for (way, content_type) in [("plain", "text/plain"), ("bare", "application/octet-stream")] {
        let (head, body) = answer(&mut wire, &format!("{{\"way\":{way:?}}}"));
        assert!(head.contains(&format!("content-type: {content_type}\r\n")), "{head}");
        assert_eq!(body, "3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n");
    }
    let (_, body) = answer(&mut wire, r#"{"way":"http"}"#);
    assert!(body.contains(r#"{"statusCode":201,"headers":{},"cookies":["a=1"]}"#), "{body}");
    let (_, body) = answer(&mut wire, r#"{"way":"late"}"#);
    assert!(
        body.starts_with("3\r\none\r\n0\r\nlambda-runtime-function-error-type: Function.RangeError"),
        "{body}"
    );
    let (head, body) = answer(&mut wire, r#"{"way":"early"}"#);
    assert!(head.contains("/error http/1.1") && body.contains("before the first byte"), "{head} {body}");
}

#[test]
fn a_stream_without_end_ends_at_its_limits() {
    let text = "const { way } = event; const piece = new Uint8Array(65536); responseStream.write('one');
        if (way === 'never') await new Promise((r) => setInterval(() => {}, 1));
        if (way === 'deaf') for (;;) responseStream.write(piece);
        for (;;) if (!responseStream.write(piece)) await new Promise((r) => responseStream.once('drain', r));";
    let limits =
        "limits = { memory = '16MiB', streamed_response = '20MiB', cpu_time = '2s', wall_time = '3s' }";
    let Some(mut wire) = streaming(limits, text) else { return };
    for (way, error_types) in [
        ("drains", &["ResponseSizeTooLarge"][..]),
        ("deaf", &["OutOfMemory", "InternalError", "RangeError", "ResponseSizeTooLarge"]),
        ("never", &["Timeout", "CpuLimitExceeded"]),
    ] {
        let (_, body) = answer(&mut wire, &format!("{{\"way\":{way:?}}}"));
        let end =
            &body[body.rfind("function-error-type: ").unwrap_or_else(|| panic!("{way}: it ended well"))..];
        assert!(error_types.iter().any(|one| end.contains(&format!("Function.{one}\r\n"))), "{way}: {end}");
    }
}
