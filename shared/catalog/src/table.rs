//! The DynamoDB table: consistent reads, conditional writes, and what their errors mean.

use std::ops::RangeInclusive;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};

use crate::error::{CatalogError, Result};
use crate::item::{Attributes, Item, Key, text};

/// What is known of a conditional write.
#[derive(Debug)]
pub(crate) enum Sent {
    /// It took effect.
    Applied,
    /// A condition did not hold, for this request. An earlier copy of it may have taken effect: read.
    Refused,
    /// Contended, throttled or unanswered: it may have taken effect, or may not. Read.
    Unclear(CatalogError),
}

impl Sent {
    /// Whether the condition held.
    ///
    /// # Errors
    /// It is unclear.
    pub(crate) fn held(self) -> Result<bool> {
        match self {
            Self::Applied => Ok(true),
            Self::Refused => Ok(false),
            Self::Unclear(error) => Err(error),
        }
    }
}

/// A conditional update of one item.
///
/// Names in expressions are written `#name` (DynamoDB reserves several hundred words), values `:name`.
#[derive(Debug)]
pub(crate) struct Update {
    key: Key,
    expression: String,
    condition: String,
    values: Attributes,
}

impl Update {
    /// Applies `expression` (`SET …`, `REMOVE …`, `ADD …`) where `condition` holds.
    pub(crate) fn new<const N: usize>(
        key: Key,
        expression: impl Into<String>,
        condition: impl Into<String>,
        values: [(&str, AttributeValue); N],
    ) -> Self {
        let values = values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Self { key, expression: expression.into(), condition: condition.into(), values }
    }

    /// Adds a value.
    pub(crate) fn value(&mut self, name: &str, value: AttributeValue) {
        self.values.insert(name.to_owned(), value);
    }

    /// Adds values.
    pub(crate) fn values(&mut self, values: impl IntoIterator<Item = (String, AttributeValue)>) {
        self.values.extend(values);
    }

    /// `#name` → `name` for every name that the expressions use.
    fn names(&self) -> Vec<(String, String)> {
        names_in([&self.expression, &self.condition])
    }
}

fn names_in<'a>(expressions: impl IntoIterator<Item = &'a (impl AsRef<str> + ?Sized + 'a)>) -> Vec<(String, String)> {
    let mut names: Vec<_> = expressions
        .into_iter()
        .flat_map(|expression| expression.as_ref().split('#').skip(1))
        .map(|rest| rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default())
        .map(|name| (format!("#{name}"), name.to_owned()))
        .collect();
    names.sort();
    names.dedup();
    names
}

/// How much of a range of items is asked for.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Part {
    /// The attributes, as an expression; `None` if all.
    pub(crate) fields: Option<&'static str>,
    /// The most items of one answer; `None` if as many as fit a megabyte.
    pub(crate) page: Option<usize>,
}

/// One write of a transaction.
#[derive(Debug)]
pub(crate) enum Write {
    /// A conditional update.
    Update(Update),
    /// A new item; refused if its key is taken.
    Create(Attributes),
    /// An item that is written whatever was there: the conditions of the other writes decide.
    Put(Attributes),
}

#[derive(Debug, Clone)]
pub(crate) struct Table {
    client: Client,
    name: String,
}

impl Table {
    pub(crate) fn new(client: Client, name: String) -> Self {
        Self { client, name }
    }

    /// Reads an item, strongly consistently.
    pub(crate) async fn get(&self, key: &Key) -> Result<Option<Item>> {
        let request = self.client.get_item().table_name(&self.name).set_key(Some(key.attributes()));
        let answer = request.consistent_read(true).send().await.map_err(|error| failed("a read", error))?;
        Ok(answer.item.map(Item))
    }

    /// Reads the items of a partition whose sort keys are in the range, strongly consistently, in order, until there are
    /// no more or `until` is satisfied with what it was shown.
    pub(crate) async fn range(
        &self,
        pk: &str,
        sort_keys: RangeInclusive<String>,
        until: impl FnMut(&Item) -> Result<bool>,
    ) -> Result<Vec<Item>> {
        self.part_of_range(pk, sort_keys, Part::default(), until).await
    }

    /// As [`range`](Self::range), but a part of it.
    pub(crate) async fn part_of_range(
        &self,
        pk: &str,
        sort_keys: RangeInclusive<String>,
        part: Part,
        mut until: impl FnMut(&Item) -> Result<bool>,
    ) -> Result<Vec<Item>> {
        let names = part.fields.map(|fields| names_in([fields]).into_iter().collect());
        let mut pages = self
            .between(pk, &sort_keys)
            .set_projection_expression(part.fields.map(str::to_owned))
            .set_expression_attribute_names(names)
            .set_limit(part.page.and_then(|page| i32::try_from(page).ok()))
            .into_paginator()
            .items()
            .send();
        let mut items = Vec::new();
        while let Some(item) = pages.next().await {
            let item = Item(item.map_err(|error| failed("a query", error))?);
            let enough = until(&item)?;
            items.push(item);
            if enough {
                break;
            }
        }
        Ok(items)
    }

    /// The query for the items of a partition whose sort keys are in the range, strongly consistent.
    fn between(&self, pk: &str, sort_keys: &RangeInclusive<String>) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(&self.name)
            .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
            .expression_attribute_values(":pk", text(pk))
            .expression_attribute_values(":from", text(sort_keys.start()))
            .expression_attribute_values(":to", text(sort_keys.end()))
            .consistent_read(true)
    }

    /// The last items of a partition whose sort keys are in the range, strongly consistently, last first: at most `limit`,
    /// and at most a page of DynamoDB.
    pub(crate) async fn last(&self, pk: &str, sort_keys: RangeInclusive<String>, limit: usize) -> Result<Vec<Item>> {
        let query = self.between(pk, &sort_keys).scan_index_forward(false);
        let answer = query
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .send()
            .await
            .map_err(|error| failed("a query", error))?;
        Ok(answer.items.unwrap_or_default().into_iter().map(Item).collect())
    }

    /// The newest items of a partition whose sort key begins with `prefix`, newest first, at most `limit`.
    pub(crate) async fn newest(&self, pk: &str, prefix: &str, limit: usize) -> Result<Vec<Item>> {
        let mut pages = self
            .client
            .query()
            .table_name(&self.name)
            .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
            .expression_attribute_values(":pk", text(pk))
            .expression_attribute_values(":prefix", text(prefix))
            .consistent_read(true)
            .scan_index_forward(false)
            .limit(i32::try_from(limit.min(1000)).unwrap_or(1000))
            .into_paginator()
            .items()
            .send();
        let mut items = Vec::new();
        while items.len() < limit {
            let Some(item) = pages.next().await else { break };
            items.push(Item(item.map_err(|error| failed("a query", error))?));
        }
        Ok(items)
    }

    /// Reads all items whose `pending` has that value from the sparse index of that name, oldest first. An index is
    /// eventually consistent: a hint, not truth.
    pub(crate) async fn pending(&self, value: &str) -> Result<Vec<Item>> {
        let mut pages = self
            .client
            .query()
            .table_name(&self.name)
            .index_name("pending")
            .key_condition_expression("#pending = :value")
            .expression_attribute_names("#pending", "pending")
            .expression_attribute_values(":value", text(value))
            .into_paginator()
            .items()
            .send();
        let mut items = Vec::new();
        while let Some(item) = pages.next().await {
            items.push(Item(item.map_err(|error| failed("a query of the index", error))?));
        }
        Ok(items)
    }

    /// Updates one item where the condition holds.
    pub(crate) async fn update(&self, update: Update) -> Result<Sent> {
        let names = update.names().into_iter().collect();
        let request = self
            .client
            .update_item()
            .table_name(&self.name)
            .set_key(Some(update.key.attributes()))
            .update_expression(update.expression)
            .condition_expression(update.condition)
            .set_expression_attribute_names(Some(names))
            .set_expression_attribute_values((!update.values.is_empty()).then_some(update.values));
        sent("a conditional update", request.send().await)
    }

    /// Writes an item unless its key is taken: what is there stays.
    pub(crate) async fn put_new(&self, item: Attributes) -> Result<()> {
        let request = self.client.put_item().table_name(&self.name).set_item(Some(item));
        sent("a put", request.condition_expression("attribute_not_exists(pk)").send().await)?.held().map(drop)
    }

    /// Applies all writes, or none.
    pub(crate) async fn transact(&self, writes: Vec<Write>) -> Result<Sent> {
        let writes = writes.into_iter().map(|write| self.transactional(write)).collect::<Result<Vec<_>>>()?;
        let request = self.client.transact_write_items().set_transact_items(Some(writes));
        sent("a transaction", request.send().await)
    }

    fn transactional(&self, write: Write) -> Result<TransactWriteItem> {
        let refused = |source| CatalogError::Refused { operation: "a transaction", source: Box::new(source) };
        let put = |attributes| Put::builder().table_name(&self.name).set_item(Some(attributes));
        let item = TransactWriteItem::builder();
        Ok(match write {
            Write::Update(update) => {
                let request = aws_sdk_dynamodb::types::Update::builder()
                    .table_name(&self.name)
                    .set_key(Some(update.key.attributes()))
                    .set_expression_attribute_names(Some(update.names().into_iter().collect()))
                    .update_expression(update.expression)
                    .condition_expression(update.condition)
                    .set_expression_attribute_values((!update.values.is_empty()).then_some(update.values));
                item.update(request.build().map_err(refused)?).build()
            }
            Write::Create(attributes) => {
                let put = put(attributes).condition_expression("attribute_not_exists(pk)");
                item.put(put.build().map_err(refused)?).build()
            }
            Write::Put(attributes) => item.put(put(attributes).build().map_err(refused)?).build(),
        })
    }
}

/// What an error says about the write.
#[derive(Debug, PartialEq, Eq)]
enum Meaning {
    Refused,
    Unclear,
    Hopeless,
}

/// A cancelled transaction names a reason per item; any of them may be a conflict or throttling rather than a condition,
/// so it counts as unclear and is read before it is judged.
fn meaning(code: Option<&str>, status: u16) -> Meaning {
    match code {
        Some("ConditionalCheckFailedException") => Meaning::Refused,
        Some(
            "TransactionCanceledException"
            | "TransactionConflictException"
            | "TransactionInProgressException"
            | "ProvisionedThroughputExceededException"
            | "RequestLimitExceeded"
            | "ThrottlingException"
            | "InternalServerError",
        ) => Meaning::Unclear,
        _ if status >= 500 || status == 429 => Meaning::Unclear,
        _ => Meaning::Hopeless,
    }
}

fn meaning_of<E: ProvideErrorMetadata>(error: &SdkError<E>) -> Meaning {
    match error {
        SdkError::ServiceError(service) => meaning(service.err().code(), service.raw().status().as_u16()),
        SdkError::ConstructionFailure(_) => Meaning::Hopeless,
        // No answer, or half of one.
        _ => Meaning::Unclear,
    }
}

fn failed<E>(operation: &'static str, error: SdkError<E>) -> CatalogError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    match meaning_of(&error) {
        Meaning::Hopeless | Meaning::Refused => CatalogError::Refused { operation, source: Box::new(error) },
        Meaning::Unclear => CatalogError::Unavailable { operation, source: Some(Box::new(error)) },
    }
}

fn sent<T, E>(operation: &'static str, answer: std::result::Result<T, SdkError<E>>) -> Result<Sent>
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let Err(error) = answer else { return Ok(Sent::Applied) };
    match meaning_of(&error) {
        Meaning::Refused => Ok(Sent::Refused),
        Meaning::Unclear => Ok(Sent::Unclear(failed(operation, error))),
        Meaning::Hopeless => Err(failed(operation, error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_failed_condition_is_a_refusal_and_a_cancelled_transaction_is_not_judged_by_its_error() {
        assert_eq!(meaning(Some("ConditionalCheckFailedException"), 400), Meaning::Refused);
        assert_eq!(meaning(Some("TransactionCanceledException"), 400), Meaning::Unclear);
        assert_eq!(meaning(Some("ThrottlingException"), 400), Meaning::Unclear);
        assert_eq!(meaning(None, 503), Meaning::Unclear);
        assert_eq!(meaning(Some("AccessDeniedException"), 400), Meaning::Hopeless);
        assert_eq!(meaning(Some("ValidationException"), 400), Meaning::Hopeless);
    }

    #[test]
    fn names_are_found_in_both_expressions_once() {
        let key = Key { pk: "p".into(), sk: "s".into() };
        let update = Update::new(key, "SET #a_b = :x, #c = if_not_exists(#c, :y)", "#a_b = :z AND (#d < :q)", []);
        let names: Vec<_> = update.names().into_iter().map(|(_, name)| name).collect();
        assert_eq!(names, ["a_b", "c", "d"]);
    }
}
