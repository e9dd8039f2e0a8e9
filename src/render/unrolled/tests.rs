use super::*;
use breakmywork_protocol::spec::Gates;

fn drawn(sites: &[(SiteName, Site)]) -> String {
    let mut dropout = Dropout::default();
    for (name, site) in sites {
        *dropout.site_mut(*name) = Some(site.clone());
    }
    let Html(svg) = svg(&dropout, "a", Sheet::of([&dropout]));
    svg
}

fn count(svg: &str, class: &str) -> usize {
    svg.matches(&format!("class=\"{class}\"")).count()
}

#[test]
fn the_picture_has_words_and_no_inline_style() {
    let dropout = Dropout {
        state: Some(Site::new(0.25, MaskTime::Fixed)),
        ..Dropout::default()
    };
    let Html(svg) = svg(&dropout, "a\"b", Sheet::of([&dropout]));
    assert!(svg.contains("state: same mask at every step, rate 0.25"));
    assert!(!svg.contains("style="));
    assert!(!svg.contains("a\"b"));
}

#[test]
fn every_site_is_drawn_and_named_in_the_text_alternative() {
    let nothing = drawn(&[]);
    for name in SiteName::ALL {
        let svg = drawn(&[(name, Site::new(0.5, MaskTime::Fixed))]);
        let title = svg.split("</title>").next().unwrap_or_default();
        assert!(title.contains(name.name()), "{title}");
        let body = |svg: &str| svg.split("</title>").nth(1).map(str::to_owned);
        assert_ne!(body(&svg), body(&nothing), "{}", name.name());
        let other = drawn(&[(name, Site::new(0.5, MaskTime::PerStep))]);
        assert_ne!(body(&svg), body(&other), "{}", name.name());
    }
}

#[test]
fn what_is_no_mask_looks_like_none() {
    let noise = Site {
        noise: Noise::Moments,
        ..Site::new(0.5, MaskTime::PerStep)
    };
    let svg = drawn(&[
        (SiteName::State, noise.clone()),
        (SiteName::Output, noise.clone()),
    ]);
    assert_eq!(
        count(&svg, "noise"),
        UNITS * (STEPS - 1) + SIDE_UNITS * STEPS
    );
    assert_eq!(count(&svg, "kept") + count(&svg, "dropped"), 0);

    let svg = drawn(&[(SiteName::ZoneoutState, Site::new(0.25, MaskTime::PerStep))]);
    assert_eq!(count(&svg, "held"), UNITS / 4 * STEPS);
    assert_eq!(count(&svg, "dropped"), 0);

    let svg = drawn(&[(SiteName::RecurrentWeights, Site::new(0.5, MaskTime::Fixed))]);
    assert_eq!(count(&svg, "lost"), STEPS - 1);
}

#[test]
fn letters_in_the_picture_are_explained_below_it() {
    let untied = Site {
        gates: Some(Gates::Untied),
        ..Site::new(0.2, MaskTime::Fixed)
    };
    let svg = drawn(&[(SiteName::State, untied)]);
    assert!(svg.contains(">mᵏ</text>") && svg.contains("each gate k has its own"));
    let svg = drawn(&[
        (SiteName::Cell, Site::new(0.3, MaskTime::Fixed)),
        (SiteName::Update, Site::new(0.3, MaskTime::PerStep)),
    ]);
    assert!(svg.contains("dropped cell units, the same at every step"));
    assert!(svg.contains("dropped updates, others at each step"));
}

#[test]
fn a_rate_of_zero_draws_nothing() {
    let zero = Site::new(0.0, MaskTime::PerStep);
    let sites = SiteName::ALL.map(|name| (name, zero.clone()));
    let svg = drawn(&sites);
    for class in ["kept", "dropped", "cut", "held", "lost", "noise"] {
        assert_eq!(count(&svg, class), 0, "{class}");
    }
}

#[test]
fn what_is_compared_has_one_scale_and_fits_a_phone() {
    let plain = Dropout {
        state: Some(Site::new(0.25, MaskTime::Fixed)),
        ..Dropout::default()
    };
    let mut full = Dropout::default();
    for name in SiteName::ALL {
        *full.site_mut(name) = Some(Site::new(0.5, MaskTime::PerStep));
    }
    let width = |html: &Html| {
        let box_of = html.0.split("viewBox=\"0 0 ").nth(1).expect("a box");
        box_of.split(' ').next().expect("a width").to_owned()
    };
    let sheet = Sheet::of([&plain, &full]);
    assert_eq!(
        width(&svg(&plain, "a", sheet)),
        width(&svg(&full, "b", sheet))
    );
    assert_eq!(Sheet::of([&plain]).steps, STEPS);
    // Where everything is drawn words are, too: they need a step more.
    assert_eq!(sheet.steps, FEWEST[1]);
    full.embedding = None;
    assert_eq!(Sheet::of([&full]).steps, FEWEST[0]);
}
