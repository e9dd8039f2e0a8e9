//! What makes the pairs of two experiments comparable, so that the noise of one says something of the other.

use super::types::*;

impl Spec {
    /// Kind of criterion, metric, task and size of the network, as one line; `None` without a criterion or where seeds have
    /// no differences of their own. Rates, places and times of masks are left out: they are what experiments compare.
    pub fn likeness(&self) -> Option<String> {
        let criterion = self.criterion.as_ref()?;
        let treatment = self
            .arms
            .iter()
            .find(|arm| arm.name == criterion.treatment)?;
        let Setup { task, model, .. } = &treatment.setup;
        let kind = match criterion.kind {
            // The same differences, asked two ways.
            CriterionKind::Difference | CriterionKind::Equivalence => "difference".to_owned(),
            CriterionKind::Interaction => "interaction".to_owned(),
            CriterionKind::SolveRate => format!("solve_rate {:?}", criterion.threshold?),
            CriterionKind::Trend => format!(
                "trend {} {:?}",
                criterion.field.as_deref()?,
                criterion.field_scale?
            ),
            _ => return None,
        };
        Some(format!(
            "{kind} {} {:?} {:?} {} {} {:?} {}x{}",
            criterion.metric,
            criterion.scale,
            task.name,
            task.data.as_deref().unwrap_or("generated"),
            task.length,
            model.cell,
            model.layers,
            model.hidden
        ))
    }
}
