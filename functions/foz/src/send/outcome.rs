//! What became of the lines, and how that is told.

use foz_rabbit::publish::Confirmed;
use serde_json::json;

use crate::cli_status::CliStatus;
use crate::output::{Printer, complain};
use crate::units;

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    pub confirmed: u64,
    /// Lines that were sent, or begun to be.
    pub unconfirmed: Vec<u64>,
    /// The last line that was sent, or begun to be; 0 if none was.
    pub last: u64,
    /// Why sending stopped before the end; `None` if it did not.
    pub why: Option<String>,
}

impl Outcome {
    /// Takes in what the broker says of a line.
    pub fn settle(&mut self, number: u64, confirmation: Result<Confirmed, foz_rabbit::BrokerError>) {
        match confirmation {
            Ok(Confirmed::Accepted) => self.confirmed += 1,
            Ok(Confirmed::Returned(_)) => {
                self.refuse(number, "there is no such queue; `foz queues --apply` declares it".to_owned())
            }
            Ok(Confirmed::Refused) => self.refuse(number, "the queue is full or not available".to_owned()),
            Err(error) => self.refuse(number, error.to_string()),
        }
    }

    /// This line is not confirmed.
    pub fn refuse(&mut self, number: u64, why: String) {
        self.unconfirmed.push(number);
        self.stop(why);
    }

    /// No more is sent. The first reason is the one that is told.
    pub fn stop(&mut self, why: String) {
        self.why.get_or_insert(why);
    }

    /// The line from which to send again; `None` if all were sent.
    fn go_on(&self) -> Option<u64> {
        self.why.as_ref().map(|_| self.unconfirmed.iter().copied().min().unwrap_or(self.last + 1))
    }

    pub fn report(&self, queue: &str, seconds: f64, output: Printer) -> anyhow::Result<CliStatus> {
        let Self { confirmed, unconfirmed, why, .. } = self;
        if output.json {
            output.value(&json!({
                "queue": queue,
                "confirmed": confirmed,
                "unconfirmed_lines": unconfirmed,
                "go_on_from_line": self.go_on(),
                "seconds": seconds,
                "why": why,
            }))?;
        } else {
            let rate = *confirmed as f64 / seconds.max(0.001);
            let count = units::count(*confirmed);
            output.text(&format!("{count} confirmed by {queue} in {seconds:.1} s ({rate:.0}/s)\n"))?;
        }
        self.complaints().iter().for_each(|line| complain(line));
        Ok(if why.is_none() { CliStatus::Ok } else { CliStatus::Attention })
    }

    /// Why sending stopped, and how to go on.
    fn complaints(&self) -> Vec<String> {
        let (Some(why), Some(line)) = (&self.why, self.go_on()) else { return Vec::new() };
        let mut said = vec![format!("foz: sending stopped: {why}")];
        if !self.unconfirmed.is_empty() {
            let lines = ranges(&self.unconfirmed);
            said.push(format!("     not confirmed, and perhaps not in the queue: lines {lines}"));
        }
        said.push(format!("     to go on, send the file again from line {line}: `tail -n +{line} FILE`"));
        said
    }
}

/// `1-3, 7` of 1, 2, 3, 7.
fn ranges(numbers: &[u64]) -> String {
    let mut numbers = numbers.to_vec();
    numbers.sort_unstable();
    let mut ranges: Vec<(u64, u64)> = Vec::new();
    for number in numbers {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => ranges.push((number, number)),
        }
    }
    let show = |(first, last): &(u64, u64)| if first == last { first.to_string() } else { format!("{first}-{last}") };
    ranges.iter().map(show).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_short() {
        assert_eq!(ranges(&[3, 1, 2, 7]), "1-3, 7");
        assert_eq!(ranges(&[]), "");
    }

    #[test]
    fn how_to_go_on_is_said() {
        let said = |outcome: Outcome| outcome.complaints().join("\n");
        assert_eq!(said(Outcome { confirmed: 3, last: 3, ..Outcome::default() }), "");
        let why = || Some("interrupted".to_owned());
        assert_eq!(
            said(Outcome { confirmed: 3, last: 4, why: why(), unconfirmed: Vec::new() }),
            "foz: sending stopped: interrupted\n     to go on, send the file again from line 5: `tail -n +5 FILE`"
        );
        assert_eq!(
            said(Outcome { confirmed: 1, last: 4, why: why(), unconfirmed: vec![4, 2] }),
            "foz: sending stopped: interrupted\n     not confirmed, and perhaps not in the queue: lines 2, 4\n     \
             to go on, send the file again from line 2: `tail -n +2 FILE`"
        );
    }
}
