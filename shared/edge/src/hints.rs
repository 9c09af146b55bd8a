//! Hints: messages that tell dispatch that a group may have work. Losing one costs latency, nothing else.

use std::time::Duration;

use anyhow::Context;
use aws_config::SdkConfig;
use foz_domain::GroupName;
use foz_wire::{ErrorType, Hint};
use tokio::time::timeout;

/// The queue of hints. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Hints {
    client: aws_sdk_sqs::Client,
    queue: String,
}

/// How long a hint may take. Its senders have something more important to do, some within half a minute; a queue that
/// answers does so within a tenth of a second.
const PATIENCE: Duration = Duration::from_secs(2);

/// The longest delay of a message that SQS accepts.
const LONGEST: Duration = Duration::from_secs(900);

impl Hints {
    /// The queue at that URL.
    pub fn new(config: &SdkConfig, queue: impl Into<String>) -> Self {
        Self::with_client(aws_sdk_sqs::Client::new(config), queue)
    }

    /// As `new`, with a given client.
    pub fn with_client(client: aws_sdk_sqs::Client, queue: impl Into<String>) -> Self {
        Self { client, queue: queue.into() }
    }

    /// Hints at the group, to be looked at after `delay` (rounded up to seconds, a quarter of an hour at most).
    ///
    /// # Errors
    /// The queue did not take it, or did not answer within two seconds; the sweep will find the work.
    pub async fn send(&self, group: &GroupName, delay: Duration) -> anyhow::Result<()> {
        let body = Hint::group_json(group);
        let request = self.client.send_message().queue_url(&self.queue).message_body(body);
        let request = request.delay_seconds(whole_seconds(delay));
        let sent = timeout(PATIENCE, request.send()).await.context("the queue did not answer");
        sent.and_then(|sent| Ok(sent.map(drop)?)).context("sending a hint").context(ErrorType::Queue)
    }
}

fn whole_seconds(delay: Duration) -> i32 {
    let seconds = delay.min(LONGEST).as_millis().div_ceil(1000);
    i32::try_from(seconds).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delayed_hint_never_comes_early() {
        let seconds = |millis| whole_seconds(Duration::from_millis(millis));
        assert_eq!([seconds(0), seconds(1), seconds(1000), seconds(1001), seconds(3_600_000)], [0, 1, 1, 2, 900]);
    }
}
