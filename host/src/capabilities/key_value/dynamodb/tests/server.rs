//! A server that speaks as much of the protocol of DynamoDB as the store uses. It leaves some keys of each batch over, as AWS does
//! when it is busy.

use std::collections::{BTreeMap, VecDeque};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex};

use serde_json::{Map, Value, json};

/// Credentials that only this server accepts.
pub(super) struct Vars;

impl crate::policy::Vars for Vars {
    fn get(&self, name: &str) -> Option<String> {
        match name {
            "AWS_ACCESS_KEY_ID" => Some("AKIDEXAMPLE".to_owned()),
            "AWS_SECRET_ACCESS_KEY" => Some("secret".to_owned()),
            _ => None,
        }
    }
}

/// An answer whatever is asked.
#[derive(Clone)]
pub(super) enum Prepared {
    /// With this status and this body.
    Reply(&'static str, String),
    /// The connection is closed without an answer.
    Close,
    /// No answer comes.
    Silence,
}

/// The largest item.
const MAX_ITEM: usize = 400 * 1024;

pub(super) struct Fake {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    pub(super) unprocessed: Arc<AtomicUsize>,
}

#[derive(Default)]
struct State {
    prepared: VecDeque<Prepared>,
    items: BTreeMap<(String, String), Map<String, Value>>,
    heads: Vec<String>,
    unprocessed: Arc<AtomicUsize>,
}

impl Fake {
    /// One that gives these answers first.
    pub(super) fn prepared(answers: &[Prepared]) -> Self {
        let fake = Self::start();
        fake.state.lock().unwrap().prepared = answers.to_vec().into();
        fake
    }

    pub(super) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (state, unprocessed) = (Arc::<Mutex<State>>::default(), Arc::<AtomicUsize>::default());
        state.lock().unwrap().unprocessed = Arc::clone(&unprocessed);
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (mut stream, state) = (stream.unwrap(), Arc::clone(&shared));
                std::thread::spawn(move || while serve(&mut stream, &state).is_some() {});
            }
        });
        Self { address, state, unprocessed }
    }

    pub(super) fn uri(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn keys(&self) -> Vec<(String, String)> {
        self.state.lock().unwrap().items.keys().cloned().collect()
    }

    pub(super) fn heads(&self) -> Vec<String> {
        self.state.lock().unwrap().heads.clone()
    }
}

/// Answers one request; `None` if the client has closed the connection.
fn serve(stream: &mut TcpStream, state: &Mutex<State>) -> Option<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let header = |name: &str| {
        let line = head.lines().find(|line| line.to_ascii_lowercase().starts_with(&format!("{name}: ")))?;
        Some(line.split_once(": ").unwrap().1.to_owned())
    };
    let mut body = vec![0; header("content-length")?.parse().unwrap()];
    stream.read_exact(&mut body).ok()?;
    let target = header("x-amz-target")?;
    let mut state = state.lock().unwrap();
    state.heads.push(head.clone());
    if let Some(prepared) = state.prepared.pop_front() {
        drop(state);
        return match prepared {
            Prepared::Reply(status, body) => reply(stream, status, &body),
            Prepared::Close => None,
            // Until the client closes the connection.
            Prepared::Silence => {
                let _ = stream.read(&mut [0]);
                Some(())
            }
        };
    }
    let body = serde_json::from_slice(&body).unwrap();
    let (status, answer) = match state.answer(target.strip_prefix("DynamoDB_20120810.").unwrap(), &body) {
        Ok(answer) => ("200 OK", answer),
        Err(code) => {
            ("400 Bad Request", json!({ "__type": format!("com.amazonaws#{code}"), "message": "no" }))
        }
    };
    reply(stream, status, &answer.to_string())
}

fn reply(stream: &mut TcpStream, status: &str, body: &str) -> Option<()> {
    write!(stream, "HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).ok()
}

fn place(key: &Value) -> (String, String) {
    let text = |name: &str| key[name]["S"].as_str().unwrap().to_owned();
    (text("owner"), text("key"))
}

fn size(item: &Map<String, Value>) -> usize {
    let value = |value: &Value| {
        let text = value.as_object().unwrap().values().next().unwrap().as_str().unwrap();
        if value["B"].is_null() { text.len() } else { text.len() / 4 * 3 }
    };
    item.iter().map(|(name, content)| name.len() + value(content)).sum()
}

fn number(value: &Value) -> i128 {
    value["N"].as_str().unwrap().parse().unwrap()
}

/// As AWS does, this refuses too many keys, and one that comes twice.
fn distinct(
    list: &Value,
    most: usize,
    of: impl Fn(&Value) -> (String, String),
) -> Result<Vec<Value>, &'static str> {
    let list = list.as_array().unwrap();
    let mut places: Vec<_> = list.iter().map(of).collect();
    places.sort();
    places.dedup();
    let is_right = places.len() == list.len() && (1..=most).contains(&list.len());
    if is_right { Ok(list.clone()) } else { Err("ValidationException") }
}

impl State {
    fn answer(&mut self, operation: &str, body: &Value) -> Result<Value, &'static str> {
        assert!(body["TableName"] == "tenants" || body["RequestItems"]["tenants"] != Value::Null, "{body}");
        match operation {
            "GetItem" => {
                let item = self.items.get(&place(&body["Key"]));
                Ok(item.map_or_else(|| json!({}), |item| json!({ "Item": item })))
            }
            "PutItem" => self.put(body),
            "DeleteItem" => {
                self.items.remove(&place(&body["Key"]));
                Ok(json!({}))
            }
            "UpdateItem" => self.update(body),
            "Query" => Ok(self.query(body)),
            "BatchGetItem" => self.get_many(&body["RequestItems"]["tenants"]["Keys"]),
            "BatchWriteItem" => self.write_many(&body["RequestItems"]["tenants"]),
            other => panic!("{other}"),
        }
    }

    fn put(&mut self, body: &Value) -> Result<Value, &'static str> {
        let (place, item) = (place(&body["Item"]), body["Item"].as_object().unwrap());
        let now = self.items.get(&place);
        let is_met = match body["ConditionExpression"].as_str() {
            None => true,
            Some("attribute_not_exists(#w)") => now.is_none(),
            Some("#w = :old") => {
                now.is_some_and(|now| now["version"] == body["ExpressionAttributeValues"][":old"])
            }
            Some(other) => panic!("{other}"),
        };
        if size(item) > MAX_ITEM {
            return Err("ValidationException");
        }
        if !is_met {
            return Err("ConditionalCheckFailedException");
        }
        self.items.insert(place, item.clone());
        Ok(json!({}))
    }

    fn update(&mut self, body: &Value) -> Result<Value, &'static str> {
        assert_eq!(body["UpdateExpression"], "ADD #n :delta SET #w = :version");
        let (place, values) = (place(&body["Key"]), &body["ExpressionAttributeValues"]);
        let condition = body["ConditionExpression"].as_str().unwrap();
        let now = self.items.get(&place);
        let found = now.and_then(|now| now.get("number")).map(number);
        let is_within = match found {
            Some(found) => (number(&values[":low"])..=number(&values[":high"])).contains(&found),
            None => condition.contains("attribute_not_exists(#n) OR"),
        };
        if now.is_some_and(|now| now.contains_key("value")) || !is_within {
            return Err("ConditionalCheckFailedException");
        }
        let sum = json!({ "N": (found.unwrap_or(0) + number(&values[":delta"])).to_string() });
        let item = self.items.entry(place.clone()).or_default();
        item.insert("owner".to_owned(), json!({ "S": place.0 }));
        item.insert("key".to_owned(), json!({ "S": place.1 }));
        item.insert("version".to_owned(), values[":version"].clone());
        item.insert("number".to_owned(), sum.clone());
        Ok(json!({ "Attributes": { "number": sum, "version": values[":version"] } }))
    }

    fn query(&self, body: &Value) -> Value {
        let owner = body["ExpressionAttributeValues"][":owner"]["S"].as_str().unwrap();
        let start = &body["ExclusiveStartKey"];
        let start = if start.is_null() { String::new() } else { place(start).1 };
        let limit = usize::try_from(body["Limit"].as_u64().unwrap()).unwrap();
        let own = self.items.keys().filter(|(of, key)| of == owner && *key > start);
        let keys: Vec<&String> = own.map(|(_, key)| key).take(limit).collect();
        let items: Vec<Value> = keys.iter().map(|key| json!({ "key": { "S": key } })).collect();
        let mut answer = json!({ "Items": items });
        // AWS gives a cursor also behind the last one, if that fills the part.
        if keys.len() == limit {
            answer["LastEvaluatedKey"] = json!({ "owner": { "S": owner }, "key": { "S": keys[limit - 1] } });
        }
        answer
    }

    fn get_many(&self, keys: &Value) -> Result<Value, &'static str> {
        let keys = distinct(keys, 100, place)?;
        let (done, left) = self.shared(&keys);
        let found: Vec<_> = done.iter().filter_map(|key| self.items.get(&place(key))).collect();
        let mut answer = json!({ "Responses": { "tenants": found }, "UnprocessedKeys": {} });
        if !left.is_empty() {
            answer["UnprocessedKeys"] = json!({ "tenants": { "Keys": left } });
        }
        Ok(answer)
    }

    fn write_many(&mut self, writes: &Value) -> Result<Value, &'static str> {
        let of = |write: &Value| {
            let item = &write["PutRequest"]["Item"];
            place(if item.is_null() { &write["DeleteRequest"]["Key"] } else { item })
        };
        let writes = distinct(writes, 25, of)?;
        let (done, left) = self.shared(&writes);
        for write in &done {
            match write["PutRequest"]["Item"].as_object() {
                Some(item) => drop(self.items.insert(of(write), item.clone())),
                None => drop(self.items.remove(&of(write))),
            }
        }
        let left = if left.is_empty() { json!({}) } else { json!({ "tenants": left }) };
        Ok(json!({ "UnprocessedItems": left }))
    }

    /// What is done at once, and what is left over: of each tenth batch, the second half.
    fn shared(&self, list: &[Value]) -> (Vec<Value>, Vec<Value>) {
        let is_busy = self.heads.len().is_multiple_of(10);
        let (done, left) = list.split_at(if is_busy { list.len().div_ceil(2) } else { list.len() });
        self.unprocessed.fetch_add(left.len(), Relaxed);
        (done.to_vec(), left.to_vec())
    }
}
