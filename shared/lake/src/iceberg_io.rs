//! The lake bucket as Iceberg's file storage, so that there is one S3 stack.
//!
//! Every file that Iceberg writes here has a name of its own, so writes are create-only. A write whose answer was lost finds
//! its own object: it is known by the mark that each writer puts on its objects.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use bytes::{Bytes, BytesMut};
use foz_retry::{Retryable, THROTTLING};
use futures::StreamExt;
use futures::stream::BoxStream;
use iceberg::io::{
    FileIO, FileIOBuilder, FileMetadata, FileRead, FileWrite, InputFile, OutputFile, Storage, StorageConfig,
    StorageFactory,
};
use iceberg::{Error, ErrorKind, Result};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use crate::store::{Put, Store, StoreError};

/// User metadata that tells a writer its own object.
const MARK: &str = "foz-writer";

/// Files up to this size are one PUT; larger ones are uploaded in parts of it, which is also what a writer holds in memory.
/// With S3's 10,000 parts it allows files of 160 GB.
const PART: usize = 16 * 1024 * 1024;

impl Store {
    /// Iceberg's view of the bucket: paths are [`Store::uri`]s.
    pub fn file_io(&self) -> FileIO {
        FileIOBuilder::new(Arc::new(S3(self.clone()))).build()
    }
}

#[derive(Debug, Clone)]
struct S3(Store);

// Iceberg asks for storages that can be sent to another process. Ours holds a client and cannot; nothing here tries.
impl Serialize for S3 {
    fn serialize<S: Serializer>(&self, _: S) -> std::result::Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("an S3 client cannot be serialised"))
    }
}

impl<'de> Deserialize<'de> for S3 {
    fn deserialize<D: Deserializer<'de>>(_: D) -> std::result::Result<Self, D::Error> {
        Err(serde::de::Error::custom("an S3 client cannot be deserialised"))
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        let transient = error.is_transient();
        Self::new(ErrorKind::Unexpected, error.to_string()).with_retryable(transient).with_source(error)
    }
}

impl S3 {
    fn key<'a>(&self, path: &'a str) -> Result<&'a str> {
        self.0.key_of(path).ok_or_else(|| {
            Error::new(ErrorKind::DataInvalid, format!("{path} is not in the bucket {}", self.0.bucket()))
        })
    }

    /// Creates the object, or finds that this very writer has done so before.
    async fn create(&self, key: &str, mark: &str, body: Bytes) -> Result<()> {
        match self.0.put_new(key, body, HashMap::from([(MARK.to_owned(), mark.to_owned())])).await? {
            Put::Created => Ok(()),
            Put::Exists { metadata } if metadata.get(MARK).is_some_and(|m| m == mark) => Ok(()),
            Put::Exists { .. } => Err(taken(key)),
        }
    }
}

fn taken(key: &str) -> Error {
    Error::new(ErrorKind::DataInvalid, format!("{key} exists and is not ours: names of files must never be reused"))
}

fn unsupported(verb: &str) -> Error {
    Error::new(ErrorKind::FeatureUnsupported, format!("nothing in the lake may {verb}"))
}

#[async_trait]
#[typetag::serde(name = "foz")]
impl Storage for S3 {
    async fn exists(&self, path: &str) -> Result<bool> {
        Ok(self.0.head(self.key(path)?).await?.is_some())
    }

    async fn metadata(&self, path: &str) -> Result<FileMetadata> {
        let key = self.key(path)?;
        let head = self.0.head(key).await?.ok_or_else(|| StoreError::NotFound { key: key.to_owned() })?;
        Ok(FileMetadata { size: head.size })
    }

    async fn read(&self, path: &str) -> Result<Bytes> {
        Ok(self.0.get(self.key(path)?).await?)
    }

    async fn reader(&self, path: &str) -> Result<Box<dyn FileRead>> {
        Ok(Box::new(Reader { store: self.0.clone(), key: self.key(path)?.to_owned() }))
    }

    async fn write(&self, path: &str, body: Bytes) -> Result<()> {
        self.create(self.key(path)?, &Uuid::new_v4().to_string(), body).await
    }

    async fn writer(&self, path: &str) -> Result<Box<dyn FileWrite>> {
        Ok(Box::new(Writer {
            s3: self.clone(),
            key: self.key(path)?.to_owned(),
            mark: Uuid::new_v4().to_string(),
            buffer: BytesMut::new(),
            upload: None,
            closed: false,
        }))
    }

    async fn delete(&self, _: &str) -> Result<()> {
        Err(unsupported("delete an object"))
    }

    async fn delete_prefix(&self, _: &str) -> Result<()> {
        Err(unsupported("delete a prefix"))
    }

    async fn delete_stream(&self, mut paths: BoxStream<'static, String>) -> Result<()> {
        if paths.next().await.is_none() { Ok(()) } else { Err(unsupported("delete objects")) }
    }

    fn new_input(&self, path: &str) -> Result<InputFile> {
        Ok(InputFile::new(Arc::new(self.clone()), path.to_owned()))
    }

    fn new_output(&self, path: &str) -> Result<OutputFile> {
        Ok(OutputFile::new(Arc::new(self.clone()), path.to_owned()))
    }
}

#[typetag::serde(name = "foz")]
impl StorageFactory for S3 {
    fn build(&self, _: &StorageConfig) -> Result<Arc<dyn Storage>> {
        Ok(Arc::new(self.clone()))
    }
}

struct Reader {
    store: Store,
    key: String,
}

#[async_trait]
impl FileRead for Reader {
    async fn read(&self, range: Range<u64>) -> Result<Bytes> {
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        Ok(self.store.get_range(&self.key, range).await?)
    }
}

struct Writer {
    s3: S3,
    key: String,
    mark: String,
    buffer: BytesMut,
    upload: Option<Upload>,
    closed: bool,
}

struct Upload {
    id: String,
    parts: Vec<CompletedPart>,
}

impl Writer {
    async fn send_part(&mut self, body: Bytes) -> Result<()> {
        let (store, key) = (&self.s3.0, self.key.as_str());
        if self.upload.is_none() {
            let response = (|| async {
                let request = store.s3().create_multipart_upload().bucket(store.bucket()).key(key);
                let response = request.metadata(MARK, &self.mark).send().await;
                response.map_err(|e| StoreError::of("begin to upload", key, e))
            })
            .retry(THROTTLING)
            .when(StoreError::is_transient)
            .await?;
            self.upload = Some(Upload { id: response.upload_id.unwrap_or_default(), parts: Vec::new() });
        }
        let Some(upload) = &mut self.upload else { return Ok(()) };
        let number = i32::try_from(upload.parts.len() + 1).unwrap_or(i32::MAX);
        let response = (|| async {
            let request = store.s3().upload_part().bucket(store.bucket()).key(key).upload_id(&upload.id);
            let response = request.part_number(number).body(body.clone().into()).send().await;
            response.map_err(|e| StoreError::of("upload a part of", key, e))
        })
        .retry(THROTTLING)
        .when(StoreError::is_transient)
        .await?;
        upload.parts.push(CompletedPart::builder().part_number(number).set_e_tag(response.e_tag).build());
        Ok(())
    }

    async fn complete(&self, upload: Upload) -> Result<()> {
        let (store, key) = (&self.s3.0, self.key.as_str());
        let parts = CompletedMultipartUpload::builder().set_parts(Some(upload.parts)).build();
        let completed = (|| async {
            let request = store.s3().complete_multipart_upload().bucket(store.bucket()).key(key).if_none_match("*");
            let response = request.upload_id(&upload.id).multipart_upload(parts.clone()).send().await;
            response.map_err(|e| StoreError::of("end the upload of", key, e))
        })
        .retry(THROTTLING)
        .when(StoreError::is_transient);
        let Err(error) = completed.await else { return Ok(()) };
        // A repeated completion is refused because the first one succeeded: the object tells.
        match store.head(key).await? {
            Some(head) if head.metadata.get(MARK) == Some(&self.mark) => Ok(()),
            Some(_) => Err(taken(key)),
            None => Err(error.into()),
        }
    }
}

#[async_trait]
impl FileWrite for Writer {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        self.buffer.extend_from_slice(&bytes);
        while self.buffer.len() > PART {
            let part = self.buffer.split_to(PART).freeze();
            self.send_part(part).await?;
        }
        Ok(())
    }

    async fn close(&mut self) -> Result<()> {
        if std::mem::replace(&mut self.closed, true) {
            return Err(Error::new(ErrorKind::Unexpected, format!("{} is closed already", self.key)));
        }
        let rest = self.buffer.split().freeze();
        if self.upload.is_none() {
            return self.s3.create(&self.key, &self.mark, rest).await;
        }
        self.send_part(rest).await?;
        match self.upload.take() {
            Some(upload) => self.complete(upload).await,
            None => Ok(()),
        }
    }
}
