//! Plans that train in no time.

use breakmywork_protocol::spec::{
    Cell, DecayBy, Dropout, Evaluation, MaskTime, Model, Optimizer, Plan, Setup, Site, Task,
    TaskName, Temperature, Training,
};

/// Two layers with masks at every site, 20 steps.
pub(crate) fn plan(cell: Cell, optimizer: Optimizer, name: TaskName) -> Plan {
    let site = |time| Some(Site::new(0.25, time));
    Plan {
        arm: "treatment".into(),
        seed: 3,
        setup: Setup {
            task: Task::generated(name, 6),
            model: Model::new(cell, 2, 8),
            training: Training {
                optimizer,
                learning_rate: 0.01,
                batch: 4,
                steps: Some(20),
                epochs: None,
                anneal: None,
                anneal_after: None,
                loss_over_time: None,
                clip: 1.0,
                weight_decay: 0.01,
                decay_by: DecayBy::LearningRate,
                ar: 0.5,
                tar: 0.5,
                networks: None,
            },
            evaluation: Evaluation {
                every: Some(3),
                sequences: 20,
                samples: 2,
                uncertainty: None,
                temperature: Temperature::default(),
                shift: None,
                length: None,
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
