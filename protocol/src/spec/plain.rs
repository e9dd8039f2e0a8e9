//! A setup said in one way: what says no more than its absence is left out, so that setups which train the same are equal.

use super::cost::sequence_length;
use super::dropout::{Dropout, MaskTime, Site, SiteName};
use super::types::*;

/// The setup without what makes no difference to what is trained and measured.
pub(super) fn plain(setup: &Setup) -> Setup {
    Setup {
        task: Task {
            fraction: setup.task.fraction.filter(|share| *share < 1.0),
            ..setup.task.clone()
        },
        model: model(&setup.model),
        training: setup.training.clone(),
        evaluation: evaluation(setup),
        dropout: dropout(setup),
    }
}

fn model(model: &Model) -> Model {
    let usual_gain = model.normalization.usual_gain();
    let usual_bias = model.initial_range.is_none().then_some(1.0);
    let other = |given: Option<f64>, usual| given.filter(|_| given != usual);
    Model {
        normalization_gain: other(model.normalization_gain, usual_gain),
        forget_bias: other(model.forget_bias, usual_bias),
        ..model.clone()
    }
}

fn evaluation(setup: &Setup) -> Evaluation {
    let evaluation = &setup.evaluation;
    let trained = setup.task.length;
    Evaluation {
        shift: evaluation.shift.filter(|shift| *shift != 0.0),
        length: evaluation.length.filter(|length| *length != trained),
        ..evaluation.clone()
    }
}

/// A site that drops nothing is no site. Where there is one step, nothing comes from a state before, and the same mask at
/// every step is a new one.
fn dropout(setup: &Setup) -> Dropout {
    let at_once = sequence_length(&setup.task) == 1;
    let mut dropout = Dropout::default();
    for (name, site) in setup.dropout.sites() {
        // Between layers nothing said is what the input says, and a rate of 0 is not.
        let drops = site.rate > 0.0 || name == SiteName::Between;
        let recurs = matches!(name, SiteName::State | SiteName::RecurrentWeights);
        if drops && !(at_once && recurs) {
            *dropout.site_mut(name) = Some(Site {
                time: if at_once { MaskTime::Fixed } else { site.time },
                until: site.until.filter(|share| *share < 1.0),
                ..site.clone()
            });
        }
    }
    dropout
}
