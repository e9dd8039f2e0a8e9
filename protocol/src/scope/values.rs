//! Which values of a field a claim speaks about.

use super::{Field, GENERATED, Range, Scope, Value, Wanted, narrow};
use crate::spec::limits;

impl Scope {
    /// Whether the claim speaks about experiments with this value of a field.
    pub fn speaks_of(&self, field: Field, value: &Value) -> bool {
        match value {
            Value::Number(number) => match field {
                Field::Length => whole(self.length).holds(*number),
                Field::Hidden => whole(self.hidden).holds(*number),
                _ => self.rate.holds(*number),
            },
            Value::Name(_) => {
                let names = self.names(field);
                names.is_empty() || names.iter().any(|name| self.is_same(field, value, name))
            }
        }
    }

    /// Whether an experiment with this number in a field could be registered and bear on the claim.
    pub fn may_try(&self, field: Field, number: f64) -> bool {
        let possible = match field {
            Field::Length => (f64::from(*limits::LENGTH.start())
                ..=f64::from(*limits::LENGTH.end()))
                .contains(&number),
            Field::Hidden => (f64::from(*limits::HIDDEN.start())
                ..=f64::from(*limits::HIDDEN.end()))
                .contains(&number),
            _ => number > 0.0 && number < 1.0 && self.arms_allow(number),
        };
        possible && self.speaks_of(field, &Value::Number(number))
    }

    /// Whether the claim's treatment may drop at this rate.
    fn arms_allow(&self, rate: f64) -> bool {
        let mut rates = self.arms.treatment.iter().filter_map(|(path, wanted)| {
            let is_rate = path.starts_with("dropout.") && path.ends_with(".rate");
            match wanted {
                Wanted::Between(range) if is_rate => Some(range),
                _ => None,
            }
        });
        rates.all(|range| range.holds(rate))
    }

    /// The names that the claim speaks about; none where it speaks about all, or where the field has numbers.
    pub fn names(&self, field: Field) -> Vec<Value> {
        let named = |name: &str| Value::Name(name.to_owned());
        match field {
            Field::Task => self.tasks.iter().map(|task| named(task.name())).collect(),
            Field::Cell => self.cells.iter().map(|cell| named(cell.name())).collect(),
            Field::Data => self.data.iter().map(|data| named(data)).collect(),
            _ => Vec::new(),
        }
    }

    /// Whether the value of an experiment is what a name of the scope stands for: data sets may be named without version.
    pub fn is_same(&self, field: Field, value: &Value, name: &Value) -> bool {
        match (field, value, name) {
            (Field::Data, Value::Name(value), Value::Name(name)) => {
                value != GENERATED && narrow::is_data(name, value)
            }
            _ => value == name,
        }
    }
}

fn whole(range: Range<u32>) -> Range<f64> {
    Range {
        least: range.least.map(f64::from),
        most: range.most.map(f64::from),
    }
}
