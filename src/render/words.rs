//! A specification's settings in words, for people.

use super::number::{count, plain, plural};
use breakmywork_protocol::metric;
use breakmywork_protocol::spec::{
    Cell, Evaluation, LossOverTime, Model, Normalization, Optimizer, Task, TaskName, Training,
    Tuned, Tuning, TuningSearch, Windows, limits,
};

/// Pixels of a picture.
const PIXELS: u32 = 784;

/// What is learned, on what, and how much of it at a time.
pub fn task(task: &Task) -> String {
    let mut text = match (&task.data, task.name) {
        (Some(data), name) => format!("{} {data}", learned(name)),
        (None, name) => learned(name).to_owned(),
    };
    if let Some(words) = task.vocabulary {
        text.push_str(&format!(", {} words", count(words)));
    }
    let length = count(task.length);
    let about = match task.windows {
        Some(Windows::Variable) => "about ",
        _ => "",
    };
    let share = match task.name {
        TaskName::Adding | TaskName::Copy | TaskName::TemporalOrder => format!("length {length}"),
        TaskName::CharLm | TaskName::WordLm => format!("windows of {about}{length}"),
        TaskName::Sentiment => format!("segments of {length}"),
        TaskName::Music => format!("at most {length} frames at a time"),
        TaskName::SequentialMnist => pixels(task.length),
        TaskName::PermutedMnist => {
            format!("{} in one fixed random order", pixels(task.length))
        }
    };
    let part = match task.fraction {
        Some(part) if part < 1.0 => format!(", {} of the training data", plain(part)),
        _ => String::new(),
    };
    format!("{text}, {share}{part}")
}

/// What is learned, up to the name of the data set.
fn learned(task: TaskName) -> &'static str {
    match task {
        TaskName::Adding => "adding problem",
        TaskName::Copy => "copy",
        TaskName::TemporalOrder => "temporal order",
        TaskName::CharLm => "next character of",
        TaskName::WordLm => "next word of",
        TaskName::Sentiment => "labels of",
        TaskName::Music => "next frame of",
        TaskName::SequentialMnist | TaskName::PermutedMnist => "digits of",
    }
}

fn pixels(steps: u32) -> String {
    match PIXELS / steps.max(1) {
        PIXELS => "all pixels in one step".to_owned(),
        1 => "a pixel a step".to_owned(),
        many => format!("{} steps of {many} pixels", count(steps)),
    }
}

/// The network.
pub fn network(model: &Model) -> String {
    let layers = plural(model.layers, "layer", "layers");
    let mut text = format!(
        "{}, {layers} of {} units",
        cell(model.cell),
        count(model.hidden)
    );
    if let Some(width) = model.embedding {
        text.push_str(&format!(", embeddings of {}", count(width)));
    }
    if model.tied_embeddings == Some(true) {
        text.push_str(" whose weights are the output’s too");
    }
    match model.normalization {
        Normalization::None => {}
        Normalization::Layer => text.push_str(", layer normalization"),
        Normalization::Batch => text.push_str(", batch normalization"),
    }
    if let Some(gain) = model.normalization_gain {
        text.push_str(&format!(" with gains of {} at the start", plain(gain)));
    }
    if let Some(range) = model.initial_range {
        text.push_str(&format!(", all weights begin within ± {}", plain(range)));
    }
    if let Some(bias) = model.forget_bias {
        text.push_str(&format!(", forget bias {}", plain(bias)));
    }
    text
}

fn cell(cell: Cell) -> &'static str {
    match cell {
        Cell::Rnn => "plain recurrent network",
        Cell::Gru => "GRU",
        Cell::Lstm => "LSTM",
    }
}

/// How it is trained.
pub fn training(task: &Task, training: &Training) -> String {
    let mut parts = vec![format!(
        "{} at {}",
        optimizer(training.optimizer),
        plain(training.learning_rate)
    )];
    let batch = format!(
        "{} {}",
        count(training.batch),
        sequences(task, training.batch)
    );
    if let Some(steps) = training.steps {
        parts.push(format!("{} of {batch}", plural(steps, "step", "steps")));
    }
    if let Some(epochs) = training.epochs {
        parts.push(format!("{} of {batch}", plural(epochs, "epoch", "epochs")));
    }
    if let (Some(anneal), Some(after)) = (training.anneal, training.anneal_after) {
        let from = ordinal(after.saturating_add(1));
        parts.push(format!(
            "learning rate × {} at each epoch from the {from}",
            plain(anneal)
        ));
    }
    if training.networks() > 1 {
        let networks = plural(training.networks(), "network", "networks");
        parts.push(format!("{networks} whose predictions are averaged"));
    }
    if training.loss_over_time == Some(LossOverTime::Sum) {
        parts.push("loss summed over time".to_owned());
    }
    if training.clip > 0.0 {
        parts.push(format!("gradients clipped at {}", plain(training.clip)));
    }
    if training.weight_decay > 0.0 {
        parts.push(format!("weight decay {}", plain(training.weight_decay)));
    }
    parts.join(", ")
}

/// When it is measured, and on how much.
pub fn measured(task: &Task, evaluation: &Evaluation) -> String {
    let when = match evaluation.every {
        Some(1) => "after every step".to_owned(),
        Some(every) => format!("every {} steps", count(every)),
        None => "after each epoch".to_owned(),
    };
    let mut tested = String::new();
    if let Some(length) = evaluation.length {
        tested.push_str(&format!(", tested at length {}", count(length)));
    }
    if let Some(shift) = evaluation.shift {
        let (from, to) = (plain(shift), plain(1.0 + shift));
        tested.push_str(&format!(", tested on numbers from {from} to {to}"));
    }
    let many = evaluation.sequences;
    let what = sequences(task, many);
    if !task.name.is_generated() && many == *limits::SEQUENCES.end() {
        return format!("{when} on the held-out {what}, at most {}", count(many));
    }
    format!("{when} on {} held-out {what}{tested}", count(many))
}

/// What each arm tries before it is compared, and by what it chooses.
pub fn tuning(tuning: &Tuning) -> String {
    let list = |values: &[f64]| {
        values
            .iter()
            .map(|value| plain(*value))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let field = |tuned: &Tuned| match (tuned.from, tuned.to) {
        (Some(from), Some(to)) => format!("{} from {} to {}", tuned.field, plain(from), plain(to)),
        _ => format!("{} at {}", tuned.field, list(&tuned.values)),
    };
    let fields: Vec<String> = tuning.fields.iter().map(field).collect();
    let how = match tuning.search {
        TuningSearch::Grid => "all",
        TuningSearch::Random => "the same for every arm, drawn by the board at registration",
    };
    format!(
        "each arm first chooses of {} of {} ({how}), by the median of {} on {} of their own",
        plural(tuning.trials(), "trial", "trials"),
        fields.join(" and "),
        metric::words(&tuning.metric),
        plural(tuning.seeds, "seed", "seeds")
    )
}

/// With a capital letter in front.
pub fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(letters).collect()
}

/// What a minibatch consists of.
fn sequences(task: &Task, many: u32) -> &'static str {
    match (task.name, many) {
        (name, 1) if name.is_language_model() => "stream",
        (name, _) if name.is_language_model() => "streams",
        (_, 1) => "sequence",
        _ => "sequences",
    }
}

fn optimizer(optimizer: Optimizer) -> &'static str {
    match optimizer {
        Optimizer::Sgd => "gradient descent",
        Optimizer::Adam => "Adam",
        Optimizer::NtAsgd => "gradient descent with averaged weights",
    }
}

fn ordinal(number: u32) -> String {
    let ending = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use breakmywork_protocol::spec::{Format, Spec, read};

    fn spec(task: &str, model: &str, training: &str) -> Spec {
        let text = format!(
            "title = \"t\"\nseeds = [1]\n[task]\n{task}\n[model]\n{model}\n[training]\n{training}\n[[arms]]\nname = \"a\"\n"
        );
        read(&text, Format::Toml).expect("a good specification")
    }

    #[test]
    fn a_language_model_is_put_into_words() {
        let spec = spec(
            "name = \"word_lm\"\ndata = \"penn_treebank\"",
            "layers = 2\nhidden = 200\ntied_embeddings = true\ninitial_range = 0.1",
            "optimizer = \"sgd\"\nlearning_rate = 1\nbatch = 20\nepochs = 13\nanneal = 0.5\nanneal_after = 4\n\
             loss_over_time = \"sum\"\nclip = 5\nnetworks = 5",
        );
        assert_eq!(
            task(&spec.task),
            "next word of penn_treebank@1, 10\u{202f}000 words, windows of 35"
        );
        assert_eq!(
            network(&spec.model),
            "LSTM, 2 layers of 200 units, embeddings of 200 whose weights are the output’s too, all weights begin within ± 0.1"
        );
        assert_eq!(
            training(&spec.task, &spec.training),
            "gradient descent at 1, 13 epochs of 20 streams, learning rate × 0.5 at each epoch from the 5th, \
             5 networks whose predictions are averaged, loss summed over time, gradients clipped at 5"
        );
        assert_eq!(
            measured(&spec.task, &spec.evaluation),
            "after each epoch on 20 held-out streams"
        );
    }

    #[test]
    fn how_a_network_begins_is_put_into_words() {
        let begun = spec(
            "name = \"adding\"",
            "normalization = \"batch\"\nnormalization_gain = 1\nforget_bias = -0.5",
            "steps = 10",
        );
        assert_eq!(
            network(&begun.model),
            "LSTM, 1 layer of 32 units, batch normalization with gains of 1 at the start, forget bias −0.5"
        );
    }

    #[test]
    fn every_task_says_how_much_it_reads_at_a_time() {
        for (given, words) in [
            ("name = \"adding\"", "adding problem, length 50"),
            (
                "name = \"char_lm\"\ndata = \"d\"\nwindows = \"variable\"",
                "next character of d@1, windows of about 100",
            ),
            (
                "name = \"sentiment\"\ndata = \"d\"\nvocabulary = 20000",
                "labels of d@1, 20\u{202f}000 words, segments of 200",
            ),
            (
                "name = \"music\"\ndata = \"d\"",
                "next frame of d@1, at most 160 frames at a time",
            ),
            (
                "name = \"sequential_mnist\"\ndata = \"d\"",
                "digits of d@1, a pixel a step",
            ),
            (
                "name = \"sequential_mnist\"\ndata = \"d\"\nfraction = 0.125",
                "digits of d@1, a pixel a step, 0.125 of the training data",
            ),
            (
                "name = \"sequential_mnist\"\ndata = \"d\"\nlength = 1",
                "digits of d@1, all pixels in one step",
            ),
            (
                "name = \"permuted_mnist\"\ndata = \"d\"\nlength = 28",
                "digits of d@1, 28 steps of 28 pixels in one fixed random order",
            ),
        ] {
            assert_eq!(task(&spec(given, "", "steps = 10").task), words);
        }
    }

    #[test]
    fn other_measurements_are_put_into_words() {
        let adding = spec("name = \"adding\"", "", "steps = 100");
        assert_eq!(
            measured(&adding.task, &adding.evaluation),
            "every 5 steps on 500 held-out sequences"
        );
        let mut beyond = adding.evaluation.clone();
        (beyond.shift, beyond.length) = (Some(1.0), Some(200));
        assert_eq!(
            measured(&adding.task, &beyond),
            "every 5 steps on 500 held-out sequences, tested at length 200, tested on numbers from 1 to 2"
        );
        let music = spec("name = \"music\"\ndata = \"d\"", "", "epochs = 1");
        assert_eq!(
            measured(&music.task, &music.evaluation),
            "after each epoch on the held-out sequences, at most 10\u{202f}000"
        );
        assert_eq!(
            [1, 2, 3, 5, 11, 22].map(ordinal).join(" "),
            "1st 2nd 3rd 5th 11th 22nd"
        );
    }
}
