//! A store in a table of DynamoDB, whose partition key is the attribute `owner` and whose sort key is `key`, both text.
//!
//! A value is in the attribute `value`, as bytes, or in `number`, if it was incremented. Each write sets another `version`, which is
//! random: a value that was removed and set again is another one. Requests are signed for the role of the function.

mod answer;
mod client;
mod error;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::backend::{
    Backend, Budget, Call, Increment, Item, Page, Replacement, StoreError, Swapped, Version,
};
use super::bounds::MAX_PAGE;
use crate::aws::ClientError;
use answer::{Stored, item_of, key_of, keyed};
pub(super) use client::Table;
use client::{Ask, Repeat};
pub(super) use error::DynamoDbError;

/// The keys of one BatchGetItem, of which AWS takes 100. It returns at most 16 MB, and names the keys that it has left out.
const MAX_GET: usize = 100;
/// The keys of one BatchWriteItem.
const MAX_WRITE: usize = 25;
/// How often an increment is tried on bytes that others change meanwhile.
const MAX_TRIES: usize = 5;

/// The keys of one item.
fn key(call: &Call, key: &str) -> Value {
    json!({ "owner": { "S": &*call.partition }, "key": { "S": key } })
}

/// The item with a value, as a whole.
fn item(call: &Call, key: &str, value: &[u8], version: Version) -> Value {
    json!({
        "owner": { "S": &*call.partition },
        "key": { "S": key },
        "value": { "B": answer::encoded(value) },
        "version": { "S": answer::text_of(version) },
    })
}

impl Table {
    /// The value of a key as it is now.
    fn read(&self, call: &Call, name: &str, consistently: bool) -> Result<Option<Item>, StoreError> {
        let body =
            json!({ "TableName": self.name(), "Key": key(call, name), "ConsistentRead": consistently });
        let answer = self.ask(call, &Ask::new("GetItem", body, Repeat::Always))?;
        Ok(item_of(&answer["Item"])?.map(Stored::into_item))
    }

    /// Adds to a number, or to nothing. `None` if the value is bytes, or the sum is out of range.
    fn add(&self, call: &Call, name: &str, increment: Increment) -> Result<Option<i128>, StoreError> {
        let Increment { delta, least, most } = increment;
        let (low, high) = (least.saturating_sub(delta), most.saturating_sub(delta));
        // A number that is not there is 0.
        let absent = if (low..=high).contains(&0) { "attribute_not_exists(#n) OR " } else { "" };
        let body = json!({
            "TableName": self.name(),
            "Key": key(call, name),
            "UpdateExpression": "ADD #n :delta SET #w = :version",
            "ConditionExpression": format!("attribute_not_exists(#v) AND ({absent}#n BETWEEN :low AND :high)"),
            "ExpressionAttributeNames": { "#n": "number", "#v": "value", "#w": "version" },
            "ExpressionAttributeValues": {
                ":delta": { "N": delta.to_string() },
                ":low": { "N": low.to_string() },
                ":high": { "N": high.to_string() },
                ":version": { "S": answer::text_of(Version::fresh()?) },
            },
            "ReturnValues": "UPDATED_NEW",
        });
        match self.ask(call, &Ask::new("UpdateItem", body, Repeat::IfRefused)) {
            Ok(answer) => Ok(Some(answer::number_of(&answer["Attributes"]).ok_or(DynamoDbError::Answer)?)),
            Err(DynamoDbError::Condition) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Puts an item in the place of this version. Returns whether that was there.
    fn put_if(&self, call: &Call, new: &Value, of: Option<Version>) -> Result<bool, StoreError> {
        let mut body = json!({
            "TableName": self.name(),
            "Item": new,
            "ConditionExpression": if of.is_some() { "#w = :old" } else { "attribute_not_exists(#w)" },
            "ExpressionAttributeNames": { "#w": "version" },
        });
        if let Some(of) = of {
            body["ExpressionAttributeValues"] = json!({ ":old": { "S": answer::text_of(of) } });
        }
        match self.ask(call, &Ask::new("PutItem", body, Repeat::IfRefused)) {
            Ok(_) => Ok(true),
            Err(DynamoDbError::Condition) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Asks for some keys until no more are left over, and collects the items.
    fn get_some(
        &self,
        call: &Call,
        keys: &[&str],
        found: &mut BTreeMap<String, Vec<u8>>,
        budget: &mut Budget,
    ) -> Result<(), StoreError> {
        let keys: Vec<Value> = keys.iter().map(|name| key(call, name)).collect();
        let mut left = json!({ "Keys": keys, "ConsistentRead": self.reads_consistently() });
        for attempt in 0.. {
            let body = json!({ "RequestItems": { self.name(): left } });
            let ask = Ask::new("BatchGetItem", body, Repeat::Always).at_most(budget.left());
            let answer = match self.ask(call, &ask) {
                Err(DynamoDbError::Client(ClientError::TooLarge { .. })) => return Err(StoreError::TooMuch),
                answer => answer?,
            };
            for attributes in answer["Responses"][self.name()].as_array().into_iter().flatten() {
                let (key, stored) = keyed(attributes)?;
                let value = stored.value.into_bytes();
                budget.take(Some(&value))?;
                found.insert(key, value);
            }
            left = answer["UnprocessedKeys"][self.name()].clone();
            if left.is_null() {
                return Ok(());
            }
            client::pause(call, attempt)?;
        }
        Ok(())
    }

    /// Writes some keys until none are left over.
    fn write_some(&self, call: &Call, mut left: Value) -> Result<(), StoreError> {
        for attempt in 0.. {
            let body = json!({ "RequestItems": { self.name(): left } });
            let answer = self.ask(call, &Ask::new("BatchWriteItem", body, Repeat::Always))?;
            left = answer["UnprocessedItems"][self.name()].clone();
            if left.is_null() {
                break;
            }
            client::pause(call, attempt)?;
        }
        Ok(())
    }
}

impl Backend for Table {
    fn blocks(&self) -> bool {
        true
    }

    fn get(&self, call: &Call, name: &str) -> Result<Option<Item>, StoreError> {
        self.read(call, name, self.reads_consistently())
    }

    fn exists(&self, call: &Call, name: &str) -> Result<bool, StoreError> {
        let body = json!({
            "TableName": self.name(),
            "Key": key(call, name),
            "ConsistentRead": self.reads_consistently(),
            "ProjectionExpression": "#k",
            "ExpressionAttributeNames": { "#k": "key" },
        });
        let answer = self.ask(call, &Ask::new("GetItem", body, Repeat::Always))?;
        Ok(!answer["Item"].is_null())
    }

    fn set(&self, call: &Call, name: &str, value: &[u8]) -> Result<(), StoreError> {
        let body = json!({ "TableName": self.name(), "Item": item(call, name, value, Version::fresh()?) });
        self.ask(call, &Ask::new("PutItem", body, Repeat::Always))?;
        Ok(())
    }

    fn delete(&self, call: &Call, name: &str) -> Result<(), StoreError> {
        let body = json!({ "TableName": self.name(), "Key": key(call, name) });
        self.ask(call, &Ask::new("DeleteItem", body, Repeat::Always))?;
        Ok(())
    }

    fn list(&self, call: &Call, after: Option<&str>) -> Result<Page, StoreError> {
        let mut body = json!({
            "TableName": self.name(),
            "KeyConditionExpression": "#o = :owner",
            "ProjectionExpression": "#k",
            "ExpressionAttributeNames": { "#o": "owner", "#k": "key" },
            "ExpressionAttributeValues": { ":owner": { "S": &*call.partition } },
            "ConsistentRead": self.reads_consistently(),
            "Limit": MAX_PAGE,
        });
        if let Some(after) = after {
            body["ExclusiveStartKey"] = key(call, after);
        }
        let answer = self.ask(call, &Ask::new("Query", body, Repeat::Always))?;
        let items = answer["Items"].as_array().into_iter().flatten();
        let keys = items.map(key_of).collect::<Result<_, _>>()?;
        let last = &answer["LastEvaluatedKey"];
        let next = if last.is_null() { None } else { Some(key_of(last)?) };
        Ok(Page { keys, next })
    }

    fn increment(&self, call: &Call, name: &str, increment: Increment) -> Result<i128, StoreError> {
        for _ in 0..MAX_TRIES {
            if let Some(sum) = self.add(call, name, increment)? {
                return Ok(sum);
            }
            // Bytes that are a number become one.
            let old = self.read(call, name, true)?;
            let sum = increment.on_value(old.as_ref().map(|item| item.value.as_slice()))?;
            let Some(old) = old else { continue };
            let new = json!({
                "owner": { "S": &*call.partition },
                "key": { "S": name },
                "number": { "N": sum.to_string() },
                "version": { "S": answer::text_of(Version::fresh()?) },
            });
            if self.put_if(call, &new, Some(old.version))? {
                return Ok(sum);
            }
            call.check()?;
        }
        Err(StoreError::Contended)
    }

    fn swap(&self, call: &Call, name: &str, replacement: &Replacement) -> Result<Swapped, StoreError> {
        let new = item(call, name, &replacement.value, Version::fresh()?);
        if self.put_if(call, &new, replacement.of)? {
            return Ok(Swapped::Done);
        }
        // It could come with the answer, but of an answer that reports an error only a part is read.
        Ok(Swapped::Lost(self.read(call, name, true)?))
    }

    fn get_many(&self, call: &Call, keys: &[String]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        // AWS refuses a key that comes twice.
        let distinct: Vec<&str> =
            keys.iter().map(String::as_str).collect::<BTreeSet<_>>().into_iter().collect();
        let (mut found, mut budget) = (BTreeMap::new(), Budget::of(call));
        for some in distinct.chunks(MAX_GET) {
            call.check()?;
            self.get_some(call, some, &mut found, &mut budget)?;
        }
        // A value goes to the guest as often as it asks for it.
        let mut budget = Budget::of(call);
        let value = |key: &String| {
            let value = found.get(key).cloned();
            budget.take(value.as_ref()).map(|()| value)
        };
        keys.iter().map(value).collect()
    }

    fn set_many(&self, call: &Call, pairs: &[(String, Vec<u8>)]) -> Result<(), StoreError> {
        let distinct: BTreeMap<&str, &[u8]> =
            pairs.iter().map(|(key, value)| (key.as_str(), value.as_slice())).collect();
        let distinct: Vec<(&str, &[u8])> = distinct.into_iter().collect();
        for some in distinct.chunks(MAX_WRITE) {
            call.check()?;
            let puts = some.iter().map(|(name, value)| {
                Ok(json!({ "PutRequest": { "Item": item(call, name, value, Version::fresh()?) } }))
            });
            self.write_some(call, Value::Array(puts.collect::<Result<_, StoreError>>()?))?;
        }
        Ok(())
    }

    fn delete_many(&self, call: &Call, keys: &[String]) -> Result<(), StoreError> {
        let distinct: Vec<&str> =
            keys.iter().map(String::as_str).collect::<BTreeSet<_>>().into_iter().collect();
        for some in distinct.chunks(MAX_WRITE) {
            call.check()?;
            let deletes = some.iter().map(|name| json!({ "DeleteRequest": { "Key": key(call, name) } }));
            self.write_some(call, deletes.collect())?;
        }
        Ok(())
    }
}
