//! What others tell a reign that is running.

use foz_domain::StreamName;
use foz_domain::bridge::{Event, StreamNo, Unfitness};
use tokio::sync::mpsc::Sender;

use crate::news::News;

/// Gives orders to a reign. To one that is over they mean nothing.
#[derive(Debug, Clone)]
pub struct Orders {
    streams: Vec<StreamName>,
    news: Sender<News>,
}

impl Orders {
    /// Orders for a reign over these streams that listens to these news.
    pub fn new(streams: Vec<StreamName>, news: Sender<News>) -> Self {
        Self { streams, news }
    }

    /// The stream's queue is not fit any more: it, and what refers to it, are not consumed until [`Orders::take_up`].
    pub async fn give_up(&self, stream: &StreamName, why: Unfitness) {
        self.tell(stream, |no| Event::GiveUp(no, why)).await;
    }

    /// The stream's queue is fit again.
    pub async fn take_up(&self, stream: &StreamName) {
        self.tell(stream, Event::TakeUp).await;
    }

    /// The process is to end: finish what is on its way to the catalog, take nothing more.
    pub async fn stop(&self) {
        let _ = self.news.send(News::Event(Event::Stop)).await;
    }

    async fn tell(&self, stream: &StreamName, event: impl FnOnce(StreamNo) -> Event) {
        if let Some(no) = self.streams.iter().position(|name| name == stream) {
            let _ = self.news.send(News::Event(event(StreamNo(no)))).await;
        }
    }
}
