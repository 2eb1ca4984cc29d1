//! Sample events of AWS services: the fixtures of the `aws_lambda_events` crate, with the names of `cargo
//! lambda invoke --data-example`.

use crate::suggest;

/// Names and contents, sorted by name. `build.rs` collects them.
static SAMPLES: &[(&str, &str)] = &include!(concat!(env!("OUT_DIR"), "/samples.rs"));

/// Parses a name. The list of all names is too long for a message.
pub(crate) fn parse(name: &str) -> Result<&'static str, String> {
    get(name).ok_or_else(|| {
        let missing = suggest::missing("sample", name, &names());
        let is_clear = missing.ends_with('?');
        if is_clear { missing } else { format!("{missing}; `bulkhead invoke --list-samples` lists them all") }
    })
}

/// All names.
pub(crate) fn names() -> Vec<&'static str> {
    SAMPLES.iter().map(|(name, _)| *name).collect()
}

/// The event of this name, as JSON.
pub(crate) fn get(name: &str) -> Option<&'static str> {
    SAMPLES.iter().find(|(known, _)| *known == name).map(|(_, json)| *json)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_is_json_under_a_name_of_its_own() {
        assert!(SAMPLES.len() > 150, "{} samples", SAMPLES.len());
        for (name, json) in SAMPLES {
            serde_json::from_str::<serde_json::Value>(json).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(get(name), Some(*json));
        }
        assert!(get("sqs-event").is_some_and(|json| json.contains("eventSourceARN")));
        assert_eq!(get("example-sqs-event"), None);
        assert_eq!(
            parse("sqs-even").unwrap_err(),
            "there is no sample \"sqs-even\"; did you mean sqs-event?"
        );
        let none = parse("tuesday").unwrap_err();
        assert!(none.ends_with("; `bulkhead invoke --list-samples` lists them all"), "{none}");
    }
}
