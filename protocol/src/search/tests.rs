use super::*;
use crate::scope::Scope;
use crate::spec::{Format, Settings, Spec, read};
use crate::verdict::tests::finished;
use crate::verdict::{End, RunOutcome};
use proptest::prelude::*;
use serde_json::{Value, json};

mod draw;
mod walk;

const THREE: &str = "[[search.space]]\nfield = \"task.length\"\nvalues = [10, 20, 50, 100, 150, 200, 250]\n\
    [[search.space]]\nfield = \"model.hidden\"\nvalues = [4, 8, 16, 32]\n\
    [[search.space]]\nfield = \"dropout.state.rate\"\nfrom = 0.1\nto = 0.5\nlevels = 5\n";

fn search(seeds: u32, budget: u32, space: &str) -> Spec {
    let text = format!(
        "title = \"t\"\nseeds = {seeds}\n[task]\nname = \"adding\"\nlength = 50\n[model]\nhidden = 8\n[training]\nsteps = 10\n\
         [[arms]]\nname = \"fixed\"\ndropout.state = {{ rate = 0.25, time = \"fixed\" }}\n\
         [[arms]]\nname = \"fresh\"\ndropout.state = {{ rate = 0.25, time = \"per_step\" }}\n\
         [criterion]\nkind = \"search\"\nmetric = \"test_mse\"\ntreatment = \"fixed\"\ncontrol = \"fresh\"\nscale = \"log\"\n\
         margin = 0.1\n[search]\nbudget = {budget}\n{space}"
    );
    read(&text, Format::Toml).expect("a good search")
}

/// A claim that speaks about this, whatever the size.
fn scope(covers: Value) -> Scope {
    let mut whole = json!({
        "margin": { "relative": 0.1 },
        "arms": { "treatment": { "dropout.state.time": "fixed" }, "control": { "dropout.state.time": "per_step" } }
    });
    for (name, value) in covers.as_object().expect("a table") {
        whole[name] = value.clone();
    }
    serde_json::from_value(whole).expect("a scope")
}

fn settings(of: Value) -> Settings {
    serde_json::from_value(of).expect("settings")
}

/// A pair in which the treatment is better by this, in the logarithm.
fn better(advantage: f64) -> [End; 2] {
    [finished(0.05 * (-advantage).exp()), finished(0.05)]
}

/// Walks a search to its end; `pair` gives the ends of treatment and control at a point with a seed.
fn walked(
    spec: &Spec,
    points: &[Settings],
    pair: impl Fn(&Settings, u32) -> [End; 2],
) -> (Course, Next, Vec<TrialRun>) {
    let seeds = spec.seeds_drawn(None);
    let scope = scope(json!({}));
    let mut runs = Vec::new();
    loop {
        let (course, next) = course(spec, &scope, points, &seeds, &runs).expect("a search");
        let Next::Run(wanted) = next else {
            return (course, next, runs);
        };
        for (settings, seeds) in wanted {
            for seed in seeds {
                for (arm, end) in ["fixed", "fresh"].into_iter().zip(pair(&settings, seed)) {
                    let arm = arm.to_owned();
                    runs.push(TrialRun {
                        settings: settings.clone(),
                        run: RunOutcome { arm, seed, end },
                    });
                }
            }
        }
    }
}
