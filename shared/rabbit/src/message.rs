//! Deliveries to messages of the lake, messages to what is published, and markers.

use bytes::Bytes;
use foz_domain::Epoch;
use foz_domain::bridge::Marker;
use foz_lake::message::{Body, Header, Message, Properties, hexadecimal};
use foz_wire::marker;
use lapin::message::Delivery;
use lapin::protocol::basic::AMQPProperties;
use lapin::types::{AMQPValue, FieldTable, ShortString};

/// The properties of a marker to publish.
pub fn marker_properties(marker: Marker) -> AMQPProperties {
    let mut headers = FieldTable::default();
    let number = |n: u64| AMQPValue::LongLongInt(n.cast_signed());
    headers.insert(marker::EPOCH.into(), number(marker.epoch.0));
    headers.insert(marker::NUMBER.into(), number(marker.number));
    // Persistent: a marker that is lost with its node costs a wait.
    AMQPProperties::default().with_headers(headers).with_delivery_mode(2)
}

/// The marker that the delivery is, or `None` if it is a message: a marker has both headers, and no body.
pub fn marker(delivery: &Delivery) -> Option<Marker> {
    let headers = delivery.properties.headers().as_ref()?;
    let number = |name: &str| match headers.inner().get(name)? {
        AMQPValue::LongLongInt(n) => Some(n.cast_unsigned()),
        _ => None,
    };
    let marker = Marker { epoch: Epoch(number(marker::EPOCH)?), number: number(marker::NUMBER)? };
    delivery.data.is_empty().then_some(marker)
}

/// The message that was delivered; `place` says where its body goes.
pub fn message(delivery: Delivery, place: impl FnOnce(Bytes) -> Body) -> Message {
    let Delivery { exchange, routing_key, properties, data, .. } = delivery;
    Message {
        body: place(data.into()),
        exchange: exchange.into(),
        routing_key: routing_key.into(),
        properties: basic(&properties),
        headers: properties.headers().iter().flatten().map(header).collect(),
    }
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
    use lapin::types::FieldArray;

    use super::*;

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
        let mut headers = FieldTable::default();
        headers.insert("a".into(), AMQPValue::LongString("b".into()));
        let first = message(delivery(b"{}".to_vec(), Some(headers.clone())), Body::Inline);
        headers.insert("x-delivery-count".into(), AMQPValue::LongLongInt(1));
        let mut again = delivery(b"{}".to_vec(), Some(headers));
        again.redelivered = true;
        again.delivery_tag = 9;
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
        let mut delivery = delivery(b"{}".to_vec(), None);
        delivery.properties = text_properties(&sent, &[("a".to_owned(), "b".to_owned())]);
        let message = message(delivery, Body::Inline);
        assert_eq!(message.properties, sent);
        assert_eq!(message.headers, [Header { name: "a".into(), kind: "string".into(), text: "b".into() }]);
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
