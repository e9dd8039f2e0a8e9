//! Settings of the web server: one struct, `--help` is the reference.

use breakmywork_protocol::spec::USUAL_HOURS;
use clap::Args;

/// How the web server behaves. Every setting is a flag or an environment variable.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Settings {
    /// Address people use, without a trailing slash; https turns on secure cookies and HSTS.
    #[arg(
        long,
        env = "BREAKMYWORK_PUBLIC_URL",
        default_value = "http://127.0.0.1:8080"
    )]
    pub public_url: String,

    /// Whether people may sign up by themselves.
    #[arg(
        long,
        env = "BREAKMYWORK_OPEN_SIGN_UP",
        default_value_t = true,
        action = clap::ArgAction::Set
    )]
    pub open_sign_up: bool,

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

    /// Proxies of yours that every request comes through. That many right-most entries of `X-Forwarded-For` are
    /// believed; with 0 the header is ignored and limits go by who connects.
    #[arg(
        long,
        env = "BREAKMYWORK_TRUSTED_PROXIES",
        value_name = "N",
        default_value_t = 0
    )]
    pub trusted_proxies: usize,
}

/// A class in one room can sign up within two hours; a script cannot make a crowd.
const SIGN_UPS_PER_HOUR: u32 = 10;

impl Default for Settings {
    fn default() -> Self {
        Self {
            public_url: "http://127.0.0.1:8080".to_owned(),
            open_sign_up: true,
            experiment_hours: USUAL_HOURS,
            sign_ups_per_hour: SIGN_UPS_PER_HOUR,
            trusted_proxies: 0,
        }
    }
}

impl Settings {
    /// Whether people reach the site over https.
    pub fn https(&self) -> bool {
        self.public_url.starts_with("https://")
    }

    /// The full address of a path on this site.
    pub fn address(&self, path: &str) -> String {
        format!("{}{path}", self.public_url.trim_end_matches('/'))
    }
}
