//! What invokes dispatch: a batch of messages from the queue of hints, or a hint by itself.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Hint;

/// What invokes dispatch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DispatchEvent {
    /// A batch from the queue of hints.
    Messages(Vec<HintMessage>),
    /// A single hint, from a schedule or a person.
    Direct(Hint),
}

/// A message of the queue of hints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HintMessage {
    /// SQS's id, by which a failure is answered.
    pub id: String,
    /// What the message says; a notification may hold several hints.
    pub hints: Vec<Hint>,
}

/// The answer to a batch: which messages to deliver again.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SqsFailures {
    #[serde(rename = "batchItemFailures")]
    failures: Vec<SqsFailure>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct SqsFailure {
    #[serde(rename = "itemIdentifier")]
    id: String,
}

impl FromIterator<String> for SqsFailures {
    fn from_iter<T: IntoIterator<Item = String>>(ids: T) -> Self {
        Self { failures: ids.into_iter().map(|id| SqsFailure { id }).collect() }
    }
}

impl SqsFailures {
    /// SQS's ids of the messages.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.failures.iter().map(|failure| failure.id.as_str())
    }
}

#[derive(Deserialize)]
struct SqsMessage {
    #[serde(rename = "messageId")]
    id: String,
    body: String,
}

impl DispatchEvent {
    /// Reads an event.
    pub fn read(event: &Value) -> Self {
        let messages = event.get("Records").and_then(|records| Vec::<SqsMessage>::deserialize(records).ok());
        match messages {
            Some(messages) => {
                let message = |SqsMessage { id, body }| HintMessage { id, hints: Hint::of_message(&body) };
                Self::Messages(messages.into_iter().map(message).collect())
            }
            None => Self::Direct(Hint::of_event(event)),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_is_a_batch_or_a_hint() {
        assert_eq!(DispatchEvent::read(&json!({"sweep": true})), DispatchEvent::Direct(Hint::Sweep));
        let group = "airlines".parse().unwrap();
        assert_eq!(DispatchEvent::read(&json!({"group": "airlines"})), DispatchEvent::Direct(Hint::Group(group)));
        assert!(matches!(DispatchEvent::read(&json!("x")), DispatchEvent::Direct(Hint::Malformed(_))));
        let batch = json!({"Records": [{"messageId": "1", "body": r#"{"sweep":true}"#, "eventSource": "aws:sqs"}]});
        let message = HintMessage { id: "1".to_owned(), hints: vec![Hint::Sweep] };
        assert_eq!(DispatchEvent::read(&batch), DispatchEvent::Messages(vec![message]));
    }
}
