//! Field tables, which carry a message's headers: their entries, and these as text.

use std::collections::{HashMap, HashSet};

use foz_lake::message::{Header, hexadecimal};
use serde_json::{Map, Value};

use crate::octets::Octets;

/// How deep arrays and tables may be nested to be told as JSON; what is deeper stays as it was encoded. JSON's readers take
/// 128 and more, and nobody publishes a tenth of this but by mistake or malice.
pub const MAX_DEPTH: usize = 64;

/// The kind of a header whose value cannot be told as text: its type octet and data in hexadecimal.
const VALUE: &str = "amqp-value";

/// The kind of a header whose name is no UTF-8, or that of another one: the whole entry, name included, in hexadecimal.
const FIELD: &str = "amqp-field";

/// The kind of what cannot be read at all: the bytes from there on in hexadecimal.
pub(crate) const REST: &str = "amqp-rest";

/// An entry of a table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry<'a> {
    pub(crate) name: &'a [u8],
    /// Its type octet and data.
    pub(crate) value: &'a [u8],
    /// All of it.
    encoded: &'a [u8],
}

impl<'a> Entry<'a> {
    /// Takes an entry off the front, or `None` if none can be read there.
    fn take(from: &mut Octets<'a>) -> Option<Self> {
        let mut ahead = *from;
        let name = ahead.short()?;
        let value = take_value(&mut ahead)?;
        let encoded = &from.0[..from.0.len() - ahead.0.len()];
        *from = ahead;
        Some(Self { name, value, encoded })
    }

    /// The entry as a header of the lake, as it was encoded.
    fn kept(&self) -> Header {
        let name = String::from_utf8_lossy(self.name).into_owned();
        Header { name, kind: FIELD.to_owned(), text: hexadecimal(self.encoded) }
    }

    /// The entry as a header of the lake.
    fn header(&self) -> Header {
        let Ok(name) = std::str::from_utf8(self.name) else { return self.kept() };
        let (kind, text) = match json(self.value, 0) {
            Some(value) => (kind(self.value), text(value)),
            None => (VALUE, hexadecimal(self.value)),
        };
        Header { name: name.to_owned(), kind: kind.to_owned(), text }
    }
}

/// The entries of a table in their order. What is left of the table after them cannot be read.
pub(crate) fn entries<'a>(table: &mut Octets<'a>) -> Vec<Entry<'a>> {
    std::iter::from_fn(|| Entry::take(table)).collect()
}

/// A table as headers, sorted by name, those of one name in the order of delivery: the broker sorts them when it delivers
/// again, and a message that comes again must be the same. Of those of one name the last is the header.
pub(crate) fn headers(table: &[u8]) -> Vec<Header> {
    let mut rest = Octets(table);
    let mut entries = entries(&mut rest);
    entries.sort_by(|a, b| a.name.cmp(b.name));
    let mut headers = Vec::with_capacity(entries.len());
    for (at, entry) in entries.iter().enumerate() {
        let again = entries.get(at + 1).is_some_and(|next| next.name == entry.name);
        headers.push(if again { entry.kept() } else { entry.header() });
    }
    if !rest.0.is_empty() {
        headers.push(Header { name: "headers".to_owned(), kind: REST.to_owned(), text: hexadecimal(rest.0) });
    }
    headers
}

/// Gives every header a name of its own, as readers of maps demand: published ones keep theirs, and one of our kinds whose
/// name is taken has `'2` behind it, or a higher number.
pub(crate) fn tell_apart(headers: &mut [Header]) {
    let ours = |header: &Header| header.kind.starts_with("amqp-") && header.kind != VALUE;
    if !headers.iter().any(ours) {
        return;
    }
    let mut taken: HashSet<String> =
        headers.iter().filter(|header| !ours(header)).map(|header| header.name.clone()).collect();
    let mut numbers: HashMap<String, u32> = HashMap::new();
    for header in headers.iter_mut().filter(|header| ours(header)) {
        if taken.contains(&header.name) {
            let number = numbers.entry(header.name.clone()).or_insert(1);
            header.name = loop {
                *number += 1;
                let name = format!("{}'{number}", header.name);
                if !taken.contains(&name) {
                    break name;
                }
            };
        }
        taken.insert(header.name.clone());
    }
}

/// Takes a value with its type octet off the front, or `None` if none can be read there. Looks into no array or table.
fn take_value<'a>(from: &mut Octets<'a>) -> Option<&'a [u8]> {
    let mut ahead = *from;
    let [kind] = ahead.array()?;
    match kind {
        b'V' => {}
        b't' | b'b' | b'B' => drop(ahead.take(1)?),
        b's' | b'U' | b'u' => drop(ahead.take(2)?),
        b'I' | b'i' | b'f' => drop(ahead.take(4)?),
        b'D' => drop(ahead.take(5)?),
        b'l' | b'L' | b'd' | b'T' => drop(ahead.take(8)?),
        b'S' | b'x' | b'A' | b'F' => drop(ahead.long()?),
        _ => return None,
    }
    let value = &from.0[..from.0.len() - ahead.0.len()];
    *from = ahead;
    Some(value)
}

/// The name of a value's type. AMQP does not say whether a long string is text; one that is not must keep its bytes.
fn kind(value: &[u8]) -> &'static str {
    match value.first() {
        Some(b't') => "bool",
        Some(b'b') => "int8",
        Some(b'B') => "uint8",
        Some(b's' | b'U') => "int16",
        Some(b'u') => "uint16",
        Some(b'I') => "int32",
        Some(b'i') => "uint32",
        Some(b'l' | b'L') => "int64",
        Some(b'f') => "float",
        Some(b'd') => "double",
        Some(b'D') => "decimal",
        Some(b'S') if std::str::from_utf8(&value[5..]).is_ok() => "string",
        Some(b'S' | b'x') => "binary",
        Some(b'A') => "array",
        Some(b'T') => "timestamp",
        Some(b'F') => "table",
        _ => "void",
    }
}

/// The value as text: JSON for arrays and tables, hexadecimal for bytes.
fn text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// A value that is complete as JSON, or `None` if JSON cannot tell it: beyond [`MAX_DEPTH`], with a name that is no UTF-8 or
/// stands twice in a table, or with something inside that cannot be read.
fn json(value: &[u8], depth: usize) -> Option<Value> {
    let (kind, data) = value.split_first()?;
    let mut data = Octets(data);
    Some(match kind {
        b't' => (data.array::<1>()? != [0]).into(),
        b'b' => i8::from_be_bytes(data.array()?).into(),
        b'B' => u8::from_be_bytes(data.array()?).into(),
        b's' | b'U' => i16::from_be_bytes(data.array()?).into(),
        b'u' => u16::from_be_bytes(data.array()?).into(),
        b'I' => i32::from_be_bytes(data.array()?).into(),
        b'i' => u32::from_be_bytes(data.array()?).into(),
        b'l' | b'L' => i64::from_be_bytes(data.array()?).into(),
        b'T' => u64::from_be_bytes(data.array()?).into(),
        // As text: JSON has no NaN, and a number there would lose what made it single.
        b'f' => f32::from_be_bytes(data.array()?).to_string().into(),
        b'd' => f64::from_be_bytes(data.array()?).to_string().into(),
        b'D' => {
            let [scale] = data.array()?;
            format!("{}e-{scale}", u32::from_be_bytes(data.array()?)).into()
        }
        b'S' => {
            let bytes = data.long()?;
            std::str::from_utf8(bytes).map_or_else(|_| hexadecimal(bytes), str::to_owned).into()
        }
        b'x' => hexadecimal(data.long()?).into(),
        b'A' if depth < MAX_DEPTH => array(data.long()?, depth + 1)?,
        b'F' if depth < MAX_DEPTH => table(data.long()?, depth + 1)?,
        b'V' => Value::Null,
        _ => return None,
    })
}

fn array(items: &[u8], depth: usize) -> Option<Value> {
    let mut rest = Octets(items);
    let mut array = Vec::new();
    while !rest.0.is_empty() {
        array.push(json(take_value(&mut rest)?, depth)?);
    }
    Some(array.into())
}

fn table(fields: &[u8], depth: usize) -> Option<Value> {
    let mut rest = Octets(fields);
    let mut table = Map::new();
    while !rest.0.is_empty() {
        let entry = Entry::take(&mut rest)?;
        let name = std::str::from_utf8(entry.name).ok()?.to_owned();
        if table.insert(name, json(entry.value, depth)?).is_some() {
            return None;
        }
    }
    Some(table.into())
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// The bytes that hexadecimal text stands for.
    pub(crate) fn of_hexadecimal(text: &str) -> Vec<u8> {
        text.as_bytes().chunks(2).map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
    }

    /// An entry of a table.
    pub(crate) fn entry(name: &[u8], value: &[u8]) -> Vec<u8> {
        [&[u8::try_from(name.len()).unwrap()], name, value].concat()
    }

    /// A value that has a length: of type `S`, `x`, `A` or `F`.
    pub(crate) fn long(kind: u8, data: &[u8]) -> Vec<u8> {
        [&[kind][..], &u32::try_from(data.len()).unwrap().to_be_bytes(), data].concat()
    }

    fn nested(kind: u8, levels: usize) -> Vec<u8> {
        // From the inside: what is outside only adds in front, so it is built backwards.
        let mut reversed: Vec<u8> = Vec::new();
        for _ in 0..levels {
            let length = u32::try_from(reversed.len()).unwrap();
            reversed.extend(length.to_le_bytes());
            reversed.push(kind);
            if kind == b'F' {
                reversed.extend(b"n\x01");
            }
        }
        if kind == b'F' {
            reversed.truncate(reversed.len() - 2);
        }
        reversed.reverse();
        reversed
    }

    fn check(name: &[u8], value: &[u8], kind: &str, text: &str) {
        let header = |name: &str| Header { name: name.to_owned(), kind: kind.to_owned(), text: text.to_owned() };
        assert_eq!(headers(&entry(name, value)), [header(&String::from_utf8_lossy(name))]);
    }

    #[test]
    fn values_of_every_type_become_text() {
        check(b"h", b"t\x02", "bool", "true");
        check(b"h", b"b\xff", "int8", "-1");
        check(b"h", b"B\xff", "uint8", "255");
        check(b"h", b"s\xff\xff", "int16", "-1");
        check(b"h", b"U\x01\x00", "int16", "256");
        check(b"h", b"u\xff\xff", "uint16", "65535");
        check(b"h", b"I\xff\xff\xff\xff", "int32", "-1");
        check(b"h", b"i\xff\xff\xff\xff", "uint32", "4294967295");
        check(b"h", b"l\x80\0\0\0\0\0\0\0", "int64", "-9223372036854775808");
        check(b"h", b"L\xff\xff\xff\xff\xff\xff\xff\xff", "int64", "-1");
        check(b"h", b"T\xff\xff\xff\xff\xff\xff\xff\xff", "timestamp", "18446744073709551615");
        check(b"h", &[b"f", &1.5f32.to_be_bytes()[..]].concat(), "float", "1.5");
        check(b"h", &[b"d", &f64::NAN.to_be_bytes()[..]].concat(), "double", "NaN");
        check(b"h", b"D\x02\x00\x00\x00\x7b", "decimal", "123e-2");
        check(b"h", &long(b'S', "é".as_bytes()), "string", "é");
        check(b"h", &long(b'S', b"\xff"), "binary", "ff");
        check(b"h", &long(b'x', b"text"), "binary", "74657874");
        check(b"h", b"V", "void", "");
        let table = [entry(b"n", b"l\x80\0\0\0\0\0\0\0"), entry(b"b", &long(b'x', &[0, 255]))].concat();
        let array = [&b"t\x01"[..], &long(b'F', &table)].concat();
        check(b"h", &long(b'A', &array), "array", r#"[true,{"b":"00ff","n":-9223372036854775808}]"#);
    }

    #[test]
    fn input_1_a_header_name_that_is_no_utf_8_keeps_its_entry() {
        let encoded = entry(b"Z\xfcrich", &long(b'S', b"a"));
        check(b"Z\xfcrich", &long(b'S', b"a"), FIELD, &hexadecimal(&encoded));
        let inside = long(b'F', &encoded);
        check(b"h", &inside, VALUE, &hexadecimal(&inside));
    }

    #[test]
    fn input_2_nesting_without_end_is_kept_as_it_was_encoded() {
        for kind in [b'A', b'F'] {
            for levels in [MAX_DEPTH + 1, 1_000, 15_000, 26_000] {
                let value = nested(kind, levels);
                check(b"deep", &value, VALUE, &hexadecimal(&value));
            }
            let value = nested(kind, MAX_DEPTH);
            let told = &headers(&entry(b"deep", &value))[0];
            assert!(told.kind != VALUE && told.text.len() >= 2 * MAX_DEPTH, "{told:?}");
        }
    }

    #[test]
    fn protocol_16_a_name_that_stands_twice_is_kept_twice() {
        let table = [entry(b"b", b"b\x01"), entry(b"a", b"b\x02"), entry(b"b", b"b\x03")].concat();
        let mut told = headers(&table);
        tell_apart(&mut told);
        let told: Vec<_> = told.iter().map(|header| (&*header.name, &*header.kind, &*header.text)).collect();
        assert_eq!(told, [("a", "int8", "2"), ("b'2", FIELD, "01626201"), ("b", "int8", "3")]);
        let inside = long(b'F', &table);
        check(b"h", &inside, VALUE, &hexadecimal(&inside));
    }

    #[test]
    fn a_name_twenty_thousand_times_costs_no_more_than_as_many_names() {
        let mut told = headers(&[entry(b"a'3", b"V"), entry(b"a", b"V").repeat(20_000)].concat());
        tell_apart(&mut told);
        assert!(told.iter().all(|header| header.name.len() <= "a'20001".len()));
        assert_eq!(told.iter().map(|header| &header.name).collect::<HashSet<_>>().len(), 20_001);
    }

    #[test]
    fn what_cannot_be_read_is_kept_from_there_on() {
        let table = [&entry(b"a", b"b\x02")[..], b"\x01zZ\x01\x02\x03"].concat();
        let told = headers(&table);
        assert_eq!((told[0].name.as_str(), told[1].kind.as_str(), told[1].text.as_str()), ("a", REST, "017a5a010203"));
        let inside = long(b'A', b"Z");
        check(b"h", &inside, VALUE, &hexadecimal(&inside));
    }

    proptest! {
        #[test]
        fn any_bytes_are_headers(table in vec(any::<u8>(), 0..400)) {
            headers(&table);
        }

        #[test]
        fn bytes_of_known_types_are_headers_and_none_is_lost(
            table in vec((vec(any::<u8>(), 0..4), prop::sample::select(b"tbBsUuIilLfdDSxAFTVZ".to_vec()), vec(any::<u8>(), 0..30)), 0..20),
        ) {
            let table: Vec<u8> = table.iter().flat_map(|(name, kind, data)| entry(name, &[&[*kind][..], data].concat())).collect();
            let mut rest = Octets(&table);
            let found = entries(&mut rest);
            let length = found.iter().map(|entry| entry.encoded.len()).sum::<usize>();
            prop_assert_eq!(length + rest.0.len(), table.len());
            for header in headers(&table) {
                if [VALUE, FIELD, REST].contains(&header.kind.as_str()) {
                    let bytes = of_hexadecimal(&header.text);
                    prop_assert!(table.windows(bytes.len()).any(|window| window == bytes));
                }
            }
        }
    }
}
