//! The lines of a file, read ahead within bounds.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use futures::executor;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

/// No broker takes a larger message by default.
const LARGEST: usize = 128 << 20;
/// Lines, and bytes of them, that may be read before they are sent.
const LINES_AHEAD: usize = 2_000;
const BYTES_AHEAD: usize = 32 << 20;

/// A line of the file, without its end.
#[derive(Debug, PartialEq, Eq)]
pub struct Line {
    pub number: u64,
    pub body: Vec<u8>,
    /// Bytes of the file read so far.
    pub read: u64,
}

/// A line, or why it could not be read; then it is the last that is heard of the file.
type Found = Result<Line, String>;

/// The lines that are not empty. A thread of its own reads them: standard input may block for ever, and must not hold up
/// the end.
pub struct Lines(mpsc::Receiver<(Found, OwnedSemaphorePermit)>);

impl Lines {
    /// The lines of the file, or of standard input, and the size of the file; `None` if it is unknown.
    pub fn open(file: Option<&Path>) -> anyhow::Result<(Self, Option<u64>)> {
        let (input, size): (Box<dyn Read + Send>, _) = match file {
            Some(path) => {
                let file = File::open(path).with_context(|| format!("opening {}", path.display()))?;
                let size = file.metadata().ok().filter(|metadata| metadata.is_file()).map(|metadata| metadata.len());
                (Box::new(file), size)
            }
            None => (Box::new(io::stdin()), None),
        };
        Ok((Self::ahead(lines(input, LARGEST), BYTES_AHEAD), size))
    }

    /// Reads at most `bytes` ahead, or one line if it is longer.
    fn ahead(lines: impl Iterator<Item = Found> + Send + 'static, bytes: usize) -> Self {
        let (sender, receiver) = mpsc::channel(LINES_AHEAD);
        let room = Arc::new(Semaphore::new(bytes));
        std::thread::spawn(move || {
            for line in lines {
                let size = line.as_ref().map_or(0, |line| line.body.len().min(bytes));
                let size = u32::try_from(size).unwrap_or(u32::MAX);
                let Ok(taken) = executor::block_on(Arc::clone(&room).acquire_many_owned(size)) else { break };
                // Nobody listens any more once sending has stopped.
                if sender.blocking_send((line, taken)).is_err() {
                    break;
                }
            }
        });
        Self(receiver)
    }

    /// The next line; `None` if there are no more.
    pub async fn next(&mut self) -> Option<Found> {
        self.0.recv().await.map(|(line, _)| line)
    }

    #[cfg(test)]
    pub fn of(input: impl Read + Send + 'static) -> Self {
        Self::ahead(lines(input, 1_000), 1_000)
    }
}

fn lines(input: impl Read, largest: usize) -> impl Iterator<Item = Found> {
    let mut input = BufReader::with_capacity(1 << 16, input);
    let (mut number, mut read) = (0, 0);
    let mut over = false;
    std::iter::from_fn(move || {
        while !over {
            number += 1;
            let mut body = Vec::new();
            // A byte more for the line's end, and another to see that there is too much.
            match input.by_ref().take(largest as u64 + 2).read_until(b'\n', &mut body) {
                Ok(0) => over = true,
                Ok(n) => read += n as u64,
                Err(why) => {
                    over = true;
                    return Some(Err(format!("reading line {number}: {why}")));
                }
            }
            body.pop_if(|last| *last == b'\n');
            if body.len() > largest {
                over = true;
                return Some(Err(format!("line {number} is longer than {largest} bytes, which no message may be")));
            }
            if !body.is_empty() {
                return Some(Ok(Line { number, body, read }));
            }
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn lines_are_taken_byte_for_byte() {
        let lines: Vec<_> = lines(&b"{\"a\":1}\r\n\n \xff\nlast"[..], 100).map(|line| line.unwrap()).collect();
        let bodies: Vec<_> = lines.iter().map(|line| (line.number, line.body.as_slice(), line.read)).collect();
        assert_eq!(bodies, [(1, &b"{\"a\":1}\r"[..], 9), (3, b" \xff", 13), (4, b"last", 17)]);
    }

    #[test]
    fn a_line_without_end_is_refused_with_its_number() {
        let input = b"12345\n\n1234\n".chain(io::repeat(b'x'));
        let found: Vec<_> = lines(input, 5).map(|line| line.map(|line| line.body.len())).collect();
        let why = "line 4 is longer than 5 bytes, which no message may be".to_owned();
        assert_eq!(found, [Ok(5), Ok(4), Err(why)]);
        assert!(lines(&b"123456\n"[..], 5).next().unwrap().is_err());
    }

    #[tokio::test]
    async fn so_many_bytes_are_read_ahead() {
        let read = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&read);
        let line = |number| Ok(Line { number, body: vec![b'x'; 100], read: 0 });
        let all = (1..=100).map(line).inspect(move |_| {
            counted.fetch_add(1, Ordering::SeqCst);
        });
        let mut lines = Lines::ahead(all, 1_000);
        for sent in 0..100 {
            // Ten wait, and one is held by the thread that has no room for it.
            let most = (sent + 11).min(100);
            while read.load(Ordering::SeqCst) < most {
                tokio::task::yield_now().await;
            }
            assert_eq!(read.load(Ordering::SeqCst), most);
            assert_eq!(lines.next().await.unwrap().unwrap().number, sent as u64 + 1);
        }
        assert!(lines.next().await.is_none());
    }

    #[tokio::test]
    async fn a_line_larger_than_all_that_is_read_ahead_comes_through() {
        let mut lines = Lines::ahead(lines(&b"1\n22222222\n333\n"[..], 100), 5);
        for expected in ["1", "22222222", "333"] {
            assert_eq!(lines.next().await.unwrap().unwrap().body, expected.as_bytes());
        }
    }
}
