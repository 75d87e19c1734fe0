// SPDX-License-Identifier: GPL-2.0

//! A plot per benchmark: how cost grows with work, both logarithmic.

use std::{error::Error, path::Path};

use plotters::prelude::*;

use crate::results::Series;

/// Colours that differ for every eye; the first is memintro's.
const COLOURS: [RGBColor; 5] = [
    RGBColor(0xd5, 0x5e, 0x00),
    RGBColor(0x00, 0x72, 0xb2),
    RGBColor(0x00, 0x9e, 0x73),
    RGBColor(0xcc, 0x79, 0xa7),
    RGBColor(0x56, 0x56, 0x56),
];

/// Draws the medians of a benchmark's variants over the size of the work.
pub fn draw(path: &Path, title: &str, work: &str, series: &[Series]) -> Result<(), Box<dyn Error>> {
    let points = || series.iter().flat_map(|series| &series.points);
    let bounds = |values: &mut dyn Iterator<Item = f64>| {
        let (low, high) = values.fold((f64::MAX, f64::MIN), |(low, high), value| {
            (low.min(value), high.max(value))
        });
        low / 1.5..high * 1.5
    };
    let x = bounds(&mut points().map(|point| point.0));
    let y = bounds(&mut points().map(|point| point.1));

    let area = SVGBackend::new(path, (720, 420)).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .caption(title, ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(42)
        .y_label_area_size(72)
        .build_cartesian_2d(x.log_scale(), y.log_scale())?;
    chart
        .configure_mesh()
        .light_line_style(RGBColor(0xee, 0xee, 0xee))
        .x_desc(work)
        .y_desc("median time")
        .x_label_formatter(&|value| format!("{value:.0}"))
        .y_label_formatter(&|value| duration(*value))
        .draw()?;
    for (series, colour) in series.iter().zip(COLOURS.iter().cycle()) {
        chart
            .draw_series(LineSeries::new(
                series.points.iter().copied(),
                colour.stroke_width(2),
            ))?
            .label(series.name.as_str())
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
        chart.draw_series(
            series
                .points
                .iter()
                .map(|point| Circle::new(*point, 3, colour.filled())),
        )?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE.mix(0.8))
        .border_style(RGBColor(0xcc, 0xcc, 0xcc))
        .draw()?;
    area.present()?;
    Ok(())
}

/// A number of nanoseconds in the unit that fits it.
pub fn duration(nanos: f64) -> String {
    let (value, unit) = match nanos {
        nanos if nanos >= 1e9 => (nanos / 1e9, "s"),
        nanos if nanos >= 1e6 => (nanos / 1e6, "ms"),
        nanos if nanos >= 1e3 => (nanos / 1e3, "us"),
        nanos => (nanos, "ns"),
    };
    match value {
        value if value >= 99.5 => format!("{value:.0} {unit}"),
        value if value >= 9.95 => format!("{value:.1} {unit}"),
        value => format!("{value:.2} {unit}"),
    }
}
