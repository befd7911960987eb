//! What authenticator apps scan.

use axum::http::HeaderMap;
use axum::http::header::ACCEPT;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use qrcode::render::svg;
use qrcode::{Color, EcLevel};

/// Modules of white around the code (ISO/IEC 18004, §9.1).
const QUIET_ZONE: usize = 4;
/// Pixels of a module.
const MODULE_PIXELS: usize = 6;

/// A QR code.
pub(crate) struct QrCode(qrcode::QrCode);

impl QrCode {
    /// The code of an `otpauth` URI: with more against smudges where it is short, as nearly all
    /// are.
    pub(crate) fn of(uri: &str) -> Self {
        let with = |level| qrcode::QrCode::with_error_correction_level(uri, level);
        let code = with(EcLevel::M).or_else(|_| with(EcLevel::L));
        Self(code.expect("an issuer of 64 characters and an address fit into 2,953 bytes"))
    }

    /// As an SVG document.
    pub(crate) fn to_svg(&self) -> String {
        self.0.render::<svg::Color<'_>>().build()
    }

    /// As a data URI with a PNG: one bit a pixel.
    pub(crate) fn to_png_uri(&self) -> String {
        format!("data:image/png;base64,{}", BASE64_STANDARD.encode(self.to_png()))
    }

    fn to_png(&self) -> Vec<u8> {
        let side = (self.0.width() + 2 * QUIET_ZONE) * MODULE_PIXELS;
        let rows: Vec<u8> = (0..side).flat_map(|y| self.row(y, side)).collect();
        let mut png = Vec::new();
        let side = u32::try_from(side).expect("a code has 177 modules at most");
        let mut encoder = png::Encoder::new(&mut png, side, side);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.set_depth(png::BitDepth::One);
        let written = encoder.write_header().and_then(|mut writer| writer.write_image_data(&rows));
        written.expect("memory takes whatever is written, and the rows are as long as announced");
        png
    }

    /// A row of pixels, eight to a byte, white ones set.
    fn row(&self, y: usize, side: usize) -> Vec<u8> {
        let mut row = vec![0; side.div_ceil(8)];
        for x in (0..side).filter(|x| !self.is_dark(*x, y)) {
            row[x / 8] |= 0x80 >> (x % 8);
        }
        row
    }

    fn is_dark(&self, x: usize, y: usize) -> bool {
        let module = |pixel: usize| (pixel / MODULE_PIXELS).checked_sub(QUIET_ZONE);
        let (Some(x), Some(y)) = (module(x), module(y)) else { return false };
        let width = self.0.width();
        x < width && y < width && self.0[(x, y)] == Color::Dark
    }
}

/// Whether the caller would rather have an SVG than JSON (RFC 9110 §12.5.1). Who does not care gets
/// JSON.
pub(crate) fn prefers_svg(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let ranges: Vec<(String, f32)> =
        accepted.flat_map(|value| value.split(',')).map(media_range).collect();
    // The most specific range that fits says how welcome a type is.
    let quality = |names: [&str; 3]| {
        let mut found = names.iter().filter_map(|name| ranges.iter().find(|(it, _)| it == name));
        found.next().map_or(0.0, |(_, quality)| *quality)
    };
    let svg = quality(["image/svg+xml", "image/*", "*/*"]);
    svg > quality(["application/json", "application/*", "*/*"])
}

fn media_range(text: &str) -> (String, f32) {
    let mut parts = text.split(';').map(|part| part.trim().to_ascii_lowercase());
    let name = parts.next().unwrap_or_default();
    let quality = parts.find_map(|part| part.strip_prefix("q=")?.parse().ok());
    (name, quality.unwrap_or(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn svg(values: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(ACCEPT, value.parse().unwrap());
        }
        prefers_svg(&headers)
    }

    #[test]
    fn only_who_prefers_svg_gets_it() {
        for accept in ["image/svg+xml", "IMAGE/*", "application/json;q=0.5, image/svg+xml;q=0.6"] {
            assert!(svg(&[accept]), "{accept}");
        }
        assert!(svg(&["text/html", "image/svg+xml"]));
        assert!(svg(&["image/avif,image/*,*/*;q=0.8"]), "as an img element asks");
        for accept in
            ["", "*/*", "application/json, image/svg+xml", "text/html", "image/svg+xml;q=0"]
        {
            assert!(!svg(&[accept]), "{accept}");
        }
        assert!(!svg(&[]));
    }

    #[test]
    fn the_longest_uri_that_there_can_be_fits() {
        let longest = "x".repeat(2 * 64 * 12 + 3 * 254 + 100);
        assert!(QrCode::of(&longest).to_png_uri().starts_with("data:image/png;base64,"));
        assert!(QrCode::of(&longest).to_svg().contains("<svg"));
    }
}
