//! A receiver of webhooks on a port of this machine.

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use std::collections::VecDeque;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// What it got.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().expect("text")
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    pub(crate) fn text(&self) -> String {
        self.json()["text"].as_str().expect("text").to_owned()
    }

    /// The signature that Python makes of it with a secret, as the specification has it.
    pub(crate) fn signature(&self, secret: &str) -> String {
        const SIGN: &str = "import base64, hmac, sys\n\
            key = base64.b64decode(sys.argv[1].removeprefix('whsec_'))\n\
            signed = f'{sys.argv[2]}.{sys.argv[3]}.'.encode() + bytes.fromhex(sys.argv[4])\n\
            print('v1,' + base64.b64encode(hmac.digest(key, signed, 'sha256')).decode())";
        let output = Command::new("python3")
            .args(["-c", SIGN, secret])
            .args([self.header("webhook-id"), self.header("webhook-timestamp")])
            .arg(hex(&self.body))
            .stderr(Stdio::inherit())
            .output()
            .expect("python3 runs");
        String::from_utf8(output.stdout)
            .expect("text")
            .trim()
            .to_owned()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What it says next.
#[derive(Debug, Clone)]
pub(crate) enum Say {
    Status(u16),
    /// To go elsewhere.
    To(u16, String),
    /// Nothing, for that long.
    Nothing(Duration),
}

#[derive(Debug, Clone, Default)]
struct Shared {
    got: Arc<Mutex<Vec<Request>>>,
    says: Arc<Mutex<VecDeque<Say>>>,
}

/// It takes what it was not told to answer otherwise.
pub(crate) struct Receiver {
    pub(crate) port: u16,
    shared: Shared,
    server: JoinHandle<()>,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let shared = Shared::default();
        let app = Router::new().fallback(take).with_state(shared.clone());
        let server = tokio::spawn(async move {
            axum::serve(listener, app).await.expect("serves");
        });
        Self {
            port,
            shared,
            server,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/board", self.port)
    }

    /// Answers so, one after the other.
    pub(crate) fn will_say(&self, says: impl IntoIterator<Item = Say>) {
        self.shared.says.lock().expect("free").extend(says);
    }

    /// What it got since it was asked last.
    pub(crate) fn got(&self) -> Vec<Request> {
        std::mem::take(&mut *self.shared.got.lock().expect("free"))
    }

    /// The only thing that it got since.
    pub(crate) fn only(&self) -> Request {
        let mut got = self.got();
        assert_eq!(got.len(), 1, "{got:?}");
        got.pop().expect("one")
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn take(State(shared): State<Shared>, headers: HeaderMap, body: Bytes) -> Response {
    let body = body.to_vec();
    let request = Request { headers, body };
    shared.got.lock().expect("free").push(request);
    let say = shared.says.lock().expect("free").pop_front();
    match say {
        None => StatusCode::NO_CONTENT.into_response(),
        Some(Say::Status(status)) => StatusCode::from_u16(status)
            .expect("a status")
            .into_response(),
        Some(Say::To(status, place)) => {
            let status = StatusCode::from_u16(status).expect("a status");
            (status, [(header::LOCATION, place)]).into_response()
        }
        Some(Say::Nothing(long)) => {
            tokio::time::sleep(long).await;
            StatusCode::NO_CONTENT.into_response()
        }
    }
}
