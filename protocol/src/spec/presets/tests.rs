use super::*;
use crate::spec::Normalization;

fn models() -> impl Iterator<Item = Model> {
    let cells = [Cell::Rnn, Cell::Gru, Cell::Lstm];
    cells.into_iter().flat_map(|cell| {
        [None, Some(32)].into_iter().flat_map(move |embedding| {
            [1, 2, 3].map(|layers| Model {
                embedding,
                ..Model::new(cell, layers, 16)
            })
        })
    })
}

#[test]
fn whatever_else_a_network_has_its_presets_are_those_of_its_kind() {
    for model in models() {
        let other = Model {
            hidden: 1500,
            normalization: Normalization::Layer,
            normalization_gain: Some(0.5),
            tied_embeddings: model.embedding.map(|_| true),
            initial_range: Some(0.1),
            forget_bias: (model.cell == Cell::Lstm).then_some(2.0),
            embedding: model.embedding.map(|_| 1500),
            layers: model.layers.min(2),
            ..model.clone()
        };
        assert_eq!(kind(&model), kind(&other));
        assert_eq!(shapes(&model), shapes(&other), "{model:?}");
    }
}

#[test]
fn each_preset_is_found_again_whatever_its_rates() {
    let mut found = 0;
    for model in models() {
        for (index, preset) in PRESETS.iter().enumerate() {
            let value = Value::Object(preset.expansion(&model));
            let mut named = masks::dropout(&value, String::new(), &model, true, &mut Vec::new());
            if named == Dropout::default() {
                continue;
            }
            for name in SiteName::ALL {
                if let Some(site) = named.site_mut(name) {
                    site.rate *= 0.3;
                }
            }
            let again = named.preset(&model).expect("it is one");
            // Of those that differ in rates alone it is the first.
            let first = PRESETS.iter().position(|other| other.name == again.name);
            assert!(first <= Some(index), "{} is {}", preset.name, again.name);
            let same = shapes(&model);
            let shape = |name| same.iter().find(|(_, preset)| preset.name == name);
            assert_eq!(
                shape(preset.name).map(|(shape, _)| shape),
                shape(again.name).map(|(shape, _)| shape)
            );
            found += 1;
        }
    }
    assert!(found > 100, "{found}");
}
