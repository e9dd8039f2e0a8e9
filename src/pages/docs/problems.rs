//! What each kind of problem means, by the last part of its `type` address.

/// Last part of the `type` address, status, what to do.
pub(super) type Problem = (&'static str, u16, &'static str);

/// Every kind that an answer of REST may have.
pub(super) const ALL: &[Problem] = &[
    (
        "bad-request",
        400,
        "The request cannot be read. The detail says where.",
    ),
    (
        "unauthorized",
        401,
        "The token is missing, unknown or revoked.",
    ),
    (
        "forbidden",
        403,
        "The token lacks a scope, or the account a role; or the thing is somebody else's.",
    ),
    ("not-found", 404, "There is no such thing."),
    (
        "method-not-allowed",
        405,
        "The address takes no such request; Allow names those that it takes.",
    ),
    (
        "timeout",
        408,
        "The body did not arrive in time; nothing was done.",
    ),
    (
        "conflict",
        409,
        "The thing is not in the state that this needs; read it again.",
    ),
    (
        "lease-lost",
        409,
        "To a worker: somebody else may have the run now; write nothing more of it.",
    ),
    ("not-registered", 409, "To a worker: register (again)."),
    (
        "replaced",
        409,
        "To a worker: another process has registered with its token since; stop.",
    ),
    (
        "changed",
        412,
        "It is not what If-Match names any more; read it again.",
    ),
    (
        "too-large",
        413,
        "A request may hold at most 256 kB, a piece of a checkpoint’s file 1 MiB.",
    ),
    (
        "unsupported-type",
        415,
        "Send Content-Type: application/json.",
    ),
    (
        "invalid",
        422,
        "Fields are wrong; errors lists each with its JSON pointer.",
    ),
    (
        "too-many",
        429,
        "A limit is reached; Retry-After says when to try again.",
    ),
    (
        "internal",
        500,
        "A fault of the server; request_id names it in the log.",
    ),
    (
        "unavailable",
        503,
        "The database is away or has too much to do; repeat it with the same Idempotency-Key after Retry-After.",
    ),
];

#[cfg(test)]
mod tests {
    use super::ALL;
    use crate::error::Reply;
    use axum::http::StatusCode;
    use breakmywork_protocol::jobs::outside;
    use std::collections::BTreeSet;

    #[test]
    fn every_kind_that_is_answered_has_its_line() {
        let listed =
            |kind: &str, status: u16| ALL.iter().any(|line| line.0 == kind && line.1 == status);
        for status in 400..=503 {
            let Ok(known) = StatusCode::from_u16(status) else {
                continue;
            };
            let kind = Reply::of(known).kind;
            // Other statuses are answered with the words of these two.
            if kind != "bad-request" && kind != "internal" {
                assert!(listed(kind, status), "{status} {kind}");
            }
        }
        for kind in [
            outside::LEASE_LOST,
            outside::NOT_REGISTERED,
            outside::REPLACED,
        ] {
            assert!(listed(kind, 409), "{kind}");
        }
        assert!(listed("bad-request", 400) && listed("internal", 500));
    }

    #[test]
    fn the_document_has_the_same_kinds() {
        let document = include_str!("../../../docs/api.md");
        let rows = document.lines().filter_map(|line| {
            let mut cells = line.strip_prefix("| ")?.split(" | ");
            let status: u16 = cells.next()?.parse().ok()?;
            Some((cells.next()?.trim_matches('`'), status))
        });
        let rows: BTreeSet<_> = rows.collect();
        let listed: BTreeSet<_> = ALL.iter().map(|line| (line.0, line.1)).collect();
        assert_eq!(rows, listed);
    }
}
