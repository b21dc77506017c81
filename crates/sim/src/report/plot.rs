//! A report as a picture: mean, 99th percentile and captured share by the hour, as SVG that reads
//! on light and on dark.

use std::fmt::Write;

use super::Report;
use crate::policies::Policy;

/// The whole picture, in its own units; it scales.
const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 760.0;

/// One chart: where its axes begin and how large it is.
const LEFT: f64 = 70.0;
const CHART_WIDTH: f64 = 600.0;
const CHART_HEIGHT: f64 = 180.0;
const TOP: f64 = 50.0;
const BETWEEN: f64 = 55.0;

/// Lines across a chart, for the eye.
const GRID: usize = 4;

/// Colours that differ in lightness as well as in hue, and stand out on white and on black.
const STYLE: &str = "\
text{font:13px sans-serif;fill:#222}.grid{stroke:#ccc;stroke-width:1}\
.line{fill:none;stroke-width:2}.round-robin{stroke:#999}.geolocation{stroke:#d95f02}\
.learned-no-exploration{stroke:#7570b3}.learned{stroke:#1b9e77;stroke-width:3}\
.oracle{stroke:#e7298a}.ceiling{stroke:#e6ab02;stroke-dasharray:6 4}\
@media(prefers-color-scheme:dark){svg{background:#111}text{fill:#ddd}.grid{stroke:#444}}";

/// One line of a chart.
struct Series<'a> {
    name: &'static str,
    values: &'a [Option<f64>],
}

/// One chart.
struct Chart<'a> {
    title: &'static str,
    unit: &'static str,
    series: Vec<Series<'a>>,
    /// What a value is multiplied by before it is shown.
    scale: f64,
}

/// The report as an SVG document.
#[must_use]
pub fn plot(report: &Report) -> String {
    let mut svg = String::new();
    // Writing to a string does not fail.
    let _ = write_svg(report, &mut svg);
    svg
}

fn write_svg(report: &Report, svg: &mut String) -> std::fmt::Result {
    writeln!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\">\n\
         <title>Round-trip times and captured share by the hour</title>\n<style>{STYLE}</style>"
    )?;
    let series = |of: for<'r> fn(&'r super::PolicyReport) -> &'r [Option<f64>]| {
        report.policies.iter().map(move |policy| Series { name: policy.name, values: of(policy) })
    };
    let ceiling = |values| Series { name: "ceiling", values };
    let charts = [
        Chart {
            title: "mean round-trip time",
            unit: "ms",
            series: series(|p| &p.mean_ms).chain([ceiling(&report.ceiling.mean_ms)]).collect(),
            scale: 1.0,
        },
        Chart {
            title: "99th percentile",
            unit: "ms",
            series: series(|p| &p.p99_ms).chain([ceiling(&report.ceiling.p99_ms)]).collect(),
            scale: 1.0,
        },
        Chart {
            title: "captured share of (geolocation - oracle)",
            unit: "%",
            series: series(|p| &p.captured)
                .filter(|series| series.name != Policy::RoundRobin.as_str())
                .chain([ceiling(&report.ceiling.captured)])
                .collect(),
            scale: 100.0,
        },
    ];
    let hours = report.hours.max(2) as f64;
    for (number, chart) in charts.iter().enumerate() {
        let top = TOP + number as f64 * (CHART_HEIGHT + BETWEEN);
        chart.write(top, hours, svg)?;
    }
    legend(report, svg)?;
    writeln!(svg, "</svg>")
}

impl Chart<'_> {
    fn write(&self, top: f64, hours: f64, svg: &mut String) -> std::fmt::Result {
        let values = self.series.iter().flat_map(|series| series.values.iter().flatten());
        let most = values.clone().copied().fold(0.0, f64::max);
        let least = values.copied().fold(0.0, f64::min);
        let (least, most) = (least * self.scale, (most * self.scale).max(1.0));
        let y = |value: f64| top + CHART_HEIGHT * (most - value) / (most - least);
        let x = |hour: f64| LEFT + CHART_WIDTH * (hour - 1.0) / (hours - 1.0);
        writeln!(svg, "<text x=\"{LEFT}\" y=\"{:.1}\">{}</text>", top - 12.0, self.title)?;
        for line in 0..=GRID {
            let value = least + (most - least) * line as f64 / GRID as f64;
            let (at, right) = (y(value), LEFT + CHART_WIDTH);
            writeln!(
                svg,
                "<path class=\"grid\" d=\"M{LEFT} {at:.1}H{right}\"/>\
                 <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{value:.0} {}</text>",
                LEFT - 8.0,
                at + 4.0,
                self.unit
            )?;
        }
        for step in 0..=6 {
            let hour = (1.0 + (hours - 1.0) * f64::from(step) / 6.0).round();
            writeln!(
                svg,
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{hour:.0} h</text>",
                x(hour),
                top + CHART_HEIGHT + 18.0
            )?;
        }
        for series in &self.series {
            let mut path = String::new();
            for (hour, value) in series.values.iter().enumerate() {
                if let Some(value) = value {
                    let pen = if path.is_empty() { 'M' } else { 'L' };
                    let (x, y) = (x(hour as f64 + 1.0), y(value * self.scale));
                    write!(path, "{pen}{x:.1} {y:.1}")?;
                }
            }
            writeln!(svg, "<path class=\"line {}\" d=\"{path}\"/>", series.name)?;
        }
        Ok(())
    }
}

fn legend(report: &Report, svg: &mut String) -> std::fmt::Result {
    let names = report.policies.iter().map(|policy| policy.name).chain(["ceiling"]);
    for (number, name) in names.enumerate() {
        let (x, y) = (LEFT + CHART_WIDTH + 20.0, TOP + 10.0 + number as f64 * 22.0);
        writeln!(
            svg,
            "<path class=\"line {name}\" d=\"M{x} {y}h24\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\">{name}</text>",
            x + 30.0,
            y + 4.0
        )?;
    }
    Ok(())
}
