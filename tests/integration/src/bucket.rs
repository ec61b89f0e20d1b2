//! An object store that speaks S3: a real server that checks signatures, over HTTP on loopback, on a folder.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context;
use hyper_util::rt::TokioExecutor;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto::Builder;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s_fs::FileSystem;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// Who may use it.
pub const ACCESS_KEY: &str = "desk";
/// What they know.
pub const SECRET_KEY: &str = "of-the-desk";
/// Its only bucket.
pub const NAME: &str = "files";

/// A bucket on a server.
#[derive(Debug)]
pub struct Bucket {
    folder: PathBuf,
    address: SocketAddr,
    /// Empty: it is gone.
    server: JoinSet<()>,
}

impl Bucket {
    /// A new bucket whose server keeps it in `folder`.
    ///
    /// # Errors
    /// If it cannot be served.
    pub async fn open(folder: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder.join(NAME))?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let mut bucket = Self { folder: folder.to_owned(), address, server: JoinSet::new() };
        bucket.serve(listener)?;
        Ok(bucket)
    }

    fn serve(&mut self, listener: TcpListener) -> anyhow::Result<()> {
        let files = FileSystem::new(&self.folder).map_err(|error| anyhow::anyhow!("{error:?}"))?;
        let mut service = S3ServiceBuilder::new(files);
        service.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
        self.server.spawn(accept(listener, service.build()));
        Ok(())
    }

    /// The server goes away in the middle of whatever it does. What it keeps stays.
    pub async fn go_away(&mut self) {
        self.server.shutdown().await;
    }

    /// It comes back where it was.
    ///
    /// # Errors
    /// If its address is taken meanwhile.
    pub async fn come_back(&mut self) -> anyhow::Result<()> {
        let listener = TcpListener::bind(self.address).await.context("the bucket's address is taken")?;
        self.serve(listener)
    }

    /// The variables by which S3's own tools find it, with this secret key.
    pub fn variables(&self, secret_key: &str) -> Vec<(String, String)> {
        [
            ("SKRANKE_OBJECTS", format!("s3://{NAME}")),
            ("AWS_ENDPOINT_URL", format!("http://{}", self.address)),
            ("AWS_ALLOW_HTTP", "true".to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", secret_key.to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec()
    }

    /// The keys of its objects, sorted.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn keys(&self) -> anyhow::Result<Vec<String>> {
        let root = self.folder.join(NAME);
        let mut keys = Vec::new();
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder)? {
                let entry = entry?;
                if entry.file_type()?.is_dir() {
                    folders.push(entry.path());
                } else {
                    keys.push(entry.path().strip_prefix(&root)?.display().to_string());
                }
            }
        }
        keys.sort_unstable();
        Ok(keys)
    }
}

/// Serves until it is dropped; its connections end with it.
async fn accept(listener: TcpListener, service: S3Service) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let service = service.clone();
        connections.spawn(async move {
            drop(Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await);
        });
        while connections.try_join_next().is_some() {}
    }
}
