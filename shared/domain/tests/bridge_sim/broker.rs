//! A broker with quorum queues and single active consumers, as far as order and redelivery go.

use std::collections::VecDeque;

use foz_domain::Digest;
use foz_domain::bridge::{ChannelNo, Content, Delivery, Marker, StreamNo, Tag};

/// A bridge's connection; every start of a process and every reign has its own.
pub type Connection = u32;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    /// The n-th message of its stream.
    Message(usize),
    Marker(Marker),
}

#[derive(Debug, Clone, Copy)]
struct Item {
    body: Body,
    redelivered: bool,
}

/// What a channel's client hears, in order.
#[derive(Debug, Clone, Copy)]
pub enum Said {
    Opened,
    Delivered(Delivery, Body),
    Cancelled,
    Closed,
}

/// What a channel's broker hears, in order.
#[derive(Debug, Clone, Copy)]
pub enum Asked {
    Ack(Tag),
    AckOne(Tag),
    Close,
}

#[derive(Debug)]
pub struct Channel {
    pub owner: Connection,
    pub stream: StreamNo,
    pub number: ChannelNo,
    prefetch: usize,
    unacked: VecDeque<(Tag, Item)>,
    tags: Tag,
    open: bool,
    consuming: bool,
    pub to_client: VecDeque<Said>,
    pub to_broker: VecDeque<Asked>,
}

#[derive(Debug, Default)]
pub struct Broker {
    ready: Vec<VecDeque<Item>>,
    /// In the order in which they subscribed: the first that consumes a queue is its active one.
    pub channels: Vec<Channel>,
    pub single_active_consumer: bool,
}

impl Broker {
    pub fn new(streams: usize, single_active_consumer: bool) -> Self {
        Self { ready: vec![VecDeque::new(); streams], channels: vec![], single_active_consumer }
    }

    pub fn publish(&mut self, stream: StreamNo, body: Body) {
        self.ready[stream.0].push_back(Item { body, redelivered: false });
    }

    pub fn open(&mut self, owner: Connection, stream: StreamNo, number: ChannelNo, prefetch: u16) {
        self.channels.push(Channel {
            owner,
            stream,
            number,
            prefetch: prefetch.into(),
            unacked: VecDeque::new(),
            tags: 0,
            open: true,
            consuming: true,
            to_client: [Said::Opened].into(),
            to_broker: VecDeque::new(),
        });
    }

    /// Channels to which a message can be delivered now.
    pub fn deliverable(&self) -> Vec<usize> {
        let mut active = vec![false; self.ready.len()];
        let mut found = vec![];
        for (n, channel) in self.channels.iter().enumerate().filter(|(_, channel)| channel.open && channel.consuming) {
            let others = std::mem::replace(&mut active[channel.stream.0], true);
            let turn = !others || !self.single_active_consumer;
            if turn && channel.unacked.len() < channel.prefetch && !self.ready[channel.stream.0].is_empty() {
                found.push(n);
            }
        }
        found
    }

    pub fn deliver(&mut self, n: usize) {
        let channel = &mut self.channels[n];
        let Some(item) = self.ready[channel.stream.0].pop_front() else { return };
        channel.tags += 1;
        channel.unacked.push_back((channel.tags, item));
        let content = match item.body {
            Body::Message(n) => Content::Message { digest: digest(channel.stream, n), size: 10 },
            Body::Marker(marker) => Content::Marker(marker),
        };
        let delivery = Delivery { tag: channel.tags, redelivered: item.redelivered, content };
        channel.to_client.push_back(Said::Delivered(delivery, item.body));
    }

    /// Hears what a client asked on a channel.
    pub fn hear(&mut self, n: usize) {
        match self.channels[n].to_broker.pop_front() {
            Some(Asked::Ack(tag)) => {
                let channel = &mut self.channels[n];
                while channel.unacked.front().is_some_and(|(of, _)| *of <= tag) {
                    channel.unacked.pop_front();
                }
            }
            Some(Asked::AckOne(tag)) => self.channels[n].unacked.retain(|(of, _)| *of != tag),
            Some(Asked::Close) => self.close(n),
            None => {}
        }
    }

    /// Closes a channel: what is not acknowledged goes back to the head of its queue, in order.
    pub fn close(&mut self, n: usize) {
        let channel = &mut self.channels[n];
        if !std::mem::replace(&mut channel.open, false) {
            return;
        }
        channel.to_broker.clear();
        channel.to_client.push_back(Said::Closed);
        for (_, item) in channel.unacked.drain(..).rev() {
            self.ready[channel.stream.0].push_front(Item { redelivered: true, ..item });
        }
    }

    /// Whether a channel holds messages whose consumer is cancelled.
    pub fn holds_for_cancelled(&self) -> bool {
        self.channels.iter().any(|channel| channel.open && !channel.consuming)
    }

    /// Cancels a consumer. What it holds stays with its channel: the next consumer may get what comes after. So order is
    /// lost, whatever bridges do, if another bridge consumes the queue before the channel is closed; a broker cancels when
    /// a queue goes, and then that is the least of it. The simulation leaves this case out.
    pub fn cancel(&mut self, n: usize) {
        let channel = &mut self.channels[n];
        if channel.open && std::mem::replace(&mut channel.consuming, false) {
            channel.to_client.push_back(Said::Cancelled);
        }
    }

    pub fn disconnect(&mut self, owner: Connection) {
        for n in 0..self.channels.len() {
            if self.channels[n].owner == owner {
                self.close(n);
            }
        }
        self.channels.retain(|channel| channel.owner != owner);
    }

    pub fn is_open(&self, n: usize) -> bool {
        self.channels[n].open
    }
}

pub fn digest(stream: StreamNo, n: usize) -> Digest {
    let mut bytes = [stream.0 as u8; 32];
    bytes[..8].copy_from_slice(&n.to_le_bytes());
    Digest(bytes)
}
