//! Asks the catalog on behalf of a group.
//!
//! A question is repeated until there is an answer, or one that no repetition will change: the reign cannot do without. A
//! reign that is over stops asking by dropping the future.

use std::time::Duration;

use foz_catalog::{Catalog, CatalogError};
use foz_domain::{Digest, Epoch, GroupName, StreamName};
use foz_lake::store::Store;
use foz_lake::{LakeError, raw};
use foz_retry::{Retryable, UNANSWERED, jittered};
use tokio::time::sleep;
use tracing::warn;

/// The pause before the epoch is raised again, if nobody knows whether it was.
const UNCLEAR_PAUSE: Duration = Duration::from_secs(1);

/// The pause before it is asked again whether a group's streams may change: runs take minutes to bring it to its end.
const UNDRAINED_PAUSE: Duration = Duration::from_secs(10);
/// Pauses for which one warning stands, so that there is about one a minute.
const PAUSES_PER_WARNING: u32 = 6;

/// The catalog's records of one group, and the raw objects that they name.
#[derive(Debug, Clone)]
pub struct GroupCatalog {
    pub catalog: Catalog,
    /// The lake bucket.
    pub store: Store,
    /// The group that is asked for.
    pub group: GroupName,
    /// The group's streams.
    pub members: Vec<StreamName>,
    /// The name of this process in the catalog.
    pub owner: String,
}

impl GroupCatalog {
    /// Raises the epoch. `None` if the outcome is unknown; after a pause. Waits while the group's streams may not change.
    ///
    /// # Errors
    /// What time does not heal.
    pub async fn raise_epoch(&self) -> anyhow::Result<Option<Epoch>> {
        raise(&self.group, || self.catalog.raise_epoch(&self.group, &self.members, &self.owner), sleep).await
    }

    /// The group's epoch.
    ///
    /// # Errors
    /// What time does not heal.
    pub async fn epoch(&self) -> anyhow::Result<Epoch> {
        let head = insist(&self.group, "reading the group head", || self.catalog.group_head(&self.group)).await?;
        Ok(head.map(|head| head.epoch).unwrap_or_default())
    }

    /// Makes the catalog record at least this prefetch. Returns what it records.
    ///
    /// # Errors
    /// What time does not heal.
    pub async fn record_prefetch(&self, stream: &StreamName, prefetch: u16) -> anyhow::Result<u16> {
        let raise = || self.catalog.raise_prefetch(&self.group, stream, prefetch.into());
        insist(&self.group, "recording the prefetch", raise).await?;
        let head =
            insist(&self.group, "reading the stream head", || self.catalog.stream_head(&self.group, stream)).await?;
        Ok(u16::try_from(head.prefetch).unwrap_or(u16::MAX))
    }

    /// Digests of the stream's last messages, oldest first: at least `depth`, or all there are.
    ///
    /// # Errors
    /// What time does not heal.
    pub async fn tail(&self, stream: &StreamName, depth: usize) -> anyhow::Result<Vec<Digest>> {
        if depth == 0 {
            return Ok(Vec::new());
        }
        let tail = || self.catalog.tail(&self.group, stream, depth as u64);
        let mut digests = Vec::with_capacity(depth);
        for batch in insist(&self.group, "reading the tail", tail).await? {
            // Each by itself: a failure does not have those that were read read again.
            let digests_of_batch = || raw::read_digests(&self.store, &batch.content.raw_key);
            digests.extend(insist(&self.group, "reading digests", digests_of_batch).await?);
        }
        Ok(digests)
    }
}

/// Asks to raise the epoch until the group may have its streams.
async fn raise<F, S>(
    group: &GroupName,
    mut ask: impl FnMut() -> F,
    wait: impl Fn(Duration) -> S,
) -> anyhow::Result<Option<Epoch>>
where
    F: Future<Output = Result<Epoch, CatalogError>>,
    S: Future,
{
    let mut waits = 0u32;
    loop {
        match ask().await {
            Ok(epoch) => return Ok(Some(epoch)),
            Err(error @ CatalogError::NotDrained { .. }) => {
                if waits.is_multiple_of(PAUSES_PER_WARNING) {
                    warn!(%group, reason = %error, "waiting for the group's runs");
                }
                waits = waits.wrapping_add(1);
                wait(jittered(UNDRAINED_PAUSE)).await;
            }
            Err(error) => {
                let (what, error) = ("raising the epoch", anyhow::Error::from(error));
                if is_permanent(&error) {
                    return Err(failed_for_good(what, error));
                }
                will_be_repeated(group, what, &error);
                wait(jittered(UNCLEAR_PAUSE)).await;
                return Ok(None);
            }
        }
    }
}

/// Asks until there is an answer.
async fn insist<T, E, F>(group: &GroupName, what: &'static str, mut ask: impl FnMut() -> F) -> anyhow::Result<T>
where
    E: Into<anyhow::Error>,
    F: Future<Output = Result<T, E>>,
{
    let question = || {
        let answer = ask();
        async move { answer.await.map_err(Into::<anyhow::Error>::into) }
    };
    question
        .retry(UNANSWERED)
        .when(|error| !is_permanent(error))
        .notify(|error, _| will_be_repeated(group, what, error))
        .await
        .map_err(|error| failed_for_good(what, error))
}

fn will_be_repeated(group: &GroupName, what: &'static str, error: &anyhow::Error) {
    warn!(%group, reason = format!("{error:#}"), "{what} failed, will be repeated");
}

fn failed_for_good(what: &'static str, error: anyhow::Error) -> anyhow::Error {
    error.context(format!("{what} failed for good"))
}

/// Whether an answer of the catalog, or of the bucket on its behalf, stays as it is until a person has done something.
pub fn is_permanent(error: &anyhow::Error) -> bool {
    if let Some(error) = error.downcast_ref() {
        return matches!(error, CatalogError::Refused { .. } | CatalogError::Damaged { .. });
    }
    error.downcast_ref::<LakeError>().is_some_and(|error| !error.is_transient())
}

#[cfg(test)]
mod tests {
    use super::*;
    use foz_domain::Sequence;
    use foz_lake::store::StoreError;
    use std::cell::{Cell, RefCell};

    fn group() -> GroupName {
        "a".parse().unwrap()
    }

    fn unavailable() -> CatalogError {
        CatalogError::Unavailable { operation: "a read", source: None }
    }

    fn permanent() -> Vec<anyhow::Error> {
        let key = || "raw/x".to_owned();
        vec![
            CatalogError::Refused { operation: "a read", source: "no such table".into() }.into(),
            CatalogError::Damaged { item: "a/IN".to_owned(), why: "epoch".to_owned() }.into(),
            LakeError::from(StoreError::NotFound { key: key() }).into(),
            LakeError::Damaged { key: key(), what: "no digests".to_owned() }.into(),
        ]
    }

    #[tokio::test]
    async fn a_question_is_repeated_only_while_the_answer_may_change() {
        for error in permanent() {
            let (asked, error) = (Cell::new(0), RefCell::new(Some(error)));
            let question = || async {
                asked.set(asked.get() + 1);
                match asked.get() {
                    1 => Err::<(), _>(anyhow::Error::from(unavailable())),
                    _ => Err(error.borrow_mut().take().unwrap()),
                }
            };
            let error = insist(&group(), "reading", question).await.unwrap_err();
            assert_eq!(asked.get(), 2, "{error:#}");
            assert!(is_permanent(&error), "still known behind its context: {error:#}");
        }
    }

    #[tokio::test]
    async fn a_group_that_may_not_change_yet_is_asked_about_slowly() {
        let (asked, waited) = (Cell::new(0), RefCell::new(vec![]));
        let question = || async {
            asked.set(asked.get() + 1);
            let (old, new) = ("a".to_owned(), "a,b".to_owned());
            let (imaged, next) = (Sequence(1), Sequence(2));
            match asked.get() {
                ..9 => Err(CatalogError::NotDrained { group: group(), old, new, imaged, next }),
                _ => Ok(Epoch(7)),
            }
        };
        let wait = |pause| {
            waited.borrow_mut().push(pause);
            std::future::ready(())
        };
        assert_eq!(raise(&group(), question, wait).await.unwrap(), Some(Epoch(7)));
        assert_eq!(waited.borrow().len(), 8);
        assert!(waited.borrow().iter().all(|pause| *pause >= UNDRAINED_PAUSE / 2));
    }

    #[tokio::test]
    async fn an_epoch_is_not_raised_for_ever_where_that_is_refused() {
        let nap = |_| std::future::ready(());
        let refused = || async { Err(CatalogError::Refused { operation: "a write", source: "denied".into() }) };
        assert!(raise(&group(), refused, nap).await.is_err());
        assert_eq!(raise(&group(), || async { Err(unavailable()) }, nap).await.unwrap(), None);
    }
}
