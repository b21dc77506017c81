//! Which format a monitor is given, by what it says it reads (RFC 9110, 12.5.1).
//!
//! Must never refuse: who understands neither gets the text format, which eyes read too.

use super::page::Format;

/// Bytes of the header that are looked at: a monitor's own lists four formats in some 200.
const HEADER_BYTES_MAX: usize = 1_024;

/// What `header` wants most; the text format where it says nothing.
pub(super) fn format_of(header: Option<&str>) -> Format {
    let header = header.unwrap_or_default();
    let header = header.get(..header.len().min(HEADER_BYTES_MAX)).unwrap_or_default();
    let mut best = (0.0, Format::Text);
    for part in header.split(',') {
        let mut words = part.split(';').map(str::trim);
        let media = words.next().unwrap_or_default();
        let quality = words.find_map(|word| word.strip_prefix("q="));
        let quality = quality.map_or(1.0, |text| text.parse().unwrap_or(0.0));
        let format = match media {
            media if media.eq_ignore_ascii_case("application/openmetrics-text") => {
                Format::OpenMetrics
            }
            "text/plain" | "text/*" | "*/*" => Format::Text,
            _ => continue,
        };
        if quality > best.0 {
            best = (quality, format);
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_is_the_one_that_is_wanted_most() {
        let prometheus = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
                          application/openmetrics-text;version=0.0.1;q=0.5,\
                          text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        let long = format!("{}application/openmetrics-text", "x,".repeat(HEADER_BYTES_MAX));
        for (header, expect) in [
            (None, Format::Text),
            (Some(""), Format::Text),
            (Some("*/*"), Format::Text),
            (Some(prometheus), Format::OpenMetrics),
            (Some("application/openmetrics-text"), Format::OpenMetrics),
            (Some("Application/OpenMetrics-Text; version=1.0.0"), Format::OpenMetrics),
            (Some("application/openmetrics-text;q=0.1, text/plain"), Format::Text),
            (Some("application/openmetrics-text;q=0"), Format::Text),
            (Some("application/openmetrics-text;q=x"), Format::Text),
            (Some("application/json, text/html"), Format::Text),
            (Some(&long), Format::Text),
        ] {
            assert_eq!(format_of(header), expect, "{header:?}");
        }
    }
}
