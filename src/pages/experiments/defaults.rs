//! What holds where a field stays empty.

use breakmywork_protocol::spec::{self, Problem};
use serde_json::Value;

/// Values that are worked out from another; when that one is wrong, so are they.
const FOLLOW: [(&str, &str); 3] = [
    ("/model/hidden", "/model/embedding"),
    ("/training/batch", "/evaluation/sequences"),
    ("/training/steps", "/evaluation/every"),
];

/// The specification with its defaults filled in, without what cannot be told yet.
pub(super) fn of(value: &Value) -> Value {
    let Some((draft, problems)) = spec::draft(value) else {
        return Value::Null;
    };
    let wrong = |pointer: &str| problems.iter().any(|problem| problem.pointer == pointer);
    // Every default depends on the task.
    if wrong("/task") || wrong("/task/name") {
        return Value::Null;
    }
    let mut defaults = draft.to_json();
    for Problem { pointer, .. } in &problems {
        forget(&mut defaults, pointer);
    }
    for (_, follower) in FOLLOW.iter().filter(|(leader, _)| wrong(leader)) {
        forget(&mut defaults, follower);
    }
    defaults
}

fn forget(defaults: &mut Value, pointer: &str) {
    if let Some(value) = defaults.pointer_mut(pointer) {
        *value = Value::Null;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn defaults(task: &str) -> Value {
        let toml: toml::Table = format!("title = \"t\"\n[task]\n{task}\n")
            .parse()
            .expect("TOML");
        of(&serde_json::to_value(toml).expect("JSON"))
    }

    #[test]
    fn defaults_are_those_of_the_chosen_task_even_while_something_is_missing() {
        let words = defaults("name = \"word_lm\"");
        assert_eq!(words["task"]["length"], 35);
        assert_eq!(words["task"]["vocabulary"], 10_000);
        assert_eq!(words["task"]["data"], Value::Null);
        assert_eq!(words["model"]["embedding"], words["model"]["hidden"]);
        let adding = defaults("name = \"adding\"");
        assert_eq!(adding["task"]["length"], 50);
        assert_eq!(adding["training"]["batch"], 32);
        assert_eq!(adding["evaluation"]["sequences"], 500);
    }

    #[test]
    fn what_cannot_be_told_has_no_default() {
        let adding = defaults("name = \"adding\"");
        // Nothing says how long it is trained.
        assert_eq!(adding["training"]["steps"], Value::Null);
        assert_eq!(adding["evaluation"]["every"], Value::Null);
        assert_eq!(defaults("name = \"addition\""), Value::Null);
        assert_eq!(of(&Value::from("no table")), Value::Null);
    }
}
