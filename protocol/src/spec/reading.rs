//! The criterion in words, for people.

use super::types::*;
use crate::{metric, text};

impl Criterion {
    /// What the experiment predicts, in one sentence; the default prediction.
    pub fn reading(&self) -> String {
        match self.kind {
            CriterionKind::Difference => format!(
                "“{}” reaches a {} {} than “{}” by at least {}.",
                self.treatment,
                self.direction(),
                self.measure(),
                self.control,
                self.amount(),
            ),
            CriterionKind::Equivalence => format!(
                "“{}” and “{}” reach the same {}: {} differs by less than {} either way.",
                self.treatment,
                self.control,
                self.measure(),
                self.subject(),
                self.factor(),
            ),
            CriterionKind::NonInferiority => format!(
                "“{}” reaches a {} that is worse than that of “{}” by less than {}, or better.",
                self.treatment,
                self.measure(),
                self.control,
                self.loss(),
            ),
            CriterionKind::SolveRate => format!(
                "“{}” solves the task ({}) in at least {} points more of the seeds than “{}”.",
                self.treatment,
                self.solved(),
                number(self.margin * 100.0),
                self.control,
            ),
            CriterionKind::Interaction => format!(
                "In {} {} exceeds {} by at least {}.",
                self.measure(),
                self.advantage(),
                self.other_advantage(),
                self.factor(),
            ),
            CriterionKind::Cells => format!(
                "In at least {} of {} conditions ({}) the treatment reaches a {} {} than the control by at least {}.",
                self.count(),
                self.cells().len(),
                self.pairs(),
                self.direction(),
                self.measure(),
                self.amount(),
            ),
            CriterionKind::Dispersion => format!(
                "{} spreads less over the seeds with “{}” than with “{}”, by a factor of at least {}.",
                sentence(&self.measure()),
                self.treatment,
                self.control,
                number(self.margin.exp()),
            ),
            CriterionKind::Search => format!(
                "Wherever it is searched, “{}” reaches a {} {} than “{}” by at least {}.",
                self.treatment,
                self.direction(),
                self.measure(),
                self.control,
                self.amount(),
            ),
            CriterionKind::Trend => format!(
                "{} {} gets {} by at least {} {}.",
                sentence(&self.along()),
                self.measure(),
                self.direction(),
                self.amount(),
                self.step(),
            ),
        }
    }

    /// What would falsify the claim here, in one sentence.
    pub fn falsifier(&self) -> String {
        match self.kind {
            CriterionKind::Difference => format!(
                "Falsified if the advantage of “{}” in {} is proven smaller than {}, {}.",
                self.treatment,
                self.measure(),
                self.amount(),
                self.proof(),
            ),
            CriterionKind::Equivalence => format!(
                "Falsified if “{}” and “{}” are proven to differ in {} by more than {}, {}.",
                self.treatment,
                self.control,
                self.measure(),
                self.factor(),
                self.proof(),
            ),
            CriterionKind::NonInferiority => format!(
                "Falsified if “{}” is proven worse than “{}” in {} by more than {}, {}.",
                self.treatment,
                self.control,
                self.measure(),
                self.loss(),
                self.proof(),
            ),
            CriterionKind::SolveRate => format!(
                "Falsified if the advantage of “{}” in its share of solved seeds ({}) is proven smaller than {} points, by an exact test of paired shares at the level {}.",
                self.treatment,
                self.solved(),
                number(self.margin * 100.0),
                number(self.alpha),
            ),
            CriterionKind::Interaction => format!(
                "Falsified if in {} {} less {} is proven smaller than {}, {}.",
                self.measure(),
                self.advantage(),
                self.other_advantage(),
                self.factor(),
                self.proof(),
            ),
            CriterionKind::Cells => format!(
                "Falsified if in {} or more of the {} conditions ({}) the advantage in {} is proven smaller than {}, for the typical seed pair by exact sign tests at the level {} for all together.",
                self.against(),
                self.cells().len(),
                self.pairs(),
                self.measure(),
                self.amount(),
                number(self.alpha),
            ),
            CriterionKind::Dispersion => format!(
                "Falsified if the spread of {} over the seeds with “{}” is proven to be smaller than with “{}” by a factor of less than {}, or larger, by an exact sign-flip test of the distances from the median at the level {}.",
                self.measure(),
                self.treatment,
                self.control,
                number(self.margin.exp()),
                number(self.alpha),
            ),
            CriterionKind::Search => format!(
                "A search falsifies nothing. It looks for settings at which the advantage of “{}” in {} is smaller than {}, and \
                 proposes an experiment there, on fresh seeds, that can.",
                self.treatment,
                self.measure(),
                self.amount(),
            ),
            CriterionKind::Trend => format!(
                "Falsified if {} the improvement of {} is proven smaller than {} {}, {}.",
                self.along(),
                self.measure(),
                self.amount(),
                self.step(),
                self.proof(),
            ),
        }
    }

    /// The conditions by their arms.
    fn pairs(&self) -> String {
        let pairs: Vec<String> = (self.cells().iter())
            .map(|[treatment, control]| format!("“{treatment}” over “{control}”"))
            .collect();
        crate::text::first_of(&pairs, 6, "; ")
    }

    /// The direction of a trend.
    fn along(&self) -> String {
        let field = self.field.as_deref().unwrap_or_default();
        format!(
            "along {field}, from “{}” to “{}”,",
            self.control, self.treatment
        )
    }

    /// What the slope of a trend is taken per.
    fn step(&self) -> String {
        let field = self.field.as_deref().unwrap_or_default();
        match self.field_scale {
            Some(Scale::Log) => format!("per doubling of {field}"),
            Some(Scale::Additive) | None => format!("per unit of {field}"),
        }
    }

    /// What each outcome needs, in one sentence with the registered numbers.
    pub fn survival(&self) -> String {
        let level = number(self.alpha);
        let margin = match self.kind {
            CriterionKind::SolveRate => format!("{} points", number(self.margin * 100.0)),
            _ => self.in_logarithm(),
        };
        let what = match self.kind {
            CriterionKind::Equivalence => {
                return format!(
                    "The claim survives if {} of {} is proven to lie between −{margin} and {margin}, at the level {level}; it \
                     falls if it is proven to lie outside.",
                    self.quantity("difference"),
                    self.measure()
                );
            }
            CriterionKind::NonInferiority => {
                return format!(
                    "The claim survives if {} of “{}” in {} is proven to be above −{margin}, at the level {level}; it falls if \
                     it is proven to be below −{margin}.",
                    self.quantity("advantage"),
                    self.treatment,
                    self.measure()
                );
            }
            CriterionKind::Cells => {
                let (count, all) = (self.count(), self.cells().len());
                return format!(
                    "The claim survives if the typical advantage in {} is proven to be above 0 in at least {count} of {all} \
                     conditions, at the level {level} for all together, and estimated to be at least {margin} in as many; it falls \
                     if it is proven to be below {margin} in {} of them or more.",
                    self.measure(),
                    self.against()
                );
            }
            CriterionKind::Search => {
                return "Nothing that a search finds moves the claim: who looks at many places finds one by luck. Only the \
                        experiment that is proposed at its end can, once it is registered."
                    .to_owned();
            }
            CriterionKind::Dispersion => {
                let factor = number(self.margin.exp());
                return format!(
                    "The claim survives if the spread of {} with “{}” over that with “{}” is proven to be above 1, at the \
                     level {level}, and estimated to be at least {factor}; it falls if it is proven to be below {factor}.",
                    self.measure(),
                    self.control,
                    self.treatment
                );
            }
            CriterionKind::SolveRate => format!(
                "the advantage of “{}” in its share of solved seeds",
                self.treatment
            ),
            CriterionKind::Difference => format!(
                "{} of “{}” in {}",
                self.quantity("advantage"),
                self.treatment,
                self.measure()
            ),
            CriterionKind::Interaction => format!(
                "{} of the two advantages in {}",
                self.quantity("difference"),
                self.measure()
            ),
            CriterionKind::Trend => format!(
                "{} of {} {}",
                self.quantity("improvement"),
                self.measure(),
                self.step()
            ),
        };
        let stops = match self.stopping {
            Some(Stopping::EValue) => format!(
                " It stops as soon as one of the two is proven, which is when its e-value reaches {}, or when its last \
                 pair has run.",
                number(1.0 / self.alpha)
            ),
            None => String::new(),
        };
        format!(
            "The claim survives if {what} is proven to be above 0, at the level {level}, and estimated to be at least \
             {margin}; it falls if it is proven to be below {margin}.{stops}"
        )
    }

    /// Unit of the effect, where the arms learn that task.
    pub fn unit(&self, task: TaskName) -> String {
        let unit = match (self.kind, self.scale) {
            (CriterionKind::SolveRate, _) => "share of seeds",
            (CriterionKind::Dispersion, _) => "log ratio of spreads",
            (_, Scale::Log) => "log ratio",
            (_, Scale::Additive) => {
                metric::find(&self.metric).map_or("", |metric| metric.unit_of(task))
            }
        };
        match self.kind {
            CriterionKind::Trend => format!("{unit} {}", self.step()),
            _ => unit.to_owned(),
        }
    }

    /// What is estimated, as a noun.
    fn quantity(&self, noun: &str) -> String {
        match self.estimand {
            Some(Estimand::Mean) => format!("the mean {noun}"),
            Some(Estimand::Median) | None => format!("the typical {noun}"),
        }
    }

    fn advantage(&self) -> String {
        format!(
            "the advantage of “{}” over “{}”",
            self.treatment, self.control
        )
    }

    fn other_advantage(&self) -> String {
        let [treatment, control] = self.other_pair().unwrap_or_default();
        format!("that of “{treatment}” over “{control}”")
    }

    fn subject(&self) -> &'static str {
        match self.estimand {
            Some(Estimand::Mean) => "the mean pair",
            Some(Estimand::Median) | None => "the typical pair",
        }
    }

    fn proof(&self) -> String {
        let unit = match self.kind {
            CriterionKind::Interaction | CriterionKind::Trend => "seed",
            _ => "seed pair",
        };
        let test = match self.estimand {
            _ if self.stopping.is_some() => {
                format!("for the typical {unit} by the e-value of the signs")
            }
            Some(Estimand::Mean) => format!("for the mean over the {unit}s by Student's t"),
            Some(Estimand::Median) | None => {
                format!("for the typical {unit} by the exact sign test")
            }
        };
        format!("{test} at the level {}", number(self.alpha))
    }

    fn direction(&self) -> &'static str {
        match self.better {
            Better::Lower => "lower",
            Better::Higher => "higher",
        }
    }

    /// The metric as people call it.
    fn measure(&self) -> String {
        metric::words(&self.metric)
    }

    /// How much better the smallest effect of interest is.
    fn amount(&self) -> String {
        self.beside_logarithm(share(self.towards(self.margin)))
    }

    /// How much worse it is.
    fn loss(&self) -> String {
        self.beside_logarithm(share(self.towards(-self.margin)))
    }

    /// The same either way.
    fn factor(&self) -> String {
        self.beside_logarithm(format!("a factor of {}", number(self.margin.exp())))
    }

    /// The logarithm of the treatment over the control of such an advantage.
    fn towards(&self, advantage: f64) -> f64 {
        match self.better {
            Better::Lower => -advantage,
            Better::Higher => advantage,
        }
    }

    fn beside_logarithm(&self, words: String) -> String {
        match self.scale {
            Scale::Additive => number(self.margin),
            Scale::Log => format!("{words} ({})", self.in_logarithm()),
        }
    }

    fn in_logarithm(&self) -> String {
        match self.scale {
            Scale::Additive => number(self.margin),
            Scale::Log => format!("{} in logarithm", number(self.margin)),
        }
    }

    /// What an estimate comes to in one sentence without a symbol; none of the kinds whose effects have no such words.
    pub fn finding(&self, effect: f64) -> Option<String> {
        let (treatment, control) = (&self.treatment, &self.control);
        let typically = match self.estimand {
            Some(Estimand::Mean) => "on average",
            Some(Estimand::Median) | None => "typically",
        };
        let predicted = match self.kind {
            CriterionKind::Difference => {
                format!("at least {} {}", self.amount(), self.direction())
            }
            CriterionKind::Equivalence => {
                format!("a difference of less than {}", self.factor())
            }
            CriterionKind::NonInferiority => format!("less than {} worse", self.loss()),
            CriterionKind::SolveRate => {
                let points = text::measured(effect.abs() * 100.0);
                let solved = match effect {
                    0.0 => "as many of the seeds as".to_owned(),
                    ..0.0 => format!("{points} points fewer of the seeds than"),
                    _ => format!("{points} points more of the seeds than"),
                };
                return Some(format!(
                    "“{treatment}” solved the task in {solved} “{control}”; predicted were at least {} more.",
                    number(self.margin * 100.0),
                ));
            }
            _ => return None,
        };
        Some(format!(
            "The {} of “{treatment}” was {typically} {} that of “{control}”; predicted was {predicted}.",
            self.measure(),
            self.compared(effect),
        ))
    }

    /// How the treatment compares with the control at such an advantage: "42 % lower than", "1.7 times as high as".
    fn compared(&self, advantage: f64) -> String {
        let log = self.towards(advantage);
        let way = if log < 0.0 { "lower" } else { "higher" };
        match self.scale {
            _ if advantage == 0.0 => "the same as".to_owned(),
            // Less than the numbers here can tell.
            Scale::Log if share(log) == share(0.0) => "nearly the same as".to_owned(),
            Scale::Additive => format!("{} {way} than", text::measured(advantage.abs())),
            Scale::Log if log >= MANY => format!("{} times as high as", text::measured(log.exp())),
            Scale::Log => match share(log).as_str() {
                "0 %" => "nearly the same as".to_owned(),
                share => format!("{share} {way} than"),
            },
        }
    }

    fn solved(&self) -> String {
        let bound = match self.better {
            Better::Lower => "at most",
            Better::Higher => "at least",
        };
        format!(
            "{} {bound} {}",
            self.measure(),
            number(self.threshold.unwrap_or(f64::NAN))
        )
    }
}

/// From this logarithm of a ratio on, half as much again, it is told as a factor.
const MANY: f64 = 0.405;

/// By how much of the control the treatment differs, given the logarithm of their ratio.
fn share(log: f64) -> String {
    let percent = (log.exp_m1() * 100.0).abs();
    match percent {
        ..99.9 => format!("{} %", number((percent * 10.0).round() / 10.0)),
        _ if log < 0.0 => format!("{} %", number(percent)),
        _ => format!("a factor of {}", number(log.exp())),
    }
}

/// With a capital letter in front.
pub(crate) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(letters).collect()
}

/// At most four significant digits, without trailing zeros, with a real minus sign.
pub(crate) fn number(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    let sign = if value < 0.0 { "−" } else { "" };
    let value = value.abs();
    let factor = 10_f64.powi(3 - value.log10().floor() as i32);
    let rounded = (value * factor).round() / factor;
    // Far from 1 the plain form would be a row of zeros.
    if !(1e-4..1e7).contains(&rounded) {
        return format!("{sign}{rounded:e}");
    }
    format!("{sign}{rounded}")
}
