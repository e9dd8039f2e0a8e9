//! The idx format of MNIST: a magic number, sizes, bytes; numbers are big-endian.

use super::raw::Raw;
use super::{Error, Image};

/// Bytes in three dimensions.
const PICTURES: u32 = 0x0803;
/// Bytes in one dimension.
const LABELS: u32 = 0x0801;
/// Rows, and as many columns.
const SIDE: usize = 28;
/// Highest label.
const HIGHEST: u8 = 9;

/// The pictures with their labels.
pub(super) fn images(pictures: &Raw, labels: &Raw) -> Result<Vec<Image>, Error> {
    let (sizes, pixels) = open::<3>(pictures, PICTURES, "pictures")?;
    let ([count], classes) = open::<1>(labels, LABELS, "labels")?;
    if sizes[1..] != [SIDE, SIDE] {
        return Err(pictures.wrong(format!(
            "its pictures have {} × {} pixels, not {SIDE} × {SIDE}; import pictures of that size",
            sizes[1], sizes[2]
        )));
    }
    if sizes[0] != count {
        return Err(labels.wrong(format!(
            "it has {count} labels for the {} pictures of {}; import two files that belong together",
            sizes[0], pictures.place
        )));
    }
    if count == 0 {
        return Err(Error::Empty {
            place: pictures.place.clone(),
        });
    }
    if let Some(index) = classes.iter().position(|&class| class > HIGHEST) {
        return Err(labels.wrong(format!(
            "label {} of picture {} is not from 0 to {HIGHEST}; import a data set of ten classes",
            classes[index],
            index + 1
        )));
    }
    let pixels = pixels.chunks_exact(SIDE * SIDE).map(<[u8]>::to_vec);
    let images = pixels.zip(classes);
    Ok(images
        .map(|(pixels, &label)| Image { pixels, label })
        .collect())
}

/// The sizes and the bytes behind them, if the file is whole.
fn open<'a, const N: usize>(
    raw: &'a Raw,
    magic: u32,
    what: &str,
) -> Result<([usize; N], &'a [u8]), Error> {
    let number = |index: usize| {
        let bytes = raw.bytes.get(4 * index..4 * index + 4)?;
        Some(u32::from_be_bytes(bytes.try_into().ok()?))
    };
    if number(0) != Some(magic) {
        return Err(raw.wrong(format!(
            "it is no idx file of {what} (the first four bytes should be {magic:08x}); get the original file"
        )));
    }
    let mut sizes = [0; N];
    for (index, size) in sizes.iter_mut().enumerate() {
        let found = number(1 + index)
            .ok_or_else(|| raw.wrong("its header is cut off; get the whole file"))?;
        *size = found as usize;
    }
    let body = &raw.bytes[4 * (1 + N)..];
    let wanted = sizes
        .iter()
        .try_fold(1_usize, |all, &size| all.checked_mul(size));
    if wanted != Some(body.len()) {
        return Err(raw.wrong(format!(
            "its header promises {sizes:?} bytes of {what}, and {} bytes follow; get the whole file",
            body.len()
        )));
    }
    Ok((sizes, body))
}

/// The file of the pictures.
pub(super) fn pictures(images: &[Image]) -> Vec<u8> {
    let mut bytes = header(&[PICTURES, images.len() as u32, SIDE as u32, SIDE as u32]);
    for image in images {
        bytes.extend_from_slice(&image.pixels);
    }
    bytes
}

/// The file of the labels.
pub(super) fn labels(images: &[Image]) -> Vec<u8> {
    let mut bytes = header(&[LABELS, images.len() as u32]);
    bytes.extend(images.iter().map(|image| image.label));
    bytes
}

fn header(numbers: &[u32]) -> Vec<u8> {
    numbers
        .iter()
        .flat_map(|number| number.to_be_bytes())
        .collect()
}
