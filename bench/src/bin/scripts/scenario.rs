//! What is compared: scripts that are the same text for every contestant, and one event of each.

use std::fmt::Write as _;

use serde_json::json;

pub(crate) const HELLO: &str = "one line";
pub(crate) const LARGE: &str = "30 KB";
pub(crate) const JSON: &str = "JSON of 100 KB";

/// A script and its event.
#[derive(Debug)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) script: String,
    pub(crate) event: String,
    /// What the answer contains.
    pub(crate) answer: &'static str,
}

/// All scenarios, in the order of the table.
pub(crate) fn all() -> [Scenario; 3] {
    [
        Scenario {
            name: HELLO,
            script: "export const handler = async (event) => ({ message: `Hello, ${event.name}!` });\n"
                .to_owned(),
            event: json!({ "name": "world" }).to_string(),
            answer: "world!",
        },
        Scenario {
            name: LARGE,
            script: large(),
            event: json!({ "form": 7, "values": { "email": "a@b.example", "age": 40 } }).to_string(),
            answer: "\"ok\":true",
        },
        Scenario {
            name: JSON,
            script: "export const handler = async (event) => ({ ...event, count: event.orders.length });\n"
                .to_owned(),
            event: orders(),
            answer: "\"count\":",
        },
    ]
}

/// A module of 30 KB, as a bundler writes it: many classes and functions, of which an event uses a few.
fn large() -> String {
    let mut script = String::from("const forms = new Map();\n");
    for number in 0.. {
        let mut form = String::new();
        // Writing into a string does not fail.
        let _ = write!(
            form,
            r#"class Form{number} {{
  static fields = ["email", "age", "street", "city", "note{number}"];
  constructor(values) {{ this.values = {{ id: {number}, ...values }}; this.mistakes = []; }}
  check(name, test, text) {{ if (!test(this.values[name])) this.mistakes.push({{ name, text }}); return this; }}
  validate() {{
    const isText = (value) => value === undefined || (typeof value === "string" && value.length < {limit});
    for (const name of Form{number}.fields.slice(2)) this.check(name, isText, `${{name}} is too long`);
    return this.check("email", (value) => /^[^@\s]+@[^@\s]+\.[a-z]+$/.test(value), "email is not valid")
      .check("age", (value) => Number.isInteger(value) && value >= {age}, "age is too low");
  }}
}}
forms.set({number}, (values) => new Form{number}(values).validate().mistakes);
"#,
            limit = 40 + number,
            age = 10 + number % 9,
        );
        if script.len() + form.len() > 29_800 {
            break;
        }
        script += &form;
    }
    script
        + "export const handler = async ({ form, values }) => {\n  const mistakes = forms.get(form)(values);\n  \
           return { ok: mistakes.length === 0, mistakes };\n};\n"
}

/// An event of some 100 KB.
fn orders() -> String {
    let order = |number: u32| {
        json!({
            "id": format!("order-{number:06}"), "customer": { "name": "Ada Lovelace", "email": "ada@example.com" },
            "lines": [{ "sku": "A-1", "count": number % 7, "price": 12.5 }, { "sku": "B-22", "count": 1, "price": 0.99 }],
            "paid": number.is_multiple_of(2), "note": null,
        })
    };
    json!({ "orders": (0..520).map(order).collect::<Vec<_>>() }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sizes_are_those_of_their_names() {
        let [hello, large, json] = all();
        assert_eq!(hello.script.lines().count(), 1);
        assert!((29_000..30_500).contains(&large.script.len()), "{}", large.script.len());
        assert!((95_000..105_000).contains(&json.event.len()), "{}", json.event.len());
    }
}
