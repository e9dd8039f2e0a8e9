//! Ready-made specifications to start from.

/// A ready-made specification.
#[derive(Debug, Clone, Copy)]
pub struct Template {
    /// Part of an address: `/experiments/new?template=NAME`.
    pub name: &'static str,
    /// What it does, in a few words.
    pub title: &'static str,
    /// The claim of the seed content that it tests.
    pub claim: &'static str,
    /// One sentence: why one would run it.
    pub about: &'static str,
    /// The specification.
    pub toml: &'static str,
}

/// The templates, the one to begin with first.
pub const TEMPLATES: &[Template] = &[
    Template {
        name: "fixed-or-fresh",
        title: "Fixed against fresh state masks",
        claim: "C2",
        about: "The comparison at its smallest: the same recurrent dropout mask at every time step, or a new one at each. On generated sequences, which cannot be overfitted, so it does not move the claim.",
        toml: include_str!("../../examples/specs/fixed-or-fresh.toml"),
    },
    Template {
        name: "each-at-its-best",
        title: "The same, each arm at its best",
        claim: "C2",
        about: "Both arms first choose learning rate and drop rate, by the same search and on seeds of their own: so neither was badly tuned.",
        toml: include_str!("../../examples/specs/each-at-its-best.toml"),
    },
    Template {
        name: "order-solved",
        title: "Does noise drown the signal?",
        claim: "C3",
        about: "How many seeds still learn the order of two distant bits when the state's mask changes at every step.",
        toml: include_str!("../../examples/specs/order-solved.toml"),
    },
    Template {
        name: "dropout-or-none",
        title: "State dropout against none",
        claim: "C1",
        about: "Generated data cannot be overfitted, so here dropout has nothing to gain: does the claim say so?",
        toml: include_str!("../../examples/specs/dropout-or-none.toml"),
    },
    Template {
        name: "samples-or-mean",
        title: "Averaging over masks against masks at their mean",
        claim: "C7",
        about: "The same trained networks, tested twice: with predictions averaged over fifty masks, and in one pass with masks at their mean.",
        toml: include_str!("../../examples/specs/samples-or-mean.toml"),
    },
    Template {
        name: "gates-untied",
        title: "A mask for each gate against one for all",
        claim: "C8",
        about: "The two forms of the method, untied and tied, at the same rates.",
        toml: include_str!("../../examples/specs/gates-untied.toml"),
    },
    Template {
        name: "state-or-cell",
        title: "A mask on the state against one on the cell",
        claim: "C9",
        about: "RNNDrop as published, and beside it the same mask without the gap between training and test: how much of its deficit is the gap?",
        toml: include_str!("../../examples/specs/state-or-cell.toml"),
    },
    Template {
        name: "gru-too",
        title: "The same with a gated recurrent unit",
        claim: "C14",
        about: "Fixed against fresh state masks with a GRU: the LSTM's ordering should repeat.",
        toml: include_str!("../../examples/specs/gru-too.toml"),
    },
    Template {
        name: "where-it-fails",
        title: "Search for where the claim fails",
        claim: "C3",
        about: "The board draws points over rate, length, units and learning rate, keeps those that lie worst for the claim, makes the worst one simpler and proposes an experiment there.",
        toml: include_str!("../../examples/specs/where-it-fails.toml"),
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use breakmywork_protocol::spec::{self, Format};

    #[test]
    fn each_can_be_registered_as_it_is() {
        for template in TEMPLATES {
            let spec = spec::read(template.toml, Format::Toml)
                .unwrap_or_else(|problems| panic!("{}: {problems}", template.name));
            spec.registrable()
                .unwrap_or_else(|problems| panic!("{}: {problems}", template.name));
            let minutes = spec::cpu_seconds(&spec) / 60.0;
            assert!(minutes < 60.0, "{}: {minutes} minutes", template.name);
        }
    }
}
