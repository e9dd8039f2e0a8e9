//! Plans that train in no time.

use breakmywork_protocol::spec::{
    Cell, DecayBy, Dropout, Evaluation, MaskTime, Model, Normalization, Optimizer, Plan, Setup,
    Site, Task, TaskName, Training,
};

/// Two layers with masks at every site, 20 steps.
pub(crate) fn plan(cell: Cell, optimizer: Optimizer, name: TaskName) -> Plan {
    let site = |time| Some(Site::new(0.25, time));
    Plan {
        arm: "treatment".into(),
        seed: 3,
        setup: Setup {
            task: Task { name, length: 6 },
            model: Model {
                cell,
                layers: 2,
                hidden: 8,
                normalization: Normalization::None,
            },
            training: Training {
                optimizer,
                learning_rate: 0.01,
                batch: 4,
                steps: 20,
                clip: 1.0,
                weight_decay: 0.01,
                decay_by: DecayBy::LearningRate,
                ar: 0.5,
                tar: 0.5,
            },
            evaluation: Evaluation {
                every: 3,
                sequences: 20,
                samples: 2,
                temperature: 1.0,
            },
            dropout: Dropout {
                input: site(MaskTime::PerStep),
                state: site(MaskTime::Fixed),
                output: site(MaskTime::PerStep),
                ..Dropout::default()
            },
        },
    }
}
