//! All experiments: filtered, sorted, page by page. Each view is a link.

use crate::{
    db::{
        claims::{self, Claim},
        experiments::STATES,
        listed::{
            self, Filter, Forecasts, Key, LOOKED_THROUGH, Listed, OUTCOMES, Place, Sort, Walked,
            known, tasks,
        },
    },
    error::{Error, Result},
    extract::{Query, Visit},
    pages::{Cache, show},
    render::{badge, filters, number, url, verdict_words},
    state::AppState,
    text_search::{self, Asked, Text},
};
use askama::Template;
use axum::{extract::State, response::Response};
use breakmywork_protocol::{id::ClaimId, spec::TaskName};
use serde::Deserialize;

/// Experiments on one page.
const SHOWN: i64 = 50;

/// A view of the list. A field that is there and empty came from the form, and does not filter.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct View {
    claim: Option<String>,
    author: Option<String>,
    state: Option<String>,
    verdict: Option<String>,
    task: Option<String>,
    q: Option<String>,
    forecasts: Option<Forecasts>,
    #[serde(default)]
    sort: Sort,
    before: Option<String>,
    after: Option<String>,
}

/// A choice of one filter.
#[derive(Debug)]
struct Choice {
    name: String,
    address: String,
    chosen: bool,
}

#[derive(Debug, Template)]
#[template(path = "experiments.html")]
struct Experiments {
    visit: Visit,
    view: View,
    claim: Option<Claim>,
    experiments: Vec<Listed>,
    walked: Walked,
    /// Why the words cannot be looked for.
    refusal: Option<String>,
}

impl View {
    /// Address of this view, from its first page.
    fn address(&self) -> String {
        let fields = [
            ("claim", &self.claim),
            ("author", &self.author),
            ("state", &self.state),
            ("verdict", &self.verdict),
            ("task", &self.task),
            ("q", &self.q),
        ];
        let mut parts: Vec<String> = fields
            .into_iter()
            .filter_map(|(name, value)| {
                let value = value.as_deref().filter(|value| !value.is_empty())?;
                Some(format!("{name}={}", url::component(value)))
            })
            .collect();
        if self.forecasts.is_some() {
            parts.push("forecasts=open".to_owned());
        }
        if self.sort != Sort::Newest {
            parts.push(format!("sort={}", self.sort.name()));
        }
        match parts.is_empty() {
            true => "/experiments".to_owned(),
            false => format!("/experiments?{}", parts.join("&")),
        }
    }

    fn changed(&self, change: impl FnOnce(&mut Self)) -> String {
        let mut other = self.clone();
        change(&mut other);
        other.address()
    }

    fn place(&self) -> Result<Option<Place>> {
        let read = |name, place: &str| {
            place.parse::<Key>().map_err(|why| {
                Error::BadRequest(format!(
                    "`{name}` {why}. Leave it out to see the first page."
                ))
            })
        };
        Ok(match (&self.before, &self.after) {
            (Some(_), Some(_)) => {
                return Err(Error::BadRequest(
                    "Give `before` or `after`, not both.".into(),
                ));
            }
            (Some(key), None) => Some(Place::Before(read("before", key)?)),
            (None, Some(key)) => Some(Place::After(read("after", key)?)),
            (None, None) => None,
        })
    }
}

impl Experiments {
    fn choices(
        &self,
        all: &[&str],
        chosen: Option<&String>,
        set: impl Fn(&mut View, Option<String>),
    ) -> Vec<Choice> {
        let any = std::iter::once(None);
        any.chain(all.iter().map(|name| Some(*name)))
            .map(|name| Choice {
                address: self.view.changed(|view| set(view, name.map(str::to_owned))),
                chosen: chosen.map(String::as_str) == name,
                name: name.unwrap_or("any").replace('_', " "),
            })
            .collect()
    }

    fn states(&self) -> Vec<Choice> {
        let mut choices = self.choices(&STATES, self.view.state.as_ref(), |view, state| {
            view.state = state;
            view.verdict = None;
            view.forecasts = None;
        });
        choices.push(Choice {
            name: "open to forecasts".to_owned(),
            address: self.view.changed(|view| {
                view.state = None;
                view.verdict = None;
                view.forecasts = Some(Forecasts::Open);
            }),
            chosen: self.view.forecasts.is_some(),
        });
        choices[0].chosen &= self.view.forecasts.is_none();
        choices
    }

    fn verdicts(&self) -> Vec<Choice> {
        self.choices(&OUTCOMES, self.view.verdict.as_ref(), |view, verdict| {
            if verdict.is_some() {
                view.state = None;
                view.forecasts = None;
            }
            view.verdict = verdict;
        })
    }

    fn tasks(&self) -> Vec<Choice> {
        let set = |view: &mut View, task| view.task = task;
        let mut choices = self.choices(&tasks(), self.view.task.as_ref(), set);
        for (choice, task) in choices.iter_mut().skip(1).zip(TaskName::ALL) {
            choice.name = task.words().to_owned();
        }
        choices
    }

    fn sorts(&self) -> Vec<Choice> {
        let words = ["newest first", "oldest first", "latest end first"];
        let choice = |(sort, name): (Sort, &str)| Choice {
            name: name.to_owned(),
            address: self.view.changed(|view| view.sort = sort),
            chosen: self.view.sort == sort,
        };
        Sort::ALL.into_iter().zip(words).map(choice).collect()
    }

    /// The view without one of what has no row of choices.
    fn without(&self, field: &str) -> String {
        self.view.changed(|view| match field {
            "claim" => view.claim = None,
            "author" => view.author = None,
            _ => view.q = None,
        })
    }

    /// Whether anything is filtered.
    fn is_filtered(&self) -> bool {
        let plain = View {
            sort: self.view.sort,
            ..View::default()
        };
        self.view.address() != plain.address()
    }

    /// Address of another page of this view.
    fn at(&self, place: &Place) -> String {
        let address = self.view.address();
        let join = if address.contains('?') { '&' } else { '?' };
        match place {
            Place::Before(key) => format!("{address}{join}before={key}"),
            Place::After(key) => format!("{address}{join}after={key}"),
        }
    }

    fn looked_through(&self) -> String {
        number::count(LOOKED_THROUGH)
    }
}

/// The list.
pub async fn list(
    State(state): State<AppState>,
    visit: Visit,
    Query(mut view): Query<View>,
) -> Result<Response> {
    let place = view.place()?;
    view.state = known("state", view.state, &STATES)?;
    view.verdict = known("verdict", view.verdict, &OUTCOMES)?;
    view.task = known("task", view.task, &tasks())?;
    let trimmed = |text: Option<String>| {
        text.map(|text| text.trim().to_owned())
            .filter(|text| !text.is_empty())
    };
    view.author = trimmed(view.author).map(|name| name.trim_start_matches('@').to_lowercase());
    view.claim = trimmed(view.claim);
    view.q = trimmed(view.q);
    let claim = match &view.claim {
        None => None,
        Some(id) => Some(claim(&state, id).await?),
    };
    let mut page = Experiments {
        visit,
        view,
        claim,
        experiments: Vec::new(),
        walked: Walked::default(),
        refusal: None,
    };
    let words = match words(&state, page.view.q.as_deref()).await? {
        Ok(words) => words,
        Err(refusal) => {
            page.refusal = Some(refusal);
            return show(&page, Cache::Fresh);
        }
    };
    let filter = Filter {
        claim: page.claim.as_ref().map(|claim| claim.id),
        author: page.view.author.clone(),
        state: page.view.state.clone(),
        outcome: page.view.verdict.clone(),
        task: page.view.task.clone(),
        words,
        takes_forecasts: page.view.forecasts.is_some(),
    };
    page.walked = listed::page(&state.pool, &filter, page.view.sort, place, SHOWN).await?;
    page.experiments = listed::rows(&state.pool, &page.walked.ids).await?;
    show(&page, Cache::Fresh)
}

async fn claim(state: &AppState, id: &str) -> Result<Claim> {
    let missing = || Error::missing("claim", id);
    let key: ClaimId = id.parse().map_err(|_| missing())?;
    claims::find(&state.pool, key).await?.ok_or_else(missing)
}

/// The words to look for, or why they cannot be.
async fn words(
    state: &AppState,
    typed: Option<&str>,
) -> Result<Result<Option<crate::db::text_search::Terms>, String>> {
    let text = match Text::read(typed.unwrap_or_default()) {
        Ok(None) => return Ok(Ok(None)),
        Ok(Some(text)) => text,
        Err(refusal) => return Ok(Err(refusal)),
    };
    Ok(match text_search::asked(&state.pool, &text).await? {
        Asked::Words(terms) => Ok(Some(terms)),
        Asked::Nothing(why) => Err(why.to_owned()),
    })
}
