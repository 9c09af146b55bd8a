//! Whether a queue can lose messages: a bridge does not start on one that can.
//!
//! AMQP cannot read a queue's arguments. The management API can, policies included; where there is none, a queue is
//! declared again with the arguments that it should have, and the broker's refusal names one that differs.

use std::fmt;

use anyhow::{Context, bail};
use lapin::options::QueueDeclareOptions;
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Connection, ErrorKind};
use serde::Deserialize;
use tokio::time::timeout;
use url::Url;

use crate::broker::{self, PATIENCE};

/// What an argument must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Must {
    /// This text.
    Be(&'static str),
    /// True.
    BeTrue,
    /// Any text.
    BeText,
    /// Any number.
    BeNumber,
}

/// An argument that a queue must have, and how policies call it, if they can set it.
#[derive(Debug, Clone, Copy)]
struct Argument {
    name: &'static str,
    policy: Option<&'static str>,
    must: Must,
    why: &'static str,
}

const ARGUMENTS: [Argument; 6] = [
    Argument {
        name: "x-queue-type",
        policy: None,
        must: Must::Be("quorum"),
        why: "only quorum queues keep order and messages when a node fails",
    },
    Argument {
        name: "x-single-active-consumer",
        policy: None,
        must: Must::BeTrue,
        why: "two consumers would share the messages and break their order",
    },
    Argument {
        name: "x-delivery-limit",
        policy: Some("delivery-limit"),
        must: Must::BeNumber,
        why: "the broker's default drops messages after 20 deliveries; 1000 is good",
    },
    Argument {
        name: "x-dead-letter-exchange",
        policy: Some("dead-letter-exchange"),
        must: Must::BeText,
        why: "without one, messages over the delivery limit are dropped",
    },
    Argument {
        name: "x-dead-letter-strategy",
        policy: Some("dead-letter-strategy"),
        must: Must::Be("at-least-once"),
        why: "the default may lose messages on their way to the dead-letter exchange",
    },
    Argument {
        name: "x-overflow",
        policy: Some("overflow"),
        must: Must::Be("reject-publish"),
        why: "the default drops the oldest messages of a full queue",
    },
];

/// An argument's value as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Value {
    Text(String),
    Number(i64),
    True,
    Other,
}

/// Everything that is wrong with a queue; one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfit {
    queue: String,
    wrong: Vec<String>,
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "queue {} is not fit: {}", self.queue, self.wrong.join("; "))
    }
}

impl Argument {
    /// What is wrong with the value, if something is.
    fn wrong(&self, value: Option<&Value>) -> Option<String> {
        let fine = match (self.must, value) {
            (Must::Be(expected), Some(Value::Text(text))) => text == expected,
            (Must::BeTrue, Some(Value::True)) => true,
            (Must::BeText, Some(Value::Text(text))) => !text.is_empty(),
            (Must::BeNumber, Some(Value::Number(_))) => true,
            _ => false,
        };
        let should = match self.must {
            Must::Be(expected) => expected,
            Must::BeTrue => "true",
            Must::BeText => "set",
            Must::BeNumber => "set",
        };
        let state = if value.is_none() { "is missing" } else { "is different" };
        (!fine).then(|| format!("{} {state} (must be {should}: {})", self.name, self.why))
    }
}

/// Where queues are looked up.
pub enum Inspector {
    /// The management API.
    Management(Management),
    /// The broker's refusals.
    Redeclaration,
}

/// The management API of the broker.
pub struct Management {
    client: reqwest::Client,
    url: Url,
    vhost: String,
    user: String,
    password: String,
}

impl Management {
    /// The API at `url`, whose own credentials win over the given ones.
    pub fn new(mut url: Url, vhost: String, user: String, password: String) -> anyhow::Result<Self> {
        let own = (!url.username().is_empty())
            .then(|| (url.username().to_owned(), url.password().unwrap_or_default().to_owned()));
        let (user, password) = own.unwrap_or((user, password));
        // So that no error shows them.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        let client = reqwest::Client::builder().timeout(PATIENCE).build()?;
        Ok(Self { client, url, vhost, user, password })
    }

    async fn queue(&self, queue: &str) -> anyhow::Result<Option<Described>> {
        let mut url = self.url.clone();
        match url.path_segments_mut() {
            Ok(mut path) => path.pop_if_empty().extend(["api", "queues", &self.vhost, queue]),
            Err(()) => bail!("FOZ_MANAGEMENT_URL is not a web address"),
        };
        let answer = self.client.get(url).basic_auth(&self.user, Some(&self.password)).send().await?;
        match answer.status().as_u16() {
            404 => Ok(None),
            _ => Ok(Some(answer.error_for_status()?.json().await?)),
        }
    }
}

#[derive(Debug, Deserialize)]
struct Described {
    #[serde(default)]
    arguments: serde_json::Map<String, serde_json::Value>,
    // An empty list, not an empty object, where no policy applies.
    #[serde(default)]
    effective_policy_definition: serde_json::Value,
}

impl Described {
    fn value(&self, argument: &Argument) -> Option<Value> {
        let own = self.arguments.get(argument.name);
        let policy = argument.policy.and_then(|name| self.effective_policy_definition.get(name));
        Some(match own.or(policy)? {
            serde_json::Value::String(text) => Value::Text(text.clone()),
            serde_json::Value::Bool(true) => Value::True,
            serde_json::Value::Number(number) => number.as_i64().map_or(Value::Other, Value::Number),
            _ => Value::Other,
        })
    }
}

/// Looks at one queue. `None`: it is fit.
///
/// # Errors
/// If the broker or its management API does not answer.
pub async fn inspect(inspector: &Inspector, connection: &Connection, queue: &str) -> anyhow::Result<Option<Unfit>> {
    let wrong = match inspector {
        Inspector::Management(management) => {
            match management.queue(queue).await.context("asking the management API")? {
                None => vec![missing()],
                Some(described) => {
                    ARGUMENTS.iter().filter_map(|argument| argument.wrong(described.value(argument).as_ref())).collect()
                }
            }
        }
        Inspector::Redeclaration => redeclare(connection, queue).await?,
    };
    Ok((!wrong.is_empty()).then(|| Unfit { queue: queue.to_owned(), wrong }))
}

fn missing() -> String {
    "it does not exist (`foz queues` prints the right declaration)".to_owned()
}

/// Declares the queue again and again, each time with what the last refusal taught, until the broker agrees.
async fn redeclare(connection: &Connection, queue: &str) -> anyhow::Result<Vec<String>> {
    let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    match declare(connection, queue, passive, FieldTable::default()).await? {
        Declared::Agreed => {}
        Declared::Absent => return Ok(vec![missing()]),
        Declared::Refused(text) => bail!("the broker refuses to look at queue {queue}: {text}"),
    }
    let mut values: Vec<(&Argument, Option<Value>)> =
        ARGUMENTS.iter().map(|argument| (argument, Some(guess(argument.must)))).collect();
    // Each refusal settles one argument.
    for _ in 0..=ARGUMENTS.len() {
        let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
        let arguments = values.iter().filter_map(|(argument, value)| Some((argument.name, amqp(value.as_ref()?)?)));
        let mut table = FieldTable::default();
        arguments.for_each(|(name, value)| {
            table.insert(name.into(), value);
        });
        match declare(connection, queue, durable, table).await? {
            Declared::Agreed => {
                return Ok(values.iter().filter_map(|(argument, value)| argument.wrong(value.as_ref())).collect());
            }
            Declared::Absent => return Ok(vec![missing()]),
            Declared::Refused(text) => {
                let Some((name, current)) = refusal(&text) else { return Ok(vec![text]) };
                let Some(entry) = values.iter_mut().find(|(argument, _)| argument.name == name) else {
                    // Another argument, which it may have: nothing more can be learnt this way.
                    bail!("queue {queue} has an argument {name} that cannot be checked without FOZ_MANAGEMENT_URL");
                };
                entry.1 = current;
            }
        }
    }
    bail!("the arguments of queue {queue} cannot be found out without FOZ_MANAGEMENT_URL")
}

fn guess(must: Must) -> Value {
    match must {
        Must::Be(text) => Value::Text(text.to_owned()),
        Must::BeTrue => Value::True,
        Must::BeText => Value::Text(String::new()),
        Must::BeNumber => Value::Number(1_000),
    }
}

fn amqp(value: &Value) -> Option<AMQPValue> {
    match value {
        Value::Text(text) => Some(AMQPValue::LongString(text.as_str().into())),
        Value::Number(number) => Some(AMQPValue::LongLongInt(*number)),
        Value::True => Some(AMQPValue::Boolean(true)),
        Value::Other => None,
    }
}

/// The argument that a refusal names, and the value that the queue has.
fn refusal(text: &str) -> Option<(&str, Option<Value>)> {
    let (_, rest) = text.split_once("inequivalent arg '")?;
    let (name, rest) = rest.split_once('\'')?;
    let (_, current) = rest.rsplit_once("current is ")?;
    let quoted = current.strip_prefix("the value '").and_then(|value| value.rsplit_once("' of type '"));
    let value = quoted.map(|(value, kind)| match (value.parse(), value) {
        (Ok(number), _) if !kind.starts_with("longstr") => Value::Number(number),
        (_, "true") if kind.starts_with("bool") => Value::True,
        (_, text) if kind.starts_with("longstr") => Value::Text(text.to_owned()),
        _ => Value::Other,
    });
    // "current is 'quorum'" is how the queue's type is told.
    let bare = || current.trim().trim_matches('\'').trim_end_matches('\'');
    Some((name, value.or_else(|| (current.starts_with('\'')).then(|| Value::Text(bare().to_owned())))))
}

enum Declared {
    Agreed,
    Absent,
    Refused(String),
}

async fn declare(
    connection: &Connection,
    queue: &str,
    options: QueueDeclareOptions,
    arguments: FieldTable,
) -> anyhow::Result<Declared> {
    let channel = broker::channel(connection).await?;
    let declared = timeout(PATIENCE, channel.queue_declare(queue.into(), options, arguments)).await;
    match declared.context("the broker does not answer")? {
        Ok(_) => Ok(Declared::Agreed),
        Err(error) => match (broker::reply_code(&error), error.kind()) {
            (Some(404), _) => Ok(Declared::Absent),
            (Some(_), ErrorKind::ProtocolError(refused)) => Ok(Declared::Refused(refused.get_message().to_string())),
            _ => Err(error).context("declaring a queue"),
        },
    }
}
