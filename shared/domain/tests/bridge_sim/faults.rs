//! What goes wrong.

use foz_domain::Epoch;
use foz_domain::bridge::{ChannelNo, Event, Marker, StreamNo, Unfitness};

use super::broker::{Asked, Body, Said};
use super::{Request, STRANGER, World};

impl World {
    pub(super) fn fault(&mut self) {
        let open: Vec<usize> = (0..self.broker.channels.len()).filter(|&n| self.broker.is_open(n)).collect();
        match self.random.below(12) {
            // A process dies; the broker notices some time.
            0 | 1 if !self.processes.is_empty() => {
                let n = self.random.below(self.processes.len());
                let dead = self.processes.swap_remove(n);
                self.note(|| format!("  {} dies", dead.connection));
                self.air.push((dead.connection, Request::Disconnect));
                self.standby += 1;
            }
            // The lock is lost; the bridge that had it goes on as if nothing had happened.
            2 if !self.broker.holds_for_cancelled() => self.lock = None,
            3 | 4 if !open.is_empty() => self.broker.close(open[self.random.below(open.len())]),
            5 if !open.is_empty() => {
                let n = open[self.random.below(open.len())];
                let mut bridges = self.processes.iter().map(|process| process.connection);
                let alone = self.broker.channels.iter().all(|channel| Some(channel.owner) == self.lock);
                if alone && bridges.all(|connection| Some(connection) == self.lock) {
                    self.broker.cancel(n);
                }
            }
            6 => {
                let stream = StreamNo(self.random.below(self.published.references.len()));
                let epoch = Epoch((self.catalog.epoch.0 + self.random.below(4) as u64).saturating_sub(1));
                // As a bridge of another lake, or of this one before it was made anew, may have left it.
                let marker = Marker { epoch, number: self.random.below(5) as u64, seal: 0 };
                self.broker.publish(stream, Body::Marker(marker));
            }
            7 => self.alarm = !self.alarm || self.lasting,
            8 if !self.broker.holds_for_cancelled() => {
                let stream = StreamNo(self.random.below(self.published.references.len()));
                self.broker.open(STRANGER, stream, ChannelNo(0), 2);
            }
            9 if !self.processes.is_empty() => {
                let n = self.random.below(self.processes.len());
                let owner = self.processes[n].connection;
                let stream = StreamNo(self.random.below(self.published.references.len()));
                self.answers.push((owner, Event::TakeUp(stream)));
                self.tell(owner, Event::GiveUp(stream, Unfitness::Wrong));
            }
            10 if !self.processes.is_empty() => {
                let n = self.random.below(self.processes.len());
                self.tell(self.processes[n].connection, Event::Stop);
            }
            _ => {}
        }
    }

    /// A stranger leaves, or acknowledges what is nobody's loss, a marker; what it holds comes back when it leaves.
    pub(super) fn stranger_hears(&mut self, n: usize) {
        let leaves = self.random.percent(20);
        let channel = &mut self.broker.channels[n];
        match channel.to_client.pop_front() {
            Some(Said::Delivered(delivery, Body::Marker(_))) => {
                channel.to_broker.push_back(Asked::AckOne(delivery.tag))
            }
            _ if leaves => {
                self.broker.close(n);
                self.broker.channels.remove(n);
            }
            _ => channel.to_client.push_back(Said::Opened),
        }
    }
}
