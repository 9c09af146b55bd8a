//! Runs a reign: does what the pure core decides, and tells it what came of it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context;
use foz_domain::Ordinal;
use foz_domain::bridge::{
    Action, ChannelNo, Delivery, End, Event, Marker, Millis, Outcome, Reign, Settings, StreamNo, Tag,
};
use foz_edge::metrics::{self, REDELIVERED_DROPPED};
use foz_edge::{clock, fail_point};
use foz_rabbit::consume::{self, Acknowledged};
use foz_rabbit::publish::{Confirmed, Publisher};
use foz_rabbit::{Channel, Connection, message};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tracing::{info, warn};

use crate::ingest::Ingest;
use crate::intake::{self, Source};
use crate::parcel::Parcel;
use crate::plan::{Group, Member};
use crate::records::Records;
use crate::spool::Spool;
use crate::stock::{Batch, Stock};

/// News that may wait for the reign. Few, as they carry messages: what waits longer waits at the broker.
const BACKLOG: usize = 8;

/// What tasks tell the reign.
#[derive(Debug)]
pub enum News {
    /// Something that concerns the core alone.
    Event(Event),
    /// A channel is open.
    Opened(StreamNo, ChannelNo, Channel),
    /// Deliveries, and the messages among them.
    Delivered(StreamNo, ChannelNo, Vec<Delivery>, Vec<Parcel>),
    /// The reign cannot go on.
    Lost(anyhow::Error),
}

/// Why a reign ended without an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Another bridge reigns.
    Lost,
    /// The catalog contradicts: it will again until a person has looked.
    Conflict,
    /// Everything that was there is in the catalog.
    Drained,
    /// Another bridge held the group for as long as this one would wait; it did not begin.
    Elsewhere,
}

/// What a reign works with.
#[derive(Debug, Clone)]
pub struct Tools {
    /// The catalog, seen by this group.
    pub records: Records,
    /// Where batches go.
    pub ingest: Ingest,
    /// Where bytes wait.
    pub spool: Spool,
}

/// A reign on one connection to consume and another to publish: the broker may block publishers, and must not thereby
/// keep us from acknowledging.
pub struct Running {
    group: Group,
    tools: Tools,
    settings: Settings,
    core: Reign,
    consuming: Arc<Connection>,
    publishing: Publisher,
    lanes: Vec<Lane>,
    began: Instant,
    news: Sender<News>,
    inbox: Receiver<News>,
    tasks: JoinSet<()>,
}

struct Lane {
    channel: Option<(ChannelNo, Channel)>,
    stock: Stock,
    flight: Option<(Ordinal, Arc<Batch>)>,
}

impl Running {
    /// Prepares a reign over the group.
    pub async fn new(
        group: Group,
        tools: Tools,
        settings: Settings,
        consuming: Arc<Connection>,
        publishing: &Connection,
    ) -> anyhow::Result<Self> {
        let plans = group.streams.iter().map(|member| member.plan.clone()).collect();
        let stock = |member: &Member| Stock::new(member.name.clone(), tools.spool.clone());
        let lanes = group.streams.iter().map(|member| Lane { channel: None, stock: stock(member), flight: None });
        let lanes = lanes.collect();
        let publishing = Publisher::open(publishing).await?;
        let (news, inbox) = channel(BACKLOG);
        Ok(Self {
            core: Reign::new(plans, settings.clone()),
            group,
            tools,
            settings,
            consuming,
            publishing,
            lanes,
            began: Instant::now(),
            news,
            inbox,
            tasks: JoinSet::new(),
        })
    }

    /// Reigns until another bridge does, or everything is drained. Counts the `batches` that are committed.
    ///
    /// # Errors
    /// If a connection, or the disk, fails, or the catalog gives an answer that will not change.
    pub async fn run(mut self, batches: &AtomicU64) -> anyhow::Result<Ended> {
        if let Some(end) = self.tell(Event::Start).await? {
            return Ok(ended(end));
        }
        loop {
            let deadline = self.core.deadline().map(|at| self.began + Duration::from_millis(at));
            let ticking = async {
                match deadline {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            let event = tokio::select! {
                Some(news) = self.inbox.recv() => match self.take(news)? {
                    Some(event) => event,
                    None => continue,
                },
                Some(done) = self.tasks.join_next(), if !self.tasks.is_empty() => {
                    done.context("a task broke off")?;
                    continue;
                }
                () = ticking => Event::Tick,
            };
            if let Event::Invoked(no, ordinal, Outcome::Committed) = event {
                batches.fetch_add(1, Ordering::Relaxed);
                fail_point("bridge.after_commit_before_ack").await?;
                self.lanes[no.0].flight.take_if(|(of, _)| *of == ordinal);
            }
            if let Some(end) = self.tell(event).await? {
                return Ok(ended(end));
            }
        }
    }

    /// Keeps what came with the news; what is left is the core's.
    fn take(&mut self, news: News) -> anyhow::Result<Option<Event>> {
        Ok(Some(match news {
            News::Event(event) => event,
            News::Lost(error) => return Err(error),
            News::Opened(no, number, channel) => {
                self.lanes[no.0].channel = Some((number, channel));
                Event::ChannelOpened(no, number)
            }
            News::Delivered(no, number, deliveries, parcels) => {
                let lane = &mut self.lanes[no.0];
                if lane.channel.as_ref().is_none_or(|(at, _)| *at != number) {
                    return Ok(None);
                }
                parcels.into_iter().try_for_each(|parcel| lane.stock.put(parcel)).context("keeping messages")?;
                Event::Delivered(no, number, deliveries)
            }
        }))
    }

    /// Tells the core and does what it asks for.
    async fn tell(&mut self, event: Event) -> anyhow::Result<Option<End>> {
        let delivered = match &event {
            Event::Delivered(no, ..) => Some(*no),
            _ => None,
        };
        let mut events = VecDeque::from([event]);
        let mut actions = Vec::new();
        while let Some(event) = events.pop_front() {
            let now = self.now();
            self.core.handle(now, event, &mut actions);
            for action in actions.drain(..) {
                match action {
                    Action::End(end) => return Ok(Some(end)),
                    Action::Fill(no, count) => {
                        let filled = self.lanes[no.0].stock.fill(count, clock::now());
                        let (messages, full) = filled.context("filling a batch")?;
                        events.push_back(Event::Filled(no, messages, full));
                    }
                    action => self.act(action).await?,
                }
            }
        }
        if let Some(no) = delivered {
            self.lanes[no.0].stock.settle().context("keeping messages")?;
        }
        Ok(None)
    }

    async fn act(&mut self, action: Action) -> anyhow::Result<()> {
        match action {
            Action::RaiseEpoch => {
                self.ask(|records| async move { Ok(Event::EpochRaised(records.raise_epoch().await?)) })
            }
            Action::ReadHead => self.ask(|records| async move { Ok(Event::HeadRead(records.epoch().await?)) }),
            Action::RecordPrefetch(no, prefetch) => {
                let stream = self.group.streams[no.0].name.clone();
                self.ask(move |records| async move {
                    Ok(Event::PrefetchRecorded(no, records.record_prefetch(&stream, prefetch).await?))
                });
            }
            Action::ReadTail(no, channel, depth) => {
                let stream = self.group.streams[no.0].name.clone();
                self.ask(move |records| async move {
                    let tail = records.tail(&stream, depth).await?;
                    Ok(Event::TailRead(no, channel, records.epoch().await?, tail))
                });
            }
            Action::OpenChannel(no, number, prefetch) => self.open(no, number, prefetch),
            Action::CloseChannel(no, number) => self.close(no, number),
            Action::Discard(no) => {
                let stream = self.group.streams[no.0].name.clone();
                let lane = &mut self.lanes[no.0];
                lane.channel = None;
                lane.stock = Stock::new(stream, self.tools.spool.clone());
            }
            Action::Drop(no, messages) => {
                let stream = self.group.streams[no.0].name.as_str();
                info!(stream, messages, "redelivered messages are in the catalog already");
                metrics::emit(clock::now(), &[("stream", stream)], &[(&REDELIVERED_DROPPED, messages as f64)]);
                self.lanes[no.0].stock.skip(messages).context("dropping messages")?;
            }
            Action::Cut(no) => self.lanes[no.0].stock.cut().context("keeping a batch")?,
            Action::Invoke(no, ordinal) => self.invoke(no, ordinal),
            Action::Ack(no, number, tag) => self.acknowledge(no, number, tag).await?,
            Action::Publish(no, marker) => self.publish(no, marker),
            Action::Fill(..) | Action::End(_) => {}
        }
        Ok(())
    }

    fn now(&self) -> Millis {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(Millis::MAX)
    }

    /// Asks the catalog; the answer comes as news.
    fn ask<F>(&mut self, question: impl FnOnce(Records) -> F)
    where
        F: Future<Output = anyhow::Result<Event>> + Send + 'static,
    {
        let answer = question(self.tools.records.clone());
        let news = self.news.clone();
        self.tasks.spawn(async move {
            let told = answer.await.map_or_else(News::Lost, News::Event);
            // Nobody listens if the reign is over.
            let _ = news.send(told).await;
        });
    }

    fn open(&mut self, no: StreamNo, number: ChannelNo, prefetch: u16) {
        let member = &self.group.streams[no.0];
        info!(stream = %member.name, prefetch, "opening a channel");
        let consumer_timeout = self.settings.consumer_timeout;
        let source = Source { stream: member.name.clone(), no, queue: member.queue.clone(), consumer_timeout };
        let (connection, news) = (Arc::clone(&self.consuming), self.news.clone());
        self.tasks.spawn(async move { intake::run(&connection, source, number, prefetch, news).await });
    }

    fn close(&mut self, no: StreamNo, number: ChannelNo) {
        let Some((_, channel)) = self.lanes[no.0].channel.take_if(|(at, _)| *at == number) else { return };
        info!(stream = %self.group.streams[no.0].name, "closing a channel");
        let news = self.news.clone();
        self.tasks.spawn(async move {
            let closed = consume::give_back(&channel).await;
            let told = closed.map_or_else(News::Lost, |()| News::Event(Event::ChannelClosed(no, number)));
            let _ = news.send(told).await;
        });
    }

    fn invoke(&mut self, no: StreamNo, ordinal: Ordinal) {
        let lane = &mut self.lanes[no.0];
        if lane.flight.as_ref().is_none_or(|(of, _)| *of != ordinal) {
            lane.flight = lane.stock.take().map(|batch| (ordinal, Arc::new(batch)));
        }
        let Some((_, batch)) = &lane.flight else { return };
        let (batch, stream) = (Arc::clone(batch), self.group.streams[no.0].name.clone());
        let (ingest, news, epoch) =
            (self.tools.ingest.clone(), self.news.clone(), self.core.epoch().unwrap_or_default());
        self.tasks.spawn(async move {
            let outcome = ingest.send(&stream, epoch, ordinal, &batch).await;
            drop(batch);
            let _ = news.send(News::Event(Event::Invoked(no, ordinal, outcome))).await;
        });
    }

    async fn acknowledge(&mut self, no: StreamNo, number: ChannelNo, tag: Tag) -> anyhow::Result<()> {
        let lane = &self.lanes[no.0];
        let Some((_, channel)) = lane.channel.as_ref().filter(|(at, _)| *at == number) else { return Ok(()) };
        if let Acknowledged::ChannelFailed(error) = consume::acknowledge(channel, tag).await? {
            // Its consumer tells. What was not acknowledged comes again and is recognised.
            warn!(stream = %self.group.streams[no.0].name, %error, "not acknowledged");
        }
        Ok(())
    }

    fn publish(&mut self, no: StreamNo, marker: Marker) {
        let queue = self.group.streams[no.0].queue.clone();
        let (publisher, news) = (self.publishing.clone(), self.news.clone());
        self.tasks.spawn(async move {
            if let Err(error) = publish(&publisher, &queue, marker).await {
                let _ = news.send(News::Lost(error.context("publishing a marker"))).await;
            }
        });
    }
}

/// Publishes a marker. One that the broker refuses is as good as lost: the core notices and publishes another.
async fn publish(publisher: &Publisher, queue: &str, marker: Marker) -> anyhow::Result<()> {
    match publisher.publish(queue, &[], message::marker_properties(marker)).await?.await? {
        Confirmed::Accepted => {}
        Confirmed::Returned(reason) => warn!(queue, reason, "the broker returned a marker"),
        Confirmed::Refused => warn!(queue, "the broker did not accept a marker"),
    }
    fail_point("bridge.after_marker").await?;
    Ok(())
}

fn ended(end: End) -> Ended {
    match end {
        End::Drained => Ended::Drained,
        End::Fenced => {
            info!("another bridge reigns");
            Ended::Lost
        }
        End::Conflict => Ended::Conflict,
    }
}
