//! `foz send`: lines to messages, in order, confirmed.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::time::Instant;

use anyhow::Context;
use foz_lambda::clock;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Confirmation};
use serde_json::json;
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::End;
use crate::arguments::Send;
use crate::broker;
use crate::output::{Output, complain};
use crate::progress::Progress;
use crate::settings::Settings;
use crate::units;

/// Unconfirmed messages at a time: enough to hide the way to the broker and back.
const WINDOW: usize = 2_000;
/// Unconfirmed bytes at a time, which lapin holds in memory.
const WINDOW_BYTES: usize = 32 << 20;

/// A line of the file, without its end.
struct Line {
    number: u64,
    body: Vec<u8>,
    /// Bytes of the file read so far.
    read: u64,
}

/// What became of the lines.
#[derive(Debug, Default)]
struct Outcome {
    confirmed: u64,
    unconfirmed: Vec<u64>,
    why: Option<String>,
}

pub async fn run(what: &Send, settings: &Settings, output: Output) -> anyhow::Result<End> {
    let aws = settings.aws().await?;
    let definition = settings.definition(&settings.store(&aws)?).await?;
    let Some(stream) = definition.stream(&what.stream) else {
        let names: Vec<_> = definition.streams.keys().map(|name| name.as_str()).collect();
        anyhow::bail!("there is no stream {}; there are {}", what.stream, names.join(", "));
    };
    let (lines, size) = read(what.file.as_deref())?;
    let connection = broker::connect(settings.amqp_url()?).await?;
    let channel = broker::channel(&connection).await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await.context("asking for confirms")?;
    let began = Instant::now();
    let outcome = publish(&channel, &stream.queue, what, lines, Progress::new(size, "sending")).await?;
    let seconds = began.elapsed().as_secs_f64();
    report(&outcome, &stream.queue, seconds, output)
}

/// The lines that are not empty, and the size of the file, if it is known. A thread of its own reads them: standard input
/// may block for ever, and must not hold up the end.
fn read(file: Option<&Path>) -> anyhow::Result<(mpsc::Receiver<io::Result<Line>>, Option<u64>)> {
    let (input, size): (Box<dyn Read + std::marker::Send>, _) = match file {
        Some(path) => {
            let file = File::open(path).with_context(|| format!("opening {}", path.display()))?;
            let size = file.metadata().ok().filter(|metadata| metadata.is_file()).map(|metadata| metadata.len());
            (Box::new(file), size)
        }
        None => (Box::new(io::stdin()), None),
    };
    let (sender, receiver) = mpsc::channel(WINDOW);
    std::thread::spawn(move || {
        for line in lines(input) {
            // Nobody listens any more once sending has stopped.
            if sender.blocking_send(line).is_err() {
                break;
            }
        }
    });
    Ok((receiver, size))
}

fn lines(input: impl Read) -> impl Iterator<Item = io::Result<Line>> {
    let mut input = BufReader::with_capacity(1 << 16, input);
    let (mut number, mut read) = (0, 0);
    std::iter::from_fn(move || {
        loop {
            let mut body = Vec::new();
            match input.read_until(b'\n', &mut body) {
                Ok(0) => return None,
                Ok(n) => read += n as u64,
                Err(error) => return Some(Err(error)),
            }
            number += 1;
            body.pop_if(|last| *last == b'\n');
            if !body.is_empty() {
                return Some(Ok(Line { number, body, read }));
            }
        }
    })
}

async fn publish(
    channel: &Channel,
    queue: &str,
    what: &Send,
    mut lines: mpsc::Receiver<io::Result<Line>>,
    mut progress: Progress,
) -> anyhow::Result<Outcome> {
    let mut headers = FieldTable::default();
    for (name, value) in &what.header {
        headers.insert(name.as_str().into(), AMQPValue::LongString(value.as_str().into()));
    }
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let mut outcome = Outcome::default();
    let mut window = VecDeque::new();
    let mut in_flight = 0;
    while let Some(line) = lines.recv().await {
        let Line { number, body, read } = line.context("reading the lines")?;
        let now = u64::try_from(clock::now()).unwrap_or(0) / 1000;
        let properties = BasicProperties::default()
            .with_message_id(Uuid::now_v7().to_string().into())
            .with_timestamp(now)
            .with_delivery_mode(2)
            .with_content_type(what.content_type.as_str().into())
            .with_headers(headers.clone());
        match channel.basic_publish("".into(), queue.into(), options, &body, properties).await {
            Ok(confirm) => window.push_back((number, body.len(), confirm)),
            Err(error) => outcome.refuse(number, error.to_string()),
        }
        in_flight += body.len();
        while outcome.why.is_none() && (window.len() >= WINDOW || in_flight > WINDOW_BYTES) {
            let Some((number, size, confirm)) = window.pop_front() else { break };
            in_flight -= size;
            outcome.settle(number, confirm.await);
        }
        progress.at(read);
        if outcome.why.is_some() {
            break;
        }
    }
    for (number, _, confirm) in window {
        outcome.settle(number, confirm.await);
    }
    Ok(outcome)
}

impl Outcome {
    fn settle(&mut self, number: u64, confirmation: lapin::Result<Confirmation>) {
        match confirmation {
            Ok(Confirmation::Ack(None)) => self.confirmed += 1,
            Ok(Confirmation::Ack(Some(_))) => {
                self.refuse(number, "there is no such queue; `foz queues --apply` declares it".to_owned())
            }
            Ok(_) => self.refuse(number, "the queue is full or not available".to_owned()),
            Err(error) => self.refuse(number, error.to_string()),
        }
    }

    fn refuse(&mut self, number: u64, why: String) {
        self.unconfirmed.push(number);
        self.why.get_or_insert(why);
    }
}

fn report(outcome: &Outcome, queue: &str, seconds: f64, output: Output) -> anyhow::Result<End> {
    let Outcome { confirmed, unconfirmed, why } = outcome;
    if output.json {
        output.value(&json!({ "queue": queue, "confirmed": confirmed, "unconfirmed_lines": unconfirmed, "seconds": seconds, "why": why }))?;
    } else {
        let rate = *confirmed as f64 / seconds.max(0.001);
        output.text(&format!("{} confirmed by {queue} in {seconds:.1} s ({rate:.0}/s)\n", units::count(*confirmed)))?;
    }
    let Some(why) = why else { return Ok(End::Well) };
    complain(&format!("foz: sending stopped: {why}"));
    complain(&format!("     not confirmed, and perhaps not in the queue: lines {}", ranges(unconfirmed)));
    if let Some(first) = unconfirmed.iter().min() {
        complain(&format!("     to go on, send the file again from line {first}: `tail -n +{first} FILE`"));
    }
    Ok(End::Amiss)
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
    fn lines_are_taken_byte_for_byte() {
        let lines: Vec<_> = lines(&b"{\"a\":1}\r\n\n \xff\nlast"[..]).map(|line| line.unwrap()).collect();
        let bodies: Vec<_> = lines.iter().map(|line| (line.number, line.body.as_slice(), line.read)).collect();
        assert_eq!(bodies, [(1, &b"{\"a\":1}\r"[..], 9), (3, b" \xff", 13), (4, b"last", 17)]);
    }

    #[test]
    fn ranges_are_short() {
        assert_eq!(ranges(&[3, 1, 2, 7]), "1-3, 7");
        assert_eq!(ranges(&[]), "");
    }
}
