//! Streams and `Blob` by themselves, and bodies as streams.

use bulkhead::client::Client;
use bulkhead::client::http::Response;

use super::run;
use crate::platform;

/// What a handler with this body returns. Its `fetch` is answered with 9 bytes.
fn value(body: &str) -> String {
    platform::with(|host| host.client = Client::answering(|_| Response::new(b"123456789".to_vec())));
    let helpers = "const read = async (stream) => { const all = []; for await (const one of stream) all.push(one); return all };
        const caught = async (promise) => { try { await promise } catch (e) { return `${e?.name ?? e}: ${e?.message ?? ''}` } };
        const text = (bytes) => new TextDecoder().decode(bytes);";
    run(&format!("{helpers} export default async () => {{ {body} }}"), "1")
}

fn all(cases: &[(&str, &str)]) {
    for (body, answer) in cases {
        assert_eq!(value(body), *answer, "{body}");
    }
}

#[test]
fn a_readable_stream_is_read_piece_by_piece() {
    all(&[
        (
            "let n = 0; return read(new ReadableStream({ pull(c) { n < 3 ? c.enqueue(n++) : c.close() } }))",
            "[0,1,2]",
        ),
        ("return read(new ReadableStream({ start(c) { c.enqueue(1); c.enqueue(2); c.close() } }))", "[1,2]"),
        (
            "const s = new ReadableStream({ start(c) { setTimeout(() => { c.enqueue('late'); c.close() }, 10) } }); return read(s)",
            r#"["late"]"#,
        ),
        (
            "return [await read(ReadableStream.from(['a', 'b'])), await read(ReadableStream.from((async function* () { yield 1; yield 2 })()))]",
            r#"[["a","b"],[1,2]]"#,
        ),
        (
            "const r = new ReadableStream({ start(c) { c.enqueue(1); c.close() } }).getReader(); return [await r.read(), await r.read(), await r.closed]",
            r#"[{"value":1,"done":false},{"done":true},null]"#,
        ),
        (
            // It is asked for no more than is read.
            "let n = 0; const s = new ReadableStream({ pull(c) { c.enqueue(n++) } }); const r = s.getReader(); await r.read(); await r.read(); await new Promise((done) => setTimeout(done)); return n",
            "3",
        ),
        (
            "let n = 0; const s = new ReadableStream({ pull(c) { c.enqueue(n++) }, cancel(why) { n = why } }); for await (const one of s) if (one === 2) break; return [n ?? 'undefined', s.locked]",
            r#"["undefined",false]"#,
        ),
        (
            "const s = ReadableStream.from([1, 2, 3]); for await (const one of s.values({ preventCancel: true })) break; return read(s)",
            "[2,3]",
        ),
        (
            "const [a, b] = ReadableStream.from([1, 2]).tee(); const first = await read(a); return [first, await read(b)]",
            "[[1,2],[1,2]]",
        ),
        (
            "let why; const s = new ReadableStream({ cancel(w) { why = w } }); await s.cancel('enough'); return [why, await read(s)]",
            r#"["enough",[]]"#,
        ),
    ]);
}

#[test]
fn what_is_wrong_with_a_readable_stream_is_an_error() {
    for (body, answer) in [
        (
            "return caught(read(new ReadableStream({ pull() { throw new RangeError('x') } })))",
            "RangeError: x",
        ),
        ("return caught(read(new ReadableStream({ start(c) { c.error('e') } })))", "e: "),
        (
            "return caught(new ReadableStream({ start: async () => { throw new RangeError('x') } }).getReader().read())",
            "RangeError: x",
        ),
        (
            "const s = new ReadableStream(); s.getReader(); return caught((async () => s.getReader())())",
            "TypeError: the stream is locked",
        ),
        (
            "const s = new ReadableStream(); s.getReader(); return caught(s.cancel())",
            "TypeError: the stream is locked",
        ),
        (
            "const r = new ReadableStream().getReader(); const p = r.read(); r.releaseLock(); return caught(p)",
            "TypeError: the stream was released",
        ),
        (
            "return caught((async () => new ReadableStream({ start(c) { c.close(); c.enqueue(1) } }))())",
            "TypeError: the stream is closed",
        ),
        (
            "return caught((async () => new ReadableStream().getReader({ mode: 'byob' }))())",
            "RangeError: scripts have no readers",
        ),
        (
            "return caught((async () => new ReadableStream({ pull: 1 }))())",
            "TypeError: pull must be a function",
        ),
        (
            "return caught((async () => new ReadableStream({}, { highWaterMark: -1 }))())",
            "RangeError: highWaterMark",
        ),
        ("return caught((async () => ReadableStream.from(1))())", "TypeError: ReadableStream.from() needs"),
    ] {
        let answer_of = value(body);
        assert!(answer_of.starts_with(&format!("\"{answer}")), "{body}: {answer_of}");
    }
}

#[test]
fn a_writable_stream_takes_one_chunk_after_the_other() {
    all(&[
        (
            "const seen = []; const w = new WritableStream({ start() { seen.push('start') }, async write(c) { await null; seen.push(c) }, close() { seen.push('close') } }).getWriter(); w.write(1); w.write(2); await w.close(); await w.closed; return seen",
            r#"["start",1,2,"close"]"#,
        ),
        (
            "const w = new WritableStream({ write: () => new Promise((r) => setTimeout(r, 10)) }).getWriter(); const sizes = [w.desiredSize]; w.write(1); sizes.push(w.desiredSize); await w.ready; sizes.push(w.desiredSize); return sizes",
            "[1,0,1]",
        ),
        (
            "const w = new WritableStream({ write() { throw new RangeError('full') } }).getWriter(); return [await caught(w.write(1)), await caught(w.write(2)), await caught(w.closed)]",
            r#"["RangeError: full","RangeError: full","RangeError: full"]"#,
        ),
        (
            "let why; const s = new WritableStream({ abort(w) { why = w } }); await s.abort('stop'); return [why, await caught(s.getWriter().write(1))]",
            r#"["stop","stop: "]"#,
        ),
    ]);
}

#[test]
fn streams_are_piped() {
    all(&[
        (
            "const seen = []; await ReadableStream.from([1, 2]).pipeTo(new WritableStream({ write(c) { seen.push(c) }, close() { seen.push('end') } })); return seen",
            r#"[1,2,"end"]"#,
        ),
        (
            "const double = new TransformStream({ transform(c, out) { out.enqueue(c); out.enqueue(c) }, flush(out) { out.enqueue('end') } }); return read(ReadableStream.from([1, 2]).pipeThrough(double))",
            r#"[1,1,2,2,"end"]"#,
        ),
        ("return read(ReadableStream.from([1, 2]).pipeThrough(new TransformStream()))", "[1,2]"),
        (
            "const bytes = new TextEncoder().encode('ä😀'); const pieces = [...bytes].map((b) => Uint8Array.of(b)); return (await read(ReadableStream.from(pieces).pipeThrough(new TextDecoderStream()))).join('|')",
            r#""ä|😀""#,
        ),
        (
            "return caught(read(ReadableStream.from([1]).pipeThrough(new TransformStream({ transform() { throw new RangeError('x') } }))))",
            r#""RangeError: x""#,
        ),
        (
            "let why; const to = new WritableStream({ abort(w) { why = w.message } }); const from = new ReadableStream({ pull() { throw new RangeError('x') } }); return [await caught(from.pipeTo(to)), why]",
            r#"["RangeError: x","x"]"#,
        ),
        (
            "const c = new AbortController(); const from = new ReadableStream({ pull: () => new Promise(() => {}) }); const piped = from.pipeTo(new WritableStream(), { signal: c.signal }); c.abort(new RangeError('stop')); return caught(piped)",
            r#""RangeError: stop""#,
        ),
    ]);
}

#[test]
fn bodies_are_streams() {
    all(&[
        (
            "const r = await fetch('https://a.b'); const pieces = await read(r.body); return [pieces.map(text), r.bodyUsed]",
            r#"[["123456789"],true]"#,
        ),
        ("const r = await fetch('https://a.b'); r.body; return r.text()", r#""123456789""#),
        (
            "const r = await fetch('https://a.b'); const c = r.clone(); return [await r.text(), await c.text()]",
            r#"["123456789","123456789"]"#,
        ),
        (
            "const r = await fetch('https://a.b'); await r.body.cancel(); return [r.bodyUsed, await caught(r.text())]",
            r#"[true,"TypeError: the body was read already"]"#,
        ),
        (
            "const r = new Response('abc'); const reader = r.body.getReader(); return caught(r.text())",
            r#""TypeError: the stream is locked: it has a reader or a writer already""#,
        ),
        (
            "const r = new Response(ReadableStream.from([Uint8Array.of(65), Uint8Array.of(66)])); return [r.bodyUsed, await r.text(), r.bodyUsed]",
            r#"[false,"AB",true]"#,
        ),
        ("return [new Response().body, new Response('').body === null]", "[null,false]"),
        (
            "return (await (await fetch('https://a.b', { method: 'POST', body: ReadableStream.from([Uint8Array.of(65)]), duplex: 'half' })).text()).length",
            "9",
        ),
        (
            "const b = await new Response('abc', { headers: { 'content-type': 'text/x' } }).blob(); return [b.type, b.size, await b.text()]",
            r#"["text/x",3,"abc"]"#,
        ),
    ]);
}

#[test]
fn a_blob_has_bytes_and_a_type() {
    all(&[
        (
            "const b = new Blob(['a', Uint8Array.of(66), new Blob(['c'])], { type: 'Text/X' }); return [b.size, b.type, await b.text(), `${b}`]",
            r#"[3,"text/x","aBc","[object Blob]"]"#,
        ),
        (
            "const b = new Blob(['abcdef']); return [await b.slice(1, 3, 'x').text(), await b.slice(-2).text(), b.slice(1, 3, 'X').type]",
            r#"["bc","ef","x"]"#,
        ),
        (
            "const b = new Blob(['ab']); return [(await b.arrayBuffer()).byteLength, [...await b.bytes()], text((await read(b.stream()))[0])]",
            r#"[2,[97,98],"ab"]"#,
        ),
        (
            "const a = Uint8Array.of(65); const b = new Blob([a]); a[0] = 66; (await b.bytes())[0] = 67; return b.text()",
            r#""A""#,
        ),
    ]);
}

#[test]
fn a_signal_ends_the_reading_of_a_body() {
    all(&[
        (
            "const c = new AbortController(); const r = await fetch('https://a.b', { signal: c.signal }); const p = caught(r.text()); c.abort(new RangeError('stop')); return p",
            r#""RangeError: stop""#,
        ),
        (
            "const c = new AbortController(); const r = await fetch('https://a.b', { signal: c.signal }); c.abort(); return [await caught(r.text())]",
            r#"["AbortError: the operation was aborted"]"#,
        ),
        (
            "const c = new AbortController(); const r = await fetch('https://a.b', { signal: c.signal }); const reader = r.body.getReader(); c.abort(new RangeError('stop')); return caught(reader.read())",
            r#""RangeError: stop""#,
        ),
    ]);
}
