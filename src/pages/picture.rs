//! The arms of a specification as pictures.

use crate::render::{
    dropout,
    html::Html,
    unrolled::{self, Sheet},
};
use breakmywork_protocol::spec::{Arm, Dropout, MaskTime, Site, Spec, sequence_length};

/// One arm, drawn.
#[derive(Debug)]
pub struct ArmPicture {
    pub(super) name: String,
    pub(super) part: &'static str,
    pub(super) svg: Html,
    pub(super) notes: Vec<String>,
}

/// All arms of a specification. `prefix` keeps ids of several specifications on a page apart.
pub fn arms(spec: &Spec, prefix: &str) -> Vec<ArmPicture> {
    let criterion = spec.criterion.as_ref();
    let sheet = Sheet::of(spec.arms.iter().map(|arm| &arm.dropout));
    spec.arms
        .iter()
        .enumerate()
        .map(|(index, arm)| ArmPicture {
            name: arm.name.clone(),
            part: criterion.map_or("", |criterion| criterion.part(&arm.name)),
            svg: unrolled::svg(&arm.dropout, &format!("{prefix}-{index}"), sheet),
            notes: notes(arm),
        })
        .collect()
}

fn notes(arm: &Arm) -> Vec<String> {
    let mut notes: Vec<String> = dropout::method(&arm.dropout, &arm.setup.model)
        .into_iter()
        .chain(dropout::sites(&arm.dropout))
        .collect();
    if notes.is_empty() {
        notes.push("nothing dropped".to_owned());
    }
    if sequence_length(&arm.setup.task) == 1 {
        notes
            .push("all is read in one step: of the steps drawn there is the first only".to_owned());
    }
    for (section, values) in &arm.overrides {
        for (key, value) in values.as_object().into_iter().flatten() {
            notes.push(format!("{section}.{key} = {value}"));
        }
    }
    notes
}

/// The question of the first page: one mask for all steps, or a new one each time.
pub fn the_question() -> [ArmPicture; 2] {
    [
        ("The same mask at every step", MaskTime::Fixed),
        ("A new mask at each step", MaskTime::PerStep),
    ]
    .map(|(name, time)| {
        let site = Site::new(0.25, time);
        let dropout = Dropout {
            state: Some(site),
            ..Dropout::default()
        };
        let id = if time == MaskTime::Fixed {
            "fixed"
        } else {
            "fresh"
        };
        ArmPicture {
            name: name.to_owned(),
            part: "",
            svg: unrolled::svg(&dropout, id, Sheet::of([&dropout])),
            notes: Vec::new(),
        }
    })
}
