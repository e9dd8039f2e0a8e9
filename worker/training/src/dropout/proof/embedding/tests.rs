//! Correct masks on words pass; each planted fault is found and named.

use super::super::{Applied, MaskShape, Proof, Treatment};
use crate::dropout::Masks;
use crate::model::Parameters;
use crate::network::Network;
use crate::rng::{Purpose, Stream};
use crate::tasks::{Head, Inputs, ReadOut, Reads, Shape, Tokens};
use breakmywork_protocol::spec::{By, Cell, Dropout, MaskTime, Model, Scaling, Shared, Site};
use candle_core::{DType, Device};

const STEPS: usize = 60;
const BATCH: usize = 6;
const VOCABULARY: u32 = 80;
const MINIBATCHES: u64 = 8;

fn site(by: By, shared: Shared) -> Site {
    let time = match by {
        By::Type => MaskTime::Fixed,
        By::Token => MaskTime::PerStep,
    };
    Site {
        shared,
        by: Some(by),
        ..Site::new(0.3, time)
    }
}

fn dropout(site: Option<Site>) -> Dropout {
    Dropout {
        embedding: site,
        ..Dropout::default()
    }
}

/// Reads random words with masks drawn for `drawn` and holds the log against `specified`.
fn proof(specified: Option<Site>, drawn: Option<Site>, position: impl Fn(u64) -> u64) -> Treatment {
    let shape = Shape {
        steps: STEPS,
        reads: Reads::Tokens(VOCABULARY as usize),
        head: Head::Value,
        read_out: ReadOut::Last(1),
    };
    let network = Network::new(&Model::new(Cell::Rnn, 1, 2), shape);
    let weights = Parameters::initial(&network, 1, DType::F32, &Device::Cpu)
        .and_then(|parameters| parameters.frozen())
        .expect("weights");
    let (specified, drawn) = (dropout(specified), dropout(drawn));
    let mut proof = Proof::default();
    for minibatch in 0..MINIBATCHES {
        let mut words = Stream::new(1, Purpose::Training, position(minibatch));
        let ids = (0..STEPS * BATCH).map(|_| words.below(VOCABULARY));
        let tokens = Tokens {
            ids: ids.collect(),
            batch: BATCH,
        };
        let shape = |dropout| MaskShape {
            dropout,
            network: &network,
            steps: STEPS,
            batch: BATCH,
            tokens: Some(&tokens),
        };
        let purpose = |site, layer| Purpose::Mask { site, layer };
        let at = position(minibatch);
        let masks = Masks::draw(None, shape(&drawn), 1, purpose, at);
        let masks = masks.expect("masks").logged();
        let inputs = Inputs::Tokens(tokens.clone());
        network.forward(&weights, &inputs, &masks).expect("forward");
        let log: Vec<Applied> = masks.into_log();
        proof.inspect(shape(&specified), &log).expect("inspects");
    }
    proof.treatment(&specified)
}

const ALL: [(By, Shared); 4] = [
    (By::Type, Shared::None),
    (By::Type, Shared::Batch),
    (By::Token, Shared::None),
    (By::Token, Shared::Batch),
];

#[test]
fn correct_masks_are_verified_and_described() {
    for (by, shared) in ALL {
        let specified = site(by, shared);
        let treatment = proof(Some(specified.clone()), Some(specified), |m| m);
        assert!(treatment.verified, "{by:?} {shared:?}: {treatment:?}");
        let seen = &treatment.sites["embedding"];
        assert!((seen.keep_rate - 0.7).abs() < 0.1, "{seen:?}");
        assert_eq!(seen.different_steps == 0, by == By::Type);
        assert_eq!(seen.different_sequences == 0, shared == Shared::Batch);
        assert!(seen.equal_steps > 0 && seen.equal_sequences > 0);
    }
}

#[test]
fn every_planted_fault_is_found() {
    let find = |specified: Option<Site>, drawn: Option<Site>, words: &str| {
        let found = proof(specified, drawn, |m| m).violations.join("\n");
        assert!(found.contains(words), "{words}: {found}");
    };
    for (by, shared) in ALL {
        let right = site(by, shared);
        let with = |change: &dyn Fn(&mut Site)| {
            let mut site = right.clone();
            change(&mut site);
            Some(site)
        };
        let other_rate = with(&|site| site.rate = 0.6);
        find(Some(right.clone()), other_rate, "a rate of 0.3 makes");
        let scaling = with(&|site| site.scaling = Some(Scaling::Published));
        find(Some(right.clone()), scaling, "scaling do not allow");
        find(Some(right.clone()), None, "masked at 0 time steps");
        find(None, Some(right.clone()), "where none is specified");
        let (other, words) = match by {
            By::Type => (By::Token, "though it was to be dropped by type"),
            By::Token => (By::Type, "though each token was to have its own"),
        };
        find(Some(right.clone()), Some(site(other, shared)), words);
        let (other, words) = match shared {
            Shared::None => (Shared::Batch, "shared their mask"),
            Shared::Batch => (Shared::None, "though they were to share one"),
        };
        find(Some(right.clone()), Some(site(by, other)), words);
        let kept = proof(Some(right.clone()), Some(right), |m| m / 2);
        let words = "4 of 8 minibatches had the masks of another";
        assert!(kept.violations.join("").contains(words), "{kept:?}");
    }
}
