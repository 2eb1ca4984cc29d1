//! Streams by themselves.

use bulkhead::client::Client;
use bulkhead::client::http::Response;

use super::run;
use crate::platform;

/// What a handler with this body returns. Its `fetch` is answered with 9 bytes.
pub(super) fn value(body: &str) -> String {
    platform::with(|host| host.client = Client::answering(|_| Response::new(b"123456789".to_vec())));
    let helpers = "const read = async (stream) => { const all = []; for await (const one of stream) all.push(one); return all };
        const caught = async (promise) => { try { await promise } catch (e) { return `${e?.name ?? e}: ${e?.message ?? ''}` } };
        const text = (bytes) => new TextDecoder().decode(bytes);";
    run(&format!("{helpers} export default async () => {{ {body} }}"), "1")
}

pub(super) fn all(cases: &[(&str, &str)]) {
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
            "TypeError: scripts have no readers of the mode `byob`",
        ),
        (
            "return caught((async () => new ReadableStream({ pull: 1 }))())",
            "TypeError: pull must be a function",
        ),
        (
            "return caught((async () => new ReadableStream({ type: 'text' }))())",
            "TypeError: the type of a source must be bytes",
        ),
        (
            "return caught((async () => new ReadableStream({}, { size: 1 }))())",
            "TypeError: size must be a function",
        ),
        ("return caught(ReadableStream.prototype.cancel.call({}))", "TypeError: "),
        ("return caught(new ReadableStream().pipeTo({}))", "TypeError: a WritableStream is expected"),
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
fn readers_iterators_and_branches_keep_their_order() {
    all(&[
        (
            // Reads are answered in turn, and `closed` after the last one.
            "const seen = []; let c; const r = new ReadableStream({ start(one) { c = one } }).getReader(); r.read().then(() => seen.push(1)); r.read().then(() => seen.push(2)); r.closed.then(() => seen.push('closed')); c.enqueue(0); c.close(); await r.closed; await null; return seen",
            r#"[1,"closed",2]"#,
        ),
        (
            "const i = ReadableStream.from([1, 2]).values(); const steps = await Promise.all([i.next(), i.return('end'), i.next()]); return steps",
            r#"[{"value":1,"done":false},{"value":"end","done":true},{"done":true}]"#,
        ),
        (
            "const s = new ReadableStream({ start(c) { c.enqueue(1) } }); const i = s.values({ preventCancel: true }); await i.next(); i.return(); return s.locked",
            "false",
        ),
        (
            "let why; const s = new ReadableStream({ cancel(w) { why = w } }); const [a, b] = s.tee(); const first = a.cancel(1); const second = b.cancel(2); await first; await second; return why",
            "[1,2]",
        ),
        (
            "const r = new ReadableStream().getReader(); const { closed } = r; r.releaseLock(); return [r.closed === closed, await caught(closed), await caught(r.read())]",
            r#"[true,"TypeError: the stream was released","TypeError: the stream was released"]"#,
        ),
        (
            "const seen = []; const values = { next: () => ({ value: Promise.resolve('a'), done: false }), return(w) { seen.push(w); return {} }, [Symbol.iterator]() { return this } }; const r = ReadableStream.from(values).getReader(); seen.push((await r.read()).value); await r.cancel('why'); return seen",
            r#"["a","why"]"#,
        ),
    ]);
}

#[test]
fn a_writable_stream_ends_in_order() {
    all(&[
        (
            // The sink is told of the end once the write that is under way has ended.
            "const seen = []; let end; const s = new WritableStream({ write: () => new Promise((done) => { end = done }), abort(w) { seen.push(w) } }); const w = s.getWriter(); const written = w.write(1).then(() => seen.push('written')); const late = caught(w.write(2)); await null; const aborted = w.abort('stop'); await null; seen.push('later'); end(); await Promise.all([written, aborted]); return [...seen, await late]",
            r#"["later","stop","written","stop: "]"#,
        ),
        (
            "let c; const s = new WritableStream({ start(one) { c = one } }); const before = c.signal.aborted; await s.abort(new RangeError('stop')); return [before, c.signal.aborted, c.signal.reason.message]",
            r#"[false,true,"stop"]"#,
        ),
        (
            "const w = new WritableStream().getWriter(); w.close(); return [await caught(w.close()), await caught(w.write(1)), w.desiredSize]",
            r#"["TypeError: the stream is closed","TypeError: the stream is closed",0]"#,
        ),
        (
            "const w = new WritableStream({}, { highWaterMark: 0 }).getWriter(); let isReady = false; w.ready.then(() => { isReady = true }); await null; await null; w.releaseLock(); return [isReady, await caught(w.ready), await caught(w.closed)]",
            r#"[false,"TypeError: the stream was released","TypeError: the stream was released"]"#,
        ),
        (
            "return caught((async () => new WritableStream({ type: 'bytes' }))())",
            r#""RangeError: a sink has no type""#,
        ),
        (
            "const w = new WritableStream({}, new ByteLengthQueuingStrategy({ highWaterMark: 10 })).getWriter(); w.write(new Uint8Array(4)); return [w.desiredSize, new CountQueuingStrategy({ highWaterMark: 2 }).size(), await caught((async () => new CountQueuingStrategy({}))())]",
            r#"[6,1,"TypeError: a strategy needs a highWaterMark"]"#,
        ),
    ]);
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
fn a_pipe_keeps_to_its_options_and_to_what_its_end_takes() {
    all(&[
        (
            "const s = ReadableStream.from([1]), d = new WritableStream(); await s.pipeTo(d, { preventClose: true }); return [s.locked, d.locked, d.getWriter().desiredSize]",
            "[false,false,1]",
        ),
        (
            "let why = 'none'; const s = new ReadableStream({ cancel(w) { why = w } }); const d = new WritableStream({ start(c) { c.error('e') } }); return [await caught(s.pipeTo(d, { preventCancel: true })), why, await caught(s.pipeTo(d)), why]",
            r#"["e: ","none","e: ","e"]"#,
        ),
        (
            "let aborted = false; const s = new ReadableStream({ start(c) { c.error('e') } }); const d = new WritableStream({ abort() { aborted = true } }); return [await caught(s.pipeTo(d, { preventAbort: true })), aborted, await caught(s.pipeTo(d)), aborted]",
            r#"["e: ",false,"e: ",true]"#,
        ),
        (
            // Nothing is read before there is room for it.
            "let n = 0; const s = new ReadableStream({ pull(c) { c.enqueue(n++) } }, { highWaterMark: 0 }); s.pipeTo(new WritableStream({ write: () => new Promise(() => {}) }, { highWaterMark: 2 })); await new Promise((done) => setTimeout(done)); return n",
            "2",
        ),
        (
            "const s = new ReadableStream(), d = new WritableStream(); const piped = caught(s.pipeTo(d, { signal: 1 })); return [await piped, s.locked]",
            r#"["TypeError: the signal must be an AbortSignal",false]"#,
        ),
        (
            // A closed end is the source's to know.
            "let why; const s = new ReadableStream({ cancel(w) { why = w.name } }); const d = new WritableStream(); await d.close(); return [await caught(s.pipeTo(d)), why]",
            r#"["TypeError: the stream is closed","TypeError"]"#,
        ),
        (
            "let why; const t = new TransformStream({ cancel(w) { why = w } }); await t.readable.cancel('enough'); return [why, await caught(t.writable.getWriter().closed)]",
            r#"["enough","enough: "]"#,
        ),
        (
            // Backpressure goes through a transform.
            "const t = new TransformStream(); const w = t.writable.getWriter(); let n = 0; w.write(1).then(() => n++); await new Promise((done) => setTimeout(done)); const before = n; await t.readable.getReader().read(); await new Promise((done) => setTimeout(done)); return [before, n, t instanceof TransformStream]",
            "[0,1,true]",
        ),
    ]);
}

#[test]
fn text_is_decoded_and_encoded_across_chunks() {
    all(&[
        (
            "const pieces = ['a\\ud83d', '', '\\ude00', '', '\\ud83d', 'b', '\\ud83d']; const bytes = await read(ReadableStream.from(pieces).pipeThrough(new TextEncoderStream())); return bytes.map(text)",
            "[\"a\",\"😀\",\"\u{fffd}b\",\"\u{fffd}\"]",
        ),
        (
            "const s = new TextDecoderStream('latin1', { fatal: true, ignoreBOM: 1 }), d = new TextDecoderStream(); return [s.encoding, s.fatal, s.ignoreBOM, d.encoding, d.fatal, d.ignoreBOM, new TextEncoderStream().encoding]",
            r#"["windows-1252",true,true,"utf-8",false,false,"utf-8"]"#,
        ),
        (
            "return caught(read(ReadableStream.from(['a']).pipeThrough(new TextDecoderStream())))",
            r#""TypeError: a TextDecoderStream takes bytes""#,
        ),
    ]);
}
