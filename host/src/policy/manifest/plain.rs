//! The TOML parser's messages in the words of somebody who has written few such files: what is there, and what belongs
//! there.

/// The parser's descriptions, and what they mean. A message is a description, and often `, expected …` after it.
const PLAIN: [(&str, &str); 46] = [
    ("string values must be quoted", "text needs quotes"),
    ("missing opening quote", "the text ends with a quote, but does not begin with one"),
    ("unclosed table", "the header is not closed; add `]`"),
    ("unclosed array table", "the header is not closed; add `]]`"),
    ("unclosed array", "the array is not closed; add `]`"),
    ("unclosed inline table", "the table is not closed; add `}`"),
    ("missing table open", "the header has no `[` at its beginning"),
    ("missing array opening", "there is a `]` without a `[` before it"),
    ("missing inline table opening", "there is a `}` without a `{` before it"),
    ("invalid table", "the header needs a name, such as [limits]"),
    ("key with no value", "`=` and a value are missing after the key"),
    ("missing value for key", "there is no value after `=`"),
    ("missing value", "there is no value after `=`"),
    ("invalid key-value pair", "a key belongs here, such as in KEY = VALUE"),
    (
        "invalid key",
        "this is not a valid key; put a key with other characters than letters, digits, - and _ in quotes",
    ),
    (
        "invalid unquoted key",
        "this is not a valid key; put a key with other characters than letters, digits, - and _ in quotes",
    ),
    ("unquoted keys cannot be empty", "a name is missing here"),
    ("keys cannot be multi-line basic strings", "a key has one quote on each side, not three"),
    ("keys cannot be multi-line literal strings", "a key has one quote on each side, not three"),
    ("duplicate key", "this key has a value already; remove one of the two"),
    ("extra `=`", "there is one `=` too many"),
    ("extra assignment between key-value pairs", "a comma is missing before the key of this `=`"),
    ("unexpected `=` in array", "an array has values without keys, such as [\"a\", \"b\"]"),
    ("extra comma in array", "there is one comma too many"),
    ("extra comma in inline table", "there is one comma too many"),
    ("missing comma between array elements", "a comma is missing between two values"),
    ("missing comma between key-value pairs", "a comma is missing between two keys"),
    ("missing key for inline table element", "a value needs a key in a table, such as { KEY = VALUE }"),
    ("missing assignment between key-value pairs", "`=` is missing between a key and its value"),
    ("invalid inline table element", "a table has keys with values, such as { KEY = VALUE }"),
    ("unexpected key or value", "the value ends before this; put the next key on a line of its own"),
    ("unexpected content between comment and newline", "the line ends before this"),
    ("unexpected content", "the line ends before this"),
    ("invalid comment character", "the comment has a character that cannot be printed"),
    ("missing comment start", "a comment begins with #"),
    ("carriage return must be followed by newline", "the line ends with a carriage return alone"),
    ("missing escaped value", "`\\` begins an escape that does not exist; write `\\\\` for a backslash"),
    ("too few unicode value digits", "the escape has too few digits; `\\u` has four and `\\U` has eight"),
    ("invalid value", "this escape is not a character"),
    ("`_` may only go between digits", "`_` may only be between two digits"),
    ("integers with a radix cannot be signed", "a number that begins with 0x, 0o or 0b has no sign"),
    ("radix must be lowercase", "write 0x, 0o and 0b in lower case"),
    ("redundant integer number prefix", "write a decimal number without a prefix"),
    ("redundant numeric sign", "the number has two signs"),
    ("unexpected leading zero", "a number does not begin with 0"),
    ("unexpected sign", "the number has a sign in the wrong place"),
];

/// Beginnings of further descriptions.
const PLAIN_STARTS: [(&str, &str); 6] = [
    ("cannot extend value of type", "a part of this key has a value already, to which no keys can be added"),
    ("cannot recurse further", "tables and arrays are nested too deep"),
    ("recursion limit", "tables and arrays are nested too deep"),
    ("invalid boolean", "this is not a value; write true or false, and put text in quotes"),
    ("invalid date-time", "this is not a valid date or time; put text in quotes"),
    ("invalid ", "this is not a valid number; put text in quotes"),
];

/// What a message of the parser means. A message of another version of the parser stays as it is.
pub(super) fn plain(message: &str) -> String {
    let (description, expected) = message.split_once(", expected ").unwrap_or((message, ""));
    if description.starts_with("invalid") && description.ends_with("string") {
        return of_string(expected, description.contains("multi-line"));
    }
    let known = PLAIN.iter().find(|(known, _)| *known == description);
    let known = known.or_else(|| PLAIN_STARTS.iter().find(|(start, _)| description.starts_with(start)));
    known.map_or(message, |(_, plain)| plain).to_owned()
}

/// What is wrong with a string.
fn of_string(expected: &str, is_long: bool) -> String {
    let quote = expected.strip_prefix('`').and_then(|rest| rest.strip_suffix('`'));
    match quote.filter(|quote| quote.contains(['"', '\''])) {
        Some(quote) => {
            let quote = quote.chars().last().unwrap_or('"').to_string();
            format!("the text is not closed; add {}", quote.repeat(if is_long { 3 } else { 1 }))
        }
        None => "the text has a character that belongs in an escape, such as `\\n` for the end of a line"
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use toml::de::DeTable;

    use super::*;

    /// What each text is answered with, and nothing in the parser's own words.
    #[test]
    fn every_kind_of_mistake_is_in_plain_words() {
        for (text, expected) in [
            ("a = b", "text needs quotes"),
            ("a = b\"", "the text ends with a quote, but does not begin with one"),
            ("a = \"b", "the text is not closed; add \""),
            ("a = 'b", "the text is not closed; add '"),
            ("a = \"\"\"b", "the text is not closed; add \"\"\""),
            ("a = '''b", "the text is not closed; add '''"),
            ("[a", "the header is not closed; add `]`"),
            ("[[a]", "the header is not closed; add `]]`"),
            ("[]", "a name is missing here"),
            ("a = [1", "the array is not closed; add `]`"),
            ("a = {b = 1", "the table is not closed; add `}`"),
            ("a = 1]", "the value ends before this; put the next key on a line of its own"),
            ("a", "`=` and a value are missing after the key"),
            ("= 1", "a name is missing here"),
            ("a = = 1", "there is one `=` too many"),
            (
                "a!b = 1",
                "this is not a valid key; put a key with other characters than letters, digits, - and _ in quotes",
            ),
            ("a = 1\na = 2", "this key has a value already; remove one of the two"),
            ("a = [\"b\" \"c\"]", "a comma is missing between two values"),
            ("a = [1,,2]", "there is one comma too many"),
            ("a = [b = 1]", "an array has values without keys, such as [\"a\", \"b\"]"),
            ("a = {b = \"1\" c = 2}", "a comma is missing between two keys"),
            ("a = {b = 1,, c = 2}", "there is one comma too many"),
            ("a = {b c}", "`=` is missing between a key and its value"),
            ("a = 1 b = 2", "the value ends before this; put the next key on a line of its own"),
            ("a = \"\\q\"", "`\\` begins an escape that does not exist; write `\\\\` for a backslash"),
            ("a = \"\\u12\"", "the escape has too few digits; `\\u` has four and `\\U` has eight"),
            ("a = 1__0", "`_` may only be between two digits"),
            ("a = 012", "a number does not begin with 0"),
            ("a = ++1", "the number has two signs"),
            ("a = True", "this is not a value; write true or false, and put text in quotes"),
            ("a = 1\na.b = 2", "a part of this key has a value already, to which no keys can be added"),
            ("a = 5MiB", "text needs quotes"),
        ] {
            let (_, errors) = DeTable::parse_recoverable(text);
            let told: Vec<String> = errors.iter().map(|error| plain(error.message())).collect();
            assert!(told.iter().any(|told| told == expected), "{text:?}: {told:#?} {errors:#?}");
            for told in &told {
                assert!(!told.contains("expected ") && !told.contains("literal"), "{text:?}: {told}");
            }
        }
    }

    #[test]
    fn a_message_that_is_not_known_stays_as_it_is() {
        assert_eq!(plain("something new, expected `x`"), "something new, expected `x`");
    }
}
