//! What a publisher wrote beside a body: exchange, routing key and the basic properties of AMQP 0-9-1.
//!
//! A publisher may write anything, so reading never fails: what is no text, or cannot be read, is kept as bytes. How, is in
//! `docs/format.md`, and frozen, as digests cover it.

use bytes::Bytes;
use foz_lake::message::{Body, Header, Message, Properties, hexadecimal};

use crate::arrival::Envelope;
use crate::field::{self, REST};
use crate::octets::Octets;

/// The kind of a header that holds a property which is no UTF-8, under the property's name.
const PROPERTY: &str = "amqp-property";

/// The flags of the first properties in the list, which must be passed over to find the headers.
const CONTENT_TYPE: u16 = 1 << 15;
const CONTENT_ENCODING: u16 = 1 << 14;
const HEADERS: u16 = 1 << 13;

/// The flags that no property has: one is reserved, one says that more flags follow, which the protocol has no use for.
const NO_PROPERTY: u16 = 0b11;

/// The field table with a message's headers, or `None` if it has none.
pub(crate) fn headers(properties: &[u8]) -> Option<&[u8]> {
    let mut octets = Octets(properties);
    let flags = u16::from_be_bytes(octets.array()?);
    for before in [CONTENT_TYPE, CONTENT_ENCODING] {
        if flags & before != 0 {
            octets.short()?;
        }
    }
    (flags & HEADERS != 0).then(|| octets.long())?
}

/// The message without its body.
pub(crate) fn read(envelope: Envelope<'_>) -> Message {
    let mut odd = Vec::new();
    let exchange = text("exchange", envelope.exchange, &mut odd);
    let routing_key = text("routing_key", envelope.routing_key, &mut odd);
    let (mut properties, mut headers) = (Properties::default(), Vec::new());
    let mut octets = Octets(envelope.properties);
    match octets.array().map(u16::from_be_bytes) {
        Some(flags) => {
            let mut list = PropertyList { flags, octets, odd: &mut odd };
            let complete = list.read(&mut properties, &mut headers).is_some();
            let rest = list.octets.0;
            if !complete || !rest.is_empty() || flags & NO_PROPERTY != 0 {
                // With the flags, which say what is missing.
                let bytes = [&flags.to_be_bytes(), rest].concat();
                odd.push(kept("properties", REST, &bytes));
            }
        }
        None => odd.push(kept("properties", REST, envelope.properties)),
    }
    headers.append(&mut odd);
    field::tell_apart(&mut headers);
    Message { body: Body::Inline(Bytes::new()), exchange, routing_key, properties, headers }
}

fn kept(name: &str, kind: &str, bytes: &[u8]) -> Header {
    Header { name: name.to_owned(), kind: kind.to_owned(), text: hexadecimal(bytes) }
}

/// The text, or hexadecimal if it is none, which a header among the `odd` then says.
fn text(name: &str, bytes: &[u8], odd: &mut Vec<Header>) -> String {
    std::str::from_utf8(bytes).map_or_else(
        |_| {
            odd.push(kept(name, PROPERTY, bytes));
            hexadecimal(bytes)
        },
        str::to_owned,
    )
}

/// A property list that is being read: its properties come in the order of their flags, from the highest on.
struct PropertyList<'a, 'b> {
    flags: u16,
    octets: Octets<'a>,
    odd: &'b mut Vec<Header>,
}

impl PropertyList<'_, '_> {
    /// Reads all properties, or `None` if the list ends in the middle: what was read until then stays.
    fn read(&mut self, to: &mut Properties, headers: &mut Vec<Header>) -> Option<()> {
        to.content_type = self.text(15, "content_type")?;
        to.content_encoding = self.text(14, "content_encoding")?;
        if self.has(13) {
            headers.append(&mut field::headers(self.octets.long()?));
        }
        to.delivery_mode = self.octet(12)?;
        to.priority = self.octet(11)?;
        to.correlation_id = self.text(10, "correlation_id")?;
        to.reply_to = self.text(9, "reply_to")?;
        to.expiration = self.text(8, "expiration")?;
        to.message_id = self.text(7, "message_id")?;
        if self.has(6) {
            to.timestamp = Some(u64::from_be_bytes(self.octets.array()?));
        }
        to.kind = self.text(5, "type")?;
        to.user_id = self.text(4, "user_id")?;
        to.app_id = self.text(3, "app_id")?;
        to.cluster_id = self.text(2, "cluster_id")?;
        Some(())
    }

    fn has(&self, bit: u16) -> bool {
        self.flags & (1 << bit) != 0
    }

    #[expect(clippy::option_option, reason = "absent, or cut off")]
    fn octet(&mut self, bit: u16) -> Option<Option<u8>> {
        if !self.has(bit) {
            return Some(None);
        }
        let [octet] = self.octets.array()?;
        Some(Some(octet))
    }

    #[expect(clippy::option_option, reason = "absent, or cut off")]
    fn text(&mut self, bit: u16, name: &str) -> Option<Option<String>> {
        if !self.has(bit) {
            return Some(None);
        }
        let bytes = self.octets.short()?;
        Some(Some(text(name, bytes, self.odd)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::option;
    use proptest::prelude::*;

    use super::*;
    use crate::field::tests::{entry, long, of_hexadecimal};

    /// The names of the text properties, by their flags.
    const TEXTS: [(u16, &str); 11] = [
        (15, "content_type"),
        (14, "content_encoding"),
        (10, "correlation_id"),
        (9, "reply_to"),
        (8, "expiration"),
        (7, "message_id"),
        (5, "type"),
        (4, "user_id"),
        (3, "app_id"),
        (2, "cluster_id"),
        (0, ""),
    ];

    fn short(bytes: &[u8]) -> Vec<u8> {
        [&[u8::try_from(bytes.len()).unwrap()], bytes].concat()
    }

    fn of(properties: &[u8]) -> Message {
        read(Envelope { exchange: b"", routing_key: b"q", properties })
    }

    fn header(name: &str, kind: &str, text: &str) -> Header {
        Header { name: name.to_owned(), kind: kind.to_owned(), text: text.to_owned() }
    }

    /// The property of that name as it was published: what any reader of the raw layer does.
    fn published(message: &Message, name: &str) -> Option<Vec<u8>> {
        if let Some(odd) = message
            .headers
            .iter()
            .find(|header| header.kind == PROPERTY && header.name.split('\'').next() == Some(name))
        {
            return Some(of_hexadecimal(&odd.text));
        }
        let p = &message.properties;
        let text = match name {
            "exchange" => Some(&message.exchange),
            "routing_key" => Some(&message.routing_key),
            "content_type" => p.content_type.as_ref(),
            "content_encoding" => p.content_encoding.as_ref(),
            "correlation_id" => p.correlation_id.as_ref(),
            "reply_to" => p.reply_to.as_ref(),
            "expiration" => p.expiration.as_ref(),
            "message_id" => p.message_id.as_ref(),
            "type" => p.kind.as_ref(),
            "user_id" => p.user_id.as_ref(),
            "app_id" => p.app_id.as_ref(),
            "cluster_id" => p.cluster_id.as_ref(),
            _ => None,
        };
        text.map(|text| text.clone().into_bytes())
    }

    #[test]
    fn input_1_text_that_is_no_utf_8_is_kept_and_said_to_be() {
        let message = read(Envelope {
            exchange: b"\xff",
            routing_key: b"Z\xfcrich",
            properties: &[&[0x00, 0xa0][..], &short(b"\x01\xff"), &short(b"5afc")].concat(),
        });
        assert_eq!((message.exchange.as_str(), message.routing_key.as_str()), ("ff", "5afc72696368"));
        assert_eq!(message.properties.message_id.as_deref(), Some("01ff"));
        assert_eq!(message.properties.kind.as_deref(), Some("5afc"), "text that looks like hexadecimal is text");
        let expected = [("exchange", "ff"), ("routing_key", "5afc72696368"), ("message_id", "01ff")];
        assert_eq!(message.headers, expected.map(|(name, text)| header(name, "amqp-property", text)));
        assert_eq!(published(&message, "type"), Some(b"5afc".to_vec()));
    }

    #[test]
    fn what_was_published_as_one_of_our_kinds_is_another() {
        let text = of(&[&[0x20, 0][..], &long(b'F', &entry(b"type", &long(b'S', b"ff")))[1..]].concat());
        assert_eq!(text.headers, [header("type", "string", "ff")]);
    }

    #[test]
    fn a_header_named_as_a_property_stays_beside_it() {
        let table = long(b'F', &entry(b"type", &long(b'S', b"a")))[1..].to_vec();
        let message = of(&[&[0x20, 0x20][..], &table, &short(b"\xff")].concat());
        assert_eq!(message.headers, [header("type", "string", "a"), header("type'2", PROPERTY, "ff")]);
        assert_eq!(published(&message, "type"), Some(b"\xff".to_vec()));
    }

    #[test]
    fn a_list_that_is_cut_is_kept_from_there_on() {
        let cut = of(b"\x80\x80\x01t\x05ab");
        assert_eq!(cut.properties.content_type.as_deref(), Some("t"));
        assert_eq!(cut.headers, [header("properties", REST, "8080056162")]);
        assert_eq!(of(b"\x80").headers, [header("properties", REST, "80")]);
        assert_eq!(of(b"\0\x01\0\0").headers, [header("properties", REST, "00010000")], "flags that nobody has");
        assert_eq!(of(b"\0\0zz").headers, [header("properties", REST, "00007a7a")], "more than the flags say");
        assert_eq!(of(b"\0\0").headers, []);
    }

    #[test]
    fn headers_are_found_behind_what_stands_before_them() {
        let table = entry(b"n", b"b\x01");
        let list = [&[0xe0, 0][..], &short(b"t"), &short(b"e"), &long(b'F', &table)[1..]].concat();
        assert_eq!(headers(&list), Some(&table[..]));
        assert_eq!(headers(b"\x80\0\x01t"), None);
        assert_eq!(headers(b"\x20\0\0\0\0\x09"), None);
    }

    proptest! {
        #[test]
        fn every_property_can_be_read_back(
            (exchange, routing_key) in (vec(any::<u8>(), 0..9), vec(any::<u8>(), 0..9)),
            texts in vec(option::of(prop_oneof![vec(any::<u8>(), 0..30), "[a-f0-9]{0,9}".prop_map(String::into_bytes)]), 10),
            numbers in (any::<Option<u8>>(), any::<Option<u8>>(), any::<Option<u64>>()),
            table in option::of(vec(("[ab]{0,1}'?2?|type|message_id|exchange", vec(any::<u8>(), 0..9)), 0..9)),
        ) {
            let (mode, priority, timestamp) = numbers;
            let mut flags = 0u16;
            let mut list = Vec::new();
            let mut put = |bit: u16, bytes: Option<Vec<u8>>| if let Some(bytes) = bytes {
                flags |= 1 << bit;
                list.extend(bytes);
            };
            let all = |bit| texts[TEXTS.iter().position(|(of, _)| *of == bit).unwrap()].as_ref().map(|text| short(text));
            let table = table.map(|table| {
                let fields: Vec<u8> =
                    table.iter().flat_map(|(name, bytes)| entry(name.as_bytes(), &long(b'x', bytes))).collect();
                long(b'F', &fields)[1..].to_vec()
            });
            for bit in (2..16).rev() {
                match bit {
                    13 => put(bit, table.clone()),
                    12 => put(bit, mode.map(|mode| vec![mode])),
                    11 => put(bit, priority.map(|priority| vec![priority])),
                    6 => put(bit, timestamp.map(|seconds| seconds.to_be_bytes().to_vec())),
                    _ => put(bit, all(bit)),
                }
            }
            let properties = [&flags.to_be_bytes()[..], &list].concat();
            let message = read(Envelope { exchange: &exchange, routing_key: &routing_key, properties: &properties });
            prop_assert_eq!(published(&message, "exchange"), Some(exchange));
            prop_assert_eq!(published(&message, "routing_key"), Some(routing_key));
            for (text, (_, name)) in texts.iter().zip(TEXTS) {
                prop_assert_eq!(published(&message, name), text.clone(), "{}", name);
            }
            let p = &message.properties;
            prop_assert_eq!((p.delivery_mode, p.priority, p.timestamp), numbers);
            prop_assert_eq!(headers(&properties), table.as_ref().map(|table| &table[4..]));
            prop_assert!(message.headers.iter().all(|header| header.kind != REST));
            let names: std::collections::HashSet<_> = message.headers.iter().map(|header| &header.name).collect();
            prop_assert_eq!(names.len(), message.headers.len(), "readers of maps want each name once");
        }

        #[test]
        fn any_bytes_are_a_message(properties in vec(any::<u8>(), 0..300)) {
            of(&properties);
            headers(&properties);
        }
    }
}
