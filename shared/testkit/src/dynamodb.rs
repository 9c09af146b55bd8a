//! A DynamoDB in memory, behind the real SDK: it speaks the wire format and knows what the catalog uses of it.
//!
//! It can be told to misbehave as the real one does: to lose an answer after a write took effect, to cancel transactions,
//! to throttle. Pages are two items long, so that every query pages. A transaction is refused where DynamoDB would refuse it
//! for its size.

mod expression;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use serde_json::{Map, Value, json};

use expression::{Placeholders, holds, update};

type Item = Map<String, Value>;

/// Items of a page.
const PAGE: usize = 2;

/// What DynamoDB takes in one transaction. Source: quotas of `TransactWriteItems`.
const MOST_WRITES: usize = 100;
const MOST_BYTES: usize = 4 << 20;

/// How the next write misbehaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The write takes effect and is answered.
    Well,
    /// The write takes effect, its answer is lost.
    LoseAnswer,
    /// Nothing takes effect; a transaction is said to conflict with another.
    Conflict,
    /// Nothing takes effect; throttled.
    Throttle,
    /// Nothing takes effect, and there is never an answer: the place at which a test lets the writer die.
    Hang,
}

#[derive(Default)]
struct State {
    items: BTreeMap<(String, String), Item>,
    faults: VecDeque<Fault>,
    hold: Option<String>,
    queries: Vec<Value>,
}

/// Where a request waits, and where the test waits for it.
#[derive(Default)]
struct Gate {
    arrived: tokio::sync::Notify,
    released: tokio::sync::Notify,
}

/// The database. Clones share their content.
#[derive(Clone, Default)]
pub struct Memory(Arc<Mutex<State>>, Arc<Gate>);

impl std::fmt::Debug for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Memory")
    }
}

impl Memory {
    /// A client without retries of its own: what the catalog survives, it survives by itself.
    pub fn client(&self) -> aws_sdk_dynamodb::Client {
        crate::client!(aws_sdk_dynamodb, http_client(self.clone()))
    }

    /// A database with these items, in DynamoDB's JSON.
    pub fn holding(items: &Value) -> Self {
        let memory = Self::default();
        let items: Vec<Item> = serde_json::from_value(items.clone()).expect("a list of items");
        let mut state = memory.0.lock().unwrap_or_else(PoisonError::into_inner);
        items.into_iter().for_each(|item| state.put(item));
        drop(state);
        memory
    }

    /// All items by their keys, in DynamoDB's JSON.
    pub fn items(&self) -> Value {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).items.values().cloned().map(Value::Object).collect()
    }

    /// The queries that were asked since the last look.
    pub fn take_queries(&self) -> Vec<Value> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner).queries)
    }

    /// Lets the next writes misbehave in this way, one after another.
    pub fn misbehave(&self, faults: impl IntoIterator<Item = Fault>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).faults.extend(faults);
    }

    /// The next request of that operation, or that reads the item of that sort key, waits on its way until `release`.
    pub fn hold(&self, what: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).hold = Some(what.to_owned());
    }

    /// Resolves once a write hangs, or a request is held.
    pub async fn waits(&self) {
        self.1.arrived.notified().await;
    }

    /// Lets the held request go on, late.
    pub fn release(&self) {
        self.1.released.notify_one();
    }

    /// Whether this request is the one to hold.
    fn holds(&self, operation: &str, body: &Value) -> bool {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let read = (operation == "GetItem").then(|| body["Key"]["sk"]["S"].as_str()).flatten();
        state.hold.take_if(|what| what == operation || Some(what.as_str()) == read).is_some()
    }

    fn answer(&self, operation: &str, body: &Value) -> Result<Value, Refusal> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match operation {
            "GetItem" => Ok(state.get(&body["Key"]).map_or(json!({}), |item| json!({"Item": item}))),
            "Query" => {
                state.queries.push(body.clone());
                Ok(state.query(body))
            }
            _ => match state.faults.pop_front().unwrap_or(Fault::Well) {
                Fault::Conflict if operation == "TransactWriteItems" => Err(cancelled(&["TransactionConflict"])),
                Fault::Conflict | Fault::Throttle => Err(Refusal::Error("ThrottlingException", json!({}))),
                Fault::Hang => Err(Refusal::Never),
                Fault::LoseAnswer => {
                    let _ = state.write(operation, body);
                    Err(Refusal::Silence)
                }
                Fault::Well => state.write(operation, body),
            },
        }
    }
}

enum Refusal {
    Error(&'static str, Value),
    Silence,
    Never,
}

fn cancelled(codes: &[&str]) -> Refusal {
    let reasons: Vec<Value> = codes.iter().map(|code| json!({"Code": code})).collect();
    Refusal::Error("TransactionCanceledException", json!({"CancellationReasons": reasons}))
}

/// The attributes of the item that the query asks for.
fn projected(item: &Item, query: &Value) -> Item {
    let Some(fields) = query["ProjectionExpression"].as_str() else { return item.clone() };
    let name = |field: &str| query["ExpressionAttributeNames"][field].as_str().unwrap_or(field).to_owned();
    let asked: Vec<String> = fields.split(',').map(|field| name(field.trim())).collect();
    item.iter().filter(|(name, _)| asked.contains(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn key(of: &Value) -> (String, String) {
    let part = |name: &str| of[name]["S"].as_str().expect("keys are text").to_owned();
    (part("pk"), part("sk"))
}

impl State {
    fn get(&self, of: &Value) -> Option<&Item> {
        self.items.get(&key(of))
    }

    fn write(&mut self, operation: &str, body: &Value) -> Result<Value, Refusal> {
        match operation {
            "PutItem" | "UpdateItem" => {
                let kind = if operation == "PutItem" { "Put" } else { "Update" };
                let item = self
                    .outcome(kind, body)
                    .ok_or_else(|| Refusal::Error("ConditionalCheckFailedException", json!({})))?;
                self.put(item);
            }
            "TransactWriteItems" => {
                let writes = body["TransactItems"].as_array().expect("writes");
                // Measured as the request has it, which is somewhat more than what DynamoDB counts.
                if writes.len() > MOST_WRITES || body.to_string().len() > MOST_BYTES {
                    return Err(Refusal::Error("ValidationException", json!({})));
                }
                let outcomes: Vec<Option<Item>> = writes
                    .iter()
                    .flat_map(|write| write.as_object().expect("a write"))
                    .map(|(kind, write)| self.outcome(kind, write))
                    .collect();
                let codes: Vec<&str> =
                    outcomes.iter().map(|o| if o.is_some() { "None" } else { "ConditionalCheckFailed" }).collect();
                if outcomes.iter().any(Option::is_none) {
                    return Err(cancelled(&codes));
                }
                outcomes.into_iter().flatten().for_each(|item| self.put(item));
            }
            other => panic!("the catalog does not use {other}"),
        }
        Ok(json!({}))
    }

    /// The item after the write; `None` if its condition does not hold.
    fn outcome(&self, kind: &str, write: &Value) -> Option<Item> {
        let target = if kind == "Put" { &write["Item"] } else { &write["Key"] };
        let old = self.get(target).cloned().unwrap_or_default();
        let env =
            Placeholders { names: &write["ExpressionAttributeNames"], values: &write["ExpressionAttributeValues"] };
        let condition = write["ConditionExpression"].as_str();
        if condition.is_some_and(|condition| !holds(condition, &old, &env)) {
            return None;
        }
        let target = target.as_object().expect("an item").clone();
        Some(match write["UpdateExpression"].as_str() {
            None => target,
            Some(expression) => {
                let mut item = update(expression, &old, &env);
                item.extend(target);
                item
            }
        })
    }

    fn put(&mut self, item: Item) {
        self.items.insert(key(&Value::Object(item.clone())), item);
    }

    fn query(&self, body: &Value) -> Value {
        let value = |name: &str| body["ExpressionAttributeValues"][name]["S"].as_str().unwrap_or_default();
        let condition = body["KeyConditionExpression"].as_str().expect("a condition");
        let mut found: Vec<&Item> = if body["IndexName"] == "pending" {
            let of_partition =
                |item: &&Item| item.get("pending").is_some_and(|pending| pending["S"] == value(":value"));
            let mut items: Vec<&Item> = self.items.values().filter(of_partition).collect();
            items.sort_by_key(|item| item["pending_since"]["N"].as_str().and_then(|n| n.parse::<i64>().ok()));
            items
        } else {
            let in_range = |sk: &str| {
                if condition.contains("BETWEEN") {
                    value(":from") <= sk && sk <= value(":to")
                } else {
                    sk.starts_with(value(":prefix"))
                }
            };
            self.items.iter().filter(|((pk, sk), _)| pk == value(":pk") && in_range(sk)).map(|(_, item)| item).collect()
        };
        if body["ScanIndexForward"] == false {
            found.reverse();
        }
        let start = body["ExclusiveStartKey"].as_object();
        let from = start.map_or(0, |start| {
            let same = |item: &&Item| item["pk"] == start["pk"] && item["sk"] == start["sk"];
            found.iter().position(same).map_or(found.len(), |at| at + 1)
        });
        let limit = body["Limit"].as_u64().map_or(PAGE, |limit| usize::try_from(limit).unwrap_or(PAGE).min(PAGE));
        let page: Vec<&Item> = found[from..].iter().take(limit).copied().collect();
        let items: Vec<Item> = page.iter().map(|item| projected(item, body)).collect();
        let mut answer = json!({"Items": items, "Count": page.len()});
        if from + page.len() < found.len() {
            let last = page.last().expect("a page before the last is not empty");
            answer["LastEvaluatedKey"] = json!({"pk": last["pk"], "sk": last["sk"]});
        }
        answer
    }
}

impl HttpConnector for Memory {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").expect("a target").to_owned();
        let operation = target.rsplit('.').next().expect("an operation").to_owned();
        let body: Value = serde_json::from_slice(request.body().bytes().expect("a body in memory")).expect("JSON");
        let memory = self.clone();
        HttpConnectorFuture::new(async move {
            // Lets other tasks in between any two requests, as a network would.
            tokio::task::yield_now().await;
            if memory.holds(&operation, &body) {
                memory.1.arrived.notify_one();
                memory.1.released.notified().await;
            }
            let (status, body) = match memory.answer(&operation, &body) {
                Ok(body) => (200, body),
                Err(Refusal::Never) => {
                    memory.1.arrived.notify_one();
                    return std::future::pending().await;
                }
                Err(Refusal::Silence) => return Err(ConnectorError::io("the answer was lost".into())),
                Err(Refusal::Error(code, mut body)) => {
                    body["__type"] = json!(format!("com.amazonaws.dynamodb.v20120810#{code}"));
                    (400, body)
                }
            };
            let status = u16::try_from(status).expect("a status").try_into().expect("a status");
            Ok(HttpResponse::new(status, SdkBody::from(body.to_string())))
        })
    }
}

impl HttpClient for Memory {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}
