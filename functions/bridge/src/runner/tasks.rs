//! What takes its time: each question and each order to another process is a task, whose answer comes as news.

use std::sync::Arc;
use std::time::Duration;

use foz_domain::Ordinal;
use foz_domain::bridge::{ChannelNo, Event, Marker, StreamNo};
use foz_rabbit::{Connection, consume, look};
use tokio::time::sleep;
use tracing::info;

use super::ReignRunner;
use crate::group_catalog::GroupCatalog;
use crate::intake::{self, Subscription};
use crate::news::News;

/// How long a broker may take to delete a queue whose consumers it has cancelled.
const DELETING: Duration = Duration::from_secs(1);

impl ReignRunner {
    /// Asks the catalog; the answer comes as news.
    pub(super) fn ask_catalog<F>(&mut self, question: impl FnOnce(GroupCatalog) -> F)
    where
        F: Future<Output = anyhow::Result<Event>> + Send + 'static,
    {
        let answer = question(self.components.catalog.clone());
        let news = self.news.clone();
        self.tasks.spawn(async move {
            let told = answer.await.map_or_else(News::Lost, News::Event);
            // Nobody listens if the reign is over.
            let _ = news.send(told).await;
        });
    }

    pub(super) fn open_channel(&mut self, no: StreamNo, channel: ChannelNo, prefetch: u16) {
        let stream = &self.group.streams[no.0];
        info!(stream = %stream.name, prefetch, "opening a channel");
        let (stream, queue) = (stream.name.clone(), stream.queue.clone());
        let consumer_timeout = self.settings.consumer_timeout;
        let health = self.components.health.clone();
        let subscription = Subscription { stream, no, queue, channel, prefetch, consumer_timeout, health };
        let (connection, news) = (Arc::clone(&self.consuming), self.news.clone());
        self.tasks.spawn(async move { intake::run(&connection, subscription, news).await });
    }

    pub(super) fn close_channel(&mut self, no: StreamNo, number: ChannelNo) {
        let Some(channel) = self.lanes[no.0].take_channel(number) else { return };
        info!(stream = %self.group.streams[no.0].name, "closing a channel");
        let news = self.news.clone();
        self.tasks.spawn(async move {
            let closed = consume::give_back(&channel).await;
            let told = closed.map_or_else(News::Lost, |()| News::Event(Event::ChannelClosed(no, number)));
            let _ = news.send(told).await;
        });
    }

    pub(super) fn invoke_ingest(&mut self, no: StreamNo, ordinal: Ordinal) {
        let Some(batch) = self.lanes[no.0].take_off(ordinal) else { return };
        let stream = self.group.streams[no.0].name.clone();
        let (ingest, news) = (self.components.ingest.clone(), self.news.clone());
        let epoch = self.core.epoch().unwrap_or_default();
        self.tasks.spawn(async move {
            let outcome = ingest.send(&stream, epoch, ordinal, &batch).await;
            drop(batch);
            let _ = news.send(News::Event(Event::Invoked(no, ordinal, outcome))).await;
        });
    }

    pub(super) fn look_for_queue(&mut self, no: StreamNo, channel: ChannelNo) {
        let queue = self.group.streams[no.0].queue.clone();
        let (connection, news) = (Arc::clone(&self.consuming), self.news.clone());
        self.tasks.spawn(async move {
            let looked = is_there(&connection, &queue).await;
            let answer = looked.map(|found| News::Event(Event::QueueLooked(no, channel, found)));
            let _ = news.send(answer.unwrap_or_else(News::Lost)).await;
        });
    }

    pub(super) fn publish_marker(&mut self, no: StreamNo, marker: Marker) {
        let queue = self.group.streams[no.0].queue.clone();
        let (publisher, news) = (self.publisher.clone(), self.news.clone());
        self.tasks.spawn(async move {
            if let Err(error) = publisher.publish(&queue, marker).await {
                let _ = news.send(News::Lost(error)).await;
            }
        });
    }
}

/// Whether the queue is there. RabbitMQ 4 cancels the consumers of a queue that is deleted before it is gone, so one that is
/// found is looked for again.
async fn is_there(connection: &Connection, queue: &str) -> anyhow::Result<bool> {
    if look::depth(connection, queue).await?.is_none() {
        return Ok(false);
    }
    sleep(DELETING).await;
    Ok(look::depth(connection, queue).await?.is_some())
}
