//! Claims that deny each other, and the criterion by which the runs of an experiment on one test the other.

use super::{Margins, Predicts, SAME, Scope};
use crate::spec::{Criterion, CriterionKind};

impl Scope {
    /// What is said by who denies a claim with this scope: that of the same two arms the other one is no worse, or better, by
    /// what counts.
    pub fn denied(&self) -> Self {
        let mut denied = self.clone();
        std::mem::swap(&mut denied.arms.treatment, &mut denied.arms.control);
        denied.predicts = match self.predicts {
            Predicts::Better => Predicts::NotWorse,
            Predicts::NotWorse => Predicts::Better,
        };
        denied
    }

    /// Why two claims do not deny each other, if they do not: they do where both cannot be true of the same two arms.
    pub fn agrees_with(&self, other: &Self) -> Option<String> {
        if self.arms.are_open() || other.arms.are_open() {
            return Some("One of the claims does not say which arms it compares.".into());
        }
        if self.arms.treatment != other.arms.control || self.arms.control != other.arms.treatment {
            return Some(
                "The treatment of one of the claims is not the control of the other, and the other way round.".into(),
            );
        }
        (self.predicts == Predicts::NotWorse && other.predicts == Predicts::NotWorse).then(|| {
            "Each of them says only that its treatment is no worse, and both can be true.".into()
        })
    }

    /// The criterion by which the runs of an experiment with `criterion` test a claim of this scope, the rival of the one that
    /// the experiment is on: the arms the other way round, by what this claim predicts, and by its own smallest effect.
    ///
    /// # Errors
    /// Why there is none, as a sentence.
    pub fn criterion_of_rival(&self, criterion: &Criterion) -> Result<Criterion, String> {
        let kind = match self.predicts {
            Predicts::Better => CriterionKind::Difference,
            Predicts::NotWorse => CriterionKind::NonInferiority,
        };
        match criterion.kind {
            CriterionKind::Difference => {}
            CriterionKind::NonInferiority if kind == CriterionKind::Difference => {}
            CriterionKind::NonInferiority => {
                return Err(
                    "Both claims would be asked whether an arm is no worse, and both can be true."
                        .into(),
                );
            }
            _ => {
                return Err("Only a criterion of kind \"difference\" or \"non_inferiority\" tests a rival, too.".into());
            }
        }
        if criterion.stopping.is_some() {
            return Err(
                "A sequential plan stops when one claim is decided; for two claims all seeds run, so leave stopping out.".into(),
            );
        }
        let mut mirrored = Criterion {
            kind,
            treatment: criterion.control.clone(),
            control: criterion.treatment.clone(),
            ..criterion.clone()
        };
        let margin = self.margin.of(&mirrored);
        mirrored.margin =
            margin.ok_or_else(|| Margins::none_of("The rival claim", &criterion.metric))?;
        // The one claim is the exact denial of the other: then the experiment's own number, to the last digit.
        if (mirrored.margin - criterion.margin).abs() <= SAME * criterion.margin {
            mirrored.margin = criterion.margin;
        }
        Ok(mirrored)
    }
}
