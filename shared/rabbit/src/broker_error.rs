//! The client library's errors, told once.

use std::{error, fmt, io};

use lapin::ErrorKind;

/// An error of the connection or of a channel. Its text holds that of its causes, so it names none as its source.
#[derive(Debug, Clone)]
pub struct BrokerError(lapin::Error);

impl BrokerError {
    /// What kind of error it is.
    pub fn kind(&self) -> &ErrorKind {
        self.0.kind()
    }
}

impl fmt::Display for BrokerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl error::Error for BrokerError {}

impl From<lapin::Error> for BrokerError {
    fn from(error: lapin::Error) -> Self {
        Self(error)
    }
}

impl From<ErrorKind> for BrokerError {
    fn from(kind: ErrorKind) -> Self {
        Self(kind.into())
    }
}

impl From<io::Error> for BrokerError {
    fn from(error: io::Error) -> Self {
        Self(error.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_stands_once_in_a_line() {
        let error = anyhow::Error::new(BrokerError::from(io::Error::other("the cable broke"))).context("connecting");
        assert_eq!(format!("{error:#}"), "connecting: IO error: the cable broke");
    }
}
