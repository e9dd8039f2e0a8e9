//! Where an account wants mail, and which: what pages and REST have in common.

use crate::config::Settings;
use crate::db::accounts;
use crate::db::mail::{self, Wish};
use crate::error::{Error, Result};
use breakmywork_protocol::id::AccountId;
use lettre::Address;
use sqlx::PgConnection;

/// Mails that ask to confirm, within a day: to one address, and of one account.
const ASKED_A_DAY: i64 = 3;
/// Longest address, as the table's constraint has it.
const LONGEST: usize = 254;

/// Stores where mail goes and which. A new address is asked to confirm before anything else is sent to it; an empty one
/// ends all mail.
///
/// # Errors
/// No address, one that was asked too often, or a board without mail.
pub async fn store(
    tx: &mut PgConnection,
    settings: &Settings,
    account: AccountId,
    address: &str,
    wish: Wish,
) -> Result<()> {
    if !settings.sends_mail() {
        return Err(Error::Conflict(
            "This board sends no mail; its operator has set up no mail server.".to_owned(),
        ));
    }
    accounts::lock(&mut *tx, account).await?;
    let address = address.trim();
    if address.is_empty() {
        return Ok(mail::remove(tx, account).await?);
    }
    let address = checked(address).map_err(|detail| Error::field("/address", detail))?;
    let known = mail::mailbox(&mut *tx, account).await?;
    if known.is_some_and(|known| known.address == address && known.confirmed_at.is_some()) {
        return Ok(mail::set_wish(tx, account, wish).await?);
    }
    let (of_account, to_address) = mail::asked(&mut *tx, account, &address).await?;
    if of_account >= ASKED_A_DAY || to_address >= ASKED_A_DAY {
        return Err(Error::TooMany {
            detail: format!(
                "{ASKED_A_DAY} mails that ask to confirm an address were sent within a day. Look for them, among the spam, too; or try again tomorrow."
            ),
            retry_after: 24 * 3600,
        });
    }
    mail::set(&mut *tx, account, &address, wish).await?;
    mail::ask(tx, account, &address).await?;
    Ok(())
}

fn checked(address: &str) -> Result<String, String> {
    let wrong = "This is no mail address. It must look like name@example.org.";
    if !address.is_ascii() {
        return Err("The address must be in plain letters: name@example.org.".to_owned());
    }
    let parsed: Address = address.parse().map_err(|_| wrong.to_owned())?;
    let address = parsed.to_string();
    // What is allowed between quotes can hold anything.
    let odd =
        |char: char| char.is_whitespace() || char.is_control() || "\"<>()[],;:\\".contains(char);
    if address.len() > LONGEST || address.contains(odd) || !parsed.domain().contains('.') {
        return Err(wrong.to_owned());
    }
    Ok(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_plain_address_is_an_address() {
        for good in ["ada@example.org", "ada+board@mail.example.org"] {
            assert_eq!(checked(good).as_deref(), Ok(good));
        }
        for bad in [
            "ada",
            "ada@",
            "@example.org",
            "ada@localhost",
            "ada@example.org, eve@example.org",
            "ada@example.org\r\nBcc: eve@example.org",
            "ada@example.org\nBcc: eve@example.org",
            "\"a\r\nb\"@example.org",
            "<ada@example.org>",
            "ädä@example.org",
            &format!("{}@example.org", "a".repeat(300)),
        ] {
            assert!(checked(bad).is_err(), "{bad}");
        }
    }
}
