//! Letters of vendored fonts, lines of them, and what is done about letters that none of them has.

use super::canvas::{Canvas, Colour};
use ab_glyph::{Font, FontRef, GlyphId, Point, PxScale};
use std::sync::LazyLock;

/// Longest text that is looked at, in characters; no picture has room for as many.
const LONGEST: usize = 600;

/// What stands for letters that cannot be drawn, and for the rest of a text.
const CUT: char = '…';

/// A text of which more than one in so many letters cannot be drawn is not shown.
const FEW: usize = 5;

static SERIF: LazyLock<FontRef<'static>> =
    LazyLock::new(|| font(include_bytes!("../../fonts/serif.ttf")));
static GREEK: LazyLock<FontRef<'static>> =
    LazyLock::new(|| font(include_bytes!("../../fonts/greek.ttf")));
static SANS: LazyLock<FontRef<'static>> =
    LazyLock::new(|| font(include_bytes!("../../fonts/sans.ttf")));

fn font(file: &'static [u8]) -> FontRef<'static> {
    FontRef::try_from_slice(file).expect("a font of ours")
}

/// Of which font a letter is if several have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Face {
    Serif,
    Sans,
}

impl Face {
    fn fonts(self) -> [&'static FontRef<'static>; 3] {
        match self {
            Self::Serif => [&*SERIF, &*GREEK, &*SANS],
            Self::Sans => [&*SANS, &*SERIF, &*GREEK],
        }
    }

    /// The letter in this font, else in one of the others.
    fn glyph(self, letter: char) -> Option<(&'static FontRef<'static>, GlyphId)> {
        let mut fonts = self.fonts().into_iter();
        fonts.find_map(|font| {
            let id = font.glyph_id(letter);
            (id.0 != 0).then_some((font, id))
        })
    }
}

/// The scale at which letters of a font have this size, in pixels.
fn scale(font: &FontRef<'_>, size: f32) -> PxScale {
    let em = font.units_per_em().unwrap_or(1000.0);
    PxScale::from(size * font.height_unscaled() / em)
}

fn advance(face: Face, size: f32, letter: char) -> f32 {
    face.glyph(letter).map_or(0.0, |(font, id)| {
        let em = font.units_per_em().unwrap_or(1000.0);
        font.h_advance_unscaled(id) * size / em
    })
}

/// How wide a text is, in pixels.
pub(super) fn width(face: Face, size: f32, text: &str) -> f32 {
    text.chars().map(|letter| advance(face, size, letter)).sum()
}

/// The text as it can be drawn: on one line, without what has no letter here; `…` stands for words of other scripts. None
/// if these are too many.
pub(super) fn legible(text: &str) -> Option<String> {
    let mut drawn = String::new();
    let (mut letters, mut missing) = (0, 0);
    for letter in text.chars().take(LONGEST) {
        letters += usize::from(letter.is_alphanumeric());
        match letter {
            space if space.is_whitespace() => drawn.push(' '),
            known if Face::Serif.glyph(known).is_some() => drawn.push(known),
            letter if letter.is_alphanumeric() => {
                missing += 1;
                if !drawn.ends_with(CUT) {
                    drawn.push(CUT);
                }
            }
            // Emoji, marks without a letter, what is not seen.
            _ => {}
        }
    }
    let drawn = drawn.split_whitespace().collect::<Vec<_>>().join(" ");
    (letters > missing && missing * FEW <= letters).then_some(drawn)
}

/// The largest of these sizes at which the text has at most so many lines, and the lines; at the last, the text is cut.
pub(super) fn fitted(
    text: &str,
    face: Face,
    measure: f32,
    sizes: &[(f32, usize)],
) -> (f32, Vec<String>) {
    let mut broken = (0.0, Vec::new());
    for (size, room) in sizes {
        let mut lines = lines(text, face, *size, measure);
        if lines.len() <= *room {
            return (*size, lines);
        }
        lines.truncate(*room);
        if let Some(last) = lines.last_mut() {
            last.push(CUT);
        }
        broken = (*size, lines);
    }
    broken
}

/// Broken at spaces; a word that is wider than a line is broken where the line ends.
fn lines(text: &str, face: Face, size: f32, measure: f32) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0.0;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let space = advance(face, size, ' ');
        let wide = width(face, size, word);
        if used > 0.0 && used + space + wide > measure {
            lines.push(String::new());
            used = 0.0;
        }
        if used > 0.0 {
            lines.last_mut().expect("a line").push(' ');
            used += space;
        }
        for letter in word.chars() {
            let wide = advance(face, size, letter);
            if used + wide > measure {
                lines.push(String::new());
                used = 0.0;
            }
            lines.last_mut().expect("a line").push(letter);
            used += wide;
        }
    }
    lines
}

/// What a line of text is written with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pen {
    pub(super) face: Face,
    /// Of the letters, in pixels.
    pub(super) size: f32,
    pub(super) colour: Colour,
}

impl Pen {
    /// Writes a line of text from `left` on, its letters standing on `base`; what is wider than `measure` is cut.
    pub(super) fn write(
        self,
        canvas: &mut Canvas,
        (left, base): (f32, f32),
        measure: f32,
        text: &str,
    ) {
        let Self { face, size, colour } = self;
        let mut x = left;
        for letter in cut(text, face, size, measure).chars() {
            let Some((font, id)) = face.glyph(letter) else {
                continue;
            };
            let glyph = id.with_scale_and_position(scale(font, size), Point { x, y: base });
            if let Some(outline) = font.outline_glyph(glyph) {
                let corner = outline.px_bounds().min;
                let (x, y) = (corner.x as i64, corner.y as i64);
                outline.draw(|right, down, share| {
                    canvas.blend(x + i64::from(right), y + i64::from(down), colour, share);
                });
            }
            x += advance(face, size, letter);
        }
    }
}

/// As much of a text as fits, and a sign that there was more.
fn cut(text: &str, face: Face, size: f32, measure: f32) -> String {
    if width(face, size, text) <= measure {
        return text.to_owned();
    }
    let mut room = measure - advance(face, size, CUT);
    let mut kept: String = text
        .chars()
        .take_while(|letter| {
            room -= advance(face, size, *letter);
            room >= 0.0
        })
        .collect();
    kept.truncate(kept.trim_end_matches([' ', ',', ';', CUT]).len());
    kept.push(CUT);
    kept
}
