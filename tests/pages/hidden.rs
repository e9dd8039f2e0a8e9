//! What is hidden stays hidden by every way in: the text of a hidden comment, and where somebody gets mail. As with what is
//! sealed, it becomes something else in the database, and nobody is told anything else than before.

use crate::sealed::{Told, timeless};
use crate::support::{Browser, Site, location};
use axum::http::StatusCode;
use breakmywork::auth::{account::Role, token::Scope};
use breakmywork_protocol::db::MIGRATOR;
use sqlx::PgPool;
use std::collections::BTreeMap;

/// A word that stands in whatever is hidden.
const SECRET: &str = "zanzibar";

/// Everything that could show a comment of this discussion, or somebody's account.
async fn addresses(site: &Site, thread: i64, comment: i64) -> Vec<String> {
    let claim = site.claim("C2").await;
    let mut all: Vec<String> = [
        "/",
        "/works",
        "/works/recurrent-dropout",
        "/claims",
        "/experiments",
        "/experiments/1",
        "/experiments/1/live",
        "/experiments/1/embed",
        "/moderation",
        "/moderation/board",
        "/record",
        "/queue",
        "/metrics",
        "/inbox",
        "/inbox/following",
        "/account",
        "/people/ada",
        "/people/eve",
        "/people/fay",
        "/feed.atom",
        "/experiments/1/feed.atom",
        "/search?q=zanzibar",
        "/search?q=zanzibar&kind=comments",
        "/search?q=%22an+island+of%22&kind=comments",
        "/search?q=island+-zanzibar&kind=comments",
        "/search?q=zanzibar&kind=people",
        "/search?q=ada%40zanzibar.example&kind=people",
        "/search?q=%40ada",
        "/api/v1/search?q=zanzibar",
        "/api/v1/search?q=island&kind=comments",
        "/api/v1/search?q=zanzibar&kind=people",
        "/api/v1/works",
        "/api/v1/claims",
        "/api/v1/experiments",
        "/api/v1/experiments/1",
        "/api/v1/moderation",
        "/api/v1/record",
        "/api/v1/record/head",
        "/api/v1/inbox",
        "/api/v1/inbox?unread=true",
        "/api/v1/follows",
        "/api/v1/mail",
        "/api/v1/tokens",
        "/api/v1/sessions",
        "/api/v1/people/ada/forecast-score",
        "/api/v1/people/ada/unanswered",
        "/api/v1/queue",
    ]
    .map(str::to_owned)
    .to_vec();
    for part in [
        "",
        "?sort=newest",
        "?sort=conversation",
        "?sort=oldest",
        "?show=people",
        "?show=results",
        "?page=1",
        "/badge.svg",
        "/badge.json",
        "/report.md",
        "/report.tex",
        "/cite.bib",
        "/feed.atom",
        "/history",
    ] {
        all.push(format!("/claims/{claim}{part}"));
    }
    for part in ["", "/reply", "/edit", "/history"] {
        all.push(format!("/comments/{comment}{part}"));
    }
    for part in ["", "/versions"] {
        all.push(format!("/api/v1/comments/{comment}{part}"));
    }
    for part in [
        "",
        "?sort=newest",
        "?sort=conversation",
        "?show=people",
        "?limit=1",
        "?limit=1&cursor=1",
        "?cursor=2",
    ] {
        all.push(format!("/api/v1/threads/{thread}/comments{part}"));
    }
    all.push(format!("/api/v1/threads/{thread}/lock"));
    all
}

async fn told_to(readers: &[(&'static str, Browser)], addresses: &[String]) -> Told {
    let mut all = BTreeMap::new();
    for (who, reader) in readers {
        for address in addresses {
            let answer = reader.get(address).await;
            if let Some(etag) = answer.maybe_header("etag") {
                let again = reader
                    .get_knowing(address, etag.to_str().expect("text"))
                    .await;
                // Whoever is told that it is the same has it; a page that tells the time is another one a second later.
                let again = match again.status_code() {
                    StatusCode::NOT_MODIFIED => timeless(&answer),
                    _ => timeless(&again),
                };
                all.insert(format!("{address} again to {who}"), again);
            }
            all.insert(format!("{address} to {who}"), timeless(&answer));
        }
    }
    all
}

/// What is refused says no more than what is shown.
async fn refusals(readers: &[(&'static str, Browser)], comment: i64) -> Told {
    let mut all = BTreeMap::new();
    for (who, reader) in readers {
        for (what, form) in [
            ("edit", [("body", "x"), ("version", "1")].as_slice()),
            (
                "edit",
                &[("body", "x"), ("version", "2"), ("action", "post")],
            ),
            ("delete", &[]),
            ("reactions", &[("kind", "agree")]),
            ("appeal", &[("words", "")]),
            ("replies", &[("body", ""), ("action", "post")]),
        ] {
            let path = format!("/comments/{comment}/{what}");
            let answer = reader.post(&path, form).await;
            all.insert(format!("{what} {form:?} by {who}"), timeless(&answer));
        }
    }
    all
}

/// Nobody is told of the secret, and nobody of anything else once it is another one.
fn same(before: &Told, after: &Told) {
    for (what, (_, headers, body)) in before {
        // What was asked for comes back in the field for it.
        let body = body.replace(&format!("value=\"{SECRET}"), "");
        let whole = format!("{headers:?}{body}").to_lowercase();
        let asked = what.contains(SECRET);
        assert!(asked || !whole.contains(SECRET), "{what}: {whole}");
    }
    for (what, answer) in before {
        let (one, other) = (&after[what].2, &answer.2);
        let mut lines = one.lines().zip(other.lines());
        let differs = lines.find(|(one, other)| one != other);
        assert!(after[what] == *answer, "{what}: {differs:?}");
    }
}

async fn sql(site: &Site, text: &'static str) {
    sqlx::raw_sql(text).execute(&site.pool).await.expect(text);
}

async fn number(site: &Site, query: &'static str) -> i64 {
    let found = sqlx::query_scalar(query).fetch_one(&site.pool).await;
    found.expect(query)
}

/// A stranger, members, one of whom follows it and was told, and scripts.
async fn readers(site: &Site) -> Vec<(&'static str, Browser)> {
    let eve = site.signed_in("eve", Role::Member).await;
    let fay = site.signed_in("fay", Role::Member).await;
    let claim = site.claim("C2").await;
    for path in [
        format!("/claims/{claim}/follow"),
        "/experiments/1/follow".to_owned(),
    ] {
        let form = [("level", "all")];
        fay.post(&path, &form).await.assert_status_see_other();
    }
    let id = breakmywork::db::accounts::find(&site.pool, "fay").await;
    let id = id.expect("asks").expect("is there").id;
    let script = site.browser().bearing(&site.token(id, &Scope::ALL).await);
    vec![
        ("a stranger", site.browser()),
        ("a member", eve),
        ("a follower", fay),
        ("a script of the follower", script),
    ]
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn everybody_is_told_the_same_whatever_a_hidden_comment_says(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let mona = site.signed_in("mona", Role::Moderator).await;
    ada.registered(&site).await;
    let readers = readers(&site).await;
    let thread = number(
        &site,
        "select thread_id from claim where label = 'C2' order by id limit 1",
    )
    .await;
    let form = [
        (
            "body",
            "Zanzibar is *an island of* spices, zanzibar@zanzibar.example.",
        ),
        ("action", "post"),
    ];
    let to = location(
        &ada.post(&format!("/threads/{thread}/comments"), &form)
            .await,
    );
    let comment: i64 = to
        .rsplit('-')
        .next()
        .expect("a number")
        .parse()
        .expect("a number");
    let form = [
        ("body", "Zanzibar, edited: an island of spices."),
        ("version", "1"),
        ("action", "post"),
    ];
    let edit = format!("/comments/{comment}/edit");
    ada.post(&edit, &form).await.assert_status_see_other();
    let answer = [("body", "I disagree."), ("action", "post")];
    let replies = format!("/comments/{comment}/replies");
    mona.post(&replies, &answer).await.assert_status_see_other();
    let hide = format!("/comments/{comment}/hide");
    let addresses = addresses(&site, thread, comment).await;
    // Until it is hidden everybody reads it.
    let open = told_to(&readers[..1], &addresses).await;
    let telling = open
        .values()
        .filter(|(_, _, body)| body.contains("anzibar, edited"));
    assert!(telling.count() > 5);
    mona.post(&hide, &[("reason", "Off topic.")])
        .await
        .assert_status_see_other();

    // The first time may differ by itself: a token is used for the first time.
    told_to(&readers, &addresses).await;
    let before = told_to(&readers, &addresses).await;
    assert!(before.len() > 300, "{}", before.len());
    let refused = refusals(&readers, comment).await;
    sql(
        &site,
        "alter table comment disable trigger user; alter table comment_version disable trigger user;
         update comment set body = repeat('Another text. ', 500), html = repeat('<p>Another text.</p>', 500)
         where hidden_at is not null;
         update comment_version set body = 'Another first text.';
         alter table comment enable trigger user; alter table comment_version enable trigger user;",
    )
    .await;
    same(&before, &told_to(&readers, &addresses).await);
    same(&refused, &refusals(&readers, comment).await);
    // Its author and moderators do read it, on the page of the discussion.
    for (who, reader) in [("its author", &ada), ("a moderator", &mona)] {
        let page = reader
            .get(&format!("/claims/{}", site.claim("C2").await))
            .await;
        assert!(page.text().contains("Another text."), "{who}");
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn nobody_is_told_where_somebody_gets_mail(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    ada.registered(&site).await;
    let mut readers = readers(&site).await;
    readers.push(("a moderator", site.signed_in("mona", Role::Moderator).await));
    let root = site.signed_in("root", Role::Admin).await;
    let thread = number(
        &site,
        "select thread_id from claim where label = 'C2' order by id limit 1",
    )
    .await;
    let form = [("body", "Hello from an island."), ("action", "post")];
    let to = location(
        &ada.post(&format!("/threads/{thread}/comments"), &form)
            .await,
    );
    let comment: i64 = to
        .rsplit('-')
        .next()
        .expect("a number")
        .parse()
        .expect("a number");
    sql(
        &site,
        "insert into mailbox (account_id, address, wish, unsubscribe_key, confirmed_at)
         select id, 'ada@zanzibar.example', 'verdicts', repeat('a', 64), now() from account where name = 'ada'",
    )
    .await;
    let mut addresses = addresses(&site, thread, comment).await;
    let root_sees = ["/admin/people", "/admin/queue", "/people/ada"];
    told_to(&readers, &addresses).await;
    let before = told_to(&readers, &addresses).await;
    addresses.extend(root_sees.map(str::to_owned));
    let admins = [("an admin", root)];
    told_to(&admins, &addresses).await;
    let before_admin = told_to(&admins, &addresses).await;
    sql(
        &site,
        "update mailbox set address = 'quite.another.address@elsewhere.example', wish = 'digest', confirmed_at = null,
             confirm_hash = sha256('x'), unsubscribe_key = repeat('b', 64)",
    )
    .await;
    same(&before_admin, &told_to(&admins, &addresses).await);
    addresses.truncate(addresses.len() - root_sees.len());
    same(&before, &told_to(&readers, &addresses).await);
    // She reads it herself, where mail is sent at all and by script.
    let id = breakmywork::db::accounts::find(&site.pool, "ada").await;
    let id = id.expect("asks").expect("is there").id;
    let script = site
        .browser()
        .bearing(&site.token(id, &[Scope::Read]).await);
    let own = script.get("/api/v1/mail").await.text();
    assert!(
        own.contains("quite.another.address@elsewhere.example"),
        "{own}"
    );
}
