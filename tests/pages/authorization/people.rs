//! Everybody there is: with a browser, with a token of each scope, and with what is good no more.

use super::table::Route;
use crate::support::Site;
use axum::{http::header, response::Response};
use breakmywork::auth::{account::Role, client::Client, session, token::Scope};
use breakmywork_protocol::id::AccountId;

/// Who asks.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    pub(super) name: String,
    /// Of an account that is in; none of visitors.
    account: Option<AccountId>,
    /// Whether what is asked for is theirs.
    pub(super) owner: bool,
    pub(super) role: Role,
    pub(super) cookie: Option<String>,
    pub(super) token: Option<String>,
    /// What the token may do.
    scopes: Vec<Scope>,
}

/// How a refusal reads: to sign in, or not for you.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Nobody,
    Somebody,
}

impl Identity {
    fn visitor(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            account: None,
            owner: false,
            role: Role::Member,
            cookie: None,
            token: None,
            scopes: Vec::new(),
        }
    }

    /// What they may ask of a route as themselves; none where they are nobody. A cookie is nothing to REST, a token nothing
    /// to a page.
    pub(super) fn scopes_at(&self, route: &Route) -> Option<&[Scope]> {
        let known = match route.is_rest() {
            true => self.token.is_some(),
            false => self.cookie.is_some(),
        };
        (known && self.account.is_some()).then_some(&self.scopes)
    }

    pub(super) fn kind_at(&self, route: &Route) -> Kind {
        match self.scopes_at(route) {
            Some(_) => Kind::Somebody,
            None => Kind::Nobody,
        }
    }
}

/// All of them.
pub(super) struct People {
    browsers: Vec<Identity>,
    scripts: Vec<Identity>,
    /// Tokens of Ada and of the admin for each set of scopes that the table names.
    exact: Vec<Identity>,
}

impl People {
    /// Ada, whose things are on the board, and others with all roles.
    pub(super) async fn of(site: &Site) -> Self {
        let mut browsers = vec![Identity::visitor("a visitor")];
        let mut scripts = vec![Identity::visitor("a script without a token")];
        let mut exact = Vec::new();
        for (who, name) in [
            ("a member", "eve"),
            ("the owner", "ada"),
            ("a moderator", "mona"),
            ("an admin", "boss"),
        ] {
            let account = breakmywork::db::accounts::find(&site.pool, name).await;
            let account = account.expect("asks").expect("is there");
            let person = Identity {
                name: who.to_owned(),
                account: Some(account.id),
                owner: name == "ada",
                role: account.role,
                ..Identity::visitor("")
            };
            let with = async |name: String, scopes: &[Scope]| Identity {
                name,
                token: Some(site.token(account.id, scopes).await),
                scopes: scopes.to_vec(),
                ..person.clone()
            };
            browsers.push(Identity {
                cookie: Some(begin(site, account.id).await),
                ..person.clone()
            });
            scripts.push(with(format!("a script of {who}"), &Scope::ALL).await);
            if ["ada", "boss"].contains(&name) {
                for scope in Scope::ALL {
                    let name = format!("a script of {who} with {scope}");
                    scripts.push(with(name, &[scope]).await);
                }
                for scopes in sets() {
                    exact.push(with(format!("a script of {who} with {scopes:?}"), &scopes).await);
                }
            }
        }
        // On a page a token is nobody, to REST a cookie is.
        let strongest = scripts.iter().find(|one| one.role == Role::Admin);
        let strongest = strongest.expect("an admin").token.clone();
        browsers.push(Identity {
            token: strongest,
            ..Identity::visitor("an admin's token on a page")
        });
        let admin = browsers.iter().find(|one| one.role == Role::Admin);
        let cookie = admin.expect("an admin").cookie.clone();
        scripts.push(Identity {
            cookie,
            ..Identity::visitor("an admin's cookie for REST")
        });
        let (revoked, expired, disabled) = over(site).await;
        for (name, token) in [("a revoked token", revoked), ("an expired token", expired)] {
            scripts.push(Identity {
                token: Some(token),
                ..Identity::visitor(name)
            });
        }
        scripts.push(Identity {
            token: Some(disabled.0),
            ..Identity::visitor("a token of a disabled account")
        });
        browsers.push(Identity {
            cookie: Some(disabled.1),
            ..Identity::visitor("a browser of a disabled account")
        });
        Self {
            browsers,
            scripts,
            exact,
        }
    }

    /// Who asks for a route.
    pub(super) fn asking(&self, route: &Route) -> Vec<Identity> {
        if !route.is_rest() {
            return self.browsers.clone();
        }
        let mut asking = self.scripts.clone();
        for (scopes, own) in route.ways() {
            let exactly = |one: &&Identity| one.scopes == scopes && one.owner == own;
            asking.extend(self.exact.iter().find(exactly).cloned());
        }
        asking
    }

    /// Signs somebody in again whom an answer has signed out.
    pub(super) async fn renew(&mut self, site: &Site, who: &Identity, answer: &Response) {
        let mut cookies = answer.headers().get_all(header::SET_COOKIE).iter();
        let (Some(account), true) = (who.account, cookies.next().is_some()) else {
            return;
        };
        for one in &mut self.browsers {
            if one.account == who.account {
                one.cookie = Some(begin(site, account).await);
            }
        }
    }
}

/// Sets of several scopes that the table asks for.
fn sets() -> Vec<Vec<Scope>> {
    let mut sets: Vec<Vec<Scope>> = Vec::new();
    for route in super::table::routes() {
        for (scopes, _) in route.ways() {
            if scopes.len() > 1 && !sets.iter().any(|set| set == scopes) {
                sets.push(scopes.to_vec());
            }
        }
    }
    sets
}

async fn begin(site: &Site, account: AccountId) -> String {
    let session = session::start(&site.pool, account, &Client::default()).await;
    session.expect("starts")
}

/// A revoked token, one that has ended, and token and cookie of an account that was disabled: its rows are there still, so
/// that it is the account that is refused.
async fn over(site: &Site) -> (String, String, (String, String)) {
    let lost = site.account("lost", Role::Admin).await;
    let revoked = site.token(lost, &Scope::ALL).await;
    sqlx::query("update api_token set revoked_at = now() where account_id = $1")
        .bind(lost.0)
        .execute(&site.pool)
        .await
        .expect("revokes");
    let expired = site.token(lost, &Scope::ALL).await;
    sqlx::query(
        "update api_token set created_at = now() - interval '2 days', expires_at = now() - interval '1 second'
         where account_id = $1 and revoked_at is null",
    )
    .bind(lost.0)
    .execute(&site.pool)
    .await
    .expect("ends");
    let gone = site.account("gone", Role::Admin).await;
    let disabled = (site.token(gone, &Scope::ALL).await, begin(site, gone).await);
    sqlx::query("update account set disabled_at = now(), disabled_reason = 'spam' where id = $1")
        .bind(gone.0)
        .execute(&site.pool)
        .await
        .expect("disables");
    (revoked, expired, disabled)
}
