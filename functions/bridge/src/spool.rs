//! Bytes that wait: in memory while the process has room for them, else in a temporary file.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;

/// Bytes that all streams of the process may keep in memory. Clones share it.
#[derive(Debug, Clone)]
pub struct Spool {
    left: Arc<AtomicUsize>,
}

/// Memory that is in use; given back when dropped.
#[derive(Debug)]
struct MemoryGuard {
    left: Arc<AtomicUsize>,
    bytes: usize,
}

impl Drop for MemoryGuard {
    fn drop(&mut self) {
        self.left.fetch_add(self.bytes, Ordering::Relaxed);
    }
}

/// Bytes in a spool.
#[derive(Debug)]
pub struct Kept(Place);

#[derive(Debug)]
enum Place {
    Memory { bytes: Bytes, _guard: MemoryGuard },
    // Unlinked already: it is gone with the process, however that ends.
    File { file: File, len: usize },
}

impl Spool {
    /// A spool that keeps `budget` bytes in memory.
    pub fn new(budget: usize) -> Self {
        Self { left: Arc::new(AtomicUsize::new(budget)) }
    }

    /// Keeps bytes. Writing them to a file blocks, for as long as the page cache needs: what comes here is megabytes.
    ///
    /// # Errors
    /// If a temporary file cannot be written.
    pub fn keep(&self, bytes: Bytes) -> io::Result<Kept> {
        let len = bytes.len();
        let claimed =
            self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(len)).is_ok();
        if claimed {
            let guard = MemoryGuard { left: Arc::clone(&self.left), bytes: len };
            return Ok(Kept(Place::Memory { bytes, _guard: guard }));
        }
        let mut file = tempfile::tempfile()?;
        file.write_all(&bytes)?;
        Ok(Kept(Place::File { file, len }))
    }
}

impl Kept {
    /// The bytes.
    ///
    /// # Errors
    /// If the temporary file cannot be read.
    pub fn load(&self) -> io::Result<Bytes> {
        match &self.0 {
            Place::Memory { bytes, .. } => Ok(bytes.clone()),
            Place::File { file, len } => {
                let mut bytes = vec![0; *len];
                file.read_exact_at(&mut bytes, 0)?;
                Ok(bytes.into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_exceeds_the_budget_goes_to_a_file_and_comes_back() {
        let spool = Spool::new(10);
        let first = spool.keep(Bytes::from_static(b"12345678")).unwrap();
        let second = spool.keep(Bytes::from_static(b"abc")).unwrap();
        assert!(matches!(first.0, Place::Memory { .. }) && matches!(second.0, Place::File { .. }));
        assert_eq!((first.load().unwrap().as_ref(), second.load().unwrap().as_ref()), (&b"12345678"[..], &b"abc"[..]));
        drop(first);
        let third = spool.keep(Bytes::from_static(b"0123456789")).unwrap();
        assert!(matches!(third.0, Place::Memory { .. }), "dropping gives the budget back");
    }
}
