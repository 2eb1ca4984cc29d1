//! Bodies and `Blob`, as streams and as a whole.

use super::streams::{all, value};

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
fn text_and_json_are_decoded_as_the_web_does_it() {
    let bytes = "const bytes = (...codes) => new Uint8Array(codes)";
    for (body, answer) in [
        ("[await new Response(bytes(239, 187, 191, 97)).text()]", r#"["a"]"#),
        ("[await new Response(bytes(239, 187, 191, 239, 187, 191)).text()]", "[\"\u{feff}\"]"),
        ("[await new Response(bytes(97, 255, 98)).text()]", "[\"a\u{fffd}b\"]"),
        ("[await new Response(bytes(239, 187, 191, 49)).json()]", "[1]"),
        ("[await new Response(bytes(34, 255, 34)).json()]", "[\"\u{fffd}\"]"),
        ("[await new Blob([bytes(239, 187, 191, 97, 255)]).text()]", "[\"a\u{fffd}\"]"),
        (
            "[await new Request('https://a.b', { method: 'PUT', body: bytes(239, 187, 191, 123, 125) }).json()]",
            "[{}]",
        ),
    ] {
        assert_eq!(value(&format!("{bytes}; return {body}")), answer, "{body}");
    }
}

#[test]
fn a_body_that_was_read_is_locked() {
    all(&[
        (
            "const r = await fetch('https://a.b'); await r.text(); return [r.body.locked, await caught((async () => r.body.getReader())())]",
            r#"[true,"TypeError: the stream is locked: it has a reader or a writer already"]"#,
        ),
        (
            "const r = new Response('a'); r.body; await r.text(); return [r.body.locked, r.bodyUsed]",
            "[true,true]",
        ),
        ("const r = new Response('a'); r.body.pipeTo(new WritableStream()); return r.bodyUsed", "true"),
        (
            // A clone does not share what it has.
            "const r = await fetch('https://a.b'); const c = r.clone(); const [a, b] = [await read(r.body), await read(c.body)]; a[0][0] = 65; return [text(a[0]), text(b[0])]",
            r#"["A23456789","123456789"]"#,
        ),
    ]);
}

#[test]
fn a_then_of_object_prototype_sees_nothing_of_a_body() {
    for body in [
        "r.text()",
        "r.json()",
        "r.clone().text()",
        "new Response(r.body).text()",
        "new Response(r.body.tee()[1]).text()",
        "new Response('abc').text()",
        "r.body.pipeTo(new WritableStream())",
        "fetch('https://a.b', { method: 'POST', body: 'abc' }).text",
    ] {
        let seen = value(&format!(
            "const r = await fetch('https://a.b'); let seen = []; Object.prototype.then = function (done) {{ seen.push(`${{this}}`); done(1) }};
             await {body}; delete Object.prototype.then; return seen"
        ));
        assert_eq!(seen, "[]", "{body}");
    }
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
        ("return [Blob.length, new Blob().size, new Blob(undefined, { type: 'a' }).type]", r#"[0,0,"a"]"#),
        ("const b = new Blob(['A']); (await new Response(b).bytes())[0] = 66; return b.text()", r#""A""#),
    ]);
}
