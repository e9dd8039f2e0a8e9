//! A specification to start from at another place of the scope map.

use breakmywork_protocol::{
    scope::{GENERATED, Scope},
    spec::{Seeds, Spec, TaskName, limits},
    text,
};
use serde::Deserialize;

/// Values that the new specification has, of the fields over which a scope map is drawn.
#[derive(Debug, Default, PartialEq, Deserialize)]
pub struct At {
    task: Option<TaskName>,
    cell: Option<breakmywork_protocol::spec::Cell>,
    data: Option<String>,
    hidden: Option<u32>,
    length: Option<u32>,
    rate: Option<f64>,
}

impl At {
    /// Whether no place is asked for.
    pub(super) fn is_nowhere(&self) -> bool {
        *self == Self::default()
    }

    /// The specification with these values and the claim's margin, as TOML. Whether it can be read, the form tells.
    pub(super) fn place(&self, mut spec: Spec, scope: Option<&Scope>) -> String {
        let mut said = Vec::new();
        if let Some(task) = self.task {
            said.push(task.name().to_owned());
            learn(&mut spec, task);
        }
        if let Some(cell) = self.cell {
            said.push(cell.name().to_owned());
            spec.model.cell = cell;
            leave_to_base(&mut spec, "model", "cell");
        }
        if let Some(data) = self.data.as_deref().filter(|&data| data != GENERATED) {
            said.push(data.to_owned());
            spec.task.data = Some(data.to_owned());
            leave_to_base(&mut spec, "task", "data");
        }
        if let Some(hidden) = self.hidden {
            said.push(format!("{hidden} units"));
            spec.model.hidden = hidden;
            leave_to_base(&mut spec, "model", "hidden");
            // The output can share the embedding's weights only at the same width.
            if spec.model.tied_embeddings == Some(true) {
                spec.model.embedding = Some(hidden);
            }
        }
        if let Some(length) = self.length {
            said.push(format!("{length} steps"));
            spec.task.length = length;
            leave_to_base(&mut spec, "task", "length");
        }
        if let Some(rate) = self.rate {
            said.push(format!("rate {rate}"));
            drop_at(&mut spec, rate);
        }
        // Seeds of somebody's own, and few of them, decide nothing.
        let seeds = spec.seeds.count().max(limits::SEEDS_REGISTERED);
        spec.seeds = Seeds::Count(u32::try_from(seeds).unwrap_or(u32::MAX));
        if let Some(criterion) = &mut spec.criterion
            && let Some(margin) = scope.and_then(|scope| scope.margin.of(criterion))
        {
            criterion.margin = margin;
        }
        if !said.is_empty() {
            let title = format!("{} ({})", spec.title, said.join(", "));
            spec.title = text::cut(&title, limits::TITLE_CHARS);
        }
        spec.to_toml()
    }
}

/// Another task, with what only it has left to the defaults.
fn learn(spec: &mut Spec, task: TaskName) {
    leave_to_base(spec, "task", "name");
    if spec.task.name == task {
        return;
    }
    spec.task.name = task;
    spec.task.data = task.example_data().map(str::to_owned);
    spec.task.vocabulary = None;
    spec.task.windows = None;
    spec.task.fraction = None;
    if !task.is_language_model() {
        spec.training.loss_over_time = None;
    }
    if !task.has_tokens() {
        spec.model.embedding = None;
        spec.model.tied_embeddings = None;
        for arm in &mut spec.arms {
            arm.dropout.embedding = None;
        }
    }
}

/// The strongest dropout becomes that; what was as strong goes with it, and nothing stays stronger.
fn drop_at(spec: &mut Spec, rate: f64) {
    let sites = |spec: &Spec| -> f64 {
        let arms = spec.arms.iter();
        let rates = arms.flat_map(|arm| arm.dropout.sites().map(|(_, site)| site.rate));
        rates.fold(0.0, f64::max)
    };
    let strongest = sites(spec);
    for arm in &mut spec.arms {
        let names: Vec<_> = arm.dropout.sites().map(|(name, _)| name).collect();
        for name in names {
            if let Some(site) = arm.dropout.site_mut(name)
                && (site.rate == strongest || site.rate > rate)
            {
                site.rate = rate;
            }
        }
    }
}

/// No arm has a value of its own.
fn leave_to_base(spec: &mut Spec, section: &str, field: &str) {
    for arm in &mut spec.arms {
        let Some(own) = arm
            .overrides
            .get_mut(section)
            .and_then(|own| own.as_object_mut())
        else {
            continue;
        };
        own.remove(field);
        if own.is_empty() {
            arm.overrides.remove(section);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use breakmywork_protocol::scope::Point;
    use breakmywork_protocol::spec::{Cell, Format, read};

    fn ready() -> Spec {
        read(crate::seed::TEMPLATES[0].toml, Format::Toml).expect("a template")
    }

    /// What the form is filled with can be read, lies where it was asked for, and asks for the claim's effect.
    #[test]
    fn a_specification_is_put_at_a_place() {
        let at = At {
            cell: Some(Cell::Gru),
            hidden: Some(48),
            length: Some(80),
            rate: Some(0.4),
            ..At::default()
        };
        let toml = at.place(ready(), Some(&Scope::default()));
        let spec = read(&toml, Format::Toml).expect("it can be read");
        let point = Point::of(&spec).expect("arms");
        assert_eq!(
            (point.cell, point.hidden, point.length, point.rate),
            (Cell::Gru, 48, 80, 0.4)
        );
        let criterion = spec.criterion.as_ref().expect("one");
        assert_eq!(
            Some(criterion.margin),
            Scope::default().margin.of(criterion)
        );
        assert!(spec.title.ends_with("(gru, 48 units, 80 steps, rate 0.4)"));
    }

    /// Overrides of arms, seeds of somebody's own and the title's limit stand in nobody's way.
    #[test]
    fn what_an_arm_or_an_author_had_of_its_own_goes() {
        let mut spec = ready();
        spec.title = "t".repeat(limits::TITLE_CHARS);
        spec.seeds = Seeds::Listed(vec![1, 2]);
        spec.arms[0].overrides = serde_json::from_value(serde_json::json!({
            "task": { "length": 9 }, "model": { "hidden": 2, "layers": 2 }
        }))
        .expect("a table");
        let at = At {
            hidden: Some(32),
            length: Some(40),
            ..At::default()
        };
        let spec = read(&at.place(spec, None), Format::Toml).expect("it can be read");
        assert_eq!(spec.arms[0].setup.task.length, 40);
        assert_eq!(spec.arms[0].setup.model.hidden, 32);
        assert_eq!(spec.arms[0].setup.model.layers, 2, "was not asked for");
        assert_eq!(spec.seeds, Seeds::Count(6));
    }

    #[test]
    fn another_task_brings_its_data_and_loses_what_only_the_other_has() {
        let toml = "title = \"t\"\nseeds = 8\n[task]\nname = \"word_lm\"\ndata = \"penn_treebank\"\n[training]\nsteps = 10\n\
            [[arms]]\nname = \"a\"\ndropout.embedding.rate = 0.2\n[[arms]]\nname = \"b\"\ndropout.state.rate = 0.2\n\
            [criterion]\nkind = \"difference\"\ntreatment = \"b\"\ncontrol = \"a\"\nmetric = \"test_nll\"\nmargin = 0.01";
        let spec = read(toml, Format::Toml).expect("good");
        let at = |task: TaskName| At {
            task: Some(task),
            ..At::default()
        };
        let chars = read(
            &at(TaskName::CharLm).place(spec.clone(), None),
            Format::Toml,
        );
        assert_eq!(
            chars.expect("it can be read").task.data.as_deref(),
            Some("tiny_shakespeare@1")
        );
        let copy = read(&at(TaskName::Copy).place(spec, None), Format::Toml);
        let copy = copy.expect("it can be read");
        assert_eq!(copy.task.data, None);
        assert!(copy.arms[0].dropout.embedding.is_none());
    }
}
