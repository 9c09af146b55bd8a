//! Lines on their way: published in order, some of them not confirmed yet.

use std::collections::VecDeque;
use std::time::Duration;

use foz_rabbit::publish::Confirmed;
use tokio::time::timeout;

use super::lines::{Line, Lines};
use super::outcome::Outcome;
use crate::progress::Progress;

/// Unconfirmed messages at a time: enough to hide the way to the broker and back.
const WINDOW: usize = 2_000;
/// Unconfirmed bytes at a time, which lapin holds in memory.
const WINDOW_BYTES: usize = 32 << 20;

/// Publishes the lines until they end, something goes wrong, or `interrupt` comes; then waits for what is on its way,
/// after an interrupt for `grace` at most.
pub async fn send<C>(
    lines: &mut Lines,
    publish: impl AsyncFnMut(&Line) -> Result<C, foz_rabbit::BrokerError>,
    interrupt: impl Future<Output = ()>,
    grace: Duration,
    progress: Progress,
) -> Outcome
where
    C: Future<Output = Result<Confirmed, foz_rabbit::BrokerError>> + Unpin,
{
    let mut sending = Sending { window: VecDeque::new(), bytes: 0, begun: None, outcome: Outcome::default() };
    let interrupted = tokio::select! {
        biased;
        () = interrupt => true,
        () = sending.all(lines, publish, progress) => false,
    };
    if interrupted {
        sending.outcome.stop("interrupted".to_owned());
        // A broker that is stuck does not hold us up; what it leaves open is told.
        let _ = timeout(grace, sending.settle()).await;
        sending.outcome.unconfirmed.extend(sending.window.iter().map(|(number, ..)| *number));
        sending.outcome.unconfirmed.extend(sending.begun);
    }
    sending.outcome
}

struct Sending<C> {
    /// Number, size and confirmation to come of what was published.
    window: VecDeque<(u64, usize, C)>,
    bytes: usize,
    /// The line that is being published; `None` if none is.
    begun: Option<u64>,
    outcome: Outcome,
}

/// May be dropped at each `await`: what was begun is known then.
impl<C: Future<Output = Result<Confirmed, foz_rabbit::BrokerError>> + Unpin> Sending<C> {
    async fn all(
        &mut self,
        lines: &mut Lines,
        mut publish: impl AsyncFnMut(&Line) -> Result<C, foz_rabbit::BrokerError>,
        mut progress: Progress,
    ) {
        while self.outcome.why.is_none()
            && let Some(line) = lines.next().await
        {
            match line {
                Ok(line) => {
                    self.publish(&line, &mut publish).await;
                    progress.at(line.read);
                }
                Err(why) => self.outcome.stop(why),
            }
        }
        self.settle().await;
    }

    async fn publish(
        &mut self,
        line: &Line,
        publish: &mut impl AsyncFnMut(&Line) -> Result<C, foz_rabbit::BrokerError>,
    ) {
        (self.begun, self.outcome.last) = (Some(line.number), line.number);
        let published = publish(line).await;
        self.begun = None;
        match published {
            Ok(confirm) => {
                self.bytes += line.body.len();
                self.window.push_back((line.number, line.body.len(), confirm));
            }
            Err(error) => self.outcome.refuse(line.number, error.to_string()),
        }
        while self.outcome.why.is_none() && (self.window.len() >= WINDOW || self.bytes > WINDOW_BYTES) {
            self.settle_first().await;
        }
    }

    /// Waits until all that was published is confirmed or refused.
    async fn settle(&mut self) {
        while !self.window.is_empty() {
            self.settle_first().await;
        }
    }

    async fn settle_first(&mut self) {
        let Some((number, size, confirm)) = self.window.front_mut() else { return };
        let (number, size, confirmation) = (*number, *size, confirm.await);
        self.window.pop_front();
        self.bytes -= size;
        self.outcome.settle(number, confirmation);
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};
    use std::io::{self, Read};

    use foz_rabbit::ErrorKind;
    use futures::FutureExt;
    use futures::future::BoxFuture;
    use tokio::sync::Notify;

    use super::*;

    type Confirm = BoxFuture<'static, Result<Confirmed, foz_rabbit::BrokerError>>;

    fn confirmed() -> Confirm {
        ready(Ok(Confirmed::Accepted)).boxed()
    }

    async fn send(
        input: impl Read + Send + 'static,
        publish: impl AsyncFnMut(&Line) -> Result<Confirm, foz_rabbit::BrokerError>,
        interrupt: impl Future<Output = ()>,
    ) -> Outcome {
        let progress = Progress::new(None, "sending");
        super::send(&mut Lines::of(input), publish, interrupt, Duration::ZERO, progress).await
    }

    fn outcome(confirmed: u64, unconfirmed: &[u64], last: u64, why: Option<&str>) -> Outcome {
        Outcome { confirmed, unconfirmed: unconfirmed.to_vec(), last, why: why.map(str::to_owned) }
    }

    struct Broken;

    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("no such sector"))
        }
    }

    #[tokio::test]
    async fn all_lines_are_confirmed() {
        assert_eq!(send(&b"a\n\nb\n"[..], async |_| Ok(confirmed()), pending()).await, outcome(2, &[], 3, None));
    }

    #[tokio::test]
    async fn a_file_that_breaks_off_leaves_the_lines_before_confirmed() {
        let found = send(b"a\nb\n".chain(Broken), async |_| Ok(confirmed()), pending()).await;
        assert_eq!(found, outcome(2, &[], 2, Some("reading line 3: no such sector")));
    }

    #[tokio::test]
    async fn a_broker_that_goes_away_stops_the_sending() {
        let publish = async |line: &Line| match line.number {
            3.. => Err(ErrorKind::FutureCompleted.into()),
            _ => Ok(confirmed()),
        };
        let why = foz_rabbit::BrokerError::from(ErrorKind::FutureCompleted).to_string();
        assert_eq!(send(&b"a\nb\nc\nd\n"[..], publish, pending()).await, outcome(2, &[3], 3, Some(&why)));
    }

    #[tokio::test]
    async fn an_interrupt_waits_for_what_is_on_its_way() {
        let pressed = Notify::new();
        // The third line's publishing never ends: the broker takes no more.
        let publish = async |line: &Line| {
            if line.number == 3 {
                pressed.notify_one();
                pending::<()>().await;
            }
            Ok(confirmed())
        };
        let found = send(&b"a\nb\nc\nd\n"[..], publish, pressed.notified()).await;
        assert_eq!(found, outcome(2, &[3], 3, Some("interrupted")));
    }

    #[tokio::test]
    async fn an_interrupt_does_not_wait_for_a_broker_that_is_stuck() {
        let pressed = Notify::new();
        let publish = async |line: &Line| {
            if line.number == 3 {
                pressed.notify_one();
            }
            Ok(if line.number == 1 { confirmed() } else { pending().boxed() })
        };
        let endless = b"a\nb\nc\n".chain(Silent);
        let found = send(endless, publish, pressed.notified()).await;
        assert_eq!(found, outcome(1, &[2, 3], 3, Some("interrupted")));
    }

    /// A terminal at which nobody types.
    struct Silent;

    impl Read for Silent {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            loop {
                std::thread::park();
            }
        }
    }
}
