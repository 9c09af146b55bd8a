//! What brings messages from one queue to another, possibly at another broker.

use std::fmt;

use foz_lake::message::Message;

/// A program that takes a message from a queue and publishes it anew: nothing but a header of its own, if it is set to write
/// one, shows that it is not new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mover {
    /// RabbitMQ's shovel, if it adds headers or a timestamp; by default it adds neither.
    Shovel,
    /// RabbitMQ's federation of queues or exchanges.
    Federation,
}

/// The header that each writes, in the names of RabbitMQ 3.10 to 4.0.
const HEADERS: [(&str, Mover); 3] =
    [("x-shovelled", Mover::Shovel), ("x-shovelled-timestamp", Mover::Shovel), ("x-received-from", Mover::Federation)];

impl Mover {
    /// What brought the message, or `None` if it does not say so.
    pub fn of(message: &Message) -> Option<Self> {
        let mut headers = message.headers.iter();
        headers.find_map(|header| HEADERS.iter().find(|(name, _)| *name == header.name)).map(|(_, mover)| *mover)
    }

    /// The header by which it is known.
    pub fn header(self) -> &'static str {
        match self {
            Self::Shovel => "x-shovelled",
            Self::Federation => "x-received-from",
        }
    }
}

impl fmt::Display for Mover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Shovel => "a shovel",
            Self::Federation => "a federation",
        })
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use foz_lake::message::{Body, Header, Properties};

    use super::*;

    #[test]
    fn input_35_what_was_moved_is_known_by_the_movers_header_whatever_stands_in_it() {
        let check = |names: &[&str], expected| {
            let header =
                |name: &&str| Header { name: (*name).to_owned(), kind: "string".to_owned(), text: String::new() };
            let message = Message {
                body: Body::Inline(Bytes::new()),
                exchange: String::new(),
                routing_key: "boxes.state".to_owned(),
                properties: Properties::default(),
                headers: names.iter().map(header).collect(),
            };
            assert_eq!(Mover::of(&message), expected, "{names:?}");
        };
        check(&[], None);
        check(&["x-death", "shovelled", "x-shovelled-by"], None);
        check(&["a", "x-shovelled"], Some(Mover::Shovel));
        check(&["x-shovelled-timestamp"], Some(Mover::Shovel));
        check(&["x-received-from", "x-original-exchange"], Some(Mover::Federation));
    }
}
