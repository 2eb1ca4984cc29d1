//! Errors as a caller gets to see them.

use super::run;

#[test]
fn errors_have_their_exact_place() {
    let source = "export default (event) => {\n  f(event);\n};\nfunction f(event) { throw new RangeError('no rope') }\n";
    assert_eq!(run(source, "1"), "RangeError: no rope | at f (index.js:4:31) | at default (index.js:2:5)");
    let source = "exports.handler = (event) => {\n  event.a.b();\n};";
    assert_eq!(
        run(source, "{}"),
        "TypeError: cannot read property 'b' of undefined | at <anonymous> (index.js:2:3)"
    );
    assert_eq!(
        run("exports.handler = () => { return 1 +; }", "1"),
        "SyntaxError: unexpected token in expression: ';' | at index.js:1:37"
    );
    assert_eq!(run("export default () => { throw 'text' }", "1"), "string: text");
    assert_eq!(run("export default () => { throw { code: 7 } }", "1"), "Error: {\"code\":7}");
    assert_eq!(
        run("export default () => new Promise(() => {})", "1").split(':').next(),
        Some("Function.PromiseNeverSettled")
    );
    assert_eq!(run("export const a = 1", "1").split(':').next(), Some("Function.NoHandler"));
}
