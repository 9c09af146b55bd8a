//! The stream under lapin: a connection to the broker whose incoming frames are transcoded.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use async_rs::traits::Reactor;
use async_rs::util::RuntimeParts;
use async_rs::{Runtime, Tokio};
use futures::Stream;
use futures::io::{AsyncRead, AsyncWrite};
use lapin::AsyncTcpStream;
use lapin::tcp::{AMQPUriTcpExt, TLSConfig};
use lapin::uri::AMQPUri;

use crate::transcoder::Transcoder;

/// Bytes that are read from the broker at once.
const READ: usize = 64 * 1024;

/// A stream to the broker, with or without TLS, as Tokio has it.
type Plain = AsyncTcpStream<<Tokio as Reactor>::TcpStream>;

/// The runtime that lapin works with on transcoded streams: Tokio in everything else.
pub(crate) type BrokerRuntime = Runtime<RuntimeParts<Tokio, BrokerReactor>>;

/// The runtime of the calling task.
pub(crate) fn runtime() -> BrokerRuntime {
    Runtime::new(RuntimeParts::new(Tokio::current(), BrokerReactor(Tokio::current())))
}

/// Connects to the broker, by TLS if the URI says so.
pub(crate) async fn open(uri: &AMQPUri, hung_up: Arc<AtomicBool>) -> io::Result<AsyncTcpStream<BrokerStream>> {
    let runtime = Runtime::tokio_current();
    let plain = uri.connect_with_config_async(TLSConfig::default(), &runtime).await?;
    Ok(AsyncTcpStream::Plain(BrokerStream { hung_up, ..BrokerStream::new(plain) }))
}

/// Tokio's reactor, but for the type of its streams.
#[derive(Debug, Clone)]
pub(crate) struct BrokerReactor(Tokio);

impl Reactor for BrokerReactor {
    type TcpStream = BrokerStream;
    type Sleep = <Tokio as Reactor>::Sleep;

    // For sockets that somebody else opened: there are none.
    fn register<H: io::Read + io::Write + Send + 'static>(
        &self,
        _socket: H,
    ) -> io::Result<impl AsyncRead + AsyncWrite + Send + Unpin + 'static> {
        Err::<BrokerStream, _>(io::ErrorKind::Unsupported.into())
    }

    fn sleep(&self, duration: Duration) -> Self::Sleep {
        self.0.sleep(duration)
    }

    fn interval(&self, duration: Duration) -> impl Stream<Item = Instant> + Send + 'static {
        self.0.interval(duration)
    }

    fn tcp_connect_addr(
        &self,
        address: SocketAddr,
    ) -> impl Future<Output = io::Result<Self::TcpStream>> + Send + 'static {
        let connecting = self.0.tcp_connect_addr(address);
        async move { Ok(BrokerStream::new(AsyncTcpStream::Plain(connecting.await?))) }
    }
}

/// A stream to the broker: what is written goes out as it is, what is read was transcoded.
#[derive(Debug)]
pub(crate) struct BrokerStream<S = Plain> {
    inner: S,
    transcoder: Transcoder,
    input: Box<[u8]>,
    /// What lapin has not read yet, from `read` on.
    output: Vec<u8>,
    read: usize,
    /// Whether the stream shall fail when it is read next: at a heartbeat of the broker's at the latest.
    hung_up: Arc<AtomicBool>,
}

impl<S> BrokerStream<S> {
    fn new(inner: S) -> Self {
        let input = vec![0; READ].into_boxed_slice();
        Self { inner, transcoder: Transcoder::default(), input, output: Vec::new(), read: 0, hung_up: Arc::default() }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for BrokerStream<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if this.hung_up.load(Ordering::Relaxed) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        // A piece of a frame may leave nothing to read yet.
        while this.read == this.output.len() {
            this.output.clear();
            this.read = 0;
            let count = ready!(Pin::new(&mut this.inner).poll_read(context, &mut this.input))?;
            if count == 0 {
                return Poll::Ready(Ok(0));
            }
            this.transcoder.feed(&this.input[..count], &mut this.output);
        }
        let unread = &this.output[this.read..];
        let count = unread.len().min(buffer.len());
        buffer[..count].copy_from_slice(&unread[..count]);
        this.read += count;
        Poll::Ready(Ok(count))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for BrokerStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_close(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_close(context)
    }
}

#[cfg(test)]
mod tests {
    use futures::AsyncReadExt;

    use super::*;

    /// A delivery: method, content header, body.
    const DELIVERY: &[u8] = b"\x01\0\x01\0\0\0\x12\0\x3c\0\x3c\x01c\0\0\0\0\0\0\0\x01\0\0\x01q\xce\
        \x02\0\x01\0\0\0\x0e\0\x3c\0\0\0\0\0\0\0\0\0\x02\0\0\xce\x03\0\x01\0\0\0\x02{}\xce";

    /// Hands out one byte at a time, with a pause after each.
    struct Trickle(&'static [u8], bool);

    impl AsyncRead for Trickle {
        fn poll_read(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
            buffer: &mut [u8],
        ) -> Poll<io::Result<usize>> {
            self.1 = !self.1;
            if self.1 {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            let Some((first, rest)) = self.0.split_first() else { return Poll::Ready(Ok(0)) };
            buffer[0] = *first;
            self.0 = rest;
            Poll::Ready(Ok(1))
        }
    }

    #[tokio::test]
    async fn what_trickles_in_is_read_whole_and_the_end_is_told() {
        let mut expected = Vec::new();
        Transcoder::default().feed(DELIVERY, &mut expected);
        let mut read = Vec::new();
        BrokerStream::new(Trickle(DELIVERY, false)).read_to_end(&mut read).await.unwrap();
        assert_eq!(read, expected);
        assert!(read.ends_with(b"\0\0\0\x05\0\x01q\0\0{}\xce"));
    }

    #[tokio::test]
    async fn a_stream_that_is_hung_up_fails_even_if_there_is_something_to_read() {
        let mut stream = BrokerStream::new(Trickle(DELIVERY, false));
        stream.hung_up.store(true, Ordering::Relaxed);
        assert_eq!(stream.read(&mut [0; 8]).await.unwrap_err().kind(), io::ErrorKind::ConnectionAborted);
    }
}
