//! A folder as Iceberg's file storage that counts what S3 would be asked for.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use iceberg::Result;
use iceberg::io::{
    FileIO, FileIOBuilder, FileMetadata, FileRead, FileWrite, InputFile, LocalFsStorage, OutputFile, Storage,
    StorageConfig, StorageFactory,
};
use serde::{Deserialize, Serialize};

/// What a PUT holds at most; larger files are uploaded in parts of it, as `foz_lake` does.
const PART: u64 = 16 << 20;

/// Requests and bytes since the last [`Counts::take`].
#[derive(Debug, Default)]
pub struct Counts {
    requests: AtomicU64,
    read: AtomicU64,
    written: AtomicU64,
}

/// What was counted.
#[derive(Debug, Serialize)]
pub struct Count {
    pub requests: u64,
    pub bytes_read: u64,
    pub bytes_written: u64,
}

impl Counts {
    /// What was counted; begins again at nothing.
    pub fn take(&self) -> Count {
        let take = |number: &AtomicU64| number.swap(0, Ordering::Relaxed);
        Count { requests: take(&self.requests), bytes_read: take(&self.read), bytes_written: take(&self.written) }
    }

    fn read(&self, body: &Bytes) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.read.fetch_add(body.len() as u64, Ordering::Relaxed);
    }

    /// A file that was written: one PUT, or the beginning, the parts and the end of an upload.
    fn wrote(&self, bytes: u64) {
        let requests = if bytes <= PART { 1 } else { bytes.div_ceil(PART) + 2 };
        self.requests.fetch_add(requests, Ordering::Relaxed);
        self.written.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// The local file system, counted.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Counted {
    #[serde(skip)]
    counts: Arc<Counts>,
    files: LocalFsStorage,
}

/// Iceberg's view of the local file system, and what counts its requests.
pub fn local() -> (FileIO, Arc<Counts>) {
    let storage = Counted::default();
    let counts = storage.counts.clone();
    (FileIOBuilder::new(Arc::new(storage)).build(), counts)
}

#[async_trait]
#[typetag::serde(name = "image_bench")]
impl Storage for Counted {
    async fn exists(&self, path: &str) -> Result<bool> {
        self.counts.read(&Bytes::new());
        self.files.exists(path).await
    }

    async fn metadata(&self, path: &str) -> Result<FileMetadata> {
        self.counts.read(&Bytes::new());
        self.files.metadata(path).await
    }

    async fn read(&self, path: &str) -> Result<Bytes> {
        let body = self.files.read(path).await?;
        self.counts.read(&body);
        Ok(body)
    }

    async fn reader(&self, path: &str) -> Result<Box<dyn FileRead>> {
        Ok(Box::new(Reader { counts: self.counts.clone(), file: self.files.reader(path).await? }))
    }

    async fn write(&self, path: &str, body: Bytes) -> Result<()> {
        self.counts.wrote(body.len() as u64);
        self.files.write(path, body).await
    }

    async fn writer(&self, path: &str) -> Result<Box<dyn FileWrite>> {
        Ok(Box::new(Writer { counts: self.counts.clone(), file: self.files.writer(path).await?, bytes: 0 }))
    }

    async fn delete(&self, path: &str) -> Result<()> {
        self.files.delete(path).await
    }

    async fn delete_prefix(&self, path: &str) -> Result<()> {
        self.files.delete_prefix(path).await
    }

    async fn delete_stream(&self, paths: BoxStream<'static, String>) -> Result<()> {
        self.files.delete_stream(paths).await
    }

    fn new_input(&self, path: &str) -> Result<InputFile> {
        Ok(InputFile::new(Arc::new(self.clone()), path.to_owned()))
    }

    fn new_output(&self, path: &str) -> Result<OutputFile> {
        Ok(OutputFile::new(Arc::new(self.clone()), path.to_owned()))
    }
}

#[typetag::serde(name = "image_bench")]
impl StorageFactory for Counted {
    fn build(&self, _: &StorageConfig) -> Result<Arc<dyn Storage>> {
        Ok(Arc::new(self.clone()))
    }
}

struct Reader {
    counts: Arc<Counts>,
    file: Box<dyn FileRead>,
}

#[async_trait]
impl FileRead for Reader {
    async fn read(&self, range: Range<u64>) -> Result<Bytes> {
        let body = self.file.read(range).await?;
        self.counts.read(&body);
        Ok(body)
    }
}

struct Writer {
    counts: Arc<Counts>,
    file: Box<dyn FileWrite>,
    bytes: u64,
}

#[async_trait]
impl FileWrite for Writer {
    async fn write(&mut self, body: Bytes) -> Result<()> {
        self.bytes += body.len() as u64;
        self.file.write(body).await
    }

    async fn close(&mut self) -> Result<()> {
        self.counts.wrote(self.bytes);
        self.file.close().await
    }
}
