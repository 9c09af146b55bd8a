//! S3, SQS and Lambda in memory, behind the real SDKs: as much of them as ingest and dispatch use.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use serde_json::{Value, json};

/// What the cloud holds, what was asked of it, and what it refuses.
#[derive(Default)]
pub struct State {
    /// Objects: key → bytes and the digest in their metadata.
    pub objects: BTreeMap<String, (Vec<u8>, String)>,
    /// How many objects were read.
    pub gets: u64,
    /// Whether objects are never answered.
    pub hang_gets: bool,
    /// Statuses with which the next PUTs are refused.
    pub refuse_puts: VecDeque<u16>,
    /// Whether the queue refuses messages.
    pub refuse_hints: bool,
    /// Whether the queue takes requests and never answers.
    pub hang_hints: bool,
    /// Whether functions cannot be invoked.
    pub refuse_invokes: bool,
    /// Messages sent: body and delay in seconds.
    pub hints: Vec<(Value, i64)>,
    /// Asynchronous invocations: function and event.
    pub invocations: Vec<(String, Value)>,
}

/// The cloud. Clones share their content.
#[derive(Clone, Default)]
pub struct Cloud(Arc<Mutex<State>>);

impl std::fmt::Debug for Cloud {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Cloud")
    }
}

impl Cloud {
    /// A client of its S3.
    pub fn s3(&self) -> aws_sdk_s3::Client {
        crate::client!(aws_sdk_s3, http_client(self.clone()), force_path_style(true))
    }

    /// A client of its SQS.
    pub fn sqs(&self) -> aws_sdk_sqs::Client {
        crate::client!(aws_sdk_sqs, http_client(self.clone()))
    }

    /// A client of its Lambda.
    pub fn lambda(&self) -> aws_sdk_lambda::Client {
        crate::client!(aws_sdk_lambda, http_client(self.clone()))
    }

    /// The state, to look at or to change.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hangs(&self, request: &HttpRequest) -> bool {
        let state = self.state();
        state.hang_hints && request.headers().get("x-amz-target") == Some("AmazonSQS.SendMessage")
            || state.hang_gets && request.method() == "GET"
    }

    fn answer(&self, request: &HttpRequest) -> (u16, Vec<(&'static str, String)>, SdkBody) {
        let header = |name: &str| request.headers().get(name);
        let body = request.body().bytes().unwrap_or_default();
        let uri: Vec<&str> = request.uri().splitn(4, '/').collect();
        let path = uri[3].split('?').next().unwrap_or_default();
        let mut state = self.state();
        if header("x-amz-target") == Some("AmazonSQS.SendMessage") {
            if state.refuse_hints {
                return (500, vec![], json!({"__type": "InternalError"}).to_string().into());
            }
            let request: Value = serde_json::from_slice(body).expect("JSON");
            let message = serde_json::from_str(request["MessageBody"].as_str().expect("a body")).expect("JSON");
            state.hints.push((message, request["DelaySeconds"].as_i64().unwrap_or(0)));
            return (200, vec![], json!({"MessageId": "1"}).to_string().into());
        }
        if let Some(function) = path.strip_prefix("2015-03-31/functions/").and_then(|f| f.strip_suffix("/invocations"))
        {
            assert_eq!(header("x-amz-invocation-type"), Some("Event"), "a dispatch never waits for a function");
            if state.refuse_invokes {
                return (429, vec![], json!({"__type": "TooManyRequestsException"}).to_string().into());
            }
            state.invocations.push((function.to_owned(), serde_json::from_slice(body).expect("JSON")));
            return (202, vec![], SdkBody::empty());
        }
        let key = path.split_once('/').expect("bucket and key").1.replace("%3D", "=");
        state.gets += u64::from(request.method() == "GET");
        match (request.method(), state.objects.get(&key)) {
            ("PUT", found) => {
                assert_eq!(header("if-none-match"), Some("*"), "raw objects are only ever created");
                let exists = found.is_some();
                if let Some(status) = state.refuse_puts.pop_front() {
                    return (status, vec![], SdkBody::empty());
                }
                if exists {
                    return (412, vec![], SdkBody::empty());
                }
                let digest = header("x-amz-meta-foz-digest").unwrap_or_default().to_owned();
                state.objects.insert(key, (body.to_vec(), digest));
                (200, vec![], SdkBody::empty())
            }
            ("HEAD", Some((bytes, digest))) => {
                let headers =
                    vec![("content-length", bytes.len().to_string()), ("x-amz-meta-foz-digest", digest.clone())];
                (200, headers, SdkBody::empty())
            }
            ("GET", Some((bytes, _))) => (200, vec![], bytes.clone().into()),
            ("HEAD", None) => (404, vec![], SdkBody::empty()),
            (method, _) => panic!("{method} {key} is not used"),
        }
    }
}

impl HttpConnector for Cloud {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let cloud = self.clone();
        HttpConnectorFuture::new(async move {
            tokio::task::yield_now().await;
            if cloud.hangs(&request) {
                return std::future::pending().await;
            }
            let (status, headers, body) = cloud.answer(&request);
            let mut response = HttpResponse::new(status.try_into().expect("a status"), body);
            for (name, value) in headers {
                response.headers_mut().insert(name, value);
            }
            Ok(response)
        })
    }
}

impl HttpClient for Cloud {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}
