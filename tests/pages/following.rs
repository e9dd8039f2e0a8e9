//! Following, and the inbox: who is told of what, once, and nobody of what is sealed.

use crate::support::*;
use axum::http::StatusCode;
use breakmywork::{auth::account::Role, db::claims};
use breakmywork_protocol::{db::MIGRATOR, id::ClaimId, news};
use sqlx::PgPool;

/// What an inbox lists, newest first: each notice's sentence.
fn told(page: &str) -> Vec<String> {
    let list = page.split_once("class=\"inbox\"");
    list.map_or("", |(_, list)| list)
        .split("<li")
        .skip(1)
        .filter_map(|item| item.split_once("<a href=\"")?.1.split_once('>'))
        .filter_map(|(_, rest)| rest.split_once("</a>"))
        .map(|(sentence, _)| sentence.to_owned())
        .collect()
}

async fn inbox(browser: &Browser) -> Vec<String> {
    told(&browser.get("/inbox").await.text())
}

pub(crate) async fn comment(browser: &Browser, site: &Site, path: &str, words: &str) {
    let (table, id) = path[1..].rsplit_once('/').expect("a path");
    let query = match table {
        "claims" => "select thread_id from claim where id = $1",
        _ => "select thread_id from experiment where id = $1",
    };
    let thread: i64 = sqlx::query_scalar(query)
        .bind(id.parse::<i64>().expect("a number"))
        .fetch_one(&site.pool)
        .await
        .expect("a thread");
    let form = [("body", words), ("action", "post")];
    let answer = browser
        .post(&format!("/threads/{thread}/comments"), &form)
        .await;
    answer.assert_status_see_other();
}

async fn follow(browser: &Browser, path: &str, level: &str) {
    let answer = browser
        .post(&format!("{path}/follow"), &[("level", level)])
        .await;
    assert_eq!(location(&answer), path);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn comments_of_one_discussion_are_one_row(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let bob = site.signed_in("bob", Role::Member).await;
    let path = ada.registered(&site).await;
    for words in ["One.", "Two.", "Three."] {
        comment(&bob, &site, &path, words).await;
    }
    let row = "3 comments on experiment 1, the newest by bob";
    assert_eq!(inbox(&ada).await, [row]);
    let page = ada.get("/inbox").await.text();
    assert!(!page.contains("You are answered"));
    let (_, form) = page.split_once("class=\"unread\"").expect("it is unread");
    let (_, form) = form.split_once("action=\"").expect("a form");
    let address = form.split('"').next().expect("an address");
    let fields = fields(form);
    let fields: Vec<(&str, &str)> = fields
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    ada.post(address, &fields).await.assert_status_see_other();
    assert!(told(&ada.get("/inbox?unread=1").await.text()).is_empty());
    // An answer to one's own words is told as one; what was read stays a row of its own.
    comment(&ada, &site, &path, "Four.").await;
    let own: i64 = sqlx::query_scalar("select max(id) from comment where kind = 'comment'")
        .fetch_one(&site.pool)
        .await
        .expect("a number");
    let answer = [("body", "Five."), ("action", "post")];
    let answer = bob.post(&format!("/comments/{own}/replies"), &answer).await;
    answer.assert_status_see_other();
    assert_eq!(inbox(&ada).await, ["bob commented on experiment 1", row]);
    assert!(ada.get("/inbox").await.text().contains("You are answered"));
    // What somebody said stands on their page, until they take it back.
    let page = ada.get("/people/bob").await.text();
    assert!(
        page.contains("Newest comments") && page.contains("Five."),
        "{page}"
    );
    assert!(!page.contains("Four."));
    let last: i64 = sqlx::query_scalar("select max(id) from comment where kind = 'comment'")
        .fetch_one(&site.pool)
        .await
        .expect("a number");
    let deleted = bob.post(&format!("/comments/{last}/delete"), &[]).await;
    deleted.assert_status_see_other();
    assert!(!ada.get("/people/bob").await.text().contains("Five."));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn who_proposes_and_who_comments_is_told(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let bob = site.signed_in("bob", Role::Member).await;
    let eve = site.signed_in("eve", Role::Member).await;
    let path = ada.registered(&site).await;
    comment(&bob, &site, &path, "Why that margin?").await;
    assert_eq!(inbox(&ada).await, ["bob commented on experiment 1"]);
    assert!(
        inbox(&bob).await.is_empty(),
        "nobody is told of their own words"
    );
    comment(&ada, &site, &path, "It is a tenth.").await;
    assert_eq!(inbox(&bob).await, ["ada commented on experiment 1"]);
    site.train_all().await;
    for reader in [&ada, &bob] {
        let told = inbox(reader).await;
        assert_eq!(told[0], "Supported: experiment 1 on claim C2", "{told:?}");
        assert_eq!(told.len(), 2, "{told:?}");
    }
    assert!(inbox(&eve).await.is_empty());
    // The number in the header, and what empties it.
    let header = |page: String| page.split("<main").next().expect("a header").to_owned();
    let page = ada.get("/").await.text();
    assert!(header(page).contains(">2<span class=\"visually-hidden\"> unread"));
    let newest: i64 = sqlx::query_scalar("select max(news_id) from notice")
        .fetch_one(&site.pool)
        .await
        .expect("a number");
    let opened = ada.post(&format!("/inbox/{newest}/open"), &[]).await;
    assert_eq!(location(&opened), path);
    assert!(
        header(ada.get("/").await.text()).contains(">1<span class=\"visually-hidden\"> unread")
    );
    assert_eq!(told(&ada.get("/inbox?unread=1").await.text()).len(), 1);
    // What came after the page was made stays unread.
    let until = newest.to_string();
    comment(&bob, &site, &path, "Thank you.").await;
    let all = ada.post("/inbox/read", &[("until", &until)]).await;
    assert_eq!(location(&all), "/inbox");
    assert!(
        header(ada.get("/").await.text()).contains(">1<span class=\"visually-hidden\"> unread")
    );
    // Nobody opens the inbox of somebody else.
    let foreign = eve.post(&format!("/inbox/{newest}/open"), &[]).await;
    foreign.assert_status(StatusCode::NOT_FOUND);
    assert!(location(&site.browser().get("/inbox").await).starts_with("/sign-in"));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn the_nearest_wish_decides(pool: PgPool) {
    let site = Site::new(pool).await;
    site.widen("C2").await;
    let claim = format!("/claims/{}", site.claim("C2").await);
    let ada = site.signed_in("ada", Role::Member).await;
    let work = site.signed_in("of-the-work", Role::Member).await;
    let verdicts = site.signed_in("verdicts-only", Role::Member).await;
    let muted = site.signed_in("muted", Role::Member).await;
    let stopped = site.signed_in("stopped", Role::Member).await;
    let path = ada.registered(&site).await;
    follow(&work, "/works/recurrent-dropout", "all").await;
    follow(&verdicts, &claim, "verdicts").await;
    follow(&muted, &claim, "all").await;
    follow(&muted, &path, "muted").await;
    follow(&stopped, &path, "all").await;
    follow(&stopped, &path, "none").await;
    comment(&ada, &site, &path, "About the experiment.").await;
    comment(&ada, &site, &claim, "About the claim.").await;
    site.train_all().await;
    let standing = "Claim C2 is now standing";
    let result = "Supported: experiment 1 on claim C2";
    assert_eq!(inbox(&work).await, [standing, result]);
    assert_eq!(inbox(&verdicts).await, [standing, result]);
    assert_eq!(inbox(&muted).await, [standing, "ada commented on claim C2"]);
    assert!(inbox(&stopped).await.is_empty());
    // A muted thread stays muted for who comments there.
    comment(&muted, &site, &path, "One word.").await;
    comment(&ada, &site, &path, "Another.").await;
    assert_eq!(inbox(&muted).await.len(), 2);
    // The list of it all, with its buttons.
    let page = muted.get("/inbox/following").await.text();
    assert!(
        page.contains(&format!("action=\"{path}/follow\"")),
        "{page}"
    );
    assert!(page.contains("value=\"muted\" aria-pressed=\"true\">Muted"));
    let form = [("level", "all"), ("from", "list")];
    let answer = muted.post(&format!("{path}/follow"), &form).await;
    assert_eq!(location(&answer), "/inbox/following");
    let page = muted.get(&path).await.text();
    assert!(page.contains("value=\"all\" aria-pressed=\"true\">Everything"));
    for (path, level) in [
        ("/experiments/99", "all"),
        ("/claims/99", "all"),
        ("/works/none", "all"),
    ] {
        let answer = ada
            .post(&format!("{path}/follow"), &[("level", level)])
            .await;
        answer.assert_status(StatusCode::NOT_FOUND);
    }
    let answer = ada
        .post(&format!("{path}/follow"), &[("level", "some")])
        .await;
    answer.assert_status(StatusCode::BAD_REQUEST);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn disputes_and_standings_are_told_as_they_are(pool: PgPool) {
    let site = Site::new(pool).await;
    site.widen("C2").await;
    let ada = site.signed_in("ada", Role::Member).await;
    let eve = site.signed_in("eve", Role::Member).await;
    let moderator = site.signed_in("mia", Role::Moderator).await;
    let claim = site.claim("C2").await;
    follow(&eve, &format!("/claims/{claim}"), "all").await;
    let path = ada.registered(&site).await;
    site.train_all().await;
    let told_standing = async || {
        let told: String = sqlx::query_scalar("select standing_told from claim where id = $1")
            .bind(claim)
            .fetch_one(&site.pool)
            .await
            .expect("a word");
        let shown = claims::find(&site.pool, ClaimId(claim))
            .await
            .expect("asks");
        let shown = format!("{:?}", shown.expect("a claim").standing()).to_lowercase();
        assert!(shown.starts_with(&told), "{shown} is told as {told}");
        told
    };
    assert_eq!(told_standing().await, "standing");
    let dispute = [("words", "The data are suspect.")];
    moderator
        .post(&format!("{path}/dispute"), &dispute)
        .await
        .assert_status_see_other();
    assert_eq!(told_standing().await, "untested");
    let answer = [("words", "They are not.")];
    ada.post(&format!("{path}/dispute/answer"), &answer)
        .await
        .assert_status_see_other();
    let resolve = [("words", "They are not.")];
    moderator
        .post(&format!("{path}/dispute/resolve"), &resolve)
        .await
        .assert_status_see_other();
    assert_eq!(told_standing().await, "standing");
    assert_eq!(
        inbox(&eve).await,
        [
            "Claim C2 is now standing",
            "mia resolved the dispute of experiment 1",
            "ada answered what is disputed of experiment 1",
            "Claim C2 is now untested again",
            "mia disputes experiment 1",
            "Claim C2 is now standing",
            "Supported: experiment 1 on claim C2",
        ]
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn of_what_is_sealed_no_word_is_told(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let eve = site.signed_in("eve", Role::Member).await;
    let fields = [("title", "The zanzibar plan"), ("seal_days", "30")];
    let path = location(&ada.propose(&site, &fields).await);
    ada.post(&format!("{path}/register"), &[])
        .await
        .assert_status_see_other();
    let page = eve.get(&path).await.text();
    assert!(page.contains("Follow this experiment"), "{page}");
    follow(&eve, &path, "all").await;
    comment(&ada, &site, &path, "Wait for it.").await;
    for address in ["/inbox", "/inbox/following", &path] {
        let page = eve.get(address).await.text();
        assert!(page.contains("Sealed experiment"), "{address}");
        assert!(!page.contains("zanzibar"), "{address}");
    }
    site.train_all().await;
    assert!(
        eve.get("/inbox").await.text().contains("zanzibar"),
        "its end opens it"
    );
    let told = inbox(&eve).await;
    assert_eq!(told.len(), 3, "{told:?}");
    assert_eq!(told[1], "Experiment 1 was opened: it had been sealed");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_crowd_is_told_step_by_step_and_everybody_once(pool: PgPool) {
    const CROWD: i64 = 2_350;
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let path = ada.registered(&site).await;
    sqlx::query(
        "with crowd as (
           insert into account (name, password_hash, disabled_at, disabled_reason)
           select 'reader-' || n, 'x', case when n = 7 then now() end, case when n = 7 then 'gone' end
           from generate_series(1, $1) n returning id
         ), of_claim as (insert into follow (account_id, claim_id) select id, $2 from crowd)
         insert into follow (account_id, work_id) select crowd.id, work_id from crowd, claim where claim.id = $2",
    )
    .bind(CROWD)
    .bind(site.claim("C2").await)
    .execute(&site.pool)
    .await
    .expect("a crowd");
    site.train_all().await;
    let told = async || {
        sqlx::query_scalar::<_, i64>(
            "select count(*) from notice join news on news.id = news_id where kind = 'result'",
        )
        .fetch_one(&site.pool)
        .await
        .expect("counts")
    };
    assert_eq!(
        told().await,
        99,
        "the first hundred, but one that is disabled"
    );
    assert_eq!(inbox(&ada).await.len(), 1);
    // Two servers do so at once.
    let (one, other) = tokio::join!(news::spread_left(&site.pool), news::spread_left(&site.pool));
    one.and(other).expect("tells");
    news::spread_left(&site.pool).await.expect("tells");
    assert_eq!(told().await, CROWD, "all but one, and ada");
    let left: i64 = sqlx::query_scalar("select count(*) from news where spread_after is not null")
        .fetch_one(&site.pool)
        .await
        .expect("counts");
    assert_eq!(left, 0);
    assert!(path.ends_with("/1"));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn who_is_named_is_told_once_and_not_where_it_is_muted(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let path = ada.registered(&site).await;
    let follower = site.account("follower", Role::Member).await;
    let stranger = site.account("stranger", Role::Member).await;
    let muted = site.account("muted", Role::Member).await;
    site.account("bystander", Role::Member).await;
    sqlx::query("insert into follow (account_id, experiment_id, level) values ($1, 1, 'all'), ($2, 1, 'muted')")
        .bind(follower.0)
        .bind(muted.0)
        .execute(&site.pool)
        .await
        .expect("follows");
    let words =
        "What do you say, @follower, @stranger, @muted, @nobody-here and @ada? `@bystander`";
    comment(&ada, &site, &path, words).await;
    let told: Vec<(i64, bool)> =
        sqlx::query_as("select account_id, mentioned from notice order by account_id")
            .fetch_all(&site.pool)
            .await
            .expect("asks");
    assert_eq!(told, [(follower.0, true), (stranger.0, true)]);
    let form = [("name", "stranger"), ("password", PASSWORD)];
    let stranger = site.browser();
    stranger
        .post("/sign-in", &form)
        .await
        .assert_status_see_other();
    let page = stranger.get("/inbox").await.text();
    assert!(page.contains("You are mentioned:"), "{page}");
}

/// A verdict comes although nobody can be told of it.
#[sqlx::test(migrator = "MIGRATOR")]
async fn no_verdict_waits_for_who_follows(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let path = ada.registered(&site).await;
    sqlx::raw_sql("alter table notice add constraint notice_refuses check (false)")
        .execute(&site.pool)
        .await
        .expect("refuses");
    site.train_all().await;
    assert!(ada.get(&path).await.text().contains("Verdict, "));
}
