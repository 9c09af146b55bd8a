//! Whether a queue can lose messages: a bridge does not start on one that can.
//!
//! AMQP cannot read a queue's arguments. The management API can, policies included; where there is none, a queue is
//! declared again with the arguments that it should have, and the broker's refusal names one that differs.

use std::collections::BTreeMap;
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
    /// At least [`ENOUGH`], or negative: no limit.
    BeEnough,
}

/// How many deliveries a queue must allow. The bridge closes channels itself (to widen the prefetch, to give back before
/// the consumer timeout, after every failure), and each close counts as a delivery of all that was not acknowledged.
const ENOUGH: i64 = 100;

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
        must: Must::BeEnough,
        why: "whenever the bridge closes a channel, which it also does by itself, a delivery of everything unacknowledged \
              is counted, and messages over the limit leave the queue; the broker's default is 20, 1000 is good",
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
    Bool(bool),
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
            (Must::BeTrue, Some(Value::Bool(yes))) => *yes,
            (Must::BeText, Some(Value::Text(text))) => !text.is_empty(),
            (Must::BeEnough, Some(Value::Number(number))) => *number < 0 || *number >= ENOUGH,
            _ => false,
        };
        let should = match self.must {
            Must::Be(expected) => expected,
            Must::BeTrue => "true",
            Must::BeText => "set",
            Must::BeEnough => "at least 100, or -1 for no limit",
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
        let own = self.arguments.get(argument.name).map(Value::of);
        let policy = argument.policy.and_then(|name| self.effective_policy_definition.get(name)).map(Value::of);
        match (own, policy) {
            (Some(Some(Value::Number(own))), Some(Some(Value::Number(policy)))) => {
                Some(Value::Number(effective(own, policy)))
            }
            (own, policy) => own.or(policy)?,
        }
    }
}

/// The limit that holds where both an argument and a policy set one, as the broker decides it: the lower, but one that is
/// negative (none) gives way to the other.
fn effective(own: i64, policy: i64) -> i64 {
    if own < 0 || policy < 0 { own.max(policy) } else { own.min(policy) }
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

/// Declares the queue again and again, each time with what the last refusal taught, until the broker agrees: then the
/// arguments are the queue's own. What a policy sets cannot be seen this way.
async fn redeclare(connection: &Connection, queue: &str) -> anyhow::Result<Vec<String>> {
    let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    match declare(connection, queue, passive, FieldTable::default()).await? {
        Declared::Agreed => {}
        Declared::Absent => return Ok(vec![missing()]),
        Declared::Refused(text) => bail!("the broker refuses to look at queue {queue}: {text}"),
    }
    let mut values: BTreeMap<String, Value> =
        ARGUMENTS.iter().map(|argument| (argument.name.to_owned(), argument.must.guess())).collect();
    // Each refusal settles one argument; a queue can have others than ours.
    for _ in 0..4 * ARGUMENTS.len() {
        let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
        let table = values.iter().map(|(name, value)| (name.as_str().into(), value.amqp())).collect::<BTreeMap<_, _>>();
        match declare(connection, queue, durable, table.into()).await? {
            Declared::Agreed => {
                let wrong = |argument: &Argument| {
                    let hint = argument.policy.map_or("", |_| ", or FOZ_MANAGEMENT_URL given if a policy sets it");
                    Some(argument.wrong(values.get(argument.name))? + hint)
                };
                return Ok(ARGUMENTS.iter().filter_map(wrong).collect());
            }
            Declared::Absent => return Ok(vec![missing()]),
            Declared::Refused(text) => match refusal(&text, &values) {
                Some((name, Some(value))) => values.insert(name, value),
                Some((name, None)) => values.remove(&name),
                // Not durable, or exclusive, or a value of a type that we do not know.
                None => return Ok(vec![text]),
            },
        };
    }
    bail!("the arguments of queue {queue} cannot be found out without FOZ_MANAGEMENT_URL")
}

impl Must {
    fn guess(self) -> Value {
        match self {
            Self::Be(text) => Value::Text(text.to_owned()),
            Self::BeTrue => Value::Bool(true),
            Self::BeText => Value::Text(String::new()),
            Self::BeEnough => Value::Number(1_000),
        }
    }
}

impl Value {
    /// As the management API shows it; none if it is of no type that matters here.
    fn of(json: &serde_json::Value) -> Option<Self> {
        match json {
            serde_json::Value::String(text) => Some(Self::Text(text.clone())),
            serde_json::Value::Bool(yes) => Some(Self::Bool(*yes)),
            number => number.as_i64().map(Self::Number),
        }
    }

    fn amqp(&self) -> AMQPValue {
        match self {
            Self::Text(text) => AMQPValue::LongString(text.as_str().into()),
            Self::Number(number) => AMQPValue::LongLongInt(*number),
            Self::Bool(yes) => AMQPValue::Boolean(*yes),
        }
    }

    /// A value as the broker's refusals show it, of the same kind as `like`.
    fn shown(text: &str, like: &Self) -> Option<Self> {
        Some(match like {
            Self::Text(_) => Self::Text(text.to_owned()),
            Self::Number(_) => Self::Number(text.parse().ok()?),
            Self::Bool(_) => Self::Bool(text.parse().ok()?),
        })
    }
}

/// The argument that a refusal names, and the value that the queue has, if it has one. The broker shows the type only
/// where it differs from what was `sent`.
fn refusal(text: &str, sent: &BTreeMap<String, Value>) -> Option<(String, Option<Value>)> {
    let (_, rest) = text.split_once("inequivalent arg '")?;
    let (name, rest) = rest.split_once('\'')?;
    if !name.starts_with("x-") {
        return None;
    }
    let (_, current) = rest.rsplit_once("current is ")?;
    let value = if current.starts_with("none") {
        None
    } else if let Some(typed) = current.strip_prefix("the value '") {
        let (value, kind) = typed.rsplit_once("' of type '")?;
        Some(match kind.trim_end_matches('\'') {
            "longstr" => Value::Text(value.to_owned()),
            "bool" => Value::Bool(value.parse().ok()?),
            _ => Value::Number(value.parse().ok()?),
        })
    } else {
        Some(Value::shown(current.strip_prefix('\'')?.strip_suffix('\'')?, sent.get(name)?)?)
    };
    Some((name.to_owned(), value))
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What RabbitMQ 3.10.8 answers.
    #[test]
    fn refusals_tell_the_value_that_the_queue_has() {
        let sent = ARGUMENTS.iter().map(|argument| (argument.name.to_owned(), argument.must.guess())).collect();
        let told = |name: &str, current: &str| {
            let text = format!(
                "PRECONDITION_FAILED - inequivalent arg '{name}' for queue 'q' in vhost '/': received none but current is {current}"
            );
            refusal(&text, &sent)
        };
        let expect = |name: &str, value| Some((name.to_owned(), value));
        assert_eq!(told("x-overflow", "none"), expect("x-overflow", None));
        assert_eq!(told("x-overflow", "'drop-head'"), expect("x-overflow", Some(Value::Text("drop-head".to_owned()))));
        assert_eq!(told("x-delivery-limit", "'20'"), expect("x-delivery-limit", Some(Value::Number(20))));
        let typed = "the value '5' of type 'signedint'";
        assert_eq!(told("x-max-length", typed), expect("x-max-length", Some(Value::Number(5))));
        let typed = "the value 'true' of type 'bool'";
        assert_eq!(
            told("x-single-active-consumer", typed),
            expect("x-single-active-consumer", Some(Value::Bool(true)))
        );
        assert_eq!(told("durable", "'false'"), None);
    }

    #[test]
    fn policies_count_where_they_may() {
        let described: Described = serde_json::from_str(
            r#"{"arguments":{"x-queue-type":"quorum","x-single-active-consumer":true},
                "effective_policy_definition":{"delivery-limit":1000,"overflow":"reject-publish","queue-type":"x"}}"#,
        )
        .unwrap();
        let wrong: Vec<_> =
            ARGUMENTS.iter().filter(|a| a.wrong(described.value(a).as_ref()).is_some()).map(|a| a.name).collect();
        assert_eq!(wrong, ["x-dead-letter-exchange", "x-dead-letter-strategy"]);
        let bare: Described = serde_json::from_str(r#"{"arguments":{},"effective_policy_definition":[]}"#).unwrap();
        assert!(ARGUMENTS.iter().all(|a| a.wrong(bare.value(a).as_ref()).is_some()));
    }

    #[test]
    fn a_delivery_limit_must_outlast_the_channels_that_the_bridge_closes() {
        let limit = ARGUMENTS.iter().find(|argument| argument.name == "x-delivery-limit").unwrap();
        let fit = |arguments: &str, policy: &str| {
            let json = format!(r#"{{"arguments":{{{arguments}}},"effective_policy_definition":{{{policy}}}}}"#);
            limit.wrong(serde_json::from_str::<Described>(&json).unwrap().value(limit).as_ref()).is_none()
        };
        let argument = |limit: i64| format!(r#""x-delivery-limit":{limit}"#);
        let policy = |limit: i64| format!(r#""delivery-limit":{limit}"#);
        for (number, fine) in [(3, false), (20, false), (99, false), (100, true), (1_000, true), (-1, true)] {
            assert_eq!(fit(&argument(number), ""), fine, "{number}");
            assert_eq!(fit("", &policy(number)), fine, "{number} by policy");
            assert_eq!(fit(&argument(1_000), &policy(number)), fine, "{number} by policy beside an argument");
            assert_eq!(fit(&argument(-1), &policy(number)), fine, "{number} by policy beside no limit");
        }
        assert!(!fit(&argument(3), &policy(1_000)), "the broker takes the lower");
        let told = limit.wrong(Some(&Value::Number(3))).unwrap();
        assert!(told.contains("at least 100") && told.contains("closes a channel"), "{told}");
    }
}
