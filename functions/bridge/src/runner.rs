//! Runs a reign: does what the pure core decides, and tells it what came of it.

mod tasks;
mod telling;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context;
use foz_domain::bridge::{Action, Content, End, Event, InvokeOutcome, Millis, Reign, ReignSettings};
use foz_edge::metrics::{self, REDELIVERED_DROPPED};
use foz_edge::{clock, fail_point};
use foz_rabbit::BrokerConnection;
use foz_rabbit::consume;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tracing::info;

use crate::assignment::Assignment;
use crate::backlog::Filled;
use crate::group_catalog::GroupCatalog;
use crate::health::GroupHealth;
use crate::ingest::IngestClient;
use crate::lane_io::LaneIo;
use crate::marker_publisher::MarkerPublisher;
use crate::news::News;
use crate::notices;
use crate::orders::Orders;
use crate::spool::Spool;

/// News that may wait for the reign. Few, as they carry messages: what waits longer waits at the broker.
const NEWS: usize = 8;

/// Why a reign ended without an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReignEnd {
    /// Another bridge reigns.
    Fenced,
    /// The catalog contradicts, and will again until a person has looked.
    Conflict,
    /// Everything that was there is in the catalog.
    Drained,
    /// Another bridge held the group for as long as this one would wait; the reign did not begin.
    ServedElsewhere,
    /// It cannot be drained until a person has done something about a queue; what is wrong was said.
    Undrainable,
    /// The process is to end.
    Stopped,
}

/// What a reign was good for, also if it fails.
#[derive(Debug, Default)]
pub struct Tally {
    /// How many batches were committed.
    pub batches: AtomicU64,
    /// Whether a message was delivered: an end of the reign counts against its delivery limit. Markers have nothing to lose.
    pub delivered: AtomicBool,
}

/// The clients that a reign works with.
#[derive(Debug, Clone)]
pub struct ReignComponents {
    /// The catalog, seen by this group.
    pub catalog: GroupCatalog,
    /// Where batches go.
    pub ingest: IngestClient,
    /// Where bytes wait.
    pub spool: Spool,
    /// What is told of the group.
    pub health: GroupHealth,
}

/// A reign on one connection to consume and another to publish: the broker may block publishers, and must not thereby
/// keep us from acknowledging.
pub struct ReignRunner {
    group: Assignment,
    components: ReignComponents,
    settings: ReignSettings,
    core: Reign,
    consuming: Arc<BrokerConnection>,
    publisher: MarkerPublisher,
    lanes: Vec<LaneIo>,
    began: Instant,
    news: Sender<News>,
    inbox: Receiver<News>,
    tasks: JoinSet<()>,
}

impl ReignRunner {
    /// Prepares a reign over the group.
    pub fn new(
        group: Assignment,
        components: ReignComponents,
        settings: ReignSettings,
        consuming: Arc<BrokerConnection>,
        publisher: MarkerPublisher,
    ) -> Self {
        let plans = group.streams.iter().map(|stream| stream.plan.clone()).collect();
        let lanes = group.streams.iter().map(|stream| LaneIo::new(stream.name.clone(), components.spool.clone()));
        let lanes = lanes.collect();
        let (news, inbox) = channel(NEWS);
        let seal = rand::Rng::random(&mut rand::rng());
        Self {
            core: Reign::new(plans, settings.clone(), seal),
            group,
            components,
            settings,
            consuming,
            publisher,
            lanes,
            began: Instant::now(),
            news,
            inbox,
            tasks: JoinSet::new(),
        }
    }

    /// What others can tell the reign while it runs.
    pub fn orders(&self) -> Orders {
        let streams = self.group.streams.iter().map(|stream| stream.name.clone()).collect();
        Orders::new(streams, self.news.clone())
    }

    /// Reigns until another bridge does, or everything is drained. Counts what it was good for.
    ///
    /// # Errors
    /// If a connection, or the disk, fails, or the catalog gives an answer that will not change.
    pub async fn run(mut self, tally: &Tally) -> anyhow::Result<ReignEnd> {
        let mut event = Event::Start;
        loop {
            if let Event::Invoked(no, ordinal, InvokeOutcome::Committed) = event {
                tally.batches.fetch_add(1, Ordering::Relaxed);
                fail_point("bridge.after_commit_before_ack").await?;
                self.lanes[no.0].land(ordinal);
            }
            if let Event::Delivered(.., deliveries) = &event
                && deliveries.iter().any(|delivery| !matches!(delivery.content, Content::Marker(_)))
            {
                tally.delivered.store(true, Ordering::Relaxed);
            }
            if let Some(end) = self.handle(event).await? {
                return Ok(reign_end(end));
            }
            event = self.next_event().await?;
        }
    }

    /// Waits for what the core is to know next.
    async fn next_event(&mut self) -> anyhow::Result<Event> {
        loop {
            let deadline = self.core.deadline().map(|at| self.began + Duration::from_millis(at));
            let ticking = async {
                match deadline {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                Some(news) = self.inbox.recv() => if let Some(event) = self.receive(news)? {
                    return Ok(event);
                },
                Some(done) = self.tasks.join_next(), if !self.tasks.is_empty() => done.context("a task broke off")?,
                () = ticking => return Ok(Event::Tick),
            }
        }
    }

    /// Keeps what came with the news. Returns what is the core's, or `None` if the news is of a channel that is gone.
    fn receive(&mut self, news: News) -> anyhow::Result<Option<Event>> {
        Ok(Some(match news {
            News::Event(event) => event,
            News::Lost(error) => return Err(error),
            News::Opened(no, number, channel) => {
                self.lanes[no.0].opened(number, channel);
                Event::ChannelOpened(no, number)
            }
            News::Delivered(no, number, load) => {
                let lane = &mut self.lanes[no.0];
                if lane.channel(number).is_none() {
                    return Ok(None);
                }
                self.components.health.delivered(&load.deliveries);
                if let Some(mover) = load.mover.filter(|_| lane.tells_mover()) {
                    let stream = &self.group.streams[no.0];
                    notices::tell_mover(&stream.name, &stream.queue, mover);
                }
                load.parcels
                    .into_iter()
                    .try_for_each(|parcel| lane.backlog.push(parcel))
                    .context("keeping messages")?;
                Event::Delivered(no, number, load.deliveries)
            }
        }))
    }

    /// Lets the core handle the event, and does what it asks for. Returns the end of the reign, if this is it.
    async fn handle(&mut self, event: Event) -> anyhow::Result<Option<End>> {
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
                    // The one question among the orders: how many messages fit decides what comes next.
                    Action::Fill(no, count) => {
                        let filled = self.lanes[no.0].backlog.fill(count, clock::now());
                        let Filled { messages, full } = filled.context("filling a batch")?;
                        events.push_back(Event::Filled(no, messages, full));
                    }
                    action => self.perform(action).await?,
                }
            }
        }
        self.tell_health();
        if let Some(no) = delivered {
            self.lanes[no.0].backlog.compact().context("keeping messages")?;
        }
        Ok(None)
    }

    async fn perform(&mut self, action: Action) -> anyhow::Result<()> {
        match action {
            Action::RaiseEpoch => {
                self.ask_catalog(|catalog| async move { Ok(Event::EpochRaised(catalog.raise_epoch().await?)) });
            }
            Action::ReadHead => {
                self.ask_catalog(|catalog| async move { Ok(Event::HeadRead(catalog.epoch().await?)) });
            }
            Action::RecordPrefetch(no, prefetch) => {
                let stream = self.group.streams[no.0].name.clone();
                self.ask_catalog(move |catalog| async move {
                    Ok(Event::PrefetchRecorded(no, catalog.record_prefetch(&stream, prefetch).await?))
                });
            }
            Action::ReadTail(no, channel, depth) => {
                let stream = self.group.streams[no.0].name.clone();
                self.ask_catalog(move |catalog| async move {
                    let tail = catalog.tail(&stream, depth).await?;
                    Ok(Event::TailRead(no, channel, catalog.epoch().await?, tail))
                });
            }
            Action::OpenChannel(no, number, prefetch) => self.open_channel(no, number, prefetch),
            Action::CloseChannel(no, number) => self.close_channel(no, number),
            Action::Discard(no) => self.lanes[no.0].discard(),
            Action::Drop(no, messages) => {
                let stream = self.group.streams[no.0].name.as_str();
                info!(stream, messages, "redelivered messages are in the catalog already");
                metrics::emit(clock::now(), &[("stream", stream)], &[(&REDELIVERED_DROPPED, messages as f64)]);
                self.lanes[no.0].backlog.skip(messages).context("dropping messages")?;
            }
            Action::Cut(no) => self.lanes[no.0].backlog.cut().context("keeping a batch")?,
            Action::Invoke(no, ordinal) => self.invoke_ingest(no, ordinal),
            Action::Ack(no, number, tag) => {
                let Some(channel) = self.lanes[no.0].channel(number) else { return Ok(()) };
                self.note(no, consume::acknowledge(channel, tag).await?);
            }
            Action::AckOne(no, number, tag) => {
                let Some(channel) = self.lanes[no.0].channel(number) else { return Ok(()) };
                self.note(no, consume::acknowledge_one(channel, tag).await?);
            }
            Action::Publish(no, marker) => self.publish_marker(no, marker),
            Action::LookForQueue(no, channel) => self.look_for_queue(no, channel),
            Action::Tell(no, notice) => self.tell_notice(no, notice),
            // Handled before, with their answers.
            Action::Fill(..) | Action::End(_) => {}
        }
        Ok(())
    }

    fn now(&self) -> Millis {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(Millis::MAX)
    }
}

fn reign_end(end: End) -> ReignEnd {
    match end {
        End::Drained => ReignEnd::Drained,
        End::Fenced => {
            info!("another bridge reigns");
            ReignEnd::Fenced
        }
        End::Conflict => ReignEnd::Conflict,
        End::Unheard(_) | End::GivenUp => ReignEnd::Undrainable,
        End::Stopped => ReignEnd::Stopped,
    }
}
