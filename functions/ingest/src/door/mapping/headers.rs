//! Headers and timestamps as Lambda writes them in JSON.

use chrono::NaiveDateTime;
use foz_lake::message::{Body, Header, Message, hexadecimal};
use foz_wire::marker;
use serde_json::Value;

/// How Java writes a date and time in American English, which is how the event has timestamps; in UTC.
const TIMESTAMP: &str = "%b %d, %Y, %I:%M:%S %p";

/// A header. AMQP's types are not in the event: a number is some integer, a text is bytes.
pub fn header((name, value): (&String, &Value)) -> Header {
    let (kind, text) = match value {
        Value::Null => ("void", String::new()),
        Value::Bool(value) => ("bool", value.to_string()),
        Value::Number(value) if value.is_f64() => ("double", value.to_string()),
        Value::Number(value) => ("int64", value.to_string()),
        Value::String(value) => ("string", value.clone()),
        other => match bytes(other).map(String::from_utf8) {
            Some(Ok(text)) => ("string", text),
            Some(Err(error)) => ("binary", hexadecimal(error.as_bytes())),
            None if other.is_array() => ("array", readable(other).to_string()),
            None => ("table", readable(other).to_string()),
        },
    };
    Header { name: name.clone(), kind: kind.to_owned(), text }
}

/// Whether the message is a bridge's marker: both headers, and no body.
pub fn is_marker(message: &Message) -> bool {
    let has = |name: &str| message.headers.iter().any(|header| header.name == name && header.kind == "int64");
    matches!(&message.body, Body::Inline(body) if body.is_empty()) && has(marker::EPOCH) && has(marker::NUMBER)
}

/// Seconds since 1970 UTC of a timestamp: Java's text, or the number itself.
pub fn seconds(value: &Value) -> Option<u64> {
    let text = match value {
        Value::String(text) => text,
        other => return other.as_u64(),
    };
    // From version 20 on, Java puts a narrow no-break space before AM and PM.
    let text = text.replace('\u{202f}', " ");
    let instant = NaiveDateTime::parse_from_str(&text, TIMESTAMP).ok()?;
    u64::try_from(instant.and_utc().timestamp()).ok()
}

/// The bytes of a text, `{"bytes":[…]}`.
fn bytes(value: &Value) -> Option<Vec<u8>> {
    let fields = value.as_object().filter(|fields| fields.len() == 1)?;
    let numbers = fields.get("bytes")?.as_array()?;
    // Java's bytes have a sign.
    let byte = |number: &Value| match number.as_i64()? {
        number @ -128..0 => u8::try_from(number + 256).ok(),
        number => u8::try_from(number).ok(),
    };
    numbers.iter().map(byte).collect()
}

/// The value with every text in it as a text.
fn readable(value: &Value) -> Value {
    if let Some(bytes) = bytes(value) {
        return String::from_utf8(bytes).unwrap_or_else(|error| hexadecimal(error.as_bytes())).into();
    }
    match value {
        Value::Array(values) => values.iter().map(readable).collect(),
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), readable(value))).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use foz_lake::message::Properties;
    use serde_json::json;

    use super::*;

    #[test]
    fn headers_of_every_kind_become_text() {
        let check = |value: Value, kind: &str, text: &str| {
            let header = header((&"h".to_owned(), &value));
            assert_eq!((header.kind.as_str(), header.text.as_str()), (kind, text), "{value}");
        };
        check(json!({"bytes": [195, 169]}), "string", "é");
        check(json!({"bytes": [-61, -87]}), "string", "é");
        check(json!({"bytes": [255, 0]}), "binary", "ff00");
        check(json!({"bytes": []}), "string", "");
        check(json!({"bytes": [256]}), "table", r#"{"bytes":[256]}"#);
        check(json!("plain"), "string", "plain");
        check(json!(i64::MIN), "int64", "-9223372036854775808");
        check(json!(1.5), "double", "1.5");
        check(json!(true), "bool", "true");
        check(json!(null), "void", "");
        check(json!([{"bytes": [97]}, 1]), "array", r#"["a",1]"#);
        check(json!({"a": {"bytes": [98]}}), "table", r#"{"a":"b"}"#);
    }

    #[test]
    fn timestamps() {
        let check = |value: Value, expected: Option<u64>| assert_eq!(seconds(&value), expected, "{value}");
        check(json!("Jan 1, 1970, 12:33:41 AM"), Some(2021));
        check(json!("Nov 25, 2026, 1:02:03\u{202f}PM"), Some(1_795_611_723));
        check(json!(1_795_611_723), Some(1_795_611_723));
        check(json!("Feb 30, 2026, 1:02:03 PM"), None);
        check(json!("Dec 31, 1969, 11:59:59 PM"), None);
        check(json!("2026-11-25T13:02:03Z"), None);
        check(json!(-1), None);
        check(json!(1.5), None);
        check(json!(null), None);
    }

    #[test]
    fn markers_are_known_by_both_headers_and_no_body() {
        let message = |body: &'static str, headers: Value| Message {
            body: Body::Inline(body.into()),
            exchange: String::new(),
            routing_key: String::new(),
            properties: Properties::default(),
            headers: headers.as_object().unwrap().iter().map(header).collect(),
        };
        let both = json!({"x-foz-epoch": 3, "x-foz-marker": 0});
        assert!(is_marker(&message("", both.clone())));
        assert!(!is_marker(&message("{}", both)), "a message that copies our headers is data");
        assert!(!is_marker(&message("", json!({"x-foz-epoch": 3}))));
        assert!(!is_marker(&message("", json!({"x-foz-epoch": 3, "x-foz-marker": {"bytes": [48]}}))));
    }
}
