//! The bucket when S3 answers as it does on bad days: a scripted server gives the answers. And, at
//! `FOZ_TEST_AWS_ENDPOINT`, uploads in parts.

#![expect(clippy::unwrap_used, reason = "helpers of tests may unwrap as tests do")]

mod aws;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use arrow::array::AsArray;
use bytes::Bytes;
use foz_domain::keys::{self, RawKey};
use foz_domain::{Digest, Epoch, Ordinal, StreamName, Timestamp};
use foz_lake::frame::{self, FrameWriter};
use foz_lake::message::{Body, Properties};
use foz_lake::store::{Put, StoreError};
use foz_lake::{DefinitionError, Definitions, LakeError, Message, Store, raw};
use futures::TryStreamExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What the server does with one request.
#[derive(Clone)]
enum Answer {
    Status(u16),
    /// 200 with the user metadata `foz-digest: d`.
    Found,
    /// Closes the connection without a word.
    Drop,
    /// Promises ten bytes and sends four.
    Truncated,
    Body(Bytes),
}

/// A server that gives the answers one after another, and writes down the requests' first lines.
async fn scripted(answers: Vec<Answer>) -> (Store, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = seen.clone();
    tokio::spawn(async move {
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let request = request(&mut stream).await;
            log.lock().unwrap().push(request);
            let (head, body) = match answer {
                Answer::Drop => continue,
                Answer::Status(status) => (format!("{status} Scripted\r\ncontent-length: 0"), Bytes::new()),
                Answer::Found => ("200 OK\r\ncontent-length: 0\r\nx-amz-meta-foz-digest: d".into(), Bytes::new()),
                Answer::Truncated => ("200 OK\r\ncontent-length: 10".into(), "half".into()),
                Answer::Body(body) => (format!("200 OK\r\ncontent-length: {}", body.len()), body),
            };
            stream.write_all(format!("HTTP/1.1 {head}\r\n\r\n").as_bytes()).await.unwrap();
            stream.write_all(&body).await.unwrap();
            stream.shutdown().await.unwrap();
        }
    });
    (Store::new(aws::s3(&format!("http://{address}")), "lake"), seen)
}

/// Reads one request to its end; its method, key and condition.
async fn request(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    let mut length = None;
    loop {
        let mut piece = [0; 4096];
        let read = stream.read(&mut piece).await.unwrap();
        text.extend_from_slice(&piece[..read]);
        let head_end = text.windows(4).position(|w| w == b"\r\n\r\n");
        if let Some(end) = head_end {
            let head = String::from_utf8_lossy(&text[..end]).to_lowercase();
            let line = |name: &str| head.lines().find_map(|l| l.strip_prefix(name).map(|v| v.trim().to_owned()));
            let length = *length.get_or_insert_with(|| line("content-length:").map_or(0, |l| l.parse().unwrap()));
            if text.len() >= end + 4 + length {
                let first = head.lines().next().unwrap_or_default();
                let path = first.split(['?', ' ']).take(2).collect::<Vec<_>>().join(" ").replace("%3d", "=");
                return path + &line("if-none-match:").map(|c| format!(" if-none-match {c}")).unwrap_or_default();
            }
        }
    }
}

async fn put(answers: Vec<Answer>) -> (Result<Put, StoreError>, Vec<String>) {
    let (store, seen) = scripted(answers).await;
    let result = store.put_new("k", Bytes::from_static(b"{}"), HashMap::new()).await;
    let seen = seen.lock().unwrap().clone();
    (result, seen)
}

#[tokio::test]
async fn a_definition_is_read_once() {
    let text = "lake: l\nstreams: { a: { queue: q, key: [k], columns: { k: string } } }\n";
    let (store, seen) = scripted(vec![Answer::Body(text.into()), Answer::Body(text.into())]).await;
    let definitions = Definitions::new(store);
    for key in ["config/1.yaml", "config/1.yaml", "definitions/1.yaml"] {
        assert_eq!(definitions.get(key).await.unwrap().lake.as_str(), "l");
    }
    assert_eq!(seen.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn what_is_no_definition_is_named() {
    let answers = [Answer::Status(404), Answer::Body(Bytes::from_static(b"\xff")), Answer::Body("lake: l".into())];
    let (store, _) = scripted(answers.into()).await;
    let definitions = Definitions::new(store);
    let mut errors = Vec::new();
    for _ in 0..3 {
        errors.push(definitions.get("config/1.yaml").await.unwrap_err());
    }
    assert!(matches!(errors[0], DefinitionError::Store { source: StoreError::NotFound { .. }, .. }), "{errors:?}");
    let said: Vec<_> = errors.iter().map(ToString::to_string).collect();
    let named = ["reading the definition config/1.yaml", "the definition config/1.yaml is not text"];
    assert_eq!(said, [named[0], named[1], "the definition config/1.yaml is wrong"]);
    assert!(errors[0].is_unread() && !errors[1].is_unread() && !errors[2].is_unread());
}

#[tokio::test]
async fn a_put_is_create_only() {
    let (result, seen) = put(vec![Answer::Status(200)]).await;
    assert_eq!(result.unwrap(), Put::Created);
    assert_eq!(seen, ["put /lake/k if-none-match *"]);
}

#[tokio::test]
async fn an_existing_object_is_reported_with_its_metadata() {
    let (result, seen) = put(vec![Answer::Status(412), Answer::Found]).await;
    let metadata = HashMap::from([("foz-digest".to_owned(), "d".to_owned())]);
    assert_eq!(result.unwrap(), Put::Exists { metadata });
    assert_eq!(seen[1], "head /lake/k");
}

#[tokio::test]
async fn conflicts_slow_downs_and_broken_connections_are_tried_again() {
    let (result, seen) = put(vec![Answer::Status(409), Answer::Status(503), Answer::Drop, Answer::Status(200)]).await;
    assert_eq!((result.unwrap(), seen.len()), (Put::Created, 4));
    // An answer that was lost: the repetition finds the own object.
    let (result, _) = put(vec![Answer::Drop, Answer::Status(412), Answer::Found]).await;
    assert!(matches!(result.unwrap(), Put::Exists { .. }));
}

#[tokio::test]
async fn refusals_are_not_tried_again() {
    let (result, seen) = put(vec![Answer::Status(403)]).await;
    assert!(!result.unwrap_err().is_transient());
    assert_eq!(seen.len(), 1);
}

#[tokio::test]
async fn an_outage_ends_in_a_transient_error() {
    let (result, seen) = put(vec![Answer::Status(503); 20]).await;
    assert!(result.unwrap_err().is_transient());
    assert_eq!(seen.len(), 8);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_read_again() {
    let (store, _) = scripted(vec![Answer::Truncated, Answer::Body("whole".into())]).await;
    assert_eq!(store.get("k").await.unwrap(), "whole");
    let (store, _) = scripted(vec![Answer::Status(404), Answer::Status(404)]).await;
    assert!(matches!(store.get("k").await, Err(StoreError::NotFound { .. })));
    assert_eq!(store.head("k").await.unwrap(), None);
}

#[tokio::test]
async fn a_body_of_its_own_is_put_in_its_place_if_it_is_the_right_one() {
    let large = Bytes::from_static(b"large");
    let digest = Digest(*blake3::hash(&large).as_bytes());
    let stream: StreamName = "orders".parse().unwrap();
    let message = |body| Message {
        body,
        exchange: String::new(),
        routing_key: "q".into(),
        properties: Properties::default(),
        headers: vec![],
    };
    let key = keys::oversize(&stream, &digest);
    let mut writer = FrameWriter::new(&stream, Timestamp(0));
    writer.push(&message(Body::Inline("small".into())));
    let pointer = writer.push(&message(Body::Oversize { key: key.clone(), length: 5, digest }));
    let frame = frame::decode(&writer.finish().zstd, frame::MAX_RAW).unwrap();
    let object = raw::encode(&frame).unwrap();
    let raw_key = RawKey::new(&stream, Timestamp(0), Epoch(1), Ordinal(1), &frame.digest);

    let (store, seen) = scripted(vec![Answer::Body(object.clone()), Answer::Body(large)]).await;
    let batches: Vec<_> = raw::read(&store, &raw_key).await.unwrap().try_collect().await.unwrap();
    let bodies: Vec<_> = batches.iter().flat_map(|b| b["body"].as_binary::<i32>().iter().flatten()).collect();
    assert_eq!(bodies, [&b"small"[..], b"large"]);
    assert_eq!(*seen.lock().unwrap(), [format!("get /lake/{raw_key}"), format!("get /lake/{key}")]);

    let (store, _) = scripted(vec![Answer::Body(object.clone()), Answer::Body("wrong".into())]).await;
    let read: Result<Vec<_>, _> = raw::read(&store, &raw_key).await.unwrap().try_collect().await;
    assert!(matches!(read, Err(LakeError::Damaged { .. })));

    let (store, _) = scripted(vec![Answer::Body(object)]).await;
    assert_eq!(raw::read_digests(&store, &raw_key).await.unwrap()[1], pointer);
}

#[tokio::test]
async fn large_files_are_uploaded_in_parts_and_never_over_another() {
    let Some((store, _)) = aws::connect().await else { return };
    let io = store.file_io();
    let path = store.uri("tables/t/data/large.parquet");
    let chunk = Bytes::from_iter((0..1_000_000u32).map(|i| (i % 251) as u8));
    let mut writer = io.new_output(&path).unwrap().writer().await.unwrap();
    for _ in 0..40 {
        writer.write(chunk.clone()).await.unwrap();
    }
    writer.close().await.unwrap();
    let read = io.new_input(&path).unwrap().read().await.unwrap();
    assert_eq!(read, chunk.repeat(40));
    assert_eq!(
        store.get_range("tables/t/data/large.parquet", 999_999..1_000_001).await.unwrap(),
        [chunk[999_999], chunk[0]][..]
    );

    assert!(io.new_output(&path).unwrap().write(chunk.clone()).await.is_err());
    assert_eq!(store.head("tables/t/data/large.parquet").await.unwrap().unwrap().size, 40_000_000);
    assert_eq!(store.list("tables/").await.unwrap().len(), 1);
}
