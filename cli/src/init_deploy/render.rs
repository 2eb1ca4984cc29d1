//! Renders templates. Each value is written as a quoted literal of the file's language, so that a name cannot
//! become code and a template cannot forget to quote it.

use anyhow::Context as _;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, ValueKind};
use minijinja::{Environment, Error, ErrorKind, Output, UndefinedBehavior, Value};

use super::function::Function;
use super::tools::PARTS;

/// Renders a template. The file name's extension selects the language.
pub(super) fn filled(
    file: &'static str,
    template: &'static str,
    function: &Function,
) -> anyhow::Result<String> {
    let language = Language::of(file);
    let mut environment = Environment::new();
    environment.set_syntax(syntax().context("the template syntax is invalid")?);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    for (part, template) in PARTS {
        environment
            .add_template(part, template)
            .with_context(|| format!("{part} is not a valid template"))?;
    }
    environment.set_formatter(move |out, _, value| literal(out, language, value));
    let text = environment
        .render_named_str(file, template, Serde(function))
        .with_context(|| format!("the template of {file} cannot be rendered"))?;
    // Which part comes last depends on the options.
    Ok(format!("{}\n", text.trim_end()))
}

/// A tag alone on its line leaves no line behind.
fn syntax() -> Result<SyntaxConfig, Error> {
    SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build()
}

/// The languages of literals.
#[derive(Debug, Clone, Copy)]
enum Language {
    Yaml,
    Hcl,
    TypeScript,
    /// Every JSON string is also a TOML string.
    JsonOrToml,
}

impl Language {
    fn of(file: &str) -> Self {
        match file.rsplit_once('.') {
            Some((_, "yaml")) => Self::Yaml,
            Some((_, "tf")) => Self::Hcl,
            Some((_, "ts")) => Self::TypeScript,
            _ => Self::JsonOrToml,
        }
    }
}

fn literal(out: &mut Output<'_>, language: Language, value: &Value) -> Result<(), Error> {
    let text = match (value.kind(), value.as_str()) {
        // A keyword or number that the template itself contains.
        (_, Some(text)) if value.is_safe() => text.to_owned(),
        (_, Some(text)) => quoted(text, language)?,
        (ValueKind::Number, _) => value.to_string(),
        (kind, _) => {
            return Err(Error::new(
                ErrorKind::BadEscape,
                format!("a value of the kind {kind} cannot be written as a literal"),
            ));
        }
    };
    out.write_str(&text).map_err(Error::from)
}

fn quoted(text: &str, language: Language) -> Result<String, Error> {
    let json = serde_json::to_string(text).map_err(|error| {
        Error::new(ErrorKind::BadEscape, "the string cannot be quoted").with_source(error)
    })?;
    Ok(match language {
        Language::Yaml if is_plain(text) => text.to_owned(),
        Language::Yaml | Language::JsonOrToml => json,
        Language::Hcl => json.replace("${", "$${").replace("%{", "%%{"),
        Language::TypeScript => {
            let inner = json.get(1..json.len() - 1).unwrap_or_default();
            format!("'{}'", inner.replace("\\\"", "\"").replace('\'', "\\'"))
        }
    })
}

/// Whether YAML reads the text as a string without quotes. YAML 1.1 has many words that look like strings and
/// are not.
fn is_plain(text: &str) -> bool {
    const WORDS: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    let first = text.starts_with(|first: char| first.is_ascii_alphabetic() || matches!(first, '.' | '/'));
    let rest =
        |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.' | '/');
    // A dot and a digit are a number, and so may be `.inf` and `.nan`.
    let starts_as_number = text.starts_with('.') && !text.starts_with("./") && !text.starts_with("../");
    first && !starts_as_number && text.chars().all(rest) && !WORDS.contains(&&*text.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use crate::init_deploy::function::tests::{function, plain};

    use super::*;

    #[test]
    fn yaml_has_quotes_only_where_it_needs_them() {
        let yaml = |text| quoted(text, Language::Yaml).unwrap();
        for plain in ["hello", "my-fn_2", "../function.zip", "/srv/f.zip", "a.b"] {
            assert_eq!(yaml(plain), plain);
        }
        for odd in [
            "on", "No", "null", "1e3", "0x1", "-", "~", "a: b", "a #b", "&a", "", ".5", ".inf", "é", "!x",
            "{}",
        ] {
            assert_eq!(yaml(odd), serde_json::to_string(odd).unwrap());
        }
    }

    #[test]
    fn no_value_becomes_code() {
        assert_eq!(quoted("${file(\"x\")}%{if}\\", Language::Hcl).unwrap(), r#""$${file(\"x\")}%%{if}\\""#);
        assert_eq!(quoted(r#"'"\`${x}"#, Language::TypeScript).unwrap(), r#"'\'"\\`${x}'"#);
        assert_eq!(quoted("\"\n", Language::TypeScript).unwrap(), r#"'"\n'"#);
        assert_eq!(quoted("a\"b", Language::JsonOrToml).unwrap(), r#""a\"b""#);
    }

    #[test]
    fn what_a_template_misspells_is_an_error() {
        let function = function("", plain()).unwrap();
        assert!(
            filled("a.tf", "{{ nmae }}", &function).is_err()
                && filled("a.tf", "{{ url }}", &function).is_err()
        );
        assert_eq!(filled("a.tf", "{{ name }} {{ memory }}\n", &function).unwrap(), "\"hello\" 256\n");
    }
}
