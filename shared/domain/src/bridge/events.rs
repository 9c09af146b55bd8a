//! What a reign is told and what it asks for.

use crate::ids::{Digest, Epoch, Ordinal};

/// Milliseconds of a clock that never goes back; its zero means nothing.
pub type Millis = u64;

/// The broker's number of a delivery on its channel.
pub type Tag = u64;

/// A stream, as its place in the list that the reign was made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamNo(pub usize);

/// A channel, as the reign numbers them. Numbers are not used twice within a reign, so late news of an old channel is
/// told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelNo(pub u64);

/// An empty message by which a bridge learns that it has received all that was in a queue before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Marker {
    /// The reign that published it.
    pub epoch: Epoch,
    /// Its number in its queue: 1, 2, 3, … for markers that batches wait for, [`Marker::ALIGNMENT`] for the other kind.
    pub number: u64,
    /// The seal of the reign that published it, by which the reign knows it again: the epochs of a lake that is made anew
    /// begin anew, and anybody can write a number into a header. 0 if an earlier version published it, which had no seals.
    pub seal: u64,
}

impl Marker {
    /// The number of the markers that a bridge sends into the queue it has just opened, so that a delivery comes that
    /// was never delivered before.
    pub const ALIGNMENT: u64 = 0;
}

/// What was delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// A publisher's message.
    Message {
        /// Digest of its encoding: what the stream's tail in the catalog is compared with.
        digest: Digest,
        /// Bytes that it occupies.
        size: u32,
    },
    /// A bridge's marker.
    Marker(Marker),
}

/// One delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivery {
    /// Its number on the channel.
    pub tag: Tag,
    /// Whether it may have been delivered before. `false` is a guarantee, `true` a hint.
    pub redelivered: bool,
    /// What it is.
    pub content: Content,
}

/// How an invocation of ingest ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvokeOutcome {
    /// The batch is in the catalog, by this attempt or an earlier one.
    Committed,
    /// A higher epoch reigns.
    Fenced,
    /// The catalog holds other content under this ordinal.
    Conflict,
    /// Anything else: busy, throttled, failed, timed out, answer lost.
    Unknown,
}

/// Why a stream is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfitness {
    /// Its queue is not as it must be: what was delivered is given back.
    Wrong,
    /// Its queue is gone: what was delivered is nowhere else, and is finished.
    Gone,
}

/// News for a reign. Who carries out a read or a raise repeats it until there is an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The reign may begin.
    Start,
    /// The epoch was raised to this by this very call; `None` if the outcome is unknown.
    EpochRaised(Option<Epoch>),
    /// The group head, read strongly consistently; also what a conditional write found there.
    HeadRead(Epoch),
    /// The stream head records this prefetch: at least what was asked for.
    PrefetchRecorded(StreamNo, u16),
    /// The channel is open and its consumer subscribed.
    ChannelOpened(StreamNo, ChannelNo),
    /// The channel is closed, by either side; nothing of it will be delivered any more.
    ChannelClosed(StreamNo, ChannelNo),
    /// The server cancelled the consumer.
    Cancelled(StreamNo, ChannelNo),
    /// Deliveries, in order.
    Delivered(StreamNo, ChannelNo, Vec<Delivery>),
    /// The group's epoch, and the digests of the stream's last messages in the catalog, oldest first. Both read strongly
    /// consistently after [`Action::ReadTail`] was asked for, the digests first: the epoch vouches for them.
    TailRead(StreamNo, ChannelNo, Epoch, Vec<Digest>),
    /// Answer to [`Action::Fill`], given before any other event: how many messages fitted. Fewer than asked for, or
    /// `true`, means that the batch is full.
    Filled(StreamNo, usize, bool),
    /// An invocation ended.
    Invoked(StreamNo, Ordinal, InvokeOutcome),
    /// Answer to [`Action::LookForQueue`]: whether the stream's queue is there.
    QueueLooked(StreamNo, ChannelNo, bool),
    /// The stream's queue is not fit to be consumed any more.
    GiveUp(StreamNo, Unfitness),
    /// The stream's queue is fit again.
    TakeUp(StreamNo),
    /// The process is to end: take nothing more, and finish what is on its way to the catalog.
    Stop,
    /// Time has passed.
    Tick,
}

/// What a reign asks for, to be done in the given order. Messages are those of the stream's present channel that are not
/// in a batch yet, oldest first; markers are none of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Raise the group's epoch by compare-and-set.
    RaiseEpoch,
    /// Make the stream head record at least this prefetch, and tell what it records. No condition on the epoch is needed:
    /// what is consumed with a prefetch that was recorded after the next reign looked, that reign lets nobody commit.
    RecordPrefetch(StreamNo, u16),
    /// Open a channel with this prefetch and subscribe to the stream's queue.
    OpenChannel(StreamNo, ChannelNo, u16),
    /// Close the channel, which gives back what is not acknowledged.
    CloseChannel(StreamNo, ChannelNo),
    /// Forget all messages and batches of the stream but the batch that was invoked.
    Discard(StreamNo),
    /// Read the group head.
    ReadHead,
    /// Read the digests of the stream's last `usize` messages, then the group head.
    ReadTail(StreamNo, ChannelNo, usize),
    /// Forget the next messages: the catalog has them.
    Drop(StreamNo, usize),
    /// Put the next messages into the open batch, as many of these as it can take.
    Fill(StreamNo, usize),
    /// End the open batch; it queues behind the stream's other batches.
    Cut(StreamNo),
    /// Send the stream's next batch to ingest under this ordinal; the same bytes again if the ordinal was invoked before.
    Invoke(StreamNo, Ordinal),
    /// Acknowledge everything on the channel up to and including this delivery.
    Ack(StreamNo, ChannelNo, Tag),
    /// Acknowledge this delivery alone: a marker that nobody waits for.
    AckOne(StreamNo, ChannelNo, Tag),
    /// Publish a marker into the stream's queue.
    Publish(StreamNo, Marker),
    /// Find out whether the stream's queue is there.
    LookForQueue(StreamNo, ChannelNo),
    /// Tell people.
    Tell(StreamNo, Notice),
    /// The reign is over: close all channels, acknowledge nothing.
    End(End),
}

/// What people should know of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// Markers were put into its queue and nothing at all comes: another consumer is served first.
    Unheard,
    /// Something came, for the first time since [`Notice::Unheard`].
    Heard,
    /// A marker came that seems to be of a newer reign, and is not: the catalog knows of none. It is stepped over.
    ForeignMarker(Marker),
    /// Its queue is gone; that many messages that it had delivered are finished.
    Orphaned(usize),
    /// It is not consumed any more, as its queue, or the queue of a stream that it refers to, is not fit.
    GivenUp,
    /// It is consumed again.
    TakenUp,
}

/// Why a reign is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Another bridge reigns.
    Fenced,
    /// The catalog holds what this reign did not send.
    Conflict,
    /// All that was in the queues is in the catalog ([`super::ReignSettings::drain`]).
    Drained,
    /// It cannot be drained: the stream's queue gives nothing, not even a marker.
    Unheard(StreamNo),
    /// It is drained, but for streams that were given up.
    GivenUp,
    /// It was told to stop, and nothing is on its way to the catalog.
    Stopped,
}
