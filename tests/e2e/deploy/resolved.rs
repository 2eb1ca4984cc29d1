//! A CloudFormation template as it is deployed: with the values of its parameters, and without what its conditions leave
//! out.

use serde_json::{Map, Value};

/// The template with these values for its parameters. The others have their defaults, or `given`.
pub(crate) fn resolved(template: &Value, given: &[(&str, &str)]) -> Value {
    let scope = Scope { template, given };
    let mut resolved = scope.value(template).expect("a template");
    let conditions = template["Resources"].as_object().expect("resources").iter();
    for (name, resource) in conditions {
        if resource["Condition"].as_str().is_some_and(|condition| !scope.holds(condition)) {
            resolved["Resources"].as_object_mut().expect("resources").remove(name);
        }
    }
    resolved
}

struct Scope<'a> {
    template: &'a Value,
    given: &'a [(&'a str, &'a str)],
}

impl Scope<'_> {
    /// What a parameter is.
    fn parameter(&self, name: &str) -> Option<Value> {
        let parameter = self.template["Parameters"].get(name)?;
        if let Some((_, given)) = self.given.iter().find(|(other, _)| *other == name) {
            return Some(Value::from(*given));
        }
        let default = parameter.get("Default").cloned();
        Some(default.unwrap_or_else(|| Value::from(vec![Value::from("an id of the caller's")])))
    }

    fn holds(&self, condition: &str) -> bool {
        self.truth(&self.template["Conditions"][condition])
    }

    fn truth(&self, condition: &Value) -> bool {
        if let Some([inner]) = condition["Fn::Not"].as_array().map(Vec::as_slice) {
            return !self.truth(inner);
        }
        let Some([one, other]) = condition["Fn::Equals"].as_array().map(Vec::as_slice) else {
            panic!("a condition of another kind: {condition}")
        };
        self.value(one) == self.value(other)
    }

    /// `None` for what is left out.
    fn value(&self, value: &Value) -> Option<Value> {
        match value {
            Value::Array(items) => Some(items.iter().filter_map(|item| self.value(item)).collect()),
            Value::Object(object) => self.object(object),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Some(value.clone()),
        }
    }

    fn object(&self, object: &Map<String, Value>) -> Option<Value> {
        if let Some(name) = object.get("Ref").and_then(Value::as_str) {
            if name == "AWS::NoValue" {
                return None;
            }
            if let Some(value) = self.parameter(name) {
                return Some(value);
            }
        }
        if let Some([condition, one, other]) =
            object.get("Fn::If").and_then(Value::as_array).map(Vec::as_slice)
        {
            let holds = self.holds(condition.as_str().expect("a condition's name"));
            return self.value(if holds { one } else { other });
        }
        if let Some(text) = object.get("Fn::Sub").and_then(Value::as_str) {
            return Some(self.substituted(text));
        }
        let members = object.iter().filter_map(|(key, value)| Some((key.clone(), self.value(value)?)));
        Some(Value::Object(members.collect()))
    }

    fn substituted(&self, text: &str) -> Value {
        let parameters = self.template["Parameters"].as_object();
        let names = parameters.into_iter().flat_map(Map::keys);
        let mut text = text.to_owned();
        for name in names {
            if let Some(Value::String(value)) = self.parameter(name) {
                text = text.replace(&format!("${{{name}}}"), &value);
            }
        }
        if text.contains("${") { serde_json::json!({ "Fn::Sub": text }) } else { Value::from(text) }
    }
}

#[test]
fn a_template_is_resolved_as_cloudformation_does() {
    use serde_json::json;
    let template = json!({
        "Parameters": { "Stage": { "Default": "" } },
        "Conditions": { "HasStage": { "Fn::Not": [{ "Fn::Equals": [{ "Ref": "Stage" }, ""] }] } },
        "Resources": {
            "A": { "Name": { "Fn::If": ["HasStage", { "Fn::Sub": "a-${Stage}" }, "a"] }, "Of": { "Fn::Sub": "${B}-${Stage}" } },
            "B": { "Condition": "HasStage" },
            "C": [{ "Fn::If": ["HasStage", 1, { "Ref": "AWS::NoValue" }] }],
        },
    });
    let resources = |given: &[(&str, &str)]| resolved(&template, given)["Resources"].clone();
    assert_eq!(resources(&[]), json!({ "A": { "Name": "a", "Of": { "Fn::Sub": "${B}-" } }, "C": [] }));
    let prod = resources(&[("Stage", "prod")]);
    assert_eq!(prod["A"], json!({ "Name": "a-prod", "Of": { "Fn::Sub": "${B}-prod" } }));
    assert_eq!((&prod["B"], &prod["C"]), (&json!({ "Condition": "HasStage" }), &json!([1])));
}
