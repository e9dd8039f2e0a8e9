//! Which runs are trained again, with which plans: checked against what was registered before any is.

use super::name;
use crate::cli::{Count, ReproduceArgs};
use breakmywork_protocol::id::RunId;
use breakmywork_protocol::reproduction::{Handout, Machine, Run};
use breakmywork_protocol::spec::{self, Plan, Spec};
use breakmywork_training::data::{Reference, Store};
use breakmywork_training::device::DeviceChoice;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// Most threads that are taken over from a run.
const THREADS: u32 = 256;

/// A run that is trained again.
#[derive(Debug, Clone)]
pub(super) struct Chosen {
    pub(super) run: Run,
    pub(super) plan: Plan,
}

impl Chosen {
    /// Threads to train it with: as many as it had, unless somebody says otherwise. Of a card's run one.
    pub(super) fn threads(&self, args: &ReproduceArgs) -> u16 {
        let made = self.run.provenance.as_ref();
        let had = made.map_or(1, |made| made.threads.clamp(1, THREADS));
        args.threads
            .unwrap_or_else(|| u16::try_from(had).unwrap_or(1))
    }
}

/// The runs that were asked for.
///
/// # Errors
/// If what was handed out is not what was registered, if there is nothing to compare with, or nothing that was asked for.
pub(super) fn of(
    args: &ReproduceArgs,
    handout: &Handout,
    only: Option<RunId>,
) -> Result<Vec<Chosen>, String> {
    let spec = specification(handout)?;
    let runs = wanted(args, handout, only)?;
    let plan = |run: &Run| {
        let plan = spec.plan(&run.arm, run.seed).ok_or_else(|| {
            format!(
                "Run {} is of the arm {:?}, which the specification has not.",
                run.run, run.arm
            )
        })?;
        let trained = run.provenance.as_ref().map(|made| &made.plan_sha256);
        match trained {
            Some(trained) if *trained != plan.sha256() => Err(format!(
                "Run {} trained the plan with SHA-256 {trained}; this program reads {} from the specification. Take the \
                 release that the board has.",
                run.run,
                plan.sha256()
            )),
            _ => Ok(Chosen {
                run: run.clone(),
                plan,
            }),
        }
    };
    runs.into_iter().map(plan).collect()
}

/// What was frozen, with what its arms chose where they were tuned.
fn specification(handout: &Handout) -> Result<Spec, String> {
    let experiment = name(handout);
    let found = hex::encode(Sha256::digest(&handout.spec));
    if found != handout.spec_sha256 {
        return Err(format!(
            "The specification of {experiment} has the SHA-256 {found}, but {} was registered: these are not the bytes \
             that were frozen.",
            handout.spec_sha256
        ));
    }
    if let Some(other) = handout.shares_runs_of {
        return Err(format!(
            "{experiment} has no runs of its own: those of experiment {other} decide it, too. Reproduce that one."
        ));
    }
    let value = serde_json::from_str(&handout.spec)
        .map_err(|error| format!("The specification of {experiment} is not JSON: {error}"))?;
    let spec = Spec::from_stored(&value).map_err(|problems| {
        let lines = problems.0.iter().map(|problem| format!("\n  {problem}"));
        format!(
            "This program cannot read the specification of {experiment}; take the release that the board has:{}",
            lines.collect::<String>()
        )
    })?;
    if spec.is_search() {
        return Err(format!(
            "{experiment} is a search: it compares no runs. Reproduce the experiment that it found."
        ));
    }
    if handout.state != "concluded" {
        return Err(format!(
            "{experiment} is {}: there is nothing to compare with before it is concluded.",
            handout.state
        ));
    }
    let Some(tuning) = &spec.tuning else {
        return Ok(spec);
    };
    let tuned: BTreeSet<&String> = tuning.fields.iter().map(|tuned| &tuned.field).collect();
    for arm in &spec.arms {
        let settings = handout.chosen.get(&arm.name);
        let named: Option<BTreeSet<&String>> = settings.map(|settings| settings.keys().collect());
        if named.as_ref() != Some(&tuned) {
            return Err(format!(
                "The settings of {experiment} were tuned, but it is not said what the arm {:?} chose: it ended before \
                 its arms were compared.",
                arm.name
            ));
        }
    }
    Ok(spec.settled(&handout.chosen))
}

fn wanted<'a>(
    args: &ReproduceArgs,
    handout: &'a Handout,
    only: Option<RunId>,
) -> Result<Vec<&'a Run>, String> {
    let experiment = name(handout);
    if handout.runs.is_empty() {
        return Err(format!(
            "No run of {experiment} has a result, so there is nothing to compare with."
        ));
    }
    if let Some(only) = only {
        let found = handout.runs.iter().find(|run| run.run == only);
        let found = found.ok_or_else(|| {
            format!("Run {only} is none that {experiment} compares and that has a result.")
        })?;
        return Ok(vec![found]);
    }
    let mut arms: Vec<&str> = Vec::new();
    let mut seeds: Vec<u32> = Vec::new();
    for run in &handout.runs {
        if !arms.contains(&run.arm.as_str()) {
            arms.push(&run.arm);
        }
        if !seeds.contains(&run.seed) {
            seeds.push(run.seed);
        }
    }
    if let Some(unknown) = (args.arms.iter()).find(|name| !arms.contains(&name.as_str())) {
        return Err(format!(
            "{experiment} has no run of an arm {unknown:?}; its arms are {arms:?}."
        ));
    }
    if let Some(unknown) = args.seed.iter().find(|seed| !seeds.contains(seed)) {
        return Err(format!(
            "{experiment} has no run with the seed {unknown}; its seeds are {seeds:?}."
        ));
    }
    match args.seeds {
        _ if !args.seed.is_empty() => seeds.retain(|seed| args.seed.contains(seed)),
        Count::First(count) => seeds.truncate(count),
        Count::All => {}
    }
    let asked = |run: &&Run| {
        seeds.contains(&run.seed) && (args.arms.is_empty() || args.arms.contains(&run.arm))
    };
    let found: Vec<&Run> = handout.runs.iter().filter(asked).collect();
    match found.is_empty() {
        true => Err(format!(
            "No run of {experiment} with a result is of these arms and seeds."
        )),
        false => Ok(found),
    }
}

/// Refuses what the data at hand cannot reproduce.
///
/// # Errors
/// Which data set is missing, or has another content, and what to do.
pub(super) fn data_sets(args: &ReproduceArgs, chosen: &[Chosen]) -> Result<(), String> {
    let store = Store::new(args.folder.data_sets.clone());
    let needed: BTreeMap<&str, Option<&str>> = (chosen.iter())
        .filter_map(|one| {
            let data = one.plan.setup.task.data.as_deref()?;
            let made = one.run.provenance.as_ref();
            Some((data, made.and_then(|made| made.data_sha256.as_deref())))
        })
        .collect();
    for (data, trained_on) in needed {
        let reference: Reference = (data.parse()).map_err(|error| format!("{data}: {error}"))?;
        let here = store.find(&reference).map_err(|error| error.to_string())?;
        let command = store.command(&reference);
        match (here, trained_on) {
            (None, _) => {
                return Err(format!(
                    "The runs were trained on the data set {reference}, which is not here. Bring it with\n    {command}"
                ));
            }
            (Some(here), Some(theirs)) if here.sha256 != theirs => {
                return Err(format!(
                    "The data set {reference} here has the SHA-256 {}, but the runs were trained on {theirs}: another \
                     content under the same name. Name a folder with the board's with --data-sets DIR, and bring it with\n    {command}",
                    here.sha256
                ));
            }
            _ => {}
        }
    }
    Ok(())
}

/// What is about to be done, and about how long that takes.
pub(super) fn announced(args: &ReproduceArgs, handout: &Handout, chosen: &[Chosen]) -> String {
    let seconds: f64 = chosen.iter().map(|one| expected(args, one)).sum();
    let all = match handout.runs.len() - chosen.len() {
        0 => String::new(),
        _ => format!(" of {} (--seeds all for every one)", handout.runs.len()),
    };
    format!(
        "{}, {:?}: training {} run{}{all} again, about {} here.",
        handout.url,
        handout.title,
        chosen.len(),
        if chosen.len() == 1 { "" } else { "s" },
        lasting(seconds)
    )
}

/// Seconds that a run takes here, about: what it took on the board where that was a device of the same kind, else what is
/// estimated.
fn expected(args: &ReproduceArgs, one: &Chosen) -> f64 {
    let on_card = args.device != DeviceChoice::Cpu;
    let made = one.run.provenance.as_ref();
    let same = made.filter(|made| {
        let cuda = Machine::of(made).device == breakmywork_protocol::reproduction::Device::Cuda;
        cuda == on_card && made.wall_seconds.is_finite() && made.wall_seconds > 0.0
    });
    match same {
        Some(made) => made.wall_seconds,
        None if on_card => spec::card_run_seconds(&one.plan.setup),
        None => spec::run_seconds(&one.plan.setup),
    }
}

fn lasting(seconds: f64) -> String {
    match seconds {
        _ if seconds < 90.0 => format!("{} s", seconds.ceil()),
        _ if seconds < 5_400.0 => format!("{:.0} min", seconds / 60.0),
        _ => format!("{:.1} h", seconds / 3_600.0),
    }
}
