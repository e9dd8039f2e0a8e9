use super::*;
use crate::scope::Scope;
use crate::spec::{Board, Format, Seeds, read, read_value};

const TASK: &str = "title = \"t\"\nseeds = 4\n[task]\nname = \"adding\"\nlength = 50\n[model]\nhidden = 8\n[training]\nsteps = 10\n";
const ARMS: &str = "[[arms]]\nname = \"fixed\"\ndropout.state = { rate = 0.25, time = \"fixed\" }\n\
    [[arms]]\nname = \"fresh\"\ndropout.state = { rate = 0.25, time = \"per_step\" }\n";
const CRITERION: &str = "[criterion]\nkind = \"search\"\nmetric = \"test_mse\"\ntreatment = \"fixed\"\ncontrol = \"fresh\"\n\
    scale = \"log\"\nmargin = 0.1\n";
const SPACE: &str = "[search]\nbudget = 96\n[[search.space]]\nfield = \"task.length\"\nvalues = [20, 100]\n\
    [[search.space]]\nfield = \"dropout.state.rate\"\nfrom = 0.1\nto = 0.7\nlevels = 4\n";

fn text(search: &str) -> String {
    format!("{TASK}{ARMS}{CRITERION}{search}")
}

fn good() -> Spec {
    read(&text(SPACE), Format::Toml).expect("a good search")
}

#[track_caller]
fn refuses(text: &str, pointer: &str, words: &str) {
    let problems = read(text, Format::Toml).expect_err("refused");
    let found = problems
        .0
        .iter()
        .any(|it| it.pointer == pointer && it.detail.contains(words));
    assert!(found, "{pointer} {words}: {problems}");
}

#[track_caller]
fn stands_against(spec: &Spec, pointer: &str, words: &str) {
    let problems = spec.registrable().expect_err("refused");
    let found = problems
        .0
        .iter()
        .any(|it| it.pointer == pointer && it.detail.contains(words));
    assert!(found, "{pointer} {words}: {problems}");
}

#[test]
fn a_range_is_written_out_and_the_frozen_form_reads_the_same() {
    let spec = good();
    spec.registrable().expect("can be registered");
    let search = spec.search.as_ref().expect("a search");
    assert_eq!(
        search.space[1].values,
        [0.1, 0.3, 0.5, 0.7].map(|rate| json!(rate))
    );
    assert_eq!(search.size(), 8.0);
    assert_eq!(read_value(&spec.to_json()).as_ref(), Ok(&spec));
    assert_eq!(read(&spec.to_toml(), Format::Toml).as_ref(), Ok(&spec));
    let whole = text(
        "[search]\nbudget = 96\n[[search.space]]\nfield = \"model.hidden\"\nfrom = 4\nto = 64\nscale = \"log\"\nlevels = 5\n",
    );
    let whole = read(&whole, Format::Toml).expect("good");
    let values = &whole.search.as_ref().expect("a search").space[0].values;
    assert_eq!(values, &[4, 8, 16, 32, 64].map(|units| json!(units)));
}

#[test]
fn a_search_and_its_kind_come_together() {
    refuses(&text(""), "/search", "is missing");
    let other = text(SPACE).replace("kind = \"search\"", "kind = \"difference\"");
    refuses(&other, "/search", "only for a criterion of kind");
    let threshold = format!("{TASK}{ARMS}{CRITERION}threshold = 0.1\n{SPACE}");
    refuses(&threshold, "/criterion/threshold", "only kind");
}

#[test]
fn what_cannot_be_searched_over_is_said_where_it_stands() {
    let space = |axis: &str| {
        text(&format!(
            "[search]\nbudget = 96\n[[search.space]]\n{axis}\n"
        ))
    };
    for (axis, place, words) in [
        (
            "field = \"dropout.state.time\"\nvalues = [\"fixed\"]",
            "field",
            "differ in",
        ),
        (
            "field = \"dropout.input.rate\"\nvalues = [0.5]",
            "field",
            "neither arm drops",
        ),
        (
            "field = \"title\"\nvalues = [\"x\"]",
            "field",
            "no path of a setting",
        ),
        (
            "field = \"model.size\"\nvalues = [5]",
            "values/0",
            "is not a field here",
        ),
        (
            "field = \"model.hidden\"\nvalues = [4, 9000]",
            "values/1",
            "1500",
        ),
        (
            "field = \"model.hidden\"\nvalues = [4, 4.0]",
            "values/1",
            "there twice",
        ),
        (
            "field = \"model.hidden\"\nvalues = [[4]]",
            "values/0",
            "a single value",
        ),
        ("field = \"model.hidden\"\nvalues = []", "values", "are 0"),
        (
            "field = \"model.hidden\"\nvalues = [4]\nfrom = 3",
            "values",
            "either values or a range",
        ),
        (
            "field = \"model.hidden\"\nfrom = 30\nto = 3",
            "to",
            "larger than from",
        ),
        (
            "field = \"model.hidden\"\nfrom = 0\nto = 3\nscale = \"log\"",
            "scale",
            "no place for 0",
        ),
        (
            "field = \"model.hidden\"\nfrom = 0\nto = 8",
            "from",
            "1 to 1500",
        ),
        (
            "field = \"task.name\"\nvalues = [\"copy\"]",
            "values/0",
            "without test_mse",
        ),
        ("field = \"model.hidden\"", "values", "are missing"),
    ] {
        refuses(&space(axis), &format!("/search/space/0/{place}"), words);
    }
    refuses(
        &text("[search]\nbudget = 96\n"),
        "/search/space",
        "names no field",
    );
    let twice = format!("{SPACE}[[search.space]]\nfield = \"task.length\"\nvalues = [30]\n");
    refuses(&text(&twice), "/search/space/2/field", "there twice");
}

/// Twenty-four values of six fields are the most; what is longer is not even looked at.
#[test]
fn a_space_is_bounded_before_it_is_read() {
    let many: Vec<String> = (0..5_000).map(|value| value.to_string()).collect();
    let values = format!(
        "[search]\nbudget = 96\n[[search.space]]\nfield = \"model.hidden\"\nvalues = [{}]\n",
        many.join(", ")
    );
    refuses(&text(&values), "/search/space/0/values", "are 5000");
    let axis = "[[search.space]]\nfield = \"model.hidden\"\nvalues = [4, 8]\n".repeat(7);
    refuses(
        &text(&format!("[search]\nbudget = 96\n{axis}")),
        "/search/space",
        "has 7 fields",
    );
}

#[test]
fn a_search_that_cannot_find_anything_is_refused() {
    let mut spec = good();
    spec.seeds = Seeds::Listed(vec![1, 2, 3, 4]);
    stands_against(&spec, "/seeds", "named one by one");
    spec.seeds = Seeds::Count(40);
    stands_against(&spec, "/seeds", "2 to 16");
    let mut spec = good();
    spec.search.as_mut().expect("a search").budget = 20;
    stands_against(&spec, "/search/budget", "too small");
    let same = text(SPACE).replace("per_step", "fixed");
    stands_against(
        &read(&same, Format::Toml).expect("readable"),
        "/criterion/control",
        "trains the same",
    );
    let third = text(SPACE).replace("[criterion]", "[[arms]]\nname = \"none\"\n[criterion]");
    stands_against(
        &read(&third, Format::Toml).expect("readable"),
        "/arms",
        "a search has two",
    );
    let margin = text(SPACE).replace("margin = 0.1", "margin = 5.0");
    stands_against(
        &read(&margin, Format::Toml).expect("readable"),
        "/criterion/margin",
        "factor",
    );
}

/// Where the search may lead is bounded by what a point may cost, the dearest with the dearest.
#[test]
fn its_cost_is_that_of_its_dearest_points() {
    let cheap = good();
    let dear = text(&SPACE.replace("[20, 100]", "[20, 1000]"));
    let dear = read(&dear, Format::Toml).expect("good");
    let board = Board::default();
    let [one, other] = [&cheap, &dear].map(|spec| board.worker_seconds(spec));
    assert!(other > one * 5.0, "{one} {other}");
    let corner = cheap
        .at(&Settings::from([("task.length".to_owned(), json!(100))]))
        .expect("a point");
    let run = board.run_seconds(&corner.arms[1].setup);
    assert!((one / (96.0 * run) - 1.0).abs() < 0.2, "{one} {run}");
    let long =
        text(&SPACE.replace("[20, 100]", "[20, 1000]")).replace("steps = 10", "steps = 200000");
    stands_against(
        &read(&long, Format::Toml).expect("readable"),
        "/training/steps",
        "smaller budget",
    );
    assert_eq!(
        cheap.runs(),
        SearchPlan::of(&cheap).expect("a plan").runs() as usize
    );
    assert!(cheap.runs() <= 96);
}

#[test]
fn a_point_is_a_plain_comparison_that_reads_again() {
    let spec = read(
        &text(SPACE).replace("name = \"fresh\"\n", "name = \"fresh\"\ntask.length = 50\n"),
        Format::Toml,
    )
    .expect("good");
    let settings = Settings::from([
        ("task.length".to_owned(), json!(100)),
        ("dropout.state.rate".to_owned(), json!(0.5)),
    ]);
    let point = spec.at(&settings).expect("a point");
    assert!(!point.is_search());
    assert_eq!(point.task.length, 100);
    for arm in &point.arms {
        assert_eq!(arm.setup.task.length, 100);
        assert_eq!(arm.dropout.state.as_ref().map(|site| site.rate), Some(0.5));
    }
    assert_eq!(read_value(&point.to_json()).as_ref(), Ok(&point));
    assert_eq!(spec.own_value("task.length"), Some(json!(50)));
}

/// What is found outside a claim's scope refutes nothing, so nobody searches there; each value is named that lies outside.
#[test]
fn a_search_looks_where_the_claim_speaks() {
    let scope = |covers: Value| -> Scope {
        let mut whole = json!({
            "margin": { "relative": 0.1 },
            "arms": { "treatment": { "dropout.state.time": "fixed" }, "control": { "dropout.state.time": "per_step" } }
        });
        whole
            .as_object_mut()
            .expect("a table")
            .extend(covers.as_object().cloned().unwrap_or_default());
        serde_json::from_value(whole).expect("a scope")
    };
    let spec = good();
    assert_eq!(spec.outside_of(&scope(json!({}))), []);
    let long = spec.outside_of(&scope(json!({ "length": { "least": 50 } })));
    assert_eq!(long.len(), 1, "{long:?}");
    assert_eq!(long[0].pointer, "/search/space/0/values/0");
    assert!(
        long[0].detail.contains("at least 50 time steps"),
        "{long:?}"
    );
    let rates = spec.outside_of(&scope(json!({ "rate": { "most": 0.4 } })));
    let places: Vec<&str> = rates.iter().map(|it| it.pointer.as_str()).collect();
    assert_eq!(
        places,
        ["/search/space/1/values/2", "/search/space/1/values/3"]
    );
    for elsewhere in [
        json!({ "tasks": ["word_lm"] }),
        json!({ "margin": { "relative": 0.02 } }),
        json!({ "arms": {} }),
    ] {
        let found = spec.outside_of(&scope(elsewhere));
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].pointer, "/criterion");
    }
}
