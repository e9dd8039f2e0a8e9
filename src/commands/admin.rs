//! The first admin, made by the first `up`.

use super::password;
use crate::auth::account::Role;
use crate::auth::password::hash_now;
use crate::db::accounts;
use anyhow::Context;
use sqlx::PgPool;
use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

const NAME: &str = "admin";

/// How somebody signs in as the first admin.
pub(super) enum FirstAdmin {
    /// Made just now, with this password, which is also in the file.
    Made { password: String, file: PathBuf },
    /// Made before.
    Exists { file: Option<PathBuf> },
}

impl FirstAdmin {
    /// Makes the account if there is none of that name.
    pub(super) async fn ensure(pool: &PgPool, data_dir: &Path) -> anyhow::Result<Self> {
        let file = data_dir.join("admin-password");
        if accounts::find(pool, NAME).await?.is_some() {
            return Ok(Self::Exists {
                file: file.exists().then_some(file),
            });
        }
        let password = password::generate();
        // The file first: an account whose password nobody knows would be worse than a file without an account.
        write_private(&file, &password)
            .with_context(|| format!("Cannot write {}", file.display()))?;
        let mut tx = pool.begin().await?;
        let made = accounts::create(&mut *tx, NAME, &hash_now(&password)?, Role::Admin).await?;
        let Some(account) = made else {
            return Ok(Self::Exists { file: None });
        };
        accounts::set_role(&mut tx, account, Role::Admin).await?;
        tx.commit().await?;
        Ok(Self::Made { password, file })
    }

    /// What a person needs to know.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Made { password, file } => format!(
                "Sign in as {NAME} with the password {password} (kept in {}; this is the only time it is shown).",
                file.display()
            ),
            Self::Exists { file: Some(file) } => format!(
                "Sign in as {NAME}; the password of the first start is in {}. Forgotten: breakmywork user password {NAME}.",
                file.display()
            ),
            Self::Exists { file: None } => {
                format!(
                    "The account {NAME} exists. Password forgotten: breakmywork user password {NAME}."
                )
            }
        }
    }
}

/// Writes a file that only we can read, whatever was there before.
fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let draft = path.with_extension("new");
    if draft.exists() {
        fs::remove_file(&draft)?;
    }
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&draft)?;
    writeln!(file, "{text}")?;
    file.sync_all()?;
    fs::rename(&draft, path)
}
