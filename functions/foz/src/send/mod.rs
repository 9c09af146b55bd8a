//! `foz send`: lines to messages, in order, confirmed.

mod lines;
mod outcome;
mod sending;

use std::time::{Duration, Instant};

use anyhow::Context;
use foz_edge::clock;
use lapin::BasicProperties;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::{AMQPValue, FieldTable};
use uuid::Uuid;

use self::lines::{Line, Lines};
use crate::CliStatus;
use crate::address::LakeAddress;
use crate::arguments::SendArgs;
use crate::broker;
use crate::output::Printer;
use crate::progress::Progress;

/// Who presses Ctrl-C waits this long for the confirms that are on their way.
const GRACE: Duration = Duration::from_secs(3);

pub async fn run(what: &SendArgs, address: &LakeAddress, output: Printer) -> anyhow::Result<CliStatus> {
    let aws = address.aws().await?;
    let definition = address.definition(&address.store(&aws)?).await?;
    let Some(stream) = definition.stream(&what.stream) else {
        let names: Vec<_> = definition.streams.keys().map(|name| name.as_str()).collect();
        anyhow::bail!("there is no stream {}; there are {}", what.stream, names.join(", "));
    };
    let (mut lines, size) = Lines::open(what.file.as_deref())?;
    let connection = broker::connect(address.amqp_url()?).await?;
    let channel = broker::channel(&connection).await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await.context("asking for confirms")?;
    let mut headers = FieldTable::default();
    for (name, value) in &what.header {
        headers.insert(name.as_str().into(), AMQPValue::LongString(value.as_str().into()));
    }
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let publish = async |line: &Line| {
        let now = u64::try_from(clock::now()).unwrap_or(0) / 1000;
        let properties = BasicProperties::default()
            .with_message_id(Uuid::now_v7().to_string().into())
            .with_timestamp(now)
            .with_delivery_mode(2)
            .with_content_type(what.content_type.as_str().into())
            .with_headers(headers.clone());
        channel.basic_publish("".into(), stream.queue.as_str().into(), options, &line.body, properties).await
    };
    let began = Instant::now();
    let outcome = sending::send(&mut lines, publish, interrupt(), GRACE, Progress::new(size, "sending")).await;
    outcome.report(&stream.queue, began.elapsed().as_secs_f64(), output)
}

/// Ctrl-C.
async fn interrupt() {
    if tokio::signal::ctrl_c().await.is_err() {
        // Nobody can tell; the process then ends as others do.
        std::future::pending::<()>().await;
    }
}
