//! Looks at queues through the broker's management API.

use std::fmt;
use std::time::Duration;

use anyhow::bail;
use foz_wire::env;
use lapin::uri::AMQPUri;
use serde::Deserialize;
use serde_json::{Map, Value};
use url::Url;

use crate::connection::PATIENCE;
use crate::queue::{ArgumentValue, QueueArgument};

/// How old the API's numbers of messages can be. A quorum queue tells them every five seconds, and the management plugin
/// takes them over every five seconds, both by default, and the API shows neither period. Measured on 3.10.8 with and
/// without a shorter `collect_statistics_interval`: up to 10.03 s; the rest is for a broker that is busy.
pub const STATISTICS_AGE: Duration = Duration::from_secs(12);

/// The management API of the broker.
pub struct Management {
    client: reqwest::Client,
    url: Url,
    vhost: String,
    user: String,
    password: String,
}

/// Leaves the password out.
impl fmt::Debug for Management {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Management")
            .field("url", &self.url.as_str())
            .field("vhost", &self.vhost)
            .finish_non_exhaustive()
    }
}

impl Management {
    /// The API at the URL `text`, asked as the user that this names, else as that of the broker's URL.
    ///
    /// # Errors
    /// If it is no web address, or in the clear outside of the local cloud. The URL, which may hold a password, is not
    /// repeated.
    pub fn of_broker(text: &str, broker: &AMQPUri, local: bool) -> anyhow::Result<Self> {
        let variable = env::MANAGEMENT_URL.name;
        let Ok(mut url) = Url::parse(text) else { bail!("{variable} is not a web address") };
        if url.scheme() != "https" && !local {
            bail!("{variable} must begin with https://, as it is asked with a password");
        }
        let of_broker = &broker.authority.userinfo;
        let (user, password) = if url.username().is_empty() {
            (of_broker.username.clone(), of_broker.password.clone())
        } else {
            (url.username().to_owned(), url.password().unwrap_or_default().to_owned())
        };
        // So that no error shows them.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        let client = reqwest::Client::builder().timeout(PATIENCE).build()?;
        Ok(Self { client, url, vhost: broker.vhost.clone(), user, password })
    }

    /// The queue as the API describes it, or `None` if it does not exist.
    pub(super) async fn queue(&self, queue: &str) -> anyhow::Result<Option<Described>> {
        let mut url = self.url.clone();
        match url.path_segments_mut() {
            Ok(mut path) => path.pop_if_empty().extend(["api", "queues", &self.vhost, queue]),
            Err(()) => bail!("{} is not a web address", env::MANAGEMENT_URL.name),
        };
        let answer = self.client.get(url).basic_auth(&self.user, Some(&self.password)).send().await?;
        match answer.status().as_u16() {
            404 => Ok(None),
            _ => Ok(Some(answer.error_for_status()?.json().await?)),
        }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Described {
    #[serde(default)]
    arguments: Map<String, Value>,
    // An empty list, not an empty object, where no policy applies.
    #[serde(default)]
    effective_policy_definition: Value,
    // What was just declared is not counted yet, and then holds nothing that was delivered.
    #[serde(default)]
    messages: u64,
    #[serde(default)]
    messages_unacknowledged: u64,
    #[serde(default)]
    consumer_details: Vec<serde::de::IgnoredAny>,
}

/// What only the management API counts of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueCounts {
    /// Messages in the queue, as they were [some seconds ago](STATISTICS_AGE).
    pub messages: u64,
    /// How many of these were delivered and not acknowledged.
    pub unacknowledged: u64,
    /// Consumers, also those that wait behind the active one.
    pub consumers: u32,
}

impl Described {
    /// What the API counted.
    pub(super) fn counts(&self) -> QueueCounts {
        QueueCounts {
            messages: self.messages,
            unacknowledged: self.messages_unacknowledged,
            consumers: u32::try_from(self.consumer_details.len()).unwrap_or(u32::MAX),
        }
    }

    /// The value that holds, or `None` if neither an argument nor a policy sets one.
    pub(super) fn value(&self, argument: &QueueArgument) -> Option<ArgumentValue> {
        let own = self.arguments.get(argument.name).map(ArgumentValue::of_json);
        let policy = argument.policy.and_then(|name| self.effective_policy_definition.get(name));
        match (own, policy.map(ArgumentValue::of_json)) {
            (Some(Some(ArgumentValue::Number(own))), Some(Some(ArgumentValue::Number(policy)))) => {
                Some(ArgumentValue::Number(effective(own, policy)))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::ARGUMENTS;

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
        let wanted = crate::queue::StreamQueue::new("q").arguments();
        assert!(ARGUMENTS.iter().all(|a| a.wrong(bare.value(a).as_ref()).is_some() == wanted.contains_key(a.name)));
    }

    #[test]
    fn input_5_6_consumers_that_wait_are_counted_and_a_queue_that_is_not_counted_yet_holds_nothing() {
        let counts = |json: &str| serde_json::from_str::<Described>(json).unwrap().counts();
        let counted = r#"{"messages":23,"messages_unacknowledged":20,"consumers":1,"consumer_details":[{},{}]}"#;
        assert_eq!(counts(counted), QueueCounts { messages: 23, unacknowledged: 20, consumers: 2 });
        assert_eq!(counts("{}"), QueueCounts { messages: 0, unacknowledged: 0, consumers: 0 });
    }

    #[test]
    fn input_9_10_a_policy_that_lets_messages_leave_is_found() {
        let told = |policy: &str| {
            let json = format!(r#"{{"arguments":{{}},"effective_policy_definition":{{{policy}}}}}"#);
            let described: Described = serde_json::from_str(&json).unwrap();
            ARGUMENTS
                .iter()
                .filter_map(|a| a.wrong(described.value(a).as_ref()))
                .filter(|w| w.contains("is set"))
                .count()
        };
        assert_eq!(told(""), 0);
        assert_eq!(told(r#""message-ttl":60000"#), 1);
        assert_eq!(told(r#""expires":3600000"#), 1);
        assert_eq!(told(r#""message-ttl":60000,"expires":3600000"#), 2);
    }

    #[test]
    fn protocol_14_a_delivery_limit_must_outlast_the_channels_that_the_bridge_closes() {
        let limit = ARGUMENTS.iter().find(|argument| argument.name == "x-delivery-limit").unwrap();
        let fit = |arguments: &str, policy: &str| {
            let json = format!(r#"{{"arguments":{{{arguments}}},"effective_policy_definition":{{{policy}}}}}"#);
            limit.wrong(serde_json::from_str::<Described>(&json).unwrap().value(limit).as_ref()).is_none()
        };
        let argument = |limit: i64| format!(r#""x-delivery-limit":{limit}"#);
        let policy = |limit: i64| format!(r#""delivery-limit":{limit}"#);
        for (number, fine) in [(3, false), (20, false), (100, false), (999, false), (1_000, true), (-1, true)] {
            assert_eq!(fit(&argument(number), ""), fine, "{number}");
            assert_eq!(fit("", &policy(number)), fine, "{number} by policy");
            assert_eq!(fit(&argument(1_000), &policy(number)), fine, "{number} by policy beside an argument");
            assert_eq!(fit(&argument(-1), &policy(number)), fine, "{number} by policy beside no limit");
        }
        assert!(!fit(&argument(3), &policy(1_000)), "the broker takes the lower");
        let told = limit.wrong(Some(&ArgumentValue::Number(3))).unwrap();
        assert!(told.contains("at least 1000") && told.contains("closes a channel"), "{told}");
    }
}
