//! A bar on standard error for what takes longer than two seconds.

use std::pin::pin;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::time::interval;

/// How long a person waits without being told why.
const QUIET: Duration = Duration::from_secs(2);

/// A progress bar that appears once the work takes long, and never where there is no terminal.
pub struct Progress {
    bar: ProgressBar,
    began: Instant,
    shown: bool,
}

impl Progress {
    /// A bar for what is being done, towards `total`; `None` if the total is not known.
    pub fn new(total: Option<u64>, doing: &'static str) -> Self {
        let template = match total {
            Some(_) => "{msg} {wide_bar} {human_pos}/{human_len} {per_sec}",
            None => "{spinner} {msg} {human_pos} {per_sec}",
        };
        let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::hidden());
        bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_message(doing);
        Self { bar, began: Instant::now(), shown: false }
    }

    /// Waits for the work, and keeps the bar moving meanwhile.
    pub async fn during<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        let mut moves = interval(Duration::from_millis(200));
        loop {
            tokio::select! {
                done = &mut work => return done,
                _ = moves.tick() => {
                    self.at(self.bar.position());
                    self.bar.tick();
                }
            }
        }
    }

    /// Moves the bar to `position`.
    pub fn at(&mut self, position: u64) {
        if !self.shown && self.began.elapsed() > QUIET {
            self.bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(5));
            self.shown = true;
        }
        self.bar.set_position(position);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
