//! `foz queues`: how queues must be declared so that nothing is lost or reordered.

use std::fmt::Write;

use anyhow::Context;
use foz_pipeline::Definition;
use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Connection, ExchangeKind};
use serde_json::{Map, Value, json};
use tokio::time::timeout;

use crate::CliStatus;
use crate::address::LakeAddress;
use crate::arguments::QueuesArgs;
use crate::broker::{self, PATIENCE};
use crate::output::Printer;

/// A stream's queue with what it needs beside it. The dead letters go through a fanout exchange of their own, so that
/// they arrive whatever their routing key is.
#[derive(Debug)]
struct Declaration {
    queue: String,
    dead_letters: String,
}

impl Declaration {
    fn arguments(&self) -> Map<String, Value> {
        let arguments = json!({
            "x-queue-type": "quorum",
            "x-single-active-consumer": true,
            // Every channel that closes counts a delivery for each message that it held; the bridge refuses less than 100.
            "x-delivery-limit": 1000,
            "x-dead-letter-exchange": self.dead_letters,
            "x-dead-letter-strategy": "at-least-once",
            // At-least-once dead-lettering needs it, and the default drops messages.
            "x-overflow": "reject-publish",
        });
        arguments.as_object().cloned().unwrap_or_default()
    }

    /// Those of the dead-letter queue. From RabbitMQ 4.0 on a queue without a limit drops a message after 20 deliveries;
    /// people who look at dead letters again and again must not lose them.
    fn dead_letter_arguments() -> Map<String, Value> {
        json!({ "x-queue-type": "quorum", "x-delivery-limit": 1_000_000 }).as_object().cloned().unwrap_or_default()
    }
}

fn declarations(definition: &Definition) -> Vec<Declaration> {
    let of = |queue: &String| Declaration { queue: queue.clone(), dead_letters: format!("{queue}.dead-letters") };
    definition.streams.values().map(|stream| of(&stream.queue)).collect()
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
    let declarations = declarations(&definition);
    if what.apply {
        return apply(&declarations, address.amqp_url()?, output).await;
    }
    let vhost = &definition.broker.vhost;
    if output.json {
        output.value(&for_import(&declarations, vhost))?;
    } else {
        output.text(&commands(&declarations, vhost))?;
    }
    Ok(CliStatus::Ok)
}

/// What `rabbitmqctl import_definitions` reads.
fn for_import(declarations: &[Declaration], vhost: &str) -> Value {
    let mut queues = Vec::new();
    let mut exchanges = Vec::new();
    let mut bindings = Vec::new();
    for declaration in declarations {
        let (queue, dead) = (&declaration.queue, &declaration.dead_letters);
        exchanges.push(json!({ "vhost": vhost, "name": dead, "type": "fanout", "durable": true, "auto_delete": false, "internal": false, "arguments": {} }));
        let arguments = Declaration::dead_letter_arguments();
        queues.push(
            json!({ "vhost": vhost, "name": dead, "durable": true, "auto_delete": false, "arguments": arguments }),
        );
        queues.push(json!({ "vhost": vhost, "name": queue, "durable": true, "auto_delete": false, "arguments": declaration.arguments() }));
        bindings.push(json!({ "vhost": vhost, "source": dead, "destination": dead, "destination_type": "queue", "routing_key": "", "arguments": {} }));
    }
    json!({ "exchanges": exchanges, "queues": queues, "bindings": bindings })
}

/// The same as commands of the broker's own tool.
fn commands(declarations: &[Declaration], vhost: &str) -> String {
    let quoted = |text: &str| format!("'{}'", text.replace('\'', r"'\''"));
    let mut text = String::new();
    for declaration in declarations {
        let admin = format!("rabbitmqadmin --vhost={}", quoted(vhost));
        let (queue, dead) = (quoted(&declaration.queue), quoted(&declaration.dead_letters));
        let arguments = quoted(&Value::Object(declaration.arguments()).to_string());
        let dead_arguments = quoted(&Value::Object(Declaration::dead_letter_arguments()).to_string());
        // Writing to a String does not fail.
        let _ = writeln!(
            text,
            "{admin} declare exchange name={dead} type=fanout durable=true\n\
             {admin} declare queue name={dead} durable=true arguments={dead_arguments}\n\
             {admin} declare binding source={dead} destination={dead}\n\
             {admin} declare queue name={queue} durable=true arguments={arguments}"
        );
    }
    text
}

/// Declares everything; a queue that exists and differs is reported, and the others are declared nevertheless.
async fn apply(declarations: &[Declaration], url: &str, output: Printer) -> anyhow::Result<CliStatus> {
    let connection = broker::connect(url).await?;
    let mut end = CliStatus::Ok;
    for declaration in declarations {
        let refused = declare(&connection, declaration).await?;
        if output.json {
            output.value(
                &json!({ "queue": declaration.queue, "dead_letters": declaration.dead_letters, "refused": refused }),
            )?;
        }
        match refused {
            None if !output.json => {
                output.text(&format!(
                    "{}: declared, dead letters go to {}\n",
                    declaration.queue, declaration.dead_letters
                ))?;
            }
            None => {}
            Some(why) => {
                let queue = &declaration.queue;
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

/// Declares what a stream needs, the dead-letter queue first. The broker's words, if it refuses.
async fn declare(connection: &Connection, declaration: &Declaration) -> anyhow::Result<Option<String>> {
    let channel = broker::channel(connection).await?;
    let (queue, dead) = (declaration.queue.as_str(), declaration.dead_letters.as_str());
    let declare = async {
        let durable = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
        channel.exchange_declare(dead.into(), ExchangeKind::Fanout, durable, FieldTable::default()).await?;
        let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
        channel.queue_declare(dead.into(), durable, table(&Declaration::dead_letter_arguments())).await?;
        channel
            .queue_bind(dead.into(), dead.into(), "".into(), QueueBindOptions::default(), FieldTable::default())
            .await?;
        channel.queue_declare(queue.into(), durable, table(&declaration.arguments())).await
    };
    match timeout(PATIENCE, declare).await.context("the broker does not answer")? {
        Ok(_) => Ok(None),
        Err(error) => match broker::refusal(&error) {
            Some((_, words)) => Ok(Some(words)),
            None => Err(error).with_context(|| format!("declaring {queue}")),
        },
    }
}

fn table(arguments: &Map<String, Value>) -> FieldTable {
    let mut table = FieldTable::default();
    for (name, value) in arguments {
        let value = match value {
            Value::Bool(yes) => AMQPValue::Boolean(*yes),
            Value::Number(number) => AMQPValue::LongLongInt(number.as_i64().unwrap_or_default()),
            other => AMQPValue::LongString(other.as_str().unwrap_or_default().into()),
        };
        table.insert(name.as_str().into(), value);
    }
    table
}
