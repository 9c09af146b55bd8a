//! Hints: what wakes dispatch. Losing one costs latency, nothing else.
//!
//! Nothing here fails: what cannot be read is malformed, is counted, and is not delivered again.

use foz_domain::GroupName;
use foz_domain::job::care::DeadAttempt;
use serde_json::{Value, json};

use crate::failure_report;
use crate::notification::{self, RawObject};

/// One reason to look at something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hint {
    /// The group may have work.
    Group(GroupName),
    /// Any group may have work.
    Sweep,
    /// A function that worked for the group has failed.
    Failed(GroupName, DeadAttempt),
    /// An object appeared in a bucket.
    Raw(RawObject),
    /// S3 announces that it will notify of objects.
    Test,
    /// A message that is no hint, and why it is none.
    Malformed(String),
}

impl Hint {
    /// The hint that the group may have work, as the queue takes it.
    pub fn group_json(group: &GroupName) -> String {
        json!({"group": group.as_str()}).to_string()
    }

    /// The hints of a message of the queue; a notification of S3 may hold several.
    pub fn of_message(body: &str) -> Vec<Self> {
        match serde_json::from_str::<Value>(body) {
            Ok(body) if notification::is_test(&body) => vec![Self::Test],
            Ok(body) if notification::is_notification(&body) => match notification::objects(&body) {
                Ok(objects) => objects.into_iter().map(Self::Raw).collect(),
                Err(why) => vec![Self::Malformed(why)],
            },
            Ok(body) => vec![Self::of_event(&body)],
            Err(why) => vec![Self::Malformed(why.to_string())],
        }
    }

    /// The hint that is an event by itself.
    pub fn of_event(event: &Value) -> Self {
        if event.get("sweep") == Some(&Value::Bool(true)) {
            return Self::Sweep;
        }
        let subject = failure_report::request(event).unwrap_or(event);
        let group = subject.get("group").and_then(Value::as_str).map(str::parse);
        let Some(Ok(group)) = group else { return Self::Malformed("it names no group".to_owned()) };
        match failure_report::dead_attempt(event) {
            Some(dead) => Self::Failed(group, dead),
            None => Self::Group(group),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_hint_is_malformed() {
        for body in ["", "{", "[]", "null", "{}", r#"{"group":"Not A Name"}"#, r#"{"group":7}"#, r#"{"Records":[{}]}"#]
        {
            assert!(matches!(&Hint::of_message(body)[..], [Hint::Malformed(_)]), "{body}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read(body in ".{0,60}") {
            prop_assert_eq!(Hint::of_message(&body).len(), 1);
        }
    }
}
