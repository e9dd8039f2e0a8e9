//! Settings laid over those of a setup that was read, and checked as what that makes.

use super::SECTIONS;
use super::arm::laid_over;
use crate::spec::fields::Problem;
use crate::spec::masks;
use crate::spec::search::Settings;
use crate::spec::types::Setup;
use serde_json::{Map, Value};

/// The setup with these settings in place of its own. What the others have no use for any more falls away, as it does in an
/// arm. A dropout site that the setup does not drop stays so.
pub(in crate::spec) fn changed(
    setup: &Setup,
    settings: &Settings,
    strict: bool,
) -> Result<Setup, Vec<Problem>> {
    let mut before = serde_json::to_value(setup).unwrap_or_default();
    let mut dropout = before["dropout"].take();
    let mut own = SECTIONS.map(|_| Map::new());
    for (path, value) in settings {
        match path.split('.').collect::<Vec<_>>()[..] {
            ["dropout", site, field] => {
                if let Some(Value::Object(site)) = dropout.get_mut(site) {
                    site.insert(field.to_owned(), value.clone());
                }
            }
            [section, field] => {
                if let Some(place) = SECTIONS.iter().position(|name| *name == section) {
                    own[place].insert(field.to_owned(), value.clone());
                }
            }
            _ => {}
        }
    }
    let sections = SECTIONS.map(|name| before[name].take());
    let own = own.map(Value::Object);
    let (changed, mut problems) =
        laid_over(sections.each_ref(), own.each_ref().map(Some), "", strict);
    let Some(mut changed) = changed else {
        return Err(problems);
    };
    let pointer = "/dropout".to_owned();
    changed.dropout = masks::dropout(&dropout, pointer, &changed.model, strict, &mut problems);
    match problems.is_empty() {
        true => Ok(changed),
        false => Err(problems),
    }
}
