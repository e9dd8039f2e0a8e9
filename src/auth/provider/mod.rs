//! Sites that say who somebody is: ORCID, GitHub, any provider of OpenID Connect. Which ones, the operator's file says.

mod ask;
mod github;
mod http;
mod openid;

pub use ask::{Asked, Asking, Identity, Trouble};

use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Providers that one board may have: more would fill the page.
const MOST: usize = 10;

/// Those of a board; cheap to clone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Providers(Arc<Vec<Provider>>);

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    /// Its name in addresses.
    pub slug: String,
    /// Its name on buttons.
    pub name: String,
    /// How it is asked.
    pub kind: Kind,
    /// Its address, without a slash behind it unless it calls itself so.
    pub issuer: String,
    /// How it knows this board.
    pub client_id: String,
    /// By what this board proves that to it.
    pub client_secret: Secret,
}

/// How a provider is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// By OpenID Connect, whose addresses it publishes.
    #[default]
    OpenId,
    /// As GitHub: OAuth 2, then who the user is.
    GitHub,
}

/// What no log shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// One table of the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    #[serde(default)]
    kind: Kind,
    issuer: Option<String>,
    client_id: String,
    client_secret_file: Option<PathBuf>,
    client_secret_env: Option<String>,
}

impl Providers {
    /// Reads the operator's file and the secrets that it names; no file names no provider.
    ///
    /// # Errors
    /// A sentence for the operator, which tells no secret.
    pub fn read(file: &str) -> Result<Self, String> {
        if file.is_empty() {
            return Ok(Self::default());
        }
        let path = Path::new(file);
        let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
        let folder = path.parent().unwrap_or(Path::new("."));
        Self::parse(&text, folder)
    }

    /// The same from the file's text; names of files are looked for in `folder`.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn parse(text: &str, folder: &Path) -> Result<Self, String> {
        let entries: BTreeMap<String, Entry> =
            toml::from_str(text).map_err(|error| error.message().to_owned())?;
        if entries.len() > MOST {
            return Err(format!("a board has at most {MOST} providers"));
        }
        let providers = entries
            .into_iter()
            .map(|(slug, entry)| {
                let provider = entry.checked(&slug, folder);
                provider.map_err(|problem| format!("[{slug}]: {problem}"))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self(Arc::new(providers)))
    }

    /// The one that addresses call so.
    pub fn find(&self, slug: &str) -> Option<&Provider> {
        self.iter().find(|provider| provider.slug == slug)
    }

    /// All of them.
    pub fn iter(&self) -> std::slice::Iter<'_, Provider> {
        self.0.iter()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What identities of people have in common who sign in by one of these.
    pub fn issuers(&self) -> Vec<String> {
        self.iter()
            .map(|provider| provider.issuer.clone())
            .collect()
    }

    /// How the provider with this address is called here; its address where it is none of these any more.
    pub fn name_of<'a>(&'a self, issuer: &'a str) -> &'a str {
        let found = self.iter().find(|provider| provider.issuer == issuer);
        found.map_or(issuer, |provider| &provider.name)
    }
}

impl Entry {
    fn checked(self, slug: &str, folder: &Path) -> Result<Provider, String> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if !(1..=20).contains(&slug.len()) || !slug.bytes().all(plain) {
            return Err("its name in brackets has 1 to 20 lower-case letters, digits and -".into());
        }
        let name = self.name.trim().to_owned();
        if !(1..=30).contains(&name.chars().count()) || name.chars().any(char::is_control) {
            return Err("name has 1 to 30 characters".to_owned());
        }
        let issuer = match (self.issuer, self.kind) {
            (Some(issuer), _) => issuer,
            (None, Kind::GitHub) => github::ISSUER.to_owned(),
            (None, Kind::OpenId) => return Err("issuer is missing".to_owned()),
        };
        if issuer.len() > 300 || !is_safe(&issuer) {
            return Err(
                "issuer is an address with https://; http:// is for this machine alone (127.0.0.1, [::1])"
                    .to_owned(),
            );
        }
        if self.client_id.is_empty() || !self.client_id.bytes().all(|byte| byte.is_ascii_graphic())
        {
            return Err("client_id is what the provider calls this board".to_owned());
        }
        let secret = match (self.client_secret_file, self.client_secret_env) {
            (Some(file), None) => std::fs::read_to_string(folder.join(&file))
                .map_err(|error| format!("client_secret_file {}: {error}", file.display()))?,
            (None, Some(variable)) => std::env::var(&variable)
                .map_err(|_| format!("the variable {variable} of client_secret_env is not set"))?,
            _ => {
                return Err(
                    "one of client_secret_file and client_secret_env says where the secret is"
                        .to_owned(),
                );
            }
        };
        let secret = secret.trim();
        if secret.is_empty() {
            return Err("the client's secret is empty".to_owned());
        }
        Ok(Provider {
            slug: slug.to_owned(),
            name,
            kind: self.kind,
            issuer,
            client_id: self.client_id,
            client_secret: Secret(secret.to_owned()),
        })
    }
}

/// Whether what goes to this address is read by nobody in between: by TLS, or since it stays on this machine.
pub(super) fn is_safe(address: &str) -> bool {
    let Ok(uri) = address.parse::<axum::http::Uri>() else {
        return false;
    };
    let host = uri.host().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let local = bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    match uri.scheme_str() {
        Some("https") => !host.is_empty(),
        Some("http") => local,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Providers, String> {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("secret"), "s3cret\n").expect("writes");
        Providers::parse(text, folder.path())
    }

    #[test]
    fn a_file_names_providers_and_where_their_secrets_are() {
        let file = "[orcid]\nname = \"ORCID\"\nissuer = \"https://orcid.org\"\nclient_id = \"APP-1\"\nclient_secret_file = \"secret\"\n\n[github]\nname = \"GitHub\"\nkind = \"github\"\nclient_id = \"x\"\nclient_secret_file = \"secret\"\n";
        let providers = parse(file).expect("reads");
        let slugs: Vec<_> = providers.iter().map(|one| one.slug.as_str()).collect();
        assert_eq!(slugs, ["github", "orcid"]);
        let orcid = providers.find("orcid").expect("is there");
        assert_eq!(orcid.client_secret.reveal(), "s3cret");
        assert!(!format!("{providers:?}").contains("s3cret"));
        assert_eq!(
            providers.find("github").expect("is there").issuer,
            "https://github.com"
        );
        assert_eq!(providers.name_of("https://orcid.org"), "ORCID");
        assert_eq!(
            providers.name_of("https://gone.example"),
            "https://gone.example"
        );
    }

    #[test]
    fn what_cannot_work_is_refused_with_the_reason() {
        let good = "[a]\nname = \"A\"\nissuer = \"https://a.example\"\nclient_id = \"x\"\nclient_secret_file = \"secret\"\n";
        assert!(parse(good).is_ok());
        for (from, to, why) in [
            ("[a]", "[A]", "lower-case"),
            ("\"A\"", "\"\"", "1 to 30"),
            ("https://a", "http://a", "https://"),
            ("https://a.example", "javascript:x", "https://"),
            ("issuer", "isuer", "isuer"),
            ("\"x\"", "\"\"", "client_id"),
            ("\"secret\"", "\"nothing\"", "client_secret_file nothing"),
            ("client_secret_file", "client_secret_env", "is not set"),
            ("client_secret_file = \"secret\"\n", "", "one of"),
        ] {
            let told = parse(&good.replace(from, to)).expect_err(to);
            assert!(told.contains(why), "{to}: {told}");
        }
    }

    #[test]
    fn only_this_machine_is_asked_without_tls() {
        for good in [
            "https://a.example/x",
            "http://127.0.0.1:9",
            "http://[::1]:9",
        ] {
            assert!(is_safe(good), "{good}");
        }
        for bad in [
            "http://a.example",
            "http://localhost",
            "http://127.0.0.1.evil.example",
            "http://10.0.0.1",
            "ftp://127.0.0.1",
            "https://",
            "",
        ] {
            assert!(!is_safe(bad), "{bad}");
        }
    }
}
