//! Whether narrower claims fell with the wider ones by what lies in their scope, and by nothing else.

use super::finding::{Finding, What};
use crate::id::{ClaimId, ExperimentId};
use crate::jobs::{InheritedFall, inherited_falls};
use sqlx::PgConnection;
use std::collections::BTreeSet;

/// What does not follow from scopes and specifications, which are on record.
pub(super) async fn all(tx: &mut PgConnection) -> sqlx::Result<Vec<Finding>> {
    let follow: BTreeSet<InheritedFall> =
        inherited_falls(&mut *tx, None).await?.into_iter().collect();
    let there = sqlx::query_as!(
        InheritedFall,
        r#"select claim_id as "claim: ClaimId", experiment_id as "experiment: ExperimentId" from inherited_fall"#
    )
    .fetch_all(tx)
    .await?;
    let there: BTreeSet<InheritedFall> = there.into_iter().collect();
    let found = follow.symmetric_difference(&there).map(|fall| {
        let how = match there.contains(fall) {
            true => "it is said to fall",
            false => "it is not said to fall",
        };
        let detail = format!(
            "{how} with a wider claim by experiment {}, whose scope and specification say otherwise",
            fall.experiment
        );
        Finding::new(What::NotRecorded, format!("claim {}", fall.claim), detail)
    });
    Ok(found.collect())
}
