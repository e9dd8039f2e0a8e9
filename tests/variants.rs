//! What `docs/variants.md` says about the named methods is what the product does.

use breakmywork_protocol::spec::{Format, Spec, presets::PRESETS, read};

const DOCUMENT: &str = include_str!("../docs/variants.md");

fn spec(dropout: &str) -> Spec {
    let text = format!(
        "title = \"t\"\nseeds = [1]\n[task]\nname = \"word_lm\"\ndata = \"a\"\n[model]\nlayers = 2\n\
         [training]\nsteps = 10\n[[arms]]\nname = \"a\"\n{dropout}\n"
    );
    read(&text, Format::Toml).expect("a good specification")
}

/// The TOML block of the section about a method.
fn block(name: &str) -> &'static str {
    let heading = format!("\n### {name}\n");
    let (_, section) = DOCUMENT
        .split_once(&heading)
        .unwrap_or_else(|| panic!("no section {name}"));
    let section = section.split("\n### ").next().unwrap_or(section);
    let (_, block) = section.split_once("```toml\n").expect("a TOML block");
    let (block, _) = block.split_once("```").expect("its end");
    block
}

#[test]
fn every_named_method_is_described_with_the_expansion_that_the_product_writes() {
    for preset in PRESETS {
        let spec_of_name = spec(&format!("dropout.preset = \"{}\"", preset.name));
        let written = spec_of_name.to_toml();
        let lines: String = written
            .lines()
            .filter(|line| line.starts_with("dropout."))
            .map(|line| format!("{line}\n"))
            .collect();
        let block = block(preset.name);
        assert_eq!(spec(block).arms[0].dropout, spec_of_name.arms[0].dropout);
        let without_comments: String = block
            .lines()
            .filter(|line| !line.starts_with('#'))
            .map(|line| format!("{line}\n"))
            .collect();
        assert_eq!(without_comments, lines, "{}", preset.name);
    }
}

#[test]
fn no_section_describes_a_method_that_does_not_exist() {
    let sections = DOCUMENT
        .lines()
        .filter_map(|line| line.strip_prefix("### "));
    let known: Vec<&str> = PRESETS.iter().map(|preset| preset.name).collect();
    assert_eq!(sections.collect::<Vec<_>>(), known);
}
