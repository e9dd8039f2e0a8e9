//! What makes the pairs of two experiments comparable, so that the noise of one says something of the other.

use super::types::*;

impl Spec {
    /// Kind of criterion, metric, task, size, number of networks, and the orders of magnitude of training and test, as one line;
    /// `None` without a criterion or where seeds have
    /// no differences of their own. Rates, places and times of masks are left out: they are what experiments compare.
    pub fn likeness(&self) -> Option<String> {
        let criterion = self.criterion.as_ref()?;
        let treatment = self
            .arms
            .iter()
            .find(|arm| arm.name == criterion.treatment)?;
        let kind = match criterion.kind {
            // The same differences, asked three ways.
            CriterionKind::Difference
            | CriterionKind::Equivalence
            | CriterionKind::NonInferiority => "difference".to_owned(),
            CriterionKind::Interaction => "interaction".to_owned(),
            CriterionKind::SolveRate => format!("solve_rate {:?}", criterion.threshold?),
            CriterionKind::Trend => format!(
                "trend {} {:?}",
                criterion.field.as_deref()?,
                criterion.field_scale?
            ),
            _ => return None,
        };
        Some(of(&kind, criterion, &treatment.setup))
    }

    /// The likenesses whose noise says what the experiment can find: its own; of `cells` that of a difference in each
    /// condition, of `dispersion` that of a difference of the same arms, whose shape counts.
    pub fn noisy_like(&self) -> Vec<String> {
        let Some(criterion) = &self.criterion else {
            return Vec::new();
        };
        let treatments: Vec<&str> = match criterion.kind {
            CriterionKind::Cells => {
                let cells = criterion.cells().into_iter();
                cells.map(|[treatment, _]| treatment).collect()
            }
            CriterionKind::Dispersion => vec![&criterion.treatment],
            _ => return self.likeness().into_iter().collect(),
        };
        let setups = treatments
            .into_iter()
            .filter_map(|name| self.arms.iter().find(|arm| arm.name == name));
        let mut found: Vec<String> = setups
            .map(|arm| of("difference", criterion, &arm.setup))
            .collect();
        found.sort();
        found.dedup();
        found
    }
}

fn of(kind: &str, criterion: &Criterion, setup: &Setup) -> String {
    let Setup { task, model, .. } = setup;
    // The average of several networks differs less from seed to seed.
    let several = match setup.training.networks() {
        1 => String::new(),
        networks => format!(" of {networks}"),
    };
    format!(
        "{kind} {} {:?} {:?} {} {} {:?} {}x{}{several} {} test 1e{}",
        criterion.metric,
        criterion.scale,
        task.name,
        task.data.as_deref().unwrap_or("generated"),
        task.length,
        model.cell,
        model.layers,
        model.hidden,
        trained(&setup.training),
        magnitude(setup.evaluation.sequences)
    )
}

/// How long is trained, in powers of ten: what hardly moved from its start varies little.
fn trained(training: &Training) -> String {
    match (training.steps, training.epochs) {
        (Some(steps), _) => format!("steps 1e{}", magnitude(steps)),
        (None, epochs) => format!("epochs 1e{}", magnitude(epochs.unwrap_or(1))),
    }
}

/// The nearest power of ten, on the logarithmic scale.
fn magnitude(number: u32) -> u32 {
    f64::from(number).max(1.0).log10().round() as u32
}
