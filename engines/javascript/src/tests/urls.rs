//! `URL` and `URLSearchParams`.

use super::run;

#[test]
fn parts_are_read_and_written() {
    let source = "export default () => {
        const url = new URL('../b?x=1&y=a%20b#h', 'https://u:p@EXAMPLE.com:8080/a/c/d');
        const read = [url.href, url.origin, url.protocol, url.username, url.password, url.host, url.hostname, url.port, url.pathname, url.search, url.hash];
        url.searchParams.append('z', 'ä &');
        url.searchParams.delete('x');
        const changed = [url.href];
        url.pathname = 'n?w'; url.search = ''; url.hash = 'f'; url.port = '443'; url.username = ''; url.password = '';
        changed.push(url.href);
        url.host = 'other:1'; url.protocol = 'http'; url.port = '';
        changed.push(`${url}`, JSON.stringify({ url }), url.searchParams.size);
        url.search = 'q=1';
        changed.push(url.searchParams.get('q'));
        url.port = 'x'; url.host = '';
        return [read, changed, url.href, URL.canParse('x'), URL.parse('x')];
    }";
    assert_eq!(
        run(source, "1"),
        concat!(
            r#"[["https://u:p@example.com:8080/a/b?x=1&y=a%20b#h","https://example.com:8080","https:","u","p","example.com:8080","#,
            r##""example.com","8080","/a/b","?x=1&y=a%20b","#h"],"##,
            r#"["https://u:p@example.com:8080/a/b?y=a+b&z=%C3%A4+%26#h","https://example.com/n%3Fw#f","#,
            r#""http://other/n%3Fw#f","{\"url\":\"http://other/n%3Fw#f\"}",0,"1"],"http://other/n%3Fw?q=1#f",false,null]"#
        )
    );
    assert!(run("export default () => new URL('/a')", "1").starts_with("TypeError: '/a' is not a valid URL"));
}

#[test]
fn no_part_that_is_set_changes_another_one() {
    for (set, href) in [
        ("port = '@evil.example'", "https://api.example/v1"),
        ("port = '8080abc'", "https://api.example:8080/v1"),
        ("port = '80/x'", "https://api.example:80/v1"),
        ("hostname = 'x@evil.example'", "https://api.example/v1"),
        ("hostname = 'other.example:1'", "https://api.example/v1"),
        ("hostname = 'other.example/x?y#z'", "https://other.example/v1"),
        ("hostname = '[::1]'", "https://[::1]/v1"),
        ("username = 'a@evil.example/'", "https://a%40evil.example%2F@api.example/v1"),
    ] {
        let source = format!(
            "export default () => {{ const url = new URL('https://api.example/v1'); url.{set}; return url.href }}"
        );
        assert_eq!(run(&source, "1"), format!("\"{href}\""), "{set}");
    }
}

#[test]
fn parameters() {
    let source = "export default () => {
        const params = new URLSearchParams('?b=2&a=1&b=3&c');
        const text = `${params}`;
        params.set('b', 4); params.sort(); params.append('d', '\\ud800');
        return [text, [...params], params.getAll('b'), params.has('c'), params.has('a', '2'), `${new URLSearchParams({ x: 1 })}`,
            `${new URLSearchParams([['y', 'z']])}`, [...params.keys()].join(), [...params.values()].join()];
    }";
    assert_eq!(
        run(source, "1"),
        r#"["b=2&a=1&b=3&c=",[["a","1"],["b","4"],["c",""],["d","�"]],["4"],true,false,"x=1","y=z","a,b,c,d","1,4,,�"]"#
    );
}
