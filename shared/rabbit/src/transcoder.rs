//! Frames of AMQP 0-9-1 on their way from the broker to lapin: what a publisher wrote goes through as bytes.
//!
//! lapin parses what it is sent, and ends the connection if it cannot: at a short string that is no UTF-8, at a table that is
//! nested too deep for its stack, at a header that the broker made longer than the negotiated frame. Publishers choose all of
//! these, and no broker checks them. So of each delivered message exchange, routing key and properties are taken out before
//! lapin sees them, and put in front of the body:
//!
//! ```text
//! length of what follows up to the body: 4 bytes, big endian
//! exchange, routing key: each a length of 1 byte, then the bytes
//! property flags and property list: as the content header had them
//! body
//! ```
//!
//! Everything else passes unchanged. Laid out as the protocol's specification has it (sections 2.3.5 and 4.2).

use std::collections::BTreeMap;

/// Frame types.
const METHOD: u8 = 1;
const HEADER: u8 = 2;
const BODY: u8 = 3;
const HEARTBEAT: u8 = 8;

/// What every frame ends with.
const FRAME_END: u8 = 0xce;

/// Type, channel, size.
const FRAME_HEAD: usize = 7;

/// A frame's bytes beside its payload.
const FRAME_EXTRA: usize = FRAME_HEAD + 1;

/// What each side must accept in a frame, whatever was negotiated (`frame-min-size`).
const FRAME_MIN_SIZE: usize = 4_096;

/// Class and method of `basic.deliver` and `basic.get-ok`: what a content header follows that publishers wrote.
const DELIVER: [u8; 4] = [0, 60, 0, 60];
const GET_OK: [u8; 4] = [0, 60, 0, 71];

/// Class, weight and body size, before a content header's property flags.
const BEFORE_FLAGS: usize = 12;

/// Rewrites a stream of frames, in whatever pieces it comes.
#[derive(Debug, Default)]
pub(crate) struct Transcoder {
    at: Place,
    /// What has come of a frame that must be seen as a whole, its head included, or of a head.
    held: Vec<u8>,
    contents: BTreeMap<u16, Content>,
}

/// Where in a frame the next byte is.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In its head.
    #[default]
    Head,
    /// In a frame of so many bytes in all that is held until it is complete.
    Held(usize),
    /// Before so many bytes that pass.
    Passing(usize),
    /// Nowhere: this is no AMQP 0-9-1, and lapin will say so.
    Lost,
}

/// What a channel's next frames belong to. The bytes go in front of the body.
#[derive(Debug)]
enum Content {
    /// A content header comes; these are exchange and routing key.
    Named(Vec<u8>),
    /// Body frames come; this is all that goes in front of them.
    Prefix(Vec<u8>),
}

impl Transcoder {
    /// Takes what came next from the broker, and appends to `out` what lapin is to get for it.
    pub(crate) fn feed(&mut self, mut input: &[u8], out: &mut Vec<u8>) {
        while !input.is_empty() {
            match self.at {
                Place::Head => {
                    if self.hold(&mut input, FRAME_HEAD) {
                        self.begin(out);
                    }
                }
                Place::Held(size) => {
                    if self.hold(&mut input, size) {
                        let frame = std::mem::take(&mut self.held);
                        self.at = Place::Head;
                        self.whole(&frame, out);
                        // Its memory serves the next frame.
                        self.held = frame;
                        self.held.clear();
                    }
                }
                Place::Passing(left) => {
                    let (passing, rest) = input.split_at(left.min(input.len()));
                    out.extend_from_slice(passing);
                    input = rest;
                    self.at = if passing.len() == left { Place::Head } else { Place::Passing(left - passing.len()) };
                }
                Place::Lost => {
                    out.extend_from_slice(input);
                    return;
                }
            }
        }
    }

    /// Holds more of the input, up to `size` bytes in all. Whether they are complete.
    fn hold(&mut self, input: &mut &[u8], size: usize) -> bool {
        let (more, rest) = input.split_at((size - self.held.len()).min(input.len()));
        self.held.extend_from_slice(more);
        *input = rest;
        self.held.len() == size
    }

    /// Decides by its head what becomes of a frame.
    fn begin(&mut self, out: &mut Vec<u8>) {
        let Some(frame) = Head::read(&self.held) else {
            out.append(&mut self.held);
            self.at = Place::Lost;
            return;
        };
        if frame.kind == METHOD || (frame.kind == HEADER && self.contents.contains_key(&frame.channel)) {
            self.at = Place::Held(frame.size.saturating_add(FRAME_EXTRA));
            return;
        }
        self.at = Place::Passing(frame.size.saturating_add(1));
        match self.contents.remove(&frame.channel) {
            Some(Content::Prefix(prefix)) if frame.kind == BODY => {
                let together = prefix.len().saturating_add(frame.size);
                if together <= FRAME_MIN_SIZE - FRAME_EXTRA {
                    // One frame for both: most messages are small, and each frame costs lapin an allocation.
                    Head { size: together, ..frame }.write(out);
                    out.extend_from_slice(&prefix);
                    self.held.clear();
                } else {
                    write_body(frame.channel, &prefix, out);
                    out.append(&mut self.held);
                }
            }
            other => {
                if let Some(content) = other {
                    self.contents.insert(frame.channel, content);
                }
                out.append(&mut self.held);
            }
        }
    }

    /// Passes on a frame that was held, changed if it belongs to a delivery.
    fn whole(&mut self, frame: &[u8], out: &mut Vec<u8>) {
        let (head, rest) = frame.split_at(FRAME_HEAD);
        let (Some(head), Some((&FRAME_END, payload))) = (Head::read(head), rest.split_last()) else {
            out.extend_from_slice(frame);
            self.at = Place::Lost;
            return;
        };
        if head.kind == METHOD {
            match without_names(payload) {
                Some((method, names)) => {
                    self.contents.insert(head.channel, Content::Named(names));
                    write_frame(METHOD, head.channel, &method, out);
                }
                None => {
                    // A new method: whatever content was awaited on this channel does not come any more.
                    self.contents.remove(&head.channel);
                    out.extend_from_slice(frame);
                }
            }
            return;
        }
        match (self.contents.remove(&head.channel), body_size(payload)) {
            (Some(Content::Named(names)), Some(size)) => {
                let prefix = [&names[..], &payload[BEFORE_FLAGS..]].concat();
                let length = u32::try_from(prefix.len()).unwrap_or(u32::MAX).to_be_bytes();
                let prefix = [&length[..], &prefix].concat();
                let bare = size.saturating_add(prefix.len() as u64).to_be_bytes();
                let header = [&payload[..4], &bare, &[0, 0]].concat();
                write_frame(HEADER, head.channel, &header, out);
                if size == 0 {
                    write_body(head.channel, &prefix, out);
                } else {
                    self.contents.insert(head.channel, Content::Prefix(prefix));
                }
            }
            _ => out.extend_from_slice(frame),
        }
    }
}

/// What a frame begins with.
#[derive(Debug, Clone, Copy)]
struct Head {
    kind: u8,
    channel: u16,
    size: usize,
}

impl Head {
    /// Reads a head, or `None` if no frame begins so.
    fn read(bytes: &[u8]) -> Option<Self> {
        let [kind @ (METHOD | HEADER | BODY | HEARTBEAT), c1, c0, s3, s2, s1, s0] = *bytes else { return None };
        let size = u32::from_be_bytes([s3, s2, s1, s0]);
        Some(Self { kind, channel: u16::from_be_bytes([c1, c0]), size: usize::try_from(size).ok()? })
    }

    fn write(self, out: &mut Vec<u8>) {
        out.push(self.kind);
        out.extend_from_slice(&self.channel.to_be_bytes());
        out.extend_from_slice(&u32::try_from(self.size).unwrap_or(u32::MAX).to_be_bytes());
    }
}

fn write_frame(kind: u8, channel: u16, payload: &[u8], out: &mut Vec<u8>) {
    Head { kind, channel, size: payload.len() }.write(out);
    out.extend_from_slice(payload);
    out.push(FRAME_END);
}

/// Writes body frames that every peer accepts.
fn write_body(channel: u16, bytes: &[u8], out: &mut Vec<u8>) {
    for piece in bytes.chunks(FRAME_MIN_SIZE - FRAME_EXTRA) {
        write_frame(BODY, channel, piece, out);
    }
}

/// The body size that a content header tells, or `None` if the header is cut off before it.
fn body_size(payload: &[u8]) -> Option<u64> {
    let size = payload.get(4..BEFORE_FLAGS)?;
    Some(u64::from_be_bytes(size.try_into().ok()?))
}

/// A delivering method with empty names, and the names (exchange, then routing key); `None` if the method delivers nothing.
fn without_names(payload: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let before = if payload.starts_with(&DELIVER) {
        // The consumer's tag, the delivery's tag, whether it was redelivered.
        DELIVER.len() + 1 + usize::from(*payload.get(DELIVER.len())?) + 8 + 1
    } else if payload.starts_with(&GET_OK) {
        GET_OK.len() + 8 + 1
    } else {
        return None;
    };
    let names = payload.get(before..)?;
    let routing_key = 1 + usize::from(*names.first()?);
    let end = routing_key + 1 + usize::from(*names.get(routing_key)?);
    let after = names.get(end..)?;
    Some(([&payload[..before], &[0, 0], after].concat(), names[..end].to_vec()))
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn frame(kind: u8, channel: u16, payload: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        write_frame(kind, channel, payload, &mut out);
        out
    }

    fn short(text: &[u8]) -> Vec<u8> {
        [&[u8::try_from(text.len()).unwrap()], text].concat()
    }

    fn deliver(exchange: &[u8], routing_key: &[u8]) -> Vec<u8> {
        let tags = [&DELIVER[..], &short(b"ctag"), &7u64.to_be_bytes(), &[1]].concat();
        [tags, short(exchange), short(routing_key)].concat()
    }

    fn header(size: u64, properties: &[u8]) -> Vec<u8> {
        [&[0, 60, 0, 0][..], &size.to_be_bytes(), properties].concat()
    }

    fn prefix(exchange: &[u8], routing_key: &[u8], properties: &[u8]) -> Vec<u8> {
        let names = [short(exchange), short(routing_key)].concat();
        let length = u32::try_from(names.len() + properties.len()).unwrap();
        [&length.to_be_bytes()[..], &names, properties].concat()
    }

    fn feed(pieces: &[&[u8]]) -> Vec<u8> {
        let (mut transcoder, mut out) = (Transcoder::default(), Vec::new());
        pieces.iter().for_each(|piece| transcoder.feed(piece, &mut out));
        out
    }

    /// The frames of a stream that must consist of whole ones.
    fn frames(mut bytes: &[u8]) -> Vec<(u8, u16, Vec<u8>)> {
        let mut found = Vec::new();
        while !bytes.is_empty() {
            let (head, rest) = bytes.split_at(FRAME_HEAD);
            let head = Head::read(head).unwrap();
            let (payload, rest) = rest.split_at(head.size);
            assert_eq!(rest[0], FRAME_END);
            found.push((head.kind, head.channel, payload.to_vec()));
            bytes = &rest[1..];
        }
        found
    }

    #[test]
    fn a_small_message_keeps_its_three_frames() {
        let sent = [
            frame(METHOD, 5, &deliver(b"ex", b"k\xff")),
            frame(HEADER, 5, &header(2, b"\x80\0\x01t")),
            frame(BODY, 5, b"{}"),
        ];
        let before = prefix(b"ex", b"k\xff", b"\x80\0\x01t");
        let size = before.len() as u64 + 2;
        let expected = [
            (METHOD, 5, deliver(b"", b"")),
            (HEADER, 5, header(size, &[0, 0])),
            (BODY, 5, [&before[..], b"{}"].concat()),
        ];
        assert_eq!(frames(&feed(&[&sent.concat()])), expected);
    }

    #[test]
    fn an_empty_body_becomes_what_stands_in_front_of_it() {
        let sent = [frame(METHOD, 1, &deliver(b"", b"q")), frame(HEADER, 1, &header(0, &[0, 0]))].concat();
        let before = prefix(b"", b"q", &[0, 0]);
        let expected =
            [(METHOD, 1, deliver(b"", b"")), (HEADER, 1, header(before.len() as u64, &[0, 0])), (BODY, 1, before)];
        assert_eq!(frames(&feed(&[&sent])), expected);
    }

    #[test]
    fn a_header_longer_than_a_frame_may_be_comes_in_pieces_that_may() {
        let properties = [&[0x20, 0][..], &vec![7; 300_000]].concat();
        let body = vec![b'x'; 100_000];
        let sent = [
            frame(METHOD, 1, &deliver(b"", b"q")),
            frame(HEADER, 1, &header(100_000, &properties)),
            frame(BODY, 1, &body),
        ];
        let out = frames(&feed(&[&sent.concat()]));
        assert_eq!(out[1].2, header(100_000 + prefix(b"", b"q", &properties).len() as u64, &[0, 0]));
        let (own, theirs) = out[2..].split_at(out.len() - 3);
        assert!(own.iter().all(|(_, _, payload)| payload.len() <= FRAME_MIN_SIZE - FRAME_EXTRA));
        let own: Vec<u8> = own.iter().flat_map(|(_, _, payload)| payload.clone()).collect();
        assert_eq!(own, prefix(b"", b"q", &properties));
        assert_eq!(theirs, [(BODY, 1, body)]);
    }

    #[test]
    fn what_delivers_nothing_passes_unchanged() {
        let start = [&b"AMQP"[..], &[0, 0, 9, 1]].concat();
        assert_eq!(feed(&[&start, b"and more"]), [&start[..], b"and more"].concat());
        let returned = [
            frame(METHOD, 1, &[&[0, 60, 0, 50][..], &short(b"\xff")].concat()),
            frame(HEADER, 1, &header(1, b"\x80\0\x01t")),
            frame(BODY, 1, b"x"),
            frame(HEARTBEAT, 0, b""),
        ]
        .concat();
        assert_eq!(feed(&[&returned]), returned);
        let damaged = [frame(METHOD, 1, &deliver(b"", b"q"))[..20].to_vec(), vec![0; 40]].concat();
        assert_eq!(feed(&[&damaged]), damaged, "lapin is to see the damage");
    }

    #[test]
    fn channels_do_not_disturb_each_other() {
        let sent = [
            frame(METHOD, 1, &deliver(b"", b"one")),
            frame(METHOD, 2, &deliver(b"", b"two")),
            frame(HEADER, 2, &header(1, &[0, 0])),
            frame(HEARTBEAT, 0, b""),
            frame(HEADER, 1, &header(1, &[0, 0])),
            frame(BODY, 1, b"1"),
            frame(BODY, 2, b"2"),
        ];
        let bodies: Vec<_> = frames(&feed(&[&sent.concat()])).into_iter().filter(|(kind, ..)| *kind == BODY).collect();
        let expected = [(1, b"one", b"1"), (2, b"two", b"2")]
            .map(|(channel, key, body)| (BODY, channel, [prefix(b"", key, &[0, 0]), body.to_vec()].concat()));
        assert_eq!(bodies, expected);
    }

    #[test]
    fn a_message_that_was_got_is_treated_as_one_that_was_delivered() {
        let got = |exchange: &[u8], key: &[u8]| {
            [&GET_OK[..], &7u64.to_be_bytes(), &[0], &short(exchange), &short(key), &3u32.to_be_bytes()].concat()
        };
        let sent = [frame(METHOD, 1, &got(b"e", b"\xfe")), frame(HEADER, 1, &header(0, &[0, 0]))].concat();
        let out = frames(&feed(&[&sent]));
        assert_eq!(out[0].2, got(b"", b""));
        assert_eq!(out[2].2, prefix(b"e", b"\xfe", &[0, 0]));
    }

    proptest! {
        #[test]
        fn where_the_stream_is_cut_does_not_matter(
            messages in vec((1u16..4, vec(any::<u8>(), 0..20), vec(any::<u8>(), 2..9_000), vec(vec(any::<u8>(), 1..6_000), 0..3)), 1..6),
            cuts in vec(1usize..5_000, 1..50),
        ) {
            let mut sent = Vec::new();
            let mut expected = Vec::new();
            for (channel, key, properties, bodies) in messages {
                let size: usize = bodies.iter().map(Vec::len).sum();
                sent.extend(frame(METHOD, channel, &deliver(b"e", &key)));
                sent.extend(frame(HEADER, channel, &header(size as u64, &properties)));
                bodies.iter().for_each(|body| sent.extend(frame(BODY, channel, body)));
                expected.push((channel, [prefix(b"e", &key, &properties), bodies.concat()].concat()));
            }
            let mut pieces = Vec::new();
            let mut rest = &sent[..];
            for cut in cuts.iter().cycle() {
                let (piece, more) = rest.split_at((*cut).min(rest.len()));
                pieces.push(piece);
                rest = more;
                if rest.is_empty() {
                    break;
                }
            }
            let out = feed(&pieces);
            let singly: Vec<_> = sent.chunks(1).collect();
            prop_assert_eq!(&out, &feed(&singly));
            // As lapin puts them together: a header says how long the body is.
            let mut received: Vec<(u16, Vec<u8>)> = Vec::new();
            let mut left = 0;
            for (kind, channel, payload) in frames(&out) {
                match kind {
                    METHOD => prop_assert_eq!((left, payload), (0, deliver(b"", b""))),
                    HEADER => {
                        left = body_size(&payload).unwrap();
                        prop_assert_eq!(&payload[BEFORE_FLAGS..], &[0, 0]);
                        received.push((channel, Vec::new()));
                    }
                    _ => {
                        left -= payload.len() as u64;
                        received.last_mut().unwrap().1.extend(payload);
                    }
                }
            }
            prop_assert_eq!(received, expected);
        }

        #[test]
        fn noise_passes_or_waits_but_never_panics(noise in vec(vec(any::<u8>(), 0..40), 0..20), kind in 1u8..4) {
            let mut bytes: Vec<&[u8]> = noise.iter().map(Vec::as_slice).collect();
            let begin = frame(METHOD, 0, &deliver(b"", b""));
            let head = [kind, 0, 0, 0, 0, 0, 30];
            bytes.insert(0, &head);
            bytes.insert(0, &begin);
            feed(&bytes);
        }
    }
}
