//! The object store: a folder or S3.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use chassis::new_id;
use contracts::ClientId;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use jiff::Timestamp;
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt, RetryConfig, WriteMultipart};
use sha2::{Digest, Sha256};

use super::hex;

/// Where files lie while they come.
const INCOMING: &str = "incoming";
/// What is gathered before it is written: S3 takes no smaller parts.
const PART: usize = 5 * 1024 * 1024;
/// The same for a folder.
const PIECE: usize = 512 * 1024;
/// How long a request to S3 is tried again.
const GIVES_UP_AFTER: Duration = Duration::from_secs(10);

/// Where files are kept. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Shelf {
    store: Arc<dyn ObjectStore>,
    /// Set if it is a folder.
    folder: Option<PathBuf>,
}

/// A file that has come whole.
#[derive(Debug, Clone)]
pub struct Staged {
    /// Bytes.
    pub size: u64,
    /// What it holds, in short.
    pub sha256: [u8; 32],
    /// By what it holds.
    pub content_type: &'static str,
}

/// A file that is coming. Dropped, it leaves nothing.
#[derive(Debug)]
pub struct Coming {
    shelf: Shelf,
    path: Path,
    write: WriteMultipart,
    hash: Sha256,
    size: u64,
}

/// An object without its row's knowledge: whose, its SHA-256 in hexadecimal, since when.
#[derive(Debug, Clone)]
pub struct Lying {
    /// Whose.
    pub client_id: String,
    /// By what it holds.
    pub sha256: String,
    /// When it was written.
    pub since_at: Timestamp,
}

impl Shelf {
    /// The shelf at an address: `file:///folder` or `s3://bucket/…`, whose keys stand in the environment as S3's own
    /// tools read them.
    ///
    /// # Errors
    /// If the address or the folder cannot be used.
    pub fn open(address: &str) -> anyhow::Result<Self> {
        if let Some(folder) = address.strip_prefix("file://") {
            let folder = PathBuf::from(folder);
            std::fs::create_dir_all(folder.join(INCOMING))
                .with_context(|| format!("SKRANKE_OBJECTS names {}, which cannot be made", folder.display()))?;
            let store = LocalFileSystem::new_with_prefix(&folder)?.with_fsync(true);
            return Ok(Self { store: Arc::new(store), folder: Some(folder) });
        }
        anyhow::ensure!(address.starts_with("s3://"), "SKRANKE_OBJECTS must begin with file:/// or s3://");
        // Whoever sends a file waits for it: they are told sooner than the library would.
        let retry = RetryConfig { max_retries: 2, retry_timeout: GIVES_UP_AFTER, ..RetryConfig::default() };
        let store = AmazonS3Builder::from_env().with_url(address).with_retry(retry);
        let store = store.build().context("SKRANKE_OBJECTS cannot be used")?;
        Ok(Self { store: Arc::new(store), folder: None })
    }

    /// Whether the store works for us.
    ///
    /// # Errors
    /// If it does not.
    pub async fn check(&self) -> object_store::Result<()> {
        match self.store.head(&Path::from(format!("{INCOMING}/nothing"))).await {
            Ok(_) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn place(client_id: &str, sha256: &str) -> Path {
        let begin = sha256.get(..2).unwrap_or_default();
        Path::from(format!("{client_id}/{begin}/{sha256}"))
    }

    /// A place for a file that comes.
    ///
    /// # Errors
    /// If the store does not work.
    pub async fn begin(&self) -> object_store::Result<Coming> {
        let path = Path::from(format!("{INCOMING}/{}", new_id()));
        let upload = self.store.put_multipart(&path).await?;
        let part = if self.folder.is_some() { PIECE } else { PART };
        let write = WriteMultipart::new_with_chunk_size(upload, part);
        Ok(Coming { shelf: self.clone(), path, write, hash: Sha256::new(), size: 0 })
    }

    /// What a file holds, piece by piece.
    ///
    /// # Errors
    /// If it is not there, or the store does not work.
    pub async fn read(
        &self,
        client_id: &ClientId,
        sha256: &str,
    ) -> object_store::Result<BoxStream<'static, object_store::Result<Bytes>>> {
        Ok(self.store.get(&Self::place(client_id.as_str(), sha256)).await?.into_stream())
    }

    /// Everything that lies there.
    pub fn lying(&self) -> BoxStream<'static, object_store::Result<Lying>> {
        let found = self.store.list(None).try_filter_map(|meta| async move {
            let parts: Vec<String> = meta.location.parts().map(|part| part.as_ref().to_owned()).collect();
            let since_at = Timestamp::from_millisecond(meta.last_modified.timestamp_millis()).unwrap_or(Timestamp::MAX);
            Ok(match parts.as_slice() {
                [client_id, _, sha256] => {
                    Some(Lying { client_id: client_id.clone(), sha256: sha256.clone(), since_at })
                }
                _ => None,
            })
        });
        found.boxed()
    }

    /// Takes a file away.
    ///
    /// # Errors
    /// If the store does not work.
    pub async fn remove(&self, lying: &Lying) -> object_store::Result<()> {
        self.store.delete(&Self::place(&lying.client_id, &lying.sha256)).await
    }

    /// Takes away what has not come whole since before `until`. Returns how many.
    ///
    /// # Errors
    /// If the store does not work.
    pub async fn remove_half(&self, until: Timestamp) -> anyhow::Result<usize> {
        let Some(folder) = &self.folder else {
            let mut removed = 0;
            let mut found = self.store.list(Some(&Path::from(INCOMING)));
            while let Some(meta) = found.try_next().await? {
                if meta.last_modified.timestamp() < until.as_second() {
                    self.store.delete(&meta.location).await?;
                    removed += 1;
                }
            }
            return Ok(removed);
        };
        // Half files of a folder are not listed by the library: it gives them names of their own.
        let folder = folder.join(INCOMING);
        let mut removed = 0;
        let mut files = tokio::fs::read_dir(&folder).await?;
        while let Some(file) = files.next_entry().await? {
            let written = file.metadata().await?.modified()?;
            if Timestamp::try_from(written)? < until {
                tokio::fs::remove_file(file.path()).await?;
                removed += 1;
            }
        }
        Ok(removed)
    }
}

impl Coming {
    /// One more piece.
    ///
    /// # Errors
    /// If the store does not work.
    pub async fn take(&mut self, piece: Bytes) -> object_store::Result<()> {
        self.write.wait_for_capacity(1).await?;
        self.size = self.size.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
        self.hash.update(&piece);
        self.write.put(piece);
        Ok(())
    }

    /// Bytes so far.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// It is whole: it gets its place.
    ///
    /// # Errors
    /// If the store does not work.
    pub async fn finish(self, client_id: &ClientId, content_type: &'static str) -> object_store::Result<Staged> {
        let sha256: [u8; 32] = self.hash.finalize().into();
        self.write.finish().await?;
        // Also where it lies already: it is younger then, and the sweep leaves it.
        self.shelf.store.rename(&self.path, &Shelf::place(client_id.as_str(), &hex(&sha256))).await?;
        Ok(Staged { size: self.size, sha256, content_type })
    }

    /// It does not come whole.
    pub async fn give_up(self) {
        if let Err(error) = self.write.abort().await {
            tracing::debug!(error = %error, "half a file stays until it is swept");
        }
    }
}
