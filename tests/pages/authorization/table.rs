//! The table `tests/data/authorization.txt`, read.

use super::people::Identity;
use axum::http::Method;
use breakmywork::auth::{account::Role, token::Scope};
use std::collections::BTreeMap;

/// Whom a line of the table lets in.
#[derive(Debug, Clone)]
struct Rule {
    everyone: bool,
    nothing: bool,
    owner: bool,
    role: Option<Role>,
    /// What a token needs, all of it; none on pages.
    scopes: Vec<Scope>,
}

/// A route, what is asked of it, and whom it lets in.
#[derive(Debug, Clone)]
pub(super) struct Route {
    /// Method and path without the names of parameters.
    pub(super) key: (String, String),
    pub(super) method: Method,
    /// With names of things on the board.
    pub(super) path: String,
    pub(super) sent: Option<String>,
    rules: Vec<Rule>,
}

impl Route {
    pub(super) fn is_rest(&self) -> bool {
        self.path.starts_with("/api/")
    }

    /// What a token needs, for each way in.
    pub(super) fn ways(&self) -> impl Iterator<Item = (&[Scope], bool)> {
        let own = |rule: &Rule| rule.owner || rule.role.is_none_or(|role| role == Role::Member);
        self.rules
            .iter()
            .map(move |rule| (&rule.scopes[..], own(rule)))
    }

    /// Whether there is nothing at it for anybody.
    pub(super) fn is_empty(&self) -> bool {
        self.rules.iter().any(|rule| rule.nothing)
    }

    /// Whether somebody is let in.
    pub(super) fn lets_in(&self, who: &Identity) -> bool {
        let Some(scopes) = who.scopes_at(self) else {
            // Nobody, or a token that is good no more: REST refuses that one wherever it is sent.
            return !(self.is_rest() && who.token.is_some())
                && self.rules.iter().any(|rule| rule.everyone);
        };
        self.rules.iter().any(|rule| {
            let fits = rule.everyone
                || (rule.owner && who.owner)
                || rule.role.is_some_and(|role| who.role >= role);
            fits && rule.scopes.iter().all(|scope| scopes.contains(scope))
        })
    }
}

fn rule(who: &str, scopes: &str) -> Rule {
    let mut rule = Rule {
        everyone: false,
        nothing: false,
        owner: false,
        role: None,
        scopes: Vec::new(),
    };
    for part in who.split('+') {
        match part {
            "everyone" => rule.everyone = true,
            "nothing" => rule.nothing = true,
            "owner" => rule.owner = true,
            role => rule.role = Some(role.parse().expect("a role")),
        }
    }
    if scopes != "-" {
        let scopes = scopes
            .split('+')
            .map(|scope| scope.parse().expect("a scope"));
        rule.scopes = scopes.collect();
    }
    rule
}

/// All routes; what several lines say of one is one.
pub(super) fn routes() -> Vec<Route> {
    let table = std::fs::read_to_string("tests/data/authorization.txt").expect("the table");
    let mut routes: Vec<Route> = Vec::new();
    let mut places = BTreeMap::new();
    for line in table
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        let mut words = line.split_whitespace();
        let mut next = || words.next().unwrap_or_else(|| panic!("too short: {line}"));
        let (method, path, who, scopes) = (next(), next(), next(), next());
        let sent = words.collect::<Vec<_>>().join(" ");
        let plain = path.split('?').next().expect("a path");
        let key = (method.to_owned(), nameless(plain));
        let place = *places.entry(key.clone()).or_insert(routes.len());
        if place == routes.len() {
            routes.push(Route {
                key,
                method: method.parse().expect("a method"),
                path: path.to_owned(),
                sent: (!sent.is_empty()).then_some(sent),
                rules: Vec::new(),
            });
        }
        routes[place].rules.push(rule(who, scopes));
    }
    routes
}

/// A path with each `{name}` put in its place.
pub(super) fn filled(path: &str, mut with: impl FnMut(&str) -> String) -> String {
    let mut rest = path;
    let mut filled = String::new();
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        match after.split_once('}') {
            // Braces of JSON are no names.
            Some((name, after))
                if name
                    .chars()
                    .all(|char| char.is_ascii_lowercase() || char == '_')
                    && !name.is_empty() =>
            {
                filled.push_str(&with(name));
                rest = after;
            }
            _ => {
                filled.push('{');
                rest = after;
            }
        }
    }
    filled + rest
}

/// A path whose parameters have no names.
pub(super) fn nameless(path: &str) -> String {
    filled(path, |_| "{}".to_owned())
}
