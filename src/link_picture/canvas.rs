//! A picture in memory, and its PNG.

/// A colour without transparency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Colour(pub(super) [u8; 3]);

impl Colour {
    /// From `#rrggbb`; what is no digit counts as 0.
    pub(super) const fn hex(text: &str) -> Self {
        let text = text.as_bytes();
        Self([pair(text, 1), pair(text, 3), pair(text, 5)])
    }
}

const fn pair(text: &[u8], at: usize) -> u8 {
    digit(text, at) * 16 + digit(text, at + 1)
}

const fn digit(text: &[u8], at: usize) -> u8 {
    if at >= text.len() {
        return 0;
    }
    match text[at] {
        digit @ b'0'..=b'9' => digit - b'0',
        digit @ b'a'..=b'f' => digit - b'a' + 10,
        _ => 0,
    }
}

/// Pixels, row by row.
#[derive(Debug)]
pub(super) struct Canvas {
    width: u32,
    height: u32,
    pixels: Vec<u8>,
}

impl Canvas {
    /// All of one colour.
    pub(super) fn new(width: u32, height: u32, Colour(colour): Colour) -> Self {
        Self {
            width,
            height,
            pixels: colour.repeat(width as usize * height as usize),
        }
    }

    /// Fills what lies within the picture of a rectangle.
    pub(super) fn fill(&mut self, x: u32, y: u32, width: u32, height: u32, colour: Colour) {
        for y in y..(y + height).min(self.height) {
            for x in x..(x + width).min(self.width) {
                self.blend(i64::from(x), i64::from(y), colour, 1.0);
            }
        }
    }

    /// Lays a colour over a pixel, by the share of it that is covered; nothing outside of the picture.
    pub(super) fn blend(&mut self, x: i64, y: i64, Colour(colour): Colour, share: f32) {
        if !(0..i64::from(self.width)).contains(&x) || !(0..i64::from(self.height)).contains(&y) {
            return;
        }
        let at = (y as usize * self.width as usize + x as usize) * 3;
        let share = share.clamp(0.0, 1.0);
        for (below, above) in self.pixels[at..at + 3].iter_mut().zip(colour) {
            let mixed = f32::from(*below) * (1.0 - share) + f32::from(above) * share;
            *below = mixed.round() as u8;
        }
    }

    /// The picture as PNG.
    pub(super) fn png(&self) -> Result<Vec<u8>, png::EncodingError> {
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, self.width, self.height);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&self.pixels)?;
        writer.finish()?;
        Ok(file)
    }
}
