//! Looks at a queue by declaring it again: the broker's refusal names an argument that differs.

use std::collections::BTreeMap;

use anyhow::bail;
use foz_wire::env;
use lapin::Connection;
use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;

use super::unfit::{Fitness, missing};
use crate::connection::Refusal;
use crate::question::declared;
use crate::queue::{ARGUMENTS, ArgumentValue, QueueArgument, StreamQueue, table};

/// Declares the queue again and again, each time with what the last refusal taught, until the broker agrees: then the
/// arguments are the queue's own. What a policy sets cannot be seen this way.
pub(super) async fn redeclare(connection: &Connection, queue: &str) -> anyhow::Result<Fitness> {
    let unfit = |wrong: String| Ok(Fitness::of(queue, vec![wrong], Vec::new()));
    let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    match declared(connection, queue, passive, FieldTable::default()).await? {
        Ok(_) => {}
        Err(Refusal { code: Refusal::NOT_FOUND, .. }) => return unfit(missing()),
        Err(Refusal { text, .. }) => bail!("the broker refuses to look at queue {queue}: {text}"),
    }
    let mut values = guess(queue);
    // Each refusal settles one argument; a queue can have others than ours.
    for _ in 0..4 * ARGUMENTS.len() {
        let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
        match declared(connection, queue, durable, table(&values)).await? {
            Ok(_) => {
                let management = env::MANAGEMENT_URL.name;
                let hint = format!(", or {management} given if a policy sets it");
                let wrong = |argument: &QueueArgument| {
                    let wrong = argument.wrong(values.get(argument.name))?;
                    let lacks = argument.policy.is_some() && !values.contains_key(argument.name);
                    Some(if lacks { wrong + &hint } else { wrong })
                };
                let remark = |argument: &QueueArgument| argument.remark(values.get(argument.name));
                let (wrong, remarks) = (ARGUMENTS.iter().filter_map(wrong), ARGUMENTS.iter().filter_map(remark));
                return Ok(Fitness::of(queue, wrong.collect(), remarks.collect()));
            }
            Err(Refusal { code: Refusal::NOT_FOUND, .. }) => return unfit(missing()),
            Err(Refusal { text, .. }) => match difference(&text, &values) {
                Some((name, Some(value))) => values.insert(name, value),
                Some((name, None)) => values.remove(&name),
                // Not durable, or exclusive, or a value of a type that we do not know.
                None => return unfit(text),
            },
        };
    }
    bail!("the arguments of queue {queue} cannot be found out without {}", env::MANAGEMENT_URL.name)
}

/// The arguments to begin with: those that Foz declares.
fn guess(queue: &str) -> BTreeMap<String, ArgumentValue> {
    StreamQueue::new(queue).arguments().into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The argument that a refusal names, and the value that the queue has, if it has one. The broker shows the type only
/// where it differs from what was `sent`.
fn difference(text: &str, sent: &BTreeMap<String, ArgumentValue>) -> Option<(String, Option<ArgumentValue>)> {
    let (_, rest) = text.split_once("inequivalent arg '")?;
    let (name, rest) = rest.split_once('\'')?;
    if !name.starts_with("x-") {
        return None;
    }
    let (_, current) = rest.rsplit_once("current is ")?;
    let value = if current.starts_with("none") {
        None
    } else if let Some(typed) = current.strip_prefix("the value '") {
        let (value, kind) = typed.rsplit_once("' of type '")?;
        Some(match kind.trim_end_matches('\'') {
            "longstr" => ArgumentValue::Text(value.to_owned()),
            "bool" => ArgumentValue::Bool(value.parse().ok()?),
            _ => ArgumentValue::Number(value.parse().ok()?),
        })
    } else {
        Some(shown(current.strip_prefix('\'')?.strip_suffix('\'')?, sent.get(name)?)?)
    };
    Some((name.to_owned(), value))
}

/// A value as the broker's refusals show it, of the same kind as `like`.
fn shown(text: &str, like: &ArgumentValue) -> Option<ArgumentValue> {
    Some(match like {
        ArgumentValue::Text(_) => ArgumentValue::Text(text.to_owned()),
        ArgumentValue::Number(_) => ArgumentValue::Number(text.parse().ok()?),
        ArgumentValue::Bool(_) => ArgumentValue::Bool(text.parse().ok()?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What RabbitMQ 3.10.8 answers.
    #[test]
    fn refusals_tell_the_value_that_the_queue_has() {
        let sent = guess("q");
        let told = |name: &str, current: &str| {
            let text = format!(
                "PRECONDITION_FAILED - inequivalent arg '{name}' for queue 'q' in vhost '/': received none but current is {current}"
            );
            difference(&text, &sent)
        };
        let expect = |name: &str, value| Some((name.to_owned(), value));
        let text = |text: &str| Some(ArgumentValue::Text(text.to_owned()));
        assert_eq!(told("x-overflow", "none"), expect("x-overflow", None));
        assert_eq!(told("x-overflow", "'drop-head'"), expect("x-overflow", text("drop-head")));
        assert_eq!(told("x-delivery-limit", "'20'"), expect("x-delivery-limit", Some(ArgumentValue::Number(20))));
        let typed = "the value '5' of type 'signedint'";
        assert_eq!(told("x-max-length", typed), expect("x-max-length", Some(ArgumentValue::Number(5))));
        let typed = "the value 'true' of type 'bool'";
        let single = "x-single-active-consumer";
        assert_eq!(told(single, typed), expect(single, Some(ArgumentValue::Bool(true))));
        assert_eq!(told("durable", "'false'"), None);
    }
}
