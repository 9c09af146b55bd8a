//! What a queue must be, so that nothing in it is lost or reordered.

use std::collections::BTreeMap;

use lapin::types::{AMQPValue, FieldTable};
use serde_json::Value;

/// An argument of a queue, by what it is declared with and what is accepted.
#[derive(Debug, Clone, Copy)]
pub struct QueueArgument {
    /// The argument's name.
    pub name: &'static str,
    /// The value that Foz declares it with.
    declared: DeclaredValue,
    /// The values that a queue of somebody else may have.
    accepted: AcceptedValue,
    /// The name by which a policy can set it, or `None` if none can.
    pub(crate) policy: Option<&'static str>,
    /// What happens with another value.
    why: &'static str,
}

#[derive(Debug, Clone, Copy)]
enum DeclaredValue {
    Text(&'static str),
    True,
    Number(i64),
    /// The name of the queue's exchange for dead letters.
    DeadLetters,
}

#[derive(Debug, Clone, Copy)]
enum AcceptedValue {
    /// The value that it is declared with.
    Declared,
    /// Any text but the empty one.
    SomeText,
    /// At least this number, or a negative one: no limit.
    AtLeast(i64),
}

/// How many deliveries a queue must allow. The bridge closes channels itself (to widen the prefetch, to give back before
/// the consumer timeout, after every failure), and each close counts as a delivery of all that was not acknowledged.
const ENOUGH: i64 = 100;

/// Every argument that matters.
pub static ARGUMENTS: [QueueArgument; 6] = [
    QueueArgument {
        name: "x-queue-type",
        declared: DeclaredValue::Text("quorum"),
        accepted: AcceptedValue::Declared,
        policy: None,
        why: "only quorum queues keep order and messages when a node fails",
    },
    QueueArgument {
        name: "x-single-active-consumer",
        declared: DeclaredValue::True,
        accepted: AcceptedValue::Declared,
        policy: None,
        why: "two consumers would share the messages and break their order",
    },
    QueueArgument {
        name: "x-delivery-limit",
        declared: DeclaredValue::Number(1_000),
        accepted: AcceptedValue::AtLeast(ENOUGH),
        policy: Some("delivery-limit"),
        why: "whenever the bridge closes a channel, which it also does by itself, a delivery of everything unacknowledged \
              is counted, and messages over the limit leave the queue; the broker's default is 20, 1000 is good",
    },
    QueueArgument {
        name: "x-dead-letter-exchange",
        declared: DeclaredValue::DeadLetters,
        accepted: AcceptedValue::SomeText,
        policy: Some("dead-letter-exchange"),
        why: "without one, messages over the delivery limit are dropped",
    },
    QueueArgument {
        name: "x-dead-letter-strategy",
        declared: DeclaredValue::Text("at-least-once"),
        accepted: AcceptedValue::Declared,
        policy: Some("dead-letter-strategy"),
        why: "the default may lose messages on their way to the dead-letter exchange",
    },
    QueueArgument {
        name: "x-overflow",
        // At-least-once dead-lettering needs it too.
        declared: DeclaredValue::Text("reject-publish"),
        accepted: AcceptedValue::Declared,
        policy: Some("overflow"),
        why: "the default drops the oldest messages of a full queue",
    },
];

/// From RabbitMQ 4.0 on a queue without a limit drops a message after 20 deliveries; people who look at dead letters again
/// and again must not lose them.
const DELIVERIES_OF_DEAD_LETTERS: i64 = 1_000_000;

/// An argument's value, as far as values matter here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArgumentValue {
    /// A long string.
    Text(String),
    /// Any integer.
    Number(i64),
    /// A boolean.
    Bool(bool),
}

/// A queue's arguments by name.
pub type QueueArguments = BTreeMap<&'static str, ArgumentValue>;

/// A stream's queue with what it needs beside it. The dead letters go through a fanout exchange of their own, so that
/// they arrive whatever their routing key is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamQueue {
    /// The queue's name.
    pub name: String,
    /// The name of both its exchange and its queue for dead letters.
    pub dead_letters: String,
}

impl StreamQueue {
    /// The queue of that name.
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), dead_letters: format!("{name}.dead-letters") }
    }

    /// The arguments that Foz declares the queue with.
    pub fn arguments(&self) -> QueueArguments {
        let value = |argument: &QueueArgument| match argument.declared {
            DeclaredValue::Text(text) => ArgumentValue::Text(text.to_owned()),
            DeclaredValue::True => ArgumentValue::Bool(true),
            DeclaredValue::Number(number) => ArgumentValue::Number(number),
            DeclaredValue::DeadLetters => ArgumentValue::Text(self.dead_letters.clone()),
        };
        ARGUMENTS.iter().map(|argument| (argument.name, value(argument))).collect()
    }

    /// The arguments that Foz declares the queue for dead letters with.
    pub fn dead_letter_arguments() -> QueueArguments {
        QueueArguments::from([
            ("x-queue-type", ArgumentValue::Text("quorum".to_owned())),
            ("x-delivery-limit", ArgumentValue::Number(DELIVERIES_OF_DEAD_LETTERS)),
        ])
    }
}

impl QueueArgument {
    /// What is wrong with the value that a queue has, or `None` if it is accepted.
    pub fn wrong(&self, value: Option<&ArgumentValue>) -> Option<String> {
        let accepted = match (self.accepted, self.declared, value) {
            (AcceptedValue::Declared, DeclaredValue::Text(declared), Some(ArgumentValue::Text(text))) => {
                text == declared
            }
            (AcceptedValue::Declared, DeclaredValue::True, Some(ArgumentValue::Bool(yes))) => *yes,
            (AcceptedValue::SomeText, _, Some(ArgumentValue::Text(text))) => !text.is_empty(),
            (AcceptedValue::AtLeast(least), _, Some(ArgumentValue::Number(number))) => *number < 0 || number >= &least,
            _ => false,
        };
        let should = match (self.accepted, self.declared) {
            (AcceptedValue::Declared, DeclaredValue::Text(declared)) => declared.to_owned(),
            (AcceptedValue::Declared, _) => "true".to_owned(),
            (AcceptedValue::SomeText, _) => "set".to_owned(),
            (AcceptedValue::AtLeast(least), _) => format!("at least {least}, or -1 for no limit"),
        };
        let state = if value.is_none() { "is missing" } else { "is different" };
        (!accepted).then(|| format!("{} {state} (must be {should}: {})", self.name, self.why))
    }
}

impl ArgumentValue {
    /// The value in the management API's JSON, or `None` if it is of no type that matters here.
    pub(crate) fn of_json(json: &Value) -> Option<Self> {
        match json {
            Value::String(text) => Some(Self::Text(text.clone())),
            Value::Bool(yes) => Some(Self::Bool(*yes)),
            number => number.as_i64().map(Self::Number),
        }
    }
}

impl From<&ArgumentValue> for Value {
    fn from(value: &ArgumentValue) -> Self {
        match value {
            ArgumentValue::Text(text) => text.as_str().into(),
            ArgumentValue::Number(number) => (*number).into(),
            ArgumentValue::Bool(yes) => (*yes).into(),
        }
    }
}

impl From<&ArgumentValue> for AMQPValue {
    fn from(value: &ArgumentValue) -> Self {
        match value {
            ArgumentValue::Text(text) => Self::LongString(text.as_str().into()),
            ArgumentValue::Number(number) => Self::LongLongInt(*number),
            ArgumentValue::Bool(yes) => Self::Boolean(*yes),
        }
    }
}

/// The arguments as a declaration takes them.
pub(crate) fn table<N: AsRef<str>>(arguments: &BTreeMap<N, ArgumentValue>) -> FieldTable {
    let mut table = FieldTable::default();
    for (name, value) in arguments {
        table.insert(name.as_ref().into(), value.into());
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_foz_declares_is_accepted() {
        let arguments = StreamQueue::new("orders").arguments();
        assert_eq!(arguments.len(), ARGUMENTS.len());
        for argument in &ARGUMENTS {
            assert_eq!(argument.wrong(arguments.get(argument.name)), None);
            assert!(argument.wrong(None).is_some_and(|wrong| wrong.contains("is missing")), "{}", argument.name);
        }
    }
}
