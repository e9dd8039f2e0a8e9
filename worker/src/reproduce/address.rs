//! What an address names that somebody copied: an experiment or a run of which board.

use breakmywork_protocol::id::{ExperimentId, RunId};

/// What is to be reproduced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Named {
    Experiment(ExperimentId),
    Run(RunId),
}

/// Whether a text is an address and no file.
pub(super) fn is_address(text: &str) -> bool {
    let scheme = text.split_once("://").map(|(scheme, _)| scheme);
    scheme.is_some_and(|scheme| {
        scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http")
    })
}

/// The board's address, without a slash at its end, and what of it is named: by a page of the experiment or the run, by
/// whatever lies below, or by REST.
///
/// # Errors
/// What would be right.
pub(super) fn read(text: &str) -> Result<(String, Named), String> {
    let wrong = || {
        format!(
            "{text} names no experiment and no run. Copy the address of its page, such as https://board.example.org/experiments/12"
        )
    };
    let path = text.split(['?', '#']).next().unwrap_or_default();
    let parts: Vec<&str> = path.split('/').collect();
    // scheme, nothing, host, and then the path.
    let host = parts.get(2).filter(|host| !host.is_empty());
    if host.is_none_or(|host| host.contains('@')) {
        return Err(wrong());
    }
    for at in 3..parts.len() {
        let number = parts.get(at + 1).and_then(|text| number(text));
        let named = match (parts[at], number) {
            ("experiments", Some(id)) => Named::Experiment(ExperimentId(id)),
            ("runs", Some(id)) => Named::Run(RunId(id)),
            _ => continue,
        };
        let before = parts[..at].join("/");
        let board = before.strip_suffix("/api/v1").unwrap_or(&before);
        return Ok((board.to_owned(), named));
    }
    Err(wrong())
}

fn number(text: &str) -> Option<i64> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_people_copy_is_read() {
        let board = "https://board.example.org";
        for path in [
            "/experiments/12",
            "/experiments/12/",
            "/experiments/12#reproduce",
            "/experiments/12?from=3",
            "/experiments/12/spec.toml",
            "/experiments/12/runs",
            "/experiments/12/reproduce.json",
            "/api/v1/experiments/12",
            "/api/v1/experiments/12/runs?limit=1",
        ] {
            let expected = (board.to_owned(), Named::Experiment(ExperimentId(12)));
            assert_eq!(read(&format!("{board}{path}")), Ok(expected), "{path}");
        }
        for path in ["/runs/7", "/api/v1/runs/7/metrics", "/runs/7/live"] {
            let expected = (board.to_owned(), Named::Run(RunId(7)));
            assert_eq!(read(&format!("{board}{path}")), Ok(expected), "{path}");
        }
        let below = "http://[::1]:8080/boards/a/experiments/3";
        let expected = (
            "http://[::1]:8080/boards/a".to_owned(),
            Named::Experiment(ExperimentId(3)),
        );
        assert_eq!(read(below), Ok(expected));
    }

    #[test]
    fn what_names_nothing_is_refused() {
        for text in [
            "https://board.example.org",
            "https://board.example.org/experiments",
            "https://board.example.org/experiments/new",
            "https://board.example.org/experiments/-1",
            "https://board.example.org/experiments/99999999999999999999",
            "https:///experiments/1",
            "https://user:secret@board.example.org/experiments/1",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
        assert!(is_address("HTTPS://a/experiments/1"));
        for file in ["reproduce.json", "a/experiments/1", "ftp://a/experiments/1"] {
            assert!(!is_address(file), "{file}");
        }
    }
}
