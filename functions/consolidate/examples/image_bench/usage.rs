//! What this process has used, as Linux counts it.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::Context;
use serde::Serialize;

/// Linux counts processor time in hundredths of a second, whatever its own clock is.
const TICKS: f64 = 100.0;

/// A stretch of this process' life that is being measured.
#[derive(Debug)]
pub struct Stretch {
    began: Instant,
    cpu: f64,
}

/// What a stretch took.
#[derive(Debug, Serialize)]
pub struct Used {
    pub seconds: f64,
    pub cpu_seconds: f64,
    /// The most memory that the process held meanwhile, in MB.
    pub peak_megabytes: f64,
}

impl Stretch {
    /// Begins; the peak of memory is that from now on.
    ///
    /// # Errors
    /// This is no Linux.
    pub fn begin() -> anyhow::Result<Self> {
        // 5: forget the peak so far.
        fs::write("/proc/self/clear_refs", "5").context("cannot begin to measure memory")?;
        Ok(Self { began: Instant::now(), cpu: cpu()? })
    }

    /// Ends.
    ///
    /// # Errors
    /// This is no Linux.
    pub fn end(self) -> anyhow::Result<Used> {
        let seconds = self.began.elapsed();
        Ok(Used { seconds: Duration::as_secs_f64(&seconds), cpu_seconds: cpu()? - self.cpu, peak_megabytes: peak()? })
    }
}

fn cpu() -> anyhow::Result<f64> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    // The name in parentheses may hold blanks; user and system time are the 12th and 13th field after it.
    let fields = stat.rsplit_once(')').context("no name in /proc/self/stat")?.1.split_whitespace();
    let ticks = fields.skip(11).take(2).map(str::parse::<f64>).sum::<Result<f64, _>>()?;
    Ok(ticks / TICKS)
}

fn peak() -> anyhow::Result<f64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
    let kibibytes: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kibibytes * 1024.0 / 1e6)
}
