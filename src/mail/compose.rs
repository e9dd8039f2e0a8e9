//! What a mail says, written when it is sent.

use crate::config::Settings;
use crate::db::{
    comments,
    mail::{self, Due, Kind, Mailbox},
    news::{self, Notice},
    resets,
};
use crate::render::news_words;
use crate::state::AppState;
use askama::Template;
use breakmywork_protocol::id::NewsId;
use breakmywork_protocol::text;
use chrono::{DateTime, Utc};
use lettre::Address;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox as Recipient, Message};

/// Longest subject, in characters.
const SUBJECT_CHARS: usize = 180;
/// Notices that a digest lists.
const LISTED: i64 = 100;

/// Why there is no mail.
#[derive(Debug)]
pub enum Error {
    /// The database is away: it is tried again.
    Database(sqlx::Error),
    /// It cannot be written.
    Message(String),
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

fn unwritten(error: impl std::fmt::Display) -> Error {
    Error::Message(error.to_string())
}

/// A verdict on something that is followed.
#[derive(Debug, Template)]
#[template(path = "mail_verdict.txt")]
struct Verdict {
    title: String,
    claim: String,
    post: String,
    url: String,
    foot: Foot,
}

/// What is new since the last digest.
#[derive(Debug, Template)]
#[template(path = "mail_digest.txt")]
struct Digest {
    lines: Vec<(String, String, String)>,
    more: bool,
    inbox: String,
    foot: Foot,
}

/// How to be told otherwise.
#[derive(Debug, Template)]
#[template(path = "mail_foot.txt")]
struct Foot {
    name: String,
    following: String,
    account: String,
    unsubscribe: String,
}

/// Asks whether an address is that of who gave it.
#[derive(Debug, Template)]
#[template(path = "mail_confirmation.txt")]
struct Confirmation {
    name: String,
    home: String,
    url: String,
}

/// Has a link for a new password.
#[derive(Debug, Template)]
#[template(path = "mail_reset.txt")]
struct Reset {
    name: String,
    home: String,
    url: String,
    minutes: i32,
}

/// The mail; none if it is not wanted any more, or of what is not to be seen any more.
///
/// # Errors
/// If the database is away, or a part of it cannot stand in a mail.
pub async fn message(state: &AppState, due: &Due) -> Result<Option<Message>, Error> {
    let Some(mailbox) = mail::mailbox_to_send(&state.pool, due.account).await? else {
        return Ok(None);
    };
    match due.kind {
        Kind::Confirmation => confirmation(state, due, mailbox).await,
        Kind::Reset if mailbox.gets(Kind::Reset) => reset(state, due, mailbox).await,
        Kind::Reset => Ok(None),
        Kind::Verdict => match due.news {
            Some(news) if mailbox.gets(Kind::Verdict) => verdict(state, due, mailbox, news).await,
            _ => Ok(None),
        },
        Kind::Digest => match due.since {
            Some(since) if mailbox.gets(Kind::Digest) => digest(state, due, mailbox, since).await,
            _ => Ok(None),
        },
    }
}

async fn confirmation(
    state: &AppState,
    due: &Due,
    mailbox: Mailbox,
) -> Result<Option<Message>, Error> {
    // Another address was given meanwhile, or it was confirmed by an earlier mail.
    if mailbox.confirmed_at.is_some() || due.address.as_ref() != Some(&mailbox.address) {
        return Ok(None);
    }
    let secret = mail::new_secret(&state.pool, due.account).await?;
    let body = Confirmation {
        url: state.settings.address(&format!("/mail/confirm/{secret}")),
        home: state.settings.address("/"),
        name: mailbox.name.clone(),
    };
    let subject = "Confirm your address for Break My Work";
    letter(&state.settings, due, &mailbox, subject, &body, None).map(Some)
}

async fn reset(state: &AppState, due: &Due, mailbox: Mailbox) -> Result<Option<Message>, Error> {
    let secret = resets::new_secret(&state.pool, due.account).await?;
    let body = Reset {
        url: state
            .settings
            .address(&format!("/sign-in/new-password/{secret}")),
        home: state.settings.address("/"),
        name: mailbox.name.clone(),
        minutes: resets::MINUTES,
    };
    let subject = "A new password for Break My Work";
    letter(&state.settings, due, &mailbox, subject, &body, None).map(Some)
}

async fn verdict(
    state: &AppState,
    due: &Due,
    mailbox: Mailbox,
    id: NewsId,
) -> Result<Option<Message>, Error> {
    let Some(news) = news::rows(&state.pool, &[id]).await?.pop() else {
        return Ok(None);
    };
    let posts: Vec<_> = news.comment.into_iter().collect();
    let Some(post) = comments::rows(&state.pool, &posts).await?.pop() else {
        return Ok(None);
    };
    let post = plain(&post.body);
    let said = post.lines().next().unwrap_or_default();
    // The post begins with the outcome, and so does the sentence.
    let said = said.split_once(". ").map_or(said, |(_, said)| said);
    let subject = format!("{}. {said}", news_words::sentence(&news));
    let foot = Foot::of(state, &mailbox);
    let unsubscribe = foot.unsubscribe.clone();
    let body = Verdict {
        title: news_words::subject(&news).to_owned(),
        claim: format!("{}: {}", news.claim_label, news.claim_sentence),
        url: state.settings.address(&news_words::address(&news)),
        post,
        foot,
    };
    letter(
        &state.settings,
        due,
        &mailbox,
        &subject,
        &body,
        Some(&unsubscribe),
    )
    .map(Some)
}

async fn digest(
    state: &AppState,
    due: &Due,
    mailbox: Mailbox,
    since: DateTime<Utc>,
) -> Result<Option<Message>, Error> {
    let newest = NewsId(i64::MAX);
    let unread = news::inbox(&state.pool, due.account, true, newest, LISTED + 1).await?;
    let new: Vec<Notice> = unread
        .into_iter()
        .filter(|notice| notice.news.created_at > since)
        .collect();
    if new.is_empty() {
        return Ok(None);
    }
    let more = new.len() as i64 > LISTED;
    let subject = match (new.as_slice(), more) {
        ([only], _) => news_words::sentence(&only.news),
        (_, true) => format!("More than {LISTED} news of what you follow"),
        (all, false) => format!("{} news of what you follow", all.len()),
    };
    let line = |notice: &Notice| {
        let news = &notice.news;
        (
            news_words::sentence(news),
            news_words::subject(news).to_owned(),
            state.settings.address(&news_words::address(news)),
        )
    };
    let foot = Foot::of(state, &mailbox);
    let unsubscribe = foot.unsubscribe.clone();
    let body = Digest {
        lines: new.iter().take(LISTED as usize).map(line).collect(),
        more,
        inbox: state.settings.address("/inbox"),
        foot,
    };
    letter(
        &state.settings,
        due,
        &mailbox,
        &subject,
        &body,
        Some(&unsubscribe),
    )
    .map(Some)
}

impl Foot {
    fn of(state: &AppState, mailbox: &Mailbox) -> Self {
        Self {
            name: mailbox.name.clone(),
            following: state.settings.address("/inbox/following"),
            account: state.settings.address("/account#mail"),
            unsubscribe: state
                .settings
                .address(&format!("/unsubscribe/{}", mailbox.unsubscribe_key)),
        }
    }
}

/// A mail. Whatever people typed is one line of the subject, or text of the body, and never a header.
fn letter(
    settings: &Settings,
    due: &Due,
    mailbox: &Mailbox,
    subject: &str,
    body: &impl Template,
    unsubscribe: Option<&str>,
) -> Result<Message, Error> {
    let from = settings
        .mail_from
        .clone()
        .ok_or_else(|| unwritten("no sender is configured"))?;
    let address: Address = mailbox.address.parse().map_err(unwritten)?;
    let subject: String = subject
        .chars()
        .map(|char| if char.is_control() { ' ' } else { char })
        .collect();
    let header = |name: &'static str, value: &str| {
        HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
    };
    let mut message = Message::builder()
        .from(from)
        .to(Recipient::new(Some(mailbox.name.clone()), address))
        .subject(text::cut(&subject, SUBJECT_CHARS))
        // The same at every try, so that a mailbox can tell one that came twice all the same.
        .message_id(Some(format!("<mail-{}@{}>", due.id, settings.host())))
        .raw_header(header("Auto-Submitted", "auto-generated"))
        .header(ContentType::TEXT_PLAIN);
    if let Some(url) = unsubscribe {
        message = message
            .raw_header(header("List-Unsubscribe", &format!("<{url}>")))
            .raw_header(header(
                "List-Unsubscribe-Post",
                "List-Unsubscribe=One-Click",
            ));
    }
    let body = body.render().map_err(unwritten)?;
    message.body(body).map_err(unwritten)
}

/// Markdown of the machine as plain text: without bold, and with what was escaped as it was.
fn plain(markdown: &str) -> String {
    let mut text = String::with_capacity(markdown.len());
    let mut letters = markdown.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' if letters.peek().is_some_and(char::is_ascii_punctuation) => {
                text.extend(letters.next());
            }
            '*' if letters.peek() == Some(&'*') => {
                letters.next();
            }
            letter => text.push(letter),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machines_markdown_reads_as_text() {
        let post = "**Supported.** \"a \\*b\\*\" beats \\\\ \"c\".\n\nMore **of** it.";
        assert_eq!(
            plain(post),
            "Supported. \"a *b*\" beats \\ \"c\".\n\nMore of it."
        );
    }
}
