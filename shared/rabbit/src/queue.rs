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
    /// It is left out.
    Absent,
}

#[derive(Debug, Clone, Copy)]
enum AcceptedValue {
    /// The value that it is declared with.
    Declared,
    /// Any text but the empty one.
    SomeText,
    /// At least this number, or a negative one: no limit.
    AtLeast(i64),
    /// None at all.
    Absent,
    /// Any, but a person should know what it does.
    Any,
}

/// How many deliveries a queue must allow. The bridge closes channels itself (to widen the prefetch, to give back before
/// the consumer timeout, after every failure), and each close counts as a delivery of all that was not acknowledged.
/// With its longest pauses between reigns this many last for days: a weekend on which nobody looks. A test of the
/// bridge's pace derives it.
pub const ENOUGH_DELIVERIES: i64 = 1_000;

/// Every argument that matters to a stream's queue.
pub static ARGUMENTS: [QueueArgument; 11] = [
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
        declared: DeclaredValue::Number(ENOUGH_DELIVERIES),
        accepted: AcceptedValue::AtLeast(ENOUGH_DELIVERIES),
        policy: Some("delivery-limit"),
        why: "whenever the bridge closes a channel, which it also does by itself, a delivery of everything unacknowledged \
              is counted, and messages over the limit leave the queue; the broker's default is 20",
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
    TIME_TO_LIVE,
    EXPIRES,
    QueueArgument {
        name: "x-max-priority",
        declared: DeclaredValue::Absent,
        accepted: AcceptedValue::Absent,
        policy: None,
        why: "with priorities messages overtake each other, and markers too",
    },
    QueueArgument {
        name: "x-max-length",
        declared: DeclaredValue::Absent,
        accepted: AcceptedValue::Any,
        policy: Some("max-length"),
        why: FULL,
    },
    QueueArgument {
        name: "x-max-length-bytes",
        declared: DeclaredValue::Absent,
        accepted: AcceptedValue::Any,
        policy: Some("max-length-bytes"),
        why: FULL,
    },
];

/// What matters to a queue for dead letters: people look at them when they have time.
pub(crate) static ARGUMENTS_OF_DEAD_LETTERS: [QueueArgument; 2] = [TIME_TO_LIVE, EXPIRES];

const TIME_TO_LIVE: QueueArgument = QueueArgument {
    name: "x-message-ttl",
    declared: DeclaredValue::Absent,
    accepted: AcceptedValue::Absent,
    policy: Some("message-ttl"),
    why: "messages that wait leave the queue when their time is over, for example while the bridge is away",
};

const EXPIRES: QueueArgument = QueueArgument {
    name: "x-expires",
    declared: DeclaredValue::Absent,
    accepted: AcceptedValue::Absent,
    policy: Some("expires"),
    why: "the broker deletes the queue, with its messages, when nobody has consumed it for that long",
};

/// What a queue of limited length does.
const FULL: &str = "while as much waits, also because the bridge is away, the broker refuses what is published: publishers \
    must wait for confirms, and publish again what was refused";

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
            DeclaredValue::Text(text) => Some(ArgumentValue::Text(text.to_owned())),
            DeclaredValue::True => Some(ArgumentValue::Bool(true)),
            DeclaredValue::Number(number) => Some(ArgumentValue::Number(number)),
            DeclaredValue::DeadLetters => Some(ArgumentValue::Text(self.dead_letters.clone())),
            DeclaredValue::Absent => None,
        };
        ARGUMENTS.iter().filter_map(|argument| Some((argument.name, value(argument)?))).collect()
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
            (AcceptedValue::Absent, _, None) | (AcceptedValue::Any, ..) => true,
            _ => false,
        };
        let should = match (self.accepted, self.declared) {
            (AcceptedValue::Declared, DeclaredValue::Text(declared)) => declared.to_owned(),
            (AcceptedValue::Declared, _) => "true".to_owned(),
            (AcceptedValue::Absent | AcceptedValue::Any, _) => "absent".to_owned(),
            (AcceptedValue::SomeText, _) => "set".to_owned(),
            (AcceptedValue::AtLeast(least), _) => format!("at least {least}, or -1 for no limit"),
        };
        let state = match (self.accepted, value) {
            (AcceptedValue::Absent, _) => "is set",
            (_, None) => "is missing",
            (_, Some(_)) => "is different",
        };
        (!accepted).then(|| format!("{} {state} (must be {should}: {})", self.name, self.why))
    }

    /// What a person should know of the value that a queue has although it is accepted, or `None` if that is nothing.
    pub fn remark(&self, value: Option<&ArgumentValue>) -> Option<String> {
        let (AcceptedValue::Any, Some(value)) = (self.accepted, value) else { return None };
        Some(format!("{} is {}: {}", self.name, Value::from(value), self.why))
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

    fn argument(name: &str) -> &'static QueueArgument {
        ARGUMENTS.iter().find(|argument| argument.name == name).unwrap()
    }

    #[test]
    fn what_foz_declares_is_accepted() {
        let arguments = StreamQueue::new("orders").arguments();
        assert_eq!(arguments.len(), 6);
        for argument in &ARGUMENTS {
            assert_eq!(argument.wrong(arguments.get(argument.name)), None);
            assert_eq!(argument.remark(arguments.get(argument.name)), None);
            let missing = argument.wrong(None).is_some_and(|wrong| wrong.contains("is missing"));
            assert_eq!(missing, arguments.contains_key(argument.name), "{}", argument.name);
        }
        let dead = StreamQueue::dead_letter_arguments();
        assert!(ARGUMENTS_OF_DEAD_LETTERS.iter().all(|argument| argument.wrong(dead.get(argument.name)).is_none()));
    }

    #[test]
    fn input_9_10_39_protocol_10_what_lets_messages_leave_or_overtake_is_refused_whatever_its_value() {
        for name in ["x-message-ttl", "x-expires", "x-max-priority"] {
            for value in [0, 1, 10, i64::MAX] {
                let told = argument(name).wrong(Some(&ArgumentValue::Number(value))).unwrap();
                assert!(told.starts_with(&format!("{name} is set (must be absent: ")), "{told}");
            }
        }
        for argument in &ARGUMENTS_OF_DEAD_LETTERS {
            assert!(argument.wrong(Some(&ArgumentValue::Number(5))).is_some());
        }
    }

    #[test]
    fn a_limited_length_is_accepted_and_told() {
        for name in ["x-max-length", "x-max-length-bytes"] {
            let ten = ArgumentValue::Number(10);
            assert_eq!(argument(name).wrong(Some(&ten)), None);
            let told = argument(name).remark(Some(&ten)).unwrap();
            assert!(told.starts_with(&format!("{name} is 10: ")) && told.contains("publish again"), "{told}");
        }
    }
}
