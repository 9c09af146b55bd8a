//! Boots a Lambda function around a typed handler.

use std::future::Future;

use lambda_runtime::{Context, LambdaEvent, service_fn};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::failure::Failure;

/// Serves invocations until the process is stopped: decodes the event, calls `handler`, answers its result or its
/// `error_type`. A span with the request's id is open around each call.
///
/// # Errors
/// Only if the runtime itself breaks; a handler's error is that invocation's answer.
pub async fn run<E, R, H, F>(handler: H) -> anyhow::Result<()>
where
    E: DeserializeOwned,
    R: Serialize,
    H: Fn(E, Context) -> F,
    F: Future<Output = anyhow::Result<R>>,
{
    let service = service_fn(|event: LambdaEvent<E>| {
        // Boxed: the runtime keeps several copies of a handler's future on its way.
        let answer = Box::pin(handler(event.payload, event.context));
        async { answer.await.map_err(Failure) }
    });
    lambda_runtime::run(service).await.map_err(|error| anyhow::anyhow!(error))
}
