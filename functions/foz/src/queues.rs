//! `foz queues`: how queues must be declared so that nothing is lost or reordered.

use std::fmt::Write;

use foz_pipeline::Definition;
use foz_rabbit::declare::declare;
use foz_rabbit::queue::{QueueArguments, StreamQueue};
use serde_json::{Map, Value, json};

use crate::address::LakeAddress;
use crate::arguments::QueuesArgs;
use crate::broker;
use crate::cli_status::CliStatus;
use crate::output::Printer;

fn stream_queues(definition: &Definition) -> Vec<StreamQueue> {
    definition.streams.values().map(|stream| StreamQueue::new(&stream.queue)).collect()
}

pub async fn run(what: &QueuesArgs, address: &LakeAddress, output: Printer) -> anyhow::Result<CliStatus> {
    let definition = match &what.pipeline {
        Some(file) => Definition::load(file)?,
        None if address.has_definition() => {
            let aws = address.aws().await?;
            address.definition(&address.store(&aws)?).await?
        }
        None => Definition::load(&address.pipeline())?,
    };
    let queues = stream_queues(&definition);
    if what.apply {
        return apply(&queues, address, output).await;
    }
    let vhost = &definition.broker.vhost;
    if output.json {
        output.value(&for_import(&queues, vhost))?;
    } else {
        output.text(&commands(&queues, vhost))?;
    }
    Ok(CliStatus::Ok)
}

/// What `rabbitmqctl import_definitions` reads.
fn for_import(stream_queues: &[StreamQueue], vhost: &str) -> Value {
    let mut queues = Vec::new();
    let mut exchanges = Vec::new();
    let mut bindings = Vec::new();
    for queue in stream_queues {
        let (name, dead) = (&queue.name, &queue.dead_letters);
        exchanges.push(json!({ "vhost": vhost, "name": dead, "type": "fanout", "durable": true, "auto_delete": false, "internal": false, "arguments": {} }));
        let arguments = json_of(&StreamQueue::dead_letter_arguments());
        queues.push(
            json!({ "vhost": vhost, "name": dead, "durable": true, "auto_delete": false, "arguments": arguments }),
        );
        queues.push(json!({ "vhost": vhost, "name": name, "durable": true, "auto_delete": false, "arguments": json_of(&queue.arguments()) }));
        bindings.push(json!({ "vhost": vhost, "source": dead, "destination": dead, "destination_type": "queue", "routing_key": "", "arguments": {} }));
    }
    json!({ "exchanges": exchanges, "queues": queues, "bindings": bindings })
}

/// The same as commands of the broker's own tool.
fn commands(stream_queues: &[StreamQueue], vhost: &str) -> String {
    let quoted = |text: &str| format!("'{}'", text.replace('\'', r"'\''"));
    let mut text = String::new();
    for queue in stream_queues {
        let admin = format!("rabbitmqadmin --vhost={}", quoted(vhost));
        let (name, dead) = (quoted(&queue.name), quoted(&queue.dead_letters));
        let arguments = quoted(&json_of(&queue.arguments()).to_string());
        let dead_arguments = quoted(&json_of(&StreamQueue::dead_letter_arguments()).to_string());
        // Writing to a String does not fail.
        let _ = writeln!(
            text,
            "{admin} declare exchange name={dead} type=fanout durable=true\n\
             {admin} declare queue name={dead} durable=true arguments={dead_arguments}\n\
             {admin} declare binding source={dead} destination={dead}\n\
             {admin} declare queue name={name} durable=true arguments={arguments}"
        );
    }
    text
}

/// Declares everything; a queue that exists and differs is reported, and the others are declared nevertheless.
async fn apply(stream_queues: &[StreamQueue], address: &LakeAddress, output: Printer) -> anyhow::Result<CliStatus> {
    let connection = broker::connect(address).await?;
    let mut end = CliStatus::Ok;
    for queue in stream_queues {
        let refused = declare(&connection, queue).await?;
        if output.json {
            output.value(&json!({ "queue": queue.name, "dead_letters": queue.dead_letters, "refused": refused }))?;
        }
        match refused {
            None if !output.json => {
                output.text(&format!("{}: declared, dead letters go to {}\n", queue.name, queue.dead_letters))?;
            }
            None => {}
            Some(why) => {
                let queue = &queue.name;
                crate::output::complain(&format!("foz: {queue}: the broker refuses: {why}"));
                if why.contains("inequivalent arg") {
                    crate::output::complain(&format!(
                        "     {queue} exists with other arguments: move its messages away, delete it, and try again"
                    ));
                }
                end = CliStatus::Attention;
            }
        }
    }
    Ok(end)
}

fn json_of(arguments: &QueueArguments) -> Value {
    arguments.iter().map(|(name, value)| ((*name).to_owned(), Value::from(value))).collect::<Map<_, _>>().into()
}

#[cfg(test)]
mod tests {
    use foz_pipeline::Definition;
    use foz_pipeline::limits::QUEUE;

    use super::*;

    #[test]
    fn the_longest_queue_that_a_definition_may_name_has_room_for_its_dead_letters() {
        assert_eq!(StreamQueue::new(&"q".repeat(QUEUE.most)).dead_letters.len(), 255);
        // A definition refuses a queue that has the name of another one's dead letters: both must mean the same name.
        let suffix = StreamQueue::new("").dead_letters;
        assert!(QUEUE.why.contains(&format!("`{suffix}`")), "{suffix}: {}", QUEUE.why);
        let streams = ["a".to_owned(), format!("a{suffix}")]
            .map(|queue| format!("  s{}: {{ queue: {queue}, key: [id], columns: {{ id: string }} }}\n", queue.len()));
        let text = format!("lake: test\nbroker: {{ vhost: / }}\nstreams:\n{}", streams.concat());
        let wrong = Definition::parse(&text, &|_| unreachable!("there is no SQL")).unwrap_err();
        assert!(wrong.to_string().contains("is the queue of s1's dead letters"), "{wrong}");
    }
}
