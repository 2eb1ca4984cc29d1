//! What the user may have meant by a name that does not exist.

use bulkhead_host::text::printable::name;

/// Up to this many names are listed; of more, those that are similar are enough.
const LISTED: usize = 12;

/// The known names that are similar: the most similar ones, or else those that contain all of the name.
pub(crate) fn similar<'k>(word: &str, known: &[&'k str]) -> Vec<&'k str> {
    const MOST: usize = 3;
    let near: Vec<(usize, &str)> = known
        .iter()
        .filter_map(|known| {
            // Two letters that changed places are one slip.
            let distance = strsim::osa_distance(&word.to_lowercase(), &known.to_lowercase());
            let is_near = distance * 3 <= known.chars().count();
            let is_part = word.len() >= 3 && known.contains(word);
            (is_near || is_part).then_some((distance, *known))
        })
        .collect();
    let best = near.iter().map(|(distance, _)| *distance).min();
    let is_word = near.iter().all(|(_, known)| known.contains(word));
    let kept = near.into_iter().filter(|(distance, _)| is_word || Some(*distance) == best);
    kept.map(|(_, known)| known).take(MOST).collect()
}

/// `there is no handler "helo"; did you mean hello?`
pub(crate) fn missing(what: &str, word: &str, known: &[&str]) -> String {
    let start = format!("there is no {what} \"{}\"", name(word));
    let near = similar(word, known);
    let listed = |names: &[&str], last: &str| {
        let names: Vec<_> = names.iter().map(|known| name(known)).collect();
        match names.split_last() {
            Some((only, [])) => only.clone().into_owned(),
            Some((end, rest)) => format!("{} {last} {end}", rest.join(", ")),
            None => String::new(),
        }
    };
    match (near.as_slice(), known) {
        ([], []) => start,
        ([], [only]) => format!("{start}; the only {what} is {}", name(only)),
        ([], known) if known.len() <= LISTED => format!("{start}; the {what}s are {}", listed(known, "and")),
        ([], known) => {
            format!("{start}; there are {} {what}s, such as {}", known.len(), listed(&known[..3], "and"))
        }
        (near, _) => format!("{start}; did you mean {}?", listed(near, "or")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_missing_is_answered_with_those_that_are_meant() {
        let known = ["hello", "help", "orders", "sqs-event", "sqs-batch-response"];
        for (word, expected) in [
            ("helo", "did you mean hello or help?"),
            ("ORDERS", "did you mean orders?"),
            ("sqs", "did you mean sqs-event or sqs-batch-response?"),
            ("nothing", "the handlers are hello, help, orders, sqs-event and sqs-batch-response"),
        ] {
            let text = missing("handler", word, &known);
            assert_eq!(text, format!("there is no handler {word:?}; {expected}"));
        }
        assert_eq!(
            missing("handler", "x", &["hello"]),
            "there is no handler \"x\"; the only handler is hello"
        );
        assert_eq!(missing("handler", "x", &[]), "there is no handler \"x\"");
    }

    #[test]
    fn many_names_are_not_listed() {
        let known: Vec<String> = (0..170).map(|number| format!("name-{number}")).collect();
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        let text = missing("sample", "zzz", &known);
        assert_eq!(
            text,
            "there is no sample \"zzz\"; there are 170 samples, such as name-0, name-1 and name-2"
        );
    }
}
