//! A page of a discussion costs the same however long it is, in every order and from any place.

use crate::support::Site;
use breakmywork::auth::account::Role;
use breakmywork::db::comments::{self, Limits, Order, Place, Reading, Whose};
use breakmywork_protocol::db::MIGRATOR;
use breakmywork_protocol::id::{CommentId, ThreadId};
use sqlx::{PgPool, postgres::PgPoolOptions};

/// Rows of comments that the database reads for one page.
async fn rows_read(pool: &PgPool, thread: ThreadId, reading: Reading) -> i64 {
    let read = async || -> i64 {
        for _ in 0..2 {
            sqlx::query("select pg_stat_force_next_flush()")
                .execute(pool)
                .await
                .expect("asks");
        }
        sqlx::query_scalar("select seq_tup_read + coalesce(idx_tup_fetch, 0) from pg_stat_user_tables where relname = 'comment'")
            .fetch_one(pool)
            .await
            .expect("asks")
    };
    let before = read().await;
    // As often as a statement is planned anew, and once more.
    for _ in 0..7 {
        comments::page(pool, thread, reading).await.expect("a page");
    }
    (read().await - before) / 7
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_page_of_a_discussion_costs_the_same_in_a_longer_one(pool: PgPool) {
    let site = Site::new(pool).await;
    site.account("ada", Role::Member).await;
    let one = PgPoolOptions::new()
        .max_connections(1)
        .connect_with((*site.pool.connect_options()).clone());
    let one = one.await.expect("connects");
    let thread = ThreadId(1);
    // Each third begins a conversation, which the two after it answer.
    let more = "do $$ declare first bigint; begin
        for g in 1..3000 loop
            insert into comment (thread_id, author_id, body, html, html_version)
            select 1, min(id), 'so it is', '<p>so it is</p>', 2 from account returning id into first;
            insert into comment (thread_id, author_id, body, html, html_version, reply_to)
            select 1, min(account.id), 'is it?', '<p>is it?</p>', 2, first from account, generate_series(1, 2);
        end loop; end $$; analyze comment";
    let limits = Limits {
        posts: 20,
        bytes: 100_000,
    };
    let mut costs = Vec::new();
    for _ in 0..2 {
        sqlx::raw_sql(more)
            .execute(&site.pool)
            .await
            .expect("fills");
        let mut cost = Vec::new();
        for order in [Order::Conversation, Order::Oldest, Order::Newest] {
            for whose in [Whose::All, Whose::People, Whose::Machine] {
                for place in [
                    Place::After(CommentId(0)),
                    Place::After(CommentId(4_000)),
                    Place::Before(CommentId(4_000)),
                    Place::Around(CommentId(4_000)),
                ] {
                    let reading = Reading {
                        place,
                        limits,
                        order,
                        whose,
                    };
                    cost.push((reading, rows_read(&one, thread, reading).await));
                }
            }
        }
        costs.push(cost);
    }
    for ((reading, before), (_, after)) in costs[0].iter().zip(&costs[1]) {
        assert!(
            *after <= before + 20 && *after < 200,
            "{reading:?}: {before} rows, then {after}"
        );
    }
}
