//! Migrations, up and down, with rows in the tables; and what the schema says of itself.

use breakmywork_protocol::db::MIGRATOR;
use sqlx::migrate::MigrationType;
use sqlx::{AssertSqlSafe, PgPool};
use std::path::Path;

/// Every migration over the rows of all before it: what works on an empty table may fail on a full one.
#[sqlx::test(migrations = false)]
async fn each_applies_over_rows_and_all_go_back(pool: PgPool) -> anyhow::Result<()> {
    // The server's template may have the schema already.
    sqlx::raw_sql("drop schema public cascade; create schema public")
        .execute(&pool)
        .await?;
    let up = |kind: MigrationType| kind == MigrationType::ReversibleUp;
    for migration in MIGRATOR
        .iter()
        .filter(|migration| up(migration.migration_type))
    {
        sqlx::raw_sql(migration.sql.clone()).execute(&pool).await?;
        let name = format!(
            "{}_{}.sql",
            migration.version,
            migration.description.replace(' ', "_")
        );
        let rows = std::fs::read_to_string(Path::new("tests/data/migrations").join(&name))
            .map_err(|error| {
                anyhow::anyhow!(
                    "a migration needs sample rows in tests/data/migrations/{name}: {error}"
                )
            })?;
        sqlx::raw_sql(AssertSqlSafe(rows)).execute(&pool).await?;
    }
    let mut down: Vec<_> = MIGRATOR
        .iter()
        .filter(|migration| migration.migration_type == MigrationType::ReversibleDown)
        .collect();
    down.reverse();
    for migration in down {
        sqlx::raw_sql(migration.sql.clone()).execute(&pool).await?;
    }
    let left: Vec<String> = sqlx::query_scalar(
        "select relname::text from pg_class where relnamespace = 'public'::regnamespace
         union all select proname::text from pg_proc where pronamespace = 'public'::regnamespace",
    )
    .fetch_all(&pool)
    .await?;
    assert_eq!(left, Vec::<String>::new(), "left behind by the way down");
    Ok(())
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn every_table_column_and_index_says_what_it_is_for(pool: PgPool) -> sqlx::Result<()> {
    let silent: Vec<String> = sqlx::query_scalar(
        "select c.relname || coalesce('.' || a.attname, '') from pg_class c
         left join lateral (select attname, attnum from pg_attribute where attrelid = c.oid and attnum > 0 and not attisdropped
                            union all select null, 0) a on c.relkind = 'r' or a.attnum = 0
         where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'i') and c.relname <> '_sqlx_migrations'
           -- An index that a constraint made is explained by the constraint's name.
           and not exists (select from pg_constraint where conindid = c.oid and contype in ('p', 'u'))
           and col_description(c.oid, a.attnum) is null and (a.attnum > 0 or obj_description(c.oid, 'pg_class') is null)
           and not (c.relkind = 'i' and a.attnum > 0)
         order by 1",
    )
    .fetch_all(&pool)
    .await?;
    assert_eq!(silent, Vec::<String>::new(), "without a comment");
    Ok(())
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn every_constraint_has_a_name_that_says_what_holds(pool: PgPool) -> sqlx::Result<()> {
    let unnamed: Vec<String> = sqlx::query_scalar(
        "select conname::text from pg_constraint
         where connamespace = 'public'::regnamespace and contype in ('c', 'f', 'u')
           and conname ~ '_(check[0-9]*|fkey[0-9]*|key[0-9]*)$'",
    )
    .fetch_all(&pool)
    .await?;
    assert_eq!(
        unnamed,
        Vec::<String>::new(),
        "named by Postgres and not by us"
    );
    Ok(())
}
