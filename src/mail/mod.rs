//! Mail: to whom it goes is asked on the account's page, what is to be sent waits in the table `mail`, and a task of the web
//! server sends it. Nothing else waits for that: not a verdict, not a request.

pub mod compose;
pub mod wishes;

use crate::config::Settings;
use crate::db::mail::{self as outbox, Due};
use crate::state::AppState;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::transport::smtp::{Error as SmtpError, extension::ClientId};
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use std::error::Error as _;
use std::fmt;
use std::time::Duration;
use ureq::http::Uri;

/// Pause between two looks at what is to be sent.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How long the mail server may take over one command.
const TIMEOUT: Duration = Duration::from_secs(30);
/// After so many tries it is given up: the last is about a day and a half after the first.
const TRIES: i16 = 10;

/// The transport that mails go through.
pub type Transport = AsyncSmtpTransport<Tokio1Executor>;

/// Address of a mail server with its password, which no log shows.
#[derive(Clone, PartialEq, Eq)]
pub struct SmtpUrl(String);

impl SmtpUrl {
    /// Reads it, and says what is wrong.
    ///
    /// # Errors
    /// A sentence for the operator, which does not repeat the password.
    pub fn parse(text: &str) -> Result<Self, String> {
        Transport::from_url(text).map_err(|_| {
            "it must be smtps://USER:PASSWORD@HOST, smtp://USER:PASSWORD@HOST:587?tls=required, or smtp://HOST:25"
                .to_owned()
        })?;
        Ok(Self(text.to_owned()))
    }

    /// What sends through it, as the host of this board.
    ///
    /// # Errors
    /// If it cannot be read, which [`Self::parse`] would have said.
    pub fn transport(&self, host: &str) -> Result<Transport, SmtpError> {
        let mut transport = Transport::from_url(&self.0)?;
        if let Some(tls) = self.tls()? {
            transport = transport.tls(tls);
        }
        Ok(transport
            .hello_name(ClientId::Domain(host.to_owned()))
            .timeout(Some(TIMEOUT))
            .build())
    }

    /// What the address says of TLS, with the certificates that an operator named; none where it says nothing, or nobody
    /// named any.
    fn tls(&self) -> Result<Option<Tls>, SmtpError> {
        let given = breakmywork_roots::given();
        let address: Uri = match self.0.parse() {
            Ok(address) if !given.is_empty() => address,
            _ => return Ok(None),
        };
        let mut trusted = TlsParameters::builder(address.host().unwrap_or_default().to_owned())
            .certificate_store(CertificateStore::None);
        for certificate in given {
            trusted =
                trusted.add_root_certificate(Certificate::from_der(certificate.der().to_vec())?);
        }
        let asked = address.query().and_then(|query| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find_map(|(name, value)| (name == "tls").then_some(value))
        });
        Ok(match (address.scheme_str(), asked) {
            (Some("smtps"), _) => Some(Tls::Wrapper(trusted.build()?)),
            (_, Some("required")) => Some(Tls::Required(trusted.build()?)),
            (_, Some("opportunistic")) => Some(Tls::Opportunistic(trusted.build()?)),
            _ => None,
        })
    }
}

impl fmt::Debug for SmtpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SmtpUrl(…)")
    }
}

/// The transport of a board that sends mail; none of one that does not.
///
/// # Errors
/// If the server's address cannot be read.
pub fn transport(settings: &Settings) -> Result<Option<Transport>, SmtpError> {
    match (&settings.smtp_url, &settings.mail_from) {
        (Some(url), Some(_)) => url.transport(&settings.host()).map(Some),
        _ => Ok(None),
    }
}

/// Sends what is to be sent until shutdown; does nothing where no mail server is configured.
pub async fn run(state: AppState) {
    let transport = match transport(&state.settings) {
        Ok(Some(transport)) => transport,
        Ok(None) => return,
        Err(error) => return tracing::error!("no mail is sent: {error}"),
    };
    loop {
        if let Err(error) = send_due(&state, &transport).await {
            tracing::warn!("could not look for mail to send: {error}");
        }
        tokio::select! {
            () = state.shutdown.cancelled() => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

/// Queues the digests that are due and sends what waits, one mail after the other. Where the mail server does not answer,
/// everything goes on waiting.
///
/// # Errors
/// If the database is away.
pub async fn send_due(state: &AppState, transport: &Transport) -> sqlx::Result<()> {
    outbox::queue_digests(&state.pool).await?;
    outbox::give_up_unknown(&state.pool).await?;
    if !outbox::is_due(&state.pool).await? {
        return Ok(());
    }
    if let Err(error) = transport.test_connection().await {
        tracing::warn!("the mail server cannot be reached: {error}");
        return Ok(());
    }
    while !state.shutdown.is_cancelled() {
        // Noted as being sent before it is: whatever stops the server in between, it is not sent a second time.
        let Some(due) = outbox::take(&state.pool).await? else {
            break;
        };
        send(state, transport, &due).await?;
    }
    Ok(())
}

async fn send(state: &AppState, transport: &Transport, due: &Due) -> sqlx::Result<()> {
    let message = match compose::message(state, due).await {
        Ok(Some(message)) => message,
        Ok(None) => return outbox::fail(&state.pool, due.id, "not wanted any more").await,
        Err(compose::Error::Database(error)) => return Err(error),
        Err(compose::Error::Message(error)) => {
            tracing::error!(mail = due.id, "a mail could not be written: {error}");
            return outbox::fail(&state.pool, due.id, &error).await;
        }
    };
    match transport.send(message).await {
        Ok(_) => outbox::sent(&state.pool, due.id).await,
        Err(error) => {
            tracing::warn!(
                mail = due.id,
                attempt = due.attempts,
                "a mail was not sent: {error}"
            );
            let words = error.to_string();
            match what_now(&error) {
                Next::Again if due.attempts < TRIES => {
                    outbox::again(&state.pool, due.id, &words).await
                }
                Next::Again | Next::Never => outbox::fail(&state.pool, due.id, &words).await,
                Next::Unknown => outbox::lose(&state.pool, due.id, &words).await,
            }
        }
    }
}

/// What becomes of a mail that was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// It was refused for now, or never got so far.
    Again,
    /// It was refused for good.
    Never,
    /// The connection broke: the server may have it.
    Unknown,
}

fn what_now(error: &SmtpError) -> Next {
    if error.is_permanent() || error.is_client() {
        return Next::Never;
    }
    let refused = error
        .source()
        .and_then(|source| source.downcast_ref::<std::io::Error>())
        .is_some_and(|error| error.kind() == std::io::ErrorKind::ConnectionRefused);
    if error.is_transient() || error.is_tls() || refused {
        return Next::Again;
    }
    Next::Unknown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_of_the_server_is_read_and_its_password_is_not_shown() {
        for good in [
            "smtps://user:secret@mail.example.org",
            "smtp://user:secret@mail.example.org:587?tls=required",
            "smtp://127.0.0.1:2525",
        ] {
            let url = SmtpUrl::parse(good).expect(good);
            assert!(!format!("{url:?}").contains("secret"));
        }
        for bad in [
            "",
            "mail.example.org",
            "http://secret@mail.example.org",
            "smtp://",
        ] {
            let words = SmtpUrl::parse(bad).expect_err(bad);
            assert!(!words.contains("secret"));
        }
    }
}
