//! Arrivals to messages of the lake, messages to what is published, and markers.

use bytes::Bytes;
use foz_domain::Epoch;
use foz_domain::bridge::Marker;
use foz_lake::message::{Body, Message, Properties};
use foz_wire::marker;
use lapin::protocol::basic::AMQPProperties;
use lapin::types::{AMQPValue, FieldTable};

use crate::arrival::Arrival;
use crate::field;
use crate::octets::Octets;
use crate::properties;

/// The properties of a marker to publish.
pub fn marker_properties(marker: Marker) -> AMQPProperties {
    let mut headers = FieldTable::default();
    let number = |n: u64| AMQPValue::LongLongInt(n.cast_signed());
    headers.insert(marker::EPOCH.into(), number(marker.epoch.0));
    headers.insert(marker::NUMBER.into(), number(marker.number));
    headers.insert(marker::SEAL.into(), number(marker.seal));
    // Persistent: a marker that is lost with its node costs a wait.
    AMQPProperties::default().with_headers(headers).with_delivery_mode(2)
}

/// The marker that the arrival is, or `None` if it is a message: a marker has epoch and number, and no body.
pub fn marker(arrival: &Arrival) -> Option<Marker> {
    if !arrival.body.is_empty() {
        return None;
    }
    let mut table = Octets(properties::headers(arrival.envelope().properties)?);
    let entries = field::entries(&mut table);
    let number = |name: &str| match entries.iter().rfind(|entry| entry.name == name.as_bytes())?.value {
        [b'l' | b'L', number @ ..] => Some(u64::from_be_bytes(number.try_into().ok()?)),
        _ => None,
    };
    let (epoch, seal) = (Epoch(number(marker::EPOCH)?), number(marker::SEAL).unwrap_or_default());
    Some(Marker { epoch, number: number(marker::NUMBER)?, seal })
}

/// The message that arrived; `place` says where its body goes. Whatever was sent is one, see [`properties`].
pub fn message(arrival: Arrival, place: impl FnOnce(Bytes) -> Body) -> Message {
    let Message { exchange, routing_key, properties, headers, .. } = properties::read(arrival.envelope());
    Message { body: place(arrival.body), exchange, routing_key, properties, headers }
}

/// What a message is published with. Headers are texts; of the others, only those properties that `foz send` sets.
pub fn text_properties(properties: &Properties, headers: &[(String, String)]) -> AMQPProperties {
    let mut table = FieldTable::default();
    for (name, value) in headers {
        table.insert(name.as_str().into(), AMQPValue::LongString(value.as_str().into()));
    }
    let mut amqp = AMQPProperties::default().with_headers(table);
    if let Some(id) = &properties.message_id {
        amqp = amqp.with_message_id(id.as_str().into());
    }
    if let Some(kind) = &properties.content_type {
        amqp = amqp.with_content_type(kind.as_str().into());
    }
    if let Some(seconds) = properties.timestamp {
        amqp = amqp.with_timestamp(seconds);
    }
    if let Some(mode) = properties.delivery_mode {
        amqp = amqp.with_delivery_mode(mode);
    }
    amqp
}

#[cfg(test)]
mod tests {
    use foz_lake::message::Header;
    use lapin::protocol::basic::gen_properties;

    use super::*;

    /// A message as the client library would publish it.
    fn arrival(body: &[u8], sent: &AMQPProperties) -> Arrival {
        let mut memory = vec![0; 1_000];
        let (_, length) = gen_properties(sent)(memory.as_mut_slice().into()).unwrap().into_inner();
        memory.truncate(usize::try_from(length).unwrap());
        let envelope = [&[0, 6][..], b"orders", &memory].concat();
        let length = u32::try_from(envelope.len()).unwrap().to_be_bytes();
        Arrival::new(7, false, [&length, &envelope[..], body].concat()).unwrap()
    }

    fn headed(body: &[u8], headers: FieldTable) -> Arrival {
        arrival(body, &AMQPProperties::default().with_headers(headers))
    }

    #[test]
    fn markers_round_trip_and_nothing_else_is_one() {
        let sent = Marker { epoch: Epoch(u64::MAX), number: 7, seal: u64::MAX - 1 };
        let headers = marker_properties(sent).headers().clone().unwrap();
        assert_eq!(marker(&headed(b"", headers.clone())), Some(sent));
        assert_eq!(marker(&headed(b"x", headers)), None, "a message that copies our headers is data");
        assert_eq!(marker(&arrival(b"", &AMQPProperties::default())), None);
    }

    #[test]
    fn the_digest_survives_redelivery() {
        let mut headers = FieldTable::default();
        headers.insert("a".into(), AMQPValue::LongString("b".into()));
        let first = message(headed(b"{}", headers.clone()), Body::Inline);
        headers.insert("x-delivery-count".into(), AMQPValue::LongLongInt(1));
        let again = Arrival { tag: 9, redelivered: true, ..headed(b"{}", headers) };
        assert_eq!(message(again, Body::Inline).digest(), first.digest());
    }

    #[test]
    fn what_is_published_is_what_is_delivered() {
        let sent = Properties {
            message_id: Some("m".into()),
            content_type: Some("application/json".into()),
            timestamp: Some(300),
            delivery_mode: Some(2),
            ..Properties::default()
        };
        let arrival = arrival(b"{}", &text_properties(&sent, &[("a".to_owned(), "b".to_owned())]));
        let message = message(arrival, Body::Inline);
        assert_eq!((message.exchange.as_str(), message.routing_key.as_str()), ("", "orders"));
        assert_eq!(message.properties, sent);
        assert_eq!(message.headers, [Header { name: "a".into(), kind: "string".into(), text: "b".into() }]);
    }
}
