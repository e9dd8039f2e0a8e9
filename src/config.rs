//! Settings of the web server: one struct, `--help` is the reference.

use crate::auth::account::Role;
use crate::auth::provider::Providers;
use crate::mail::SmtpUrl;
use crate::sealing::Keys;
use breakmywork_protocol::spec::USUAL_HOURS;
use clap::{Args, ValueEnum};
use lettre::message::Mailbox;
use std::path::PathBuf;

/// How the web server behaves. Every setting is a flag or an environment variable.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Settings {
    /// Address people use, without a trailing slash; https turns on secure cookies and HSTS. Without it the address that is
    /// listened on.
    #[arg(
        long,
        env = "BREAKMYWORK_PUBLIC_URL",
        default_value = "http://127.0.0.1:8080",
        hide_default_value = true
    )]
    pub public_url: String,

    /// Who may sign up by themselves.
    #[arg(
        long,
        env = "BREAKMYWORK_SIGN_UP",
        value_enum,
        default_value_t = SignUp::Open
    )]
    pub sign_up: SignUp,

    /// Longest experiment, in hours of this board's workers, all its runs together.
    #[arg(
        long,
        env = "BREAKMYWORK_EXPERIMENT_HOURS",
        default_value_t = USUAL_HOURS
    )]
    pub experiment_hours: u32,

    /// Accounts that may sign up from one address in an hour; 0 for any number.
    #[arg(
        long,
        env = "BREAKMYWORK_SIGN_UPS_PER_HOUR",
        value_name = "N",
        default_value_t = SIGN_UPS_PER_HOUR
    )]
    pub sign_ups_per_hour: u32,

    /// Requests to REST that an account, or an address without a token, may send in a minute; 0 for any number.
    #[arg(
        long,
        env = "BREAKMYWORK_REQUESTS_PER_MINUTE",
        value_name = "N",
        default_value_t = REQUESTS_PER_MINUTE
    )]
    pub requests_per_minute: u32,

    /// Proxies of yours that every request comes through. That many right-most entries of `X-Forwarded-For` are
    /// believed; with 0 the header is ignored and limits go by who connects.
    #[arg(
        long,
        env = "BREAKMYWORK_TRUSTED_PROXIES",
        value_name = "N",
        default_value_t = 0
    )]
    pub trusted_proxies: usize,

    /// Mail server: smtps://USER:PASSWORD@HOST, smtp://USER:PASSWORD@HOST:587?tls=required, or smtp://HOST:25. Without it
    /// no mail is sent.
    #[arg(
        long,
        env = "BREAKMYWORK_SMTP_URL",
        hide_env_values = true,
        value_name = "URL",
        requires = "mail_from",
        value_parser = SmtpUrl::parse
    )]
    pub smtp_url: Option<SmtpUrl>,

    /// Whom mails are from: board@example.org, or "Break My Work <board@example.org>".
    #[arg(long, env = "BREAKMYWORK_MAIL_FROM", value_name = "ADDRESS")]
    pub mail_from: Option<Mailbox>,

    /// Whose role takes a second factor when signing in; without one they may do what members do.
    #[arg(
        long,
        env = "BREAKMYWORK_SECOND_FACTOR_FOR",
        value_enum,
        default_value_t = SecondFactorFor::Nobody
    )]
    pub second_factor_for: SecondFactorFor,

    /// File that says with which other sites people sign in: ORCID, GitHub, any provider of OpenID Connect.
    #[arg(
        long,
        env = "BREAKMYWORK_SIGN_IN_WITH",
        value_name = "FILE",
        value_parser = Providers::read,
        default_value = "",
        hide_default_value = true
    )]
    pub sign_in_with: Providers,

    /// File with the keys that seal the secrets of second factors and webhooks in the database: each on a line, of which the
    /// first seals and all open. `breakmywork secrets make-key FILE` makes one. Without it `up` has one of its own in the
    /// data directory for its embedded database; in a database of your own these secrets stand in clear.
    #[arg(
        long = "secret-key-file",
        env = "BREAKMYWORK_SECRET_KEY_FILE",
        value_name = "FILE",
        value_parser = Keys::read,
        default_value = "",
        hide_default_value = true
    )]
    pub secret_keys: Keys,

    /// Where members' webhooks may go.
    #[arg(
        long,
        env = "BREAKMYWORK_WEBHOOKS",
        value_enum,
        default_value_t = Webhooks::Public
    )]
    pub webhooks: Webhooks,

    /// Folder for the checkpoints of workers that come over REST, from which their runs go on elsewhere. It may be that of
    /// this board's own workers. Without it such a run begins anew on another machine.
    #[arg(long, env = "BREAKMYWORK_CHECKPOINT_DIR", value_name = "DIR")]
    pub checkpoint_dir: Option<PathBuf>,
}

/// Of whom a second factor is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SecondFactorFor {
    /// Of nobody: whoever wants one has one.
    Nobody,
    /// Of admins.
    Admins,
    /// Of moderators and admins.
    Moderators,
}

impl SecondFactorFor {
    /// Whether it is asked of somebody with that role.
    pub fn asks(self, role: Role) -> bool {
        match self {
            Self::Nobody => false,
            Self::Admins => role.is_admin(),
            Self::Moderators => role.is_moderator(),
        }
    }

    /// What somebody with that role may do now, and the role that waits for a second factor: without one, where it is asked,
    /// they are a member until they have it.
    pub(crate) fn holds(self, role: Role, has_one: bool) -> (Role, Option<Role>) {
        match self.asks(role) && !has_one {
            true => (Role::Member, Some(role)),
            false => (role, None),
        }
    }
}

/// Where webhooks may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Webhooks {
    /// Nowhere: there are none.
    Off,
    /// To public addresses, over https.
    Public,
    /// To any address, private ones of this network too, and over http: for a network of your own, where every member
    /// may reach what this server reaches.
    Any,
}

/// Who may sign up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SignUp {
    /// Everybody.
    Open,
    /// Whoever has an admin's invitation.
    Invite,
    /// Nobody: the operator makes accounts.
    Closed,
}

/// A class in one room can sign up within two hours; a script cannot make a crowd.
const SIGN_UPS_PER_HOUR: u32 = 10;

/// Ten a second: well over what somebody waiting for a verdict asks, and no load for two cores.
const REQUESTS_PER_MINUTE: u32 = 600;

impl Default for Settings {
    fn default() -> Self {
        Self {
            public_url: "http://127.0.0.1:8080".to_owned(),
            sign_up: SignUp::Open,
            experiment_hours: USUAL_HOURS,
            sign_ups_per_hour: SIGN_UPS_PER_HOUR,
            requests_per_minute: REQUESTS_PER_MINUTE,
            trusted_proxies: 0,
            smtp_url: None,
            mail_from: None,
            second_factor_for: SecondFactorFor::Nobody,
            sign_in_with: Providers::default(),
            secret_keys: Keys::default(),
            webhooks: Webhooks::Public,
            checkpoint_dir: None,
        }
    }
}

impl Settings {
    /// Whether people reach the site over https.
    pub fn https(&self) -> bool {
        self.public_url.starts_with("https://")
    }

    /// Whether mail is sent.
    pub fn sends_mail(&self) -> bool {
        self.smtp_url.is_some() && self.mail_from.is_some()
    }

    /// Whether webhooks are sent.
    pub fn sends_webhooks(&self) -> bool {
        self.webhooks != Webhooks::Off
    }

    /// The host that people use, for names that are to stay the same for ever; `localhost` where it is no name.
    pub fn host(&self) -> String {
        let url = &self.public_url;
        let rest = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
        let host = rest.split(['/', ':']).next().unwrap_or_default();
        let plain = |char: char| char.is_ascii_alphanumeric() || char == '.' || char == '-';
        match host {
            host if !host.is_empty() && host.chars().all(plain) => host.to_ascii_lowercase(),
            _ => "localhost".to_owned(),
        }
    }

    /// The full address of a path on this site.
    pub fn address(&self, path: &str) -> String {
        format!("{}{path}", self.public_url.trim_end_matches('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_is_that_of_the_address_alone() {
        for (address, host) in [
            ("https://Break.example.org:8443/x", "break.example.org"),
            ("http://127.0.0.1:8080", "127.0.0.1"),
            ("http://[::1]:8080", "localhost"),
        ] {
            let settings = Settings {
                public_url: address.to_owned(),
                ..Settings::default()
            };
            assert_eq!(settings.host(), host);
        }
    }
}
