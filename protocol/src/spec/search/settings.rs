//! Settings in place of an experiment's own: a point of a search's space.

use super::super::fields::Problems;
use super::super::read::changed;
use super::super::types::*;
use serde_json::Value;
use std::collections::BTreeMap;

/// Values in place of the specification's own, by their paths, such as `task.length`; what is not named stays as it is.
pub type Settings = BTreeMap<String, Value>;

impl Spec {
    /// The plain comparison of a search's arms with these settings in both of them: what an experiment there would ask.
    ///
    /// # Errors
    /// What does not fit together there.
    pub fn at(&self, settings: &Settings) -> Result<Self, Problems> {
        let base = Setup {
            task: self.task.clone(),
            model: self.model.clone(),
            training: self.training.clone(),
            evaluation: self.evaluation.clone(),
            dropout: Default::default(),
        };
        let base = changed(&base, settings, false).map_err(Problems)?;
        let arms = (self.arms.iter())
            .map(|arm| {
                let setup = changed(&arm.setup, settings, false).map_err(Problems)?;
                let mut arm = arm.clone();
                arm.dropout = setup.dropout.clone();
                arm.setup = setup;
                for path in settings.keys() {
                    leave_to_base(&mut arm, path);
                }
                Ok(arm)
            })
            .collect::<Result<_, Problems>>()?;
        let criterion = self.criterion.clone().map(|criterion| Criterion {
            kind: CriterionKind::Difference,
            estimand: Some(Estimand::Median),
            ..criterion
        });
        Ok(Self {
            title: self.title.clone(),
            seeds: self.seeds.clone(),
            task: base.task,
            model: base.model,
            training: base.training,
            evaluation: base.evaluation,
            arms,
            criterion,
            tuning: None,
            search: None,
        })
    }

    /// The value of a field where the settings do not name it: that of the arms, which are alike in it; nothing where it is
    /// absent.
    pub fn own_value(&self, field: &str) -> Option<Value> {
        let mut arms = self.arms.iter();
        arms.find_map(|arm| super::settings_of(&arm.setup).get(field).cloned())
    }
}

/// The arm has no value of its own in a field that now stands in the base.
fn leave_to_base(arm: &mut Arm, path: &str) {
    let Some((section, field)) = path.split_once('.') else {
        return;
    };
    let Some(Value::Object(own)) = arm.overrides.get_mut(section) else {
        return;
    };
    own.remove(field);
    if own.is_empty() {
        arm.overrides.remove(section);
    }
}
