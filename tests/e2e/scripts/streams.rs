//! Responses of scripts that are sent while the scripts run, byte for byte as the Runtime API gets them.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bulkhead_tests::raw_api::RawConnection;
use bulkhead_tests::{Bootstrap, RawApi, Running, TaskRoot};

use super::language::function_root;
use super::services::request;

/// A bootstrap that runs a script against a server of which each byte is written by the test.
struct Wire {
    connection: RawConnection,
    _running: Running,
    _api: RawApi,
    _root: TaskRoot,
}

impl Wire {
    fn of(toml: &str, text: &str) -> Option<Self> {
        let toml = format!("[handlers.notes]\nsource = \"notes/index.js\"\n{toml}");
        let root = function_root(&toml, &[("notes/index.js", text)])?;
        let api = RawApi::start();
        let bootstrap = Bootstrap::new().task_root(&root).handler("notes");
        let running = bootstrap.env("AWS_LAMBDA_RUNTIME_API", api.address()).spawn();
        let connection = api.accept();
        Some(Self { connection, _running: running, _api: api, _root: root })
    }

    /// A handler that streams, with this body.
    fn streaming(toml: &str, body: &str) -> Option<Self> {
        let arguments = "event, responseStream, context";
        let text = format!(
            "export const handler = awslambda.streamifyResponse(async ({arguments}) => {{ {body} }});"
        );
        Self::of(toml, &text)
    }

    /// The request that answers an event: its head, and its body as it came.
    fn answer(&mut self, event: &str) -> (String, String) {
        self.connection.deliver(event);
        let head = self.connection.read_to("\r\n\r\n").to_lowercase();
        let body = if head.contains("transfer-encoding: chunked") {
            self.connection.read_chunked()
        } else {
            self.connection.read_to("}")
        };
        self.connection.accept_answer();
        (head, body)
    }
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
    let Some(mut wire) = Wire::of(STREAMED, PIECES) else { return };
    let (head, body) = wire.answer(&request("GET", "/", ""));
    assert!(head.contains("lambda-runtime-function-response-mode: streaming"), "{head}");
    assert!(body.contains(r#"{"statusCode":201,"headers":{"x-a":"1"},"cookies":[]}"#), "{body}");
    let pieces: String = (0..3).map(|n| format!("7\r\npiece {n}\r\n")).collect();
    assert!(body.ends_with(&format!("{pieces}0\r\n\r\n")), "{body}");
    // No body where there is none.
    let (_, body) = wire.answer(&request("HEAD", "/", ""));
    assert!(!body.contains("piece") && body.contains("\"statusCode\":201"), "{body}");
}

#[test]
fn an_error_after_the_first_byte_is_in_the_trailers() {
    let toml = format!("{STREAMED}limits.cpu_time = \"100ms\"");
    let Some(mut wire) = Wire::of(&toml, PIECES) else { return };
    for (path, error_type, message) in
        [("/error", "Function.RangeError", "in mid-stream"), ("/loop", "Function.CpuLimitExceeded", "100")]
    {
        let (head, body) = wire.answer(&request("GET", path, ""));
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
    let (_, body) = wire.answer(&request("GET", "/", ""));
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
    let Some(mut wire) = Wire::streaming("", text) else { return };
    for (way, content_type) in [("plain", "text/plain"), ("bare", "application/octet-stream")] {
        let (head, body) = wire.answer(&format!("{{\"way\":{way:?}}}"));
        assert!(head.contains(&format!("content-type: {content_type}\r\n")), "{head}");
        assert_eq!(body, "3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n");
    }
    let (_, body) = wire.answer(r#"{"way":"http"}"#);
    assert!(body.contains(r#"{"statusCode":201,"headers":{},"cookies":["a=1"]}"#), "{body}");
    let (_, body) = wire.answer(r#"{"way":"late"}"#);
    assert!(
        body.starts_with("3\r\none\r\n0\r\nlambda-runtime-function-error-type: Function.RangeError"),
        "{body}"
    );
    let (head, body) = wire.answer(r#"{"way":"early"}"#);
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
    let Some(mut wire) = Wire::streaming(limits, text) else { return };
    for (way, error_types) in [
        ("drains", &["ResponseSizeTooLarge"][..]),
        ("deaf", &["OutOfMemory", "InternalError", "RangeError", "ResponseSizeTooLarge"]),
        ("never", &["Timeout", "CpuLimitExceeded"]),
    ] {
        let (_, body) = wire.answer(&format!("{{\"way\":{way:?}}}"));
        let end =
            &body[body.rfind("function-error-type: ").unwrap_or_else(|| panic!("{way}: it ended well"))..];
        assert!(error_types.iter().any(|one| end.contains(&format!("Function.{one}\r\n"))), "{way}: {end}");
    }
}
