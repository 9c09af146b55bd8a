//! `foz send`: lines to messages, in order, confirmed.

mod lines;
mod outcome;
mod sending;

use std::time::{Duration, Instant};

use foz_edge::clock;
use foz_lake::message::Properties;
use foz_rabbit::message::text_properties;
use foz_rabbit::publish::Publisher;
use uuid::Uuid;

use self::lines::{Line, Lines};
use crate::address::LakeAddress;
use crate::arguments::SendArgs;
use crate::broker;
use crate::cli_status::CliStatus;
use crate::output::Printer;
use crate::progress::Progress;

/// After Ctrl-C, how long to wait for outstanding confirms.
const GRACE: Duration = Duration::from_secs(3);

pub async fn run(what: &SendArgs, address: &LakeAddress, output: Printer) -> anyhow::Result<CliStatus> {
    let aws = address.aws().await?;
    let definition = address.definition(&address.store(&aws)?).await?;
    let Some(stream) = definition.stream(&what.stream) else {
        let names: Vec<_> = definition.streams.keys().map(|name| name.as_str()).collect();
        anyhow::bail!("there is no stream {}; there are {}", what.stream, names.join(", "));
    };
    let (mut lines, size) = Lines::open(what.file.as_deref())?;
    let connection = broker::connect(address).await?;
    let publisher = Publisher::open(&connection).await?;
    let publish = async |line: &Line| {
        let now = u64::try_from(clock::now().0).unwrap_or(0) / 1000;
        let properties = Properties {
            message_id: Some(Uuid::now_v7().to_string()),
            timestamp: Some(now),
            delivery_mode: Some(2),
            content_type: Some(what.content_type.clone()),
            ..Properties::default()
        };
        publisher.publish(&stream.queue, &line.body, text_properties(&properties, &what.header)).await
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
