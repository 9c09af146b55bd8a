//! From what the broker delivers to what the lake stores.

use bytes::Bytes;
use foz_domain::bridge::Marker;
use foz_domain::{Digest, Epoch, StreamName, keys};
use foz_lake::message::{Body, Encoded, Header, Message, Properties, hexadecimal};
use foz_wire::marker::{EPOCH, NUMBER};
use lapin::message::Delivery;
use lapin::protocol::basic::AMQPProperties;
use lapin::types::{AMQPValue, FieldTable, ShortString};

/// Bodies above this go to the bucket by themselves. An invoke takes 4.7 million compressed bytes; headers and properties
/// share one AMQP frame of 128 KiB, and even binary ones, four times as long as text, leave these for the body.
pub const MAX_INLINE: usize = 4_000_000;

/// A message, ready for a frame.
#[derive(Debug)]
pub struct Parcel {
    /// What the frame holds.
    pub encoded: Encoded,
    /// The body, if the frame holds only a pointer to it.
    pub oversize: Option<Oversize>,
}

/// A body that is stored by itself, and under which key.
#[derive(Debug)]
pub struct Oversize {
    /// Its key in the lake bucket.
    pub key: String,
    /// The literal bytes.
    pub body: Bytes,
}

/// The properties of a marker to publish.
pub fn marker_properties(marker: Marker) -> AMQPProperties {
    let mut headers = FieldTable::default();
    let number = |n: u64| AMQPValue::LongLongInt(n.cast_signed());
    headers.insert(EPOCH.into(), number(marker.epoch.0));
    headers.insert(NUMBER.into(), number(marker.number));
    // Persistent: a marker that is lost with its node costs a wait.
    AMQPProperties::default().with_headers(headers).with_delivery_mode(2)
}

/// The marker that the delivery is, if it is one: both headers, and no body.
pub fn marker(delivery: &Delivery) -> Option<Marker> {
    let headers = delivery.properties.headers().as_ref()?;
    let number = |name: &str| match headers.inner().get(name)? {
        AMQPValue::LongLongInt(n) => Some(n.cast_unsigned()),
        _ => None,
    };
    let marker = Marker { epoch: Epoch(number(EPOCH)?), number: number(NUMBER)? };
    delivery.data.is_empty().then_some(marker)
}

/// Encodes a delivery, byte for byte. Whether the body stays inline depends on its length alone, so that a message
/// that is delivered again has the same digest.
pub fn parcel(stream: &StreamName, delivery: Delivery) -> Parcel {
    let Delivery { exchange, routing_key, properties, data, .. } = delivery;
    let data = Bytes::from(data);
    let (body, oversize) = if data.len() > MAX_INLINE {
        let digest = Digest(*blake3::hash(&data).as_bytes());
        let key = keys::oversize(stream, &digest);
        let body = Body::Oversize { key: key.clone(), length: data.len() as u64, digest };
        (body, Some(Oversize { key, body: data }))
    } else {
        (Body::Inline(data), None)
    };
    let headers = properties.headers().iter().flatten().map(header).collect();
    let message = Message {
        body,
        exchange: exchange.into(),
        routing_key: routing_key.into(),
        properties: basic(&properties),
        headers,
    };
    Parcel { encoded: message.encode(), oversize }
}

fn basic(properties: &AMQPProperties) -> Properties {
    let text = |value: &Option<ShortString>| value.as_ref().map(|text| text.as_str().to_owned());
    Properties {
        content_type: text(properties.content_type()),
        content_encoding: text(properties.content_encoding()),
        delivery_mode: *properties.delivery_mode(),
        priority: *properties.priority(),
        correlation_id: text(properties.correlation_id()),
        reply_to: text(properties.reply_to()),
        expiration: text(properties.expiration()),
        message_id: text(properties.message_id()),
        timestamp: *properties.timestamp(),
        kind: text(properties.kind()),
        user_id: text(properties.user_id()),
        app_id: text(properties.app_id()),
        cluster_id: text(properties.cluster_id()),
    }
}

fn header((name, value): (&ShortString, &AMQPValue)) -> Header {
    let kind = match value {
        AMQPValue::Boolean(_) => "bool",
        AMQPValue::ShortShortInt(_) => "int8",
        AMQPValue::ShortShortUInt(_) => "uint8",
        AMQPValue::ShortInt(_) => "int16",
        AMQPValue::ShortUInt(_) => "uint16",
        AMQPValue::LongInt(_) => "int32",
        AMQPValue::LongUInt(_) => "uint32",
        AMQPValue::LongLongInt(_) => "int64",
        AMQPValue::Float(_) => "float",
        AMQPValue::Double(_) => "double",
        AMQPValue::DecimalValue(_) => "decimal",
        AMQPValue::ShortString(_) => "string",
        // AMQP does not say whether a long string is text; one that is not must keep its bytes.
        AMQPValue::LongString(text) if std::str::from_utf8(text.as_bytes()).is_ok() => "string",
        AMQPValue::LongString(_) | AMQPValue::ByteArray(_) => "binary",
        AMQPValue::FieldArray(_) => "array",
        AMQPValue::Timestamp(_) => "timestamp",
        AMQPValue::FieldTable(_) => "table",
        AMQPValue::Void => "void",
    };
    Header { name: name.as_str().to_owned(), kind: kind.to_owned(), text: text(value) }
}

/// The value as text: JSON for arrays and tables, hexadecimal for bytes.
fn text(value: &AMQPValue) -> String {
    match json(value) {
        serde_json::Value::String(text) => text,
        serde_json::Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn json(value: &AMQPValue) -> serde_json::Value {
    match value {
        AMQPValue::Boolean(v) => (*v).into(),
        AMQPValue::ShortShortInt(v) => (*v).into(),
        AMQPValue::ShortShortUInt(v) => (*v).into(),
        AMQPValue::ShortInt(v) => (*v).into(),
        AMQPValue::ShortUInt(v) => (*v).into(),
        AMQPValue::LongInt(v) => (*v).into(),
        AMQPValue::LongUInt(v) => (*v).into(),
        AMQPValue::LongLongInt(v) => (*v).into(),
        AMQPValue::Timestamp(v) => (*v).into(),
        // As text: JSON has no NaN, and a number there would lose what made it single.
        AMQPValue::Float(v) => v.to_string().into(),
        AMQPValue::Double(v) => v.to_string().into(),
        AMQPValue::DecimalValue(v) => format!("{}e-{}", v.value, v.scale).into(),
        AMQPValue::ShortString(v) => v.as_str().into(),
        AMQPValue::LongString(v) => match std::str::from_utf8(v.as_bytes()) {
            Ok(text) => text.into(),
            Err(_) => hexadecimal(v.as_bytes()).into(),
        },
        AMQPValue::ByteArray(v) => hexadecimal(v.as_slice()).into(),
        AMQPValue::FieldArray(v) => v.as_slice().iter().map(json).collect(),
        AMQPValue::FieldTable(v) => {
            serde_json::Value::Object(v.into_iter().map(|(name, v)| (name.as_str().to_owned(), json(v))).collect())
        }
        AMQPValue::Void => serde_json::Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lapin::types::FieldArray;

    fn delivery(body: Vec<u8>, headers: Option<FieldTable>) -> Delivery {
        let mut delivery = Delivery::mock(7, "".into(), "orders".into(), false, body);
        if let Some(headers) = headers {
            delivery.properties = AMQPProperties::default().with_headers(headers);
        }
        delivery
    }

    #[test]
    fn markers_round_trip_and_nothing_else_is_one() {
        let sent = Marker { epoch: Epoch(u64::MAX), number: 7 };
        let headers = marker_properties(sent).headers().clone().unwrap();
        assert_eq!(marker(&delivery(vec![], Some(headers.clone()))), Some(sent));
        assert_eq!(marker(&delivery(b"x".to_vec(), Some(headers))), None, "a message that copies our headers is data");
        assert_eq!(marker(&delivery(vec![], None)), None);
    }

    #[test]
    fn the_digest_survives_redelivery() {
        let stream = "orders".parse().unwrap();
        let mut headers = FieldTable::default();
        headers.insert("a".into(), AMQPValue::LongString("b".into()));
        let first = parcel(&stream, delivery(b"{}".to_vec(), Some(headers.clone())));
        headers.insert("x-delivery-count".into(), AMQPValue::LongLongInt(1));
        let mut again = delivery(b"{}".to_vec(), Some(headers));
        again.redelivered = true;
        again.delivery_tag = 9;
        assert_eq!(parcel(&stream, again).encoded.digest(), first.encoded.digest());
    }

    #[test]
    fn large_bodies_leave_a_pointer() {
        let stream = "orders".parse().unwrap();
        let parcel = parcel(&stream, delivery(vec![b'x'; MAX_INLINE + 1], None));
        assert!(parcel.encoded.len() < 400);
        let oversize = parcel.oversize.unwrap();
        assert_eq!(oversize.body.len(), MAX_INLINE + 1);
        assert!(oversize.key.starts_with("raw-oversize/stream=orders/"), "{}", oversize.key);
    }

    #[test]
    fn headers_of_every_kind_become_text() {
        let mut table = FieldTable::default();
        table.insert("n".into(), AMQPValue::LongLongInt(i64::MIN));
        table.insert("b".into(), AMQPValue::ByteArray(vec![0, 255].into()));
        let array = FieldArray::from(vec![AMQPValue::Boolean(true), AMQPValue::FieldTable(table)]);
        assert_eq!(text(&AMQPValue::FieldArray(array)), r#"[true,{"b":"00ff","n":-9223372036854775808}]"#);
        assert_eq!(text(&AMQPValue::LongString("é".into())), "é");
        assert_eq!(text(&AMQPValue::LongString(vec![0xff].into())), "ff");
        assert_eq!(text(&AMQPValue::Double(f64::NAN)), "NaN");
        assert_eq!(text(&AMQPValue::Void), "");
    }
}
