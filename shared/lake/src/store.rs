//! The lake bucket: objects are created once, read, and listed. There is no verb that changes one.

use std::collections::HashMap;
use std::error::Error as StdError;
use std::fmt;
use std::ops::Range;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::SdkError;
use bytes::Bytes;
use foz_retry::{Retryable, THROTTLING};

/// The lake bucket. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    s3: Client,
    bucket: String,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("bucket", &self.bucket).finish_non_exhaustive()
    }
}

/// What came of a create-only write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Put {
    /// The object is new.
    Created,
    /// An object of that name is there, untouched: a competitor's, or our own whose answer was lost.
    Exists {
        /// Its user metadata, to tell which.
        metadata: HashMap<String, String>,
    },
}

/// An object's size and user metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    pub size: u64,
    /// User metadata (`x-amz-meta-*`), names in lower case.
    pub metadata: HashMap<String, String>,
}

/// An object found by listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    pub key: String,
    pub size: u64,
}

/// Why the bucket did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No object of that name.
    #[error("no object {key} in the bucket")]
    NotFound { key: String },
    /// Throttled, timed out or cut off more often than we retry: later may help. A write may have happened.
    #[error("cannot {verb} {key} for now")]
    Unavailable {
        /// What was tried.
        verb: &'static str,
        /// On which key or prefix.
        key: String,
        /// The last failure.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// Refused: trying again does not help.
    #[error("cannot {verb} {key}")]
    Refused {
        /// What was tried.
        verb: &'static str,
        /// On which key or prefix.
        key: String,
        /// The refusal.
        source: Box<dyn StdError + Send + Sync>,
    },
}

impl StoreError {
    /// Whether the same request may succeed later.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }

    /// The one map from what S3 and the network answer to what a caller can do about it.
    pub(crate) fn of<E>(verb: &'static str, key: &str, error: SdkError<E, HttpResponse>) -> Self
    where
        E: StdError + Send + Sync + 'static,
    {
        let status = error.raw_response().map(|r| r.status().as_u16());
        let transient = match &error {
            SdkError::ConstructionFailure(_) => false,
            // 408 and 429 from proxies, 409 is ConditionalRequestConflict, 5xx includes 503 Slow Down.
            SdkError::ServiceError(_) => matches!(status, Some(408 | 409 | 429 | 500..)),
            _ => true,
        };
        let key = key.to_owned();
        match status {
            Some(404) => Self::NotFound { key },
            _ if transient => Self::Unavailable { verb, key, source: error.into() },
            _ => Self::Refused { verb, key, source: error.into() },
        }
    }
}

impl Store {
    /// The bucket as seen through the client.
    pub fn new(s3: Client, bucket: impl Into<String>) -> Self {
        Self { s3, bucket: bucket.into() }
    }

    /// The bucket's name.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// The client beneath, for the few operations that are not here.
    pub fn s3(&self) -> &Client {
        &self.s3
    }

    /// `s3://<bucket>/<key>`: how Iceberg and Glue name the object.
    pub fn uri(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.bucket)
    }

    /// The key in a [`Store::uri`]; `None` if it is not one of this bucket.
    pub fn key_of<'a>(&self, uri: &'a str) -> Option<&'a str> {
        uri.strip_prefix("s3://")?.strip_prefix(&self.bucket)?.strip_prefix('/')
    }

    /// The whole object.
    pub async fn get(&self, key: &str) -> Result<Bytes, StoreError> {
        self.get_part(key, None).await
    }

    /// Bytes `range` of the object; it must lie within the object and not be empty.
    pub async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Bytes, StoreError> {
        self.get_part(key, Some(format!("bytes={}-{}", range.start, range.end.saturating_sub(1)))).await
    }

    async fn get_part(&self, key: &str, range: Option<String>) -> Result<Bytes, StoreError> {
        (|| async {
            let request = self.s3.get_object().bucket(&self.bucket).key(key).set_range(range.clone());
            let response = request.send().await.map_err(|e| StoreError::of("get", key, e))?;
            // A body that breaks off is the network's doing: the SDK does not retry it, we do.
            let broken = |e| StoreError::Unavailable { verb: "get", key: key.to_owned(), source: Box::new(e) };
            Ok(response.body.collect().await.map_err(broken)?.into_bytes())
        })
        .retry(THROTTLING)
        .when(StoreError::is_transient)
        .await
    }

    /// Creates the object with user metadata, unless one of that name exists. Never overwrites.
    pub async fn put_new(&self, key: &str, body: Bytes, metadata: HashMap<String, String>) -> Result<Put, StoreError> {
        let created = (|| async {
            let request = self.s3.put_object().bucket(&self.bucket).key(key).if_none_match("*");
            let request = request.body(body.clone().into()).set_metadata(Some(metadata.clone()));
            match request.send().await {
                Ok(_) => Ok(true),
                Err(e) if e.raw_response().is_some_and(|r| r.status().as_u16() == 412) => Ok(false),
                Err(e) => Err(StoreError::of("put", key, e)),
            }
        })
        .retry(THROTTLING)
        .when(StoreError::is_transient)
        .await?;
        if created {
            return Ok(Put::Created);
        }
        match self.head(key).await? {
            Some(head) => Ok(Put::Exists { metadata: head.metadata }),
            None => Err(StoreError::NotFound { key: key.to_owned() }),
        }
    }

    /// The object's size and metadata; `None` if there is no such object.
    pub async fn head(&self, key: &str) -> Result<Option<Head>, StoreError> {
        let head = (|| async {
            let response = self.s3.head_object().bucket(&self.bucket).key(key).send().await;
            response.map_err(|e| StoreError::of("head", key, e))
        })
        .retry(THROTTLING)
        .when(StoreError::is_transient);
        match head.await {
            Ok(head) => Ok(Some(Head {
                size: head.content_length().unwrap_or_default().try_into().unwrap_or_default(),
                metadata: head.metadata.unwrap_or_default(),
            })),
            Err(StoreError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// All objects whose keys begin with `prefix`, in the order of their keys.
    pub async fn list(&self, prefix: &str) -> Result<Vec<Listed>, StoreError> {
        let mut found = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let page = (|| async {
                let request = self.s3.list_objects_v2().bucket(&self.bucket).prefix(prefix);
                let response = request.set_continuation_token(token.clone()).send().await;
                response.map_err(|e| StoreError::of("list", prefix, e))
            })
            .retry(THROTTLING)
            .when(StoreError::is_transient)
            .await?;
            token = page.next_continuation_token;
            found.extend(page.contents.into_iter().flatten().filter_map(|object| {
                let size = object.size?.try_into().ok()?;
                Some(Listed { key: object.key?, size })
            }));
            if token.is_none() {
                return Ok(found);
            }
        }
    }
}
