//! Globals of the Web and of Node.js.

use super::run;
use crate::platform;

fn value(expression: &str) -> String {
    run(&format!("export default async () => {{ {expression} }}"), "1")
}

#[test]
fn text_and_bytes() {
    for (expression, answer) in [
        ("return [...new TextEncoder().encode('ä€')]", "[195,164,226,130,172]"),
        (
            "return new TextDecoder().decode(new Uint8Array([0xef, 0xbb, 0xbf, 0xc3, 0xa4, 0xff]))",
            "\"ä\u{fffd}\"",
        ),
        (
            "return new TextDecoder('utf-8', { fatal: true }).decode(new Uint8Array([0xff]))",
            "TypeError: the bytes are not valid text",
        ),
        (
            "const d = new TextDecoder(); return [d.decode(new Uint8Array([0xc3]), { stream: true }), d.decode(new Uint8Array([0xa4]))]",
            "[\"\",\"ä\"]",
        ),
        ("return new TextDecoder('latin1').decode(new Uint8Array([0xe4, 0x80]).buffer)", "\"ä€\""),
        ("return new TextDecoder('utf-16le').decode(new Uint8Array([0x61, 0, 0xe4, 0]))", "\"aä\""),
        ("return new TextDecoder('koi8-r')", "RangeError: the encoding 'koi8-r' is not there"),
        ("return [atob('YcOk'), btoa('a\\xe4')]", "[\"aÃ¤\",\"YeQ=\"]"),
        (
            "const b = new Uint8Array(2); return [new TextEncoder().encodeInto('aä', b), ...b]",
            "[{\"read\":1,\"written\":1},97,0]",
        ),
    ] {
        let found = value(expression);
        assert!(found.starts_with(answer), "{expression}: {found}");
    }
}

#[test]
fn copies() {
    for (expression, answer) in [
        (
            "return structuredClone({ a: [1, { b: 2 }], d: new Date(0) })",
            r#"{"a":[1,{"b":2}],"d":"1970-01-01T00:00:00.000Z"}"#,
        ),
        ("const a = { }; a.a = a; const b = structuredClone(a); return [b.a === b, b !== a]", "[true,true]"),
        ("return [...structuredClone(new Map([[1, new Set([2])]])).get(1)]", "[2]"),
        ("return [...structuredClone(new Uint8Array([1, 2]))]", "[1,2]"),
        ("return structuredClone(() => 1)", "DataCloneError: the value cannot be cloned"),
    ] {
        let found = value(expression);
        assert!(found.starts_with(answer), "{expression}: {found}");
    }
}

#[test]
fn cryptography() {
    for (expression, answer) in [
        ("return crypto.randomUUID()", "\"00010203-0405-4607-8809-0a0b0c0d0e0f\""),
        ("return [...crypto.getRandomValues(new Uint16Array(2))]", "[256,770]"),
        ("return crypto.getRandomValues(new Float32Array(1))", "TypeMismatchError: "),
        ("return crypto.getRandomValues(new Uint8Array(65537))", "QuotaExceededError: "),
        ("const d = await crypto.subtle.digest('SHA-256', new TextEncoder().encode('abc')); return [d.byteLength, new Uint8Array(d)[0]]", "[32,186]"),
        ("return crypto.subtle.digest('MD5', new Uint8Array())", "NotSupportedError: crypto.subtle has no digest 'MD5': it has SHA-1, SHA-256, SHA-384, SHA-512"),
        ("const bytes = (t) => new TextEncoder().encode(t); const hmac = { name: 'HMAC', hash: 'SHA-256' };
          const key = await crypto.subtle.importKey('raw', bytes('key'), hmac, false, ['sign', 'verify']);
          const s = await crypto.subtle.sign('HMAC', key, bytes('The quick brown fox jumps over the lazy dog'));
          return [new Uint8Array(s)[0], await crypto.subtle.verify('HMAC', key, s, bytes('x')), await crypto.subtle.verify('HMAC', key, s, bytes('The quick brown fox jumps over the lazy dog'))]",
         "[247,false,true]"),
        ("return Math.random() !== Math.random()", "true"),
    ] {
        let found = value(expression);
        assert!(found.starts_with(answer), "{expression}: {found}");
    }
}

#[test]
fn the_process_and_its_clocks() {
    platform::with(|host| host.environment = vec![("STAGE".to_owned(), "test".to_owned())]);
    assert_eq!(
        value("return [process.env.STAGE, process.env.HOME, Date.now() > 1e12, performance.now() >= 0]"),
        r#"["test",null,true,true]"#
    );
    assert_eq!(
        value("return [typeof globalThis.native, typeof shared, Object.keys(globalThis).join()]"),
        r#"["undefined","undefined",""]"#
    );
    let error = value("return Buffer.from('a')");
    assert!(
        error.starts_with("ReferenceError: Buffer is not defined; scripts have no Buffer: use Uint8Array"),
        "{error}"
    );
}

#[test]
fn signals_and_events() {
    for (expression, answer) in [
        ("const c = new AbortController(); const seen = []; c.signal.addEventListener('abort', (e) => seen.push(e.type, e.target === c.signal), { once: true });
          c.signal.onabort = () => seen.push('on'); c.abort(); c.abort(); return [seen, c.signal.aborted, c.signal.reason.name]", r#"[["abort",true,"on"],true,"AbortError"]"#),
        ("const s = AbortSignal.timeout(50); await new Promise((resolve) => s.addEventListener('abort', resolve)); return s.reason.name", "\"TimeoutError\""),
        ("const c = new AbortController(); const s = AbortSignal.any([c.signal]); c.abort('why'); return s.reason", "\"why\""),
        ("AbortSignal.abort().throwIfAborted()", "AbortError: the operation was aborted"),
        ("return new AbortSignal()", "TypeError: an AbortSignal comes from"),
        ("const t = new EventTarget(); let n = 0; const f = () => n++; t.addEventListener('a', f); t.addEventListener('a', f); t.dispatchEvent(new Event('a'));
          t.removeEventListener('a', f); t.dispatchEvent(new Event('a')); return n", "1"),
        ("return `${new AbortController()} ${new URL('x:y')[Symbol.toStringTag]}`", "\"[object AbortController] URL\""),
    ] {
        let found = value(expression);
        assert!(found.starts_with(answer), "{expression}: {found}");
    }
}
