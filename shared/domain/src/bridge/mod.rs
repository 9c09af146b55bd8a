//! The bridge's protocol, without its I/O: a [`Reign`] over a group is told what happens ([`Event`]) and answers what to
//! do ([`Action`]). It holds no bodies, only delivery tags, sizes, and digests where they are still needed.
//!
//! - `events`: what a reign is told and asks for
//! - `settings`: sizes and periods
//! - `rules`: the [`Rules`], with switches that are compiled out of what is released
//! - `reign`, `lane`: the state machine of a group, and of each stream in it: what it is told, then what it does by itself
//! - `channel`, `window`: a stream's channel, and what it has delivered that is not acknowledged
//! - `align`: which redelivered messages are in the catalog already
//! - `markers`: numbers of markers, and patience
//! - `drain`: how old a batch gets
//!
//! # What must be true
//!
//! RabbitMQ has no offsets: it gives back what a consumer did not acknowledge, in order, and says `redelivered` where it
//! cannot exclude that somebody saw the message. The catalog commits a batch in one transaction, if the batch's epoch is
//! the group's, and its ordinal is the next of its stream in that epoch (or 1 in a newer one). From these two the reign
//! makes: every confirmed message is committed once; each stream in the order of its queue; and if a was confirmed before
//! b was published, and b's stream refers to a's, then a is committed before b.
//!
//! # Why it is
//!
//! **Only one reign commits.** An epoch is given to whoever raised it and never adopted: after an unknown outcome it is
//! raised again, so no two processes believe in the same one. From the moment at which the catalog's epoch is e, batches
//! of lower epochs are refused. Bridges of lower epochs may go on for as long as they like, consume, publish markers,
//! even hold a queue's single active consumer: they are *zombies*. They cannot commit, so they must not acknowledge, and
//! they never do: a message is acknowledged after its own batch was answered with "committed".
//!
//! **Nothing is lost.** What is acknowledged is committed. An invocation whose outcome is unknown is repeated with the same
//! bytes under the same ordinal until it is known; its ordinal is not used for anything else. So the transaction can
//! recognise it (same epoch, ordinal and digest: committed before), and a different content under a used ordinal is a
//! conflict, never a success. If the channel closes meanwhile, the next is opened only when the invocation is resolved,
//! because what it committed must be in the tail before anybody compares with it.
//!
//! **Nothing is committed twice.** A message can come again only on a new channel (of this reign or another), and only if
//! it was delivered before and not acknowledged. Take a channel that has just been opened in epoch e. Everything delivered
//! before and not acknowledged is a prefix of what this channel delivers, at most as long as the largest prefetch ever
//! used on the queue, which the catalog knew before it was used. Of that prefix, what is committed is again a prefix,
//! since batches are committed in the order of delivery, and its last message is the last of the stream in the catalog,
//! since nobody commits out of turn. So: hold the messages until the prefix is complete; *then* read the stream's last
//! messages, and after them the group's epoch; if that is still e, nobody but this reign can have committed since it was
//! raised to e, what was read is the stream's end, and the committed part is the longest prefix of what is held that equals
//! the end of the tail. (Whoever raises it later reads a tail of its own, and this reign commits no more.) The tail must
//! reach back over as many messages as are held, whatever batches and epochs they came in.
//!
//! When is the prefix complete? Not when it is silent for long. It is when a delivery comes with `redelivered=false`,
//! which is a guarantee, or when as many are held as the prefetch, which is never lowered. To have such a delivery come
//! even from an idle queue, the reign publishes a marker numbered 0 behind what is there, again if it does not come.
//!
//! **Order within a stream** is the queue's: a single active consumer, one batch in flight, batches cut from deliveries in
//! order, and never a negative acknowledgement. A cancelled consumer's messages stay with its channel while the next
//! consumer already receives what comes after; so the channel is closed before anything else is done. (Should *another*
//! bridge's consumer stand in line at that moment, order is lost whatever we do. Brokers cancel when a queue is deleted;
//! only a zombie can stand in line.)
//!
//! **Order across streams.** Let b's stream refer to a's, let a be confirmed before b is published. b is published before
//! it is delivered, before its batch is cut, before the marker that the batch waits for is published into a's queue. So a
//! is in its queue before the marker. The batch is sent when the marker counts, that is, when it was received in this
//! reign and everything before it *on that channel* is committed. What was before it in the queue but not on that channel
//! was acknowledged earlier, thus committed. So a is committed before b's batch is even sent. It follows why a marker that
//! was published before the cut does not serve, why one from another reign does not (its numbers mean other cuts), and why
//! one is forgotten with the channel on which it came: what was before it there may come again, uncommitted. Counted
//! markers stay counted: commits are not undone. Higher numbers serve for lower ones, as they were published later.
//!
//! **It ends.** A marker can be lost with its publisher's connection, or be consumed by a zombie that is the queue's active
//! consumer. A zombie that receives a marker of a newer epoch knows, and closes everything without acknowledging. One
//! that receives nothing but waits, for its own marker, reads the group head from time to time. So zombies that stand in
//! the way go; those that do not harm nobody. Whoever waits, and still reigns, publishes again. References form no cycle,
//! so some waiting batch can always go. No delivery waits until the broker's consumer timeout: at a quarter of it the
//! channel is closed, which gives back what it holds, and opened anew.
//!
//! The *lock* does not occur above: it only keeps two live bridges from taking turns in fencing each other.
//!
//! # How this was checked
//!
//! An exhaustive model of two streams, two bridges and one or two messages and faults has four to eight million states; in
//! none is a promise broken, and from each "all committed" can be reached. Larger cases were walked at random. Here,
//! `tests/bridge_rules.rs` drives this very code through a simulated broker, catalog and network with crashes, zombies,
//! lost answers, late requests, lost markers, closed channels and cancelled consumers: a million seeds went right. With most
//! of the rules it is enough to turn off that one, and it finds a seed that goes wrong. Others cover for each other, and
//! are turned off together: `ResolveFirst` with the catalog's comparison of digests; `AlignmentMarkerAgain` and
//! `MarkerAgain` with `GiveBack`; `NewerMarkerFences` and `HeadAgain` with `GiveBack` and `AlignmentHeadAgain`. Those
//! last two are not needed in the simulation: without both of them nothing goes wrong there. `GiveBack` is for the broker's
//! consumer timeout, which it does not have.

mod align;
mod channel;
mod drain;
mod events;
mod lane;
mod markers;
mod reign;
mod rules;
mod settings;
mod window;

pub use align::committed_prefix;
pub use events::{Action, ChannelNo, Content, Delivery, End, Event, InvokeOutcome, Marker, Millis, StreamNo, Tag};
pub use reign::Reign;
pub use rules::{Rule, Rules};
pub use settings::{LaneSpec, ReignSettings};
